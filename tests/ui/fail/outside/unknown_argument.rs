#[skylark::external(url = "https://bank.example/{acount}")]
async fn ask(account: String) -> u8;

fn main() {}
