struct Secret;

fn price(secret: Secret) -> u32 {
    let _ = secret;
    1
}

#[skylark::function]
async fn order() -> u32 {
    skylark::call!(price(Secret)).await.unwrap_or_default()
}

fn main() {}
