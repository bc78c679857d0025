#[skylark::function]
fn count(words: Vec<String>) -> usize {
    let many = words.
}

fn main() {}
