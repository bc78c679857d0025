#[skylark::function(retries = "3")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
