#[skylark::chain(next = last)]
fn first(words: Vec<String>) -> u32 {
    let seen: BTreeSet<String> = words.into_iter().collect();
    seen.len() as u32
}

#[skylark::function]
fn last(many: u32) -> u32 {
    many
}

fn main() {}
