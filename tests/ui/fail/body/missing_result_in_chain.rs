#[skylark::chain(next = last)]
fn first(words: Vec<String>) -> usize {
    words.len();
}

#[skylark::function]
fn last(many: usize) -> usize {
    many
}

fn main() {}
