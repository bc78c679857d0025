#[skylark::function(timeout)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
