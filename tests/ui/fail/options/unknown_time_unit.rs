#[skylark::function(timeout = "2 parsecs")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
