#[skylark::function]
async fn count(words: Vec<String>) -> usize {
    let known = skylark::call!(known()).await.unwrap_or_default();
    known.
}

#[skylark::function]
fn known() -> Vec<String> {
    Vec::new()
}

fn main() {}
