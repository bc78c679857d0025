#[skylark::external(url = "https://bank.example")]
struct Ask;

fn main() {}
