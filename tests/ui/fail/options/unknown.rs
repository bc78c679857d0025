#[skylark::function(timeuot = "2s")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
