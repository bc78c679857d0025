use skylark::Failure;

#[skylark::function]
fn price(item: String) -> u32 {
    item.len() as u32
}

#[skylark::function]
async fn order(item: String) -> Result<u32, Failure> {
    skylark::call!(price(item)).await?;
}

fn main() {}
