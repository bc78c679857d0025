#[skylark::function(idempotent = "yes")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
