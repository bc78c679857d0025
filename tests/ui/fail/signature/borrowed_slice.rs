#[skylark::function]
fn alarm(bytes: &[u8]) -> usize {
    bytes.len()
}

fn main() {}
