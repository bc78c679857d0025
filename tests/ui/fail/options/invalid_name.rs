#[skylark::function(name = "fire alarm!")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
