#[skylark::function(retries = 101)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
