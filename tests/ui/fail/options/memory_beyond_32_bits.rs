#[skylark::function(memory = 5_000_000_000)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
