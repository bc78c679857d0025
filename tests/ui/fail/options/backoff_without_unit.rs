#[skylark::function(retries = 1, backoff = 1)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
