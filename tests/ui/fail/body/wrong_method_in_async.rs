use skylark::Failure;

#[skylark::function]
fn price(item: String) -> u32 {
    item.len() as u32
}

#[skylark::function]
async fn order(item: String) -> Result<u32, Failure> {
    let price = skylark::call!(price(item)).await?;
    Ok(price.twice())
}

fn main() {}
