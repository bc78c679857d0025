#[skylark::function(retries = 0)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
