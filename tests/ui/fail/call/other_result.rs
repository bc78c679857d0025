use skylark::Failure;

#[skylark::function]
fn price(item: String, count: u32) -> u32 {
    item.len() as u32 * count
}

#[skylark::function]
async fn order() -> Result<String, Failure> {
    skylark::call!(price("tea".into(), 1)).await
}

fn main() {}
