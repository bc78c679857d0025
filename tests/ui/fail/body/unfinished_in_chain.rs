#[skylark::chain(next = shout)]
fn count(words: Vec<String>) -> String {
    let first = &words[0]
    first.
}

#[skylark::function]
fn shout(word: String) -> String {
    word.to_uppercase()
}

fn main() {
    count(vec![]);
}
