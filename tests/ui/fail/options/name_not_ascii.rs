#[skylark::function]
fn überwachen(loud: bool) -> bool {
    loud
}

fn main() {}
