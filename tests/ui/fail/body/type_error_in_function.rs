#[skylark::function]
fn count(words: Vec<String>) -> u32 {
    let many: u32 = words.join(" ");
    many + 1
}

fn main() {}
