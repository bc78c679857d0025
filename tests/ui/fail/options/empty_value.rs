#[skylark::function(timeout = , memory = "64MiB")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
