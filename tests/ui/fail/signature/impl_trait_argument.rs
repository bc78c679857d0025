#[skylark::function]
fn alarm(text: impl Into<String>) -> String {
    text.into()
}

fn main() {}
