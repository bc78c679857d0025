#[skylark::external(url = "https://bank.example/{account")]
async fn ask(account: String) -> u8;

fn main() {}
