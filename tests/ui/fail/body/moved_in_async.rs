use skylark::Failure;

#[skylark::function]
fn price(item: String) -> u32 {
    item.len() as u32
}

#[skylark::function]
async fn order(item: String) -> Result<(u32, String), Failure> {
    let price = skylark::call!(price(item)).await?;
    Ok((price, item))
}

fn main() {}
