#[skylark::function(on = clowd)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
