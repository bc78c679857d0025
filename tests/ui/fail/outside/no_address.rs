#[skylark::external(method = get)]
async fn ask(x: u8) -> u8;

fn main() {}
