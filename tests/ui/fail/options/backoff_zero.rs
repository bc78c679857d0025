#[skylark::function(retries = 1, backoff = "0s")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
