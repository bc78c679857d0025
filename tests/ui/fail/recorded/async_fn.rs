#[skylark::nondet]
async fn now() -> u8 {
    1
}

fn main() {}
