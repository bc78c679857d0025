#[skylark::external(url = "https://bank.example")]
async fn ask(x: u8) -> u8 {
    x
}

fn main() {}
