#[skylark::external(url = "https://bank.example", method = pots)]
async fn ask(x: u8) -> u8;

fn main() {}
