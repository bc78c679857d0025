#[skylark::function]
fn alarm<'a>(text: &'a str) -> &'a str {
    text
}

fn main() {}
