#[skylark::state]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
