struct Receipt;

#[skylark::external(url = "https://bank.example")]
async fn ask(x: u8) -> Receipt;

fn main() {}
