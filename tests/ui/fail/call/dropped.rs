#![deny(unused_must_use)]

use skylark::Failure;

#[skylark::function]
fn price(item: String, count: u32) -> u32 {
    item.len() as u32 * count
}

#[skylark::function]
async fn order() -> Result<u32, Failure> {
    skylark::call!(price("tea".into(), 1));
    Ok(1)
}

fn main() {}
