#[skylark::external(url = "bank.example")]
async fn ask(x: u8) -> u8;

fn main() {}
