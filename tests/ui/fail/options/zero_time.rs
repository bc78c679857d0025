#[skylark::function(timeout = "0s")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
