#[skylark::function]
fn alarm<const N: usize>(loud: bool) -> bool {
    loud && N > 0
}

fn main() {}
