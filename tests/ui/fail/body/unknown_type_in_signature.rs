#[skylark::function]
fn count(words: Words) -> usize {
    words.len()
}

fn main() {}
