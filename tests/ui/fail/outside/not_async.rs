#[skylark::external(url = "https://bank.example")]
fn ask(x: u8) -> u8;

fn main() {}
