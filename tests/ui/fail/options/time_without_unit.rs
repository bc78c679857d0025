#[skylark::function(timeout = 2)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
