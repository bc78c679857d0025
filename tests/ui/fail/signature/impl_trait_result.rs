#[skylark::function]
fn alarm(text: String) -> impl Iterator<Item = char> {
    text.chars().collect::<Vec<_>>().into_iter()
}

fn main() {}
