#[skylark::function]
fn alarm(text: &str) -> usize {
    text.len()
}

fn main() {}
