#[skylark::function(backoff = "1s")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
