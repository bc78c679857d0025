#[skylark::function]
fn alarm(texts: Vec<Option<&str>>) -> usize {
    texts.len()
}

fn main() {}
