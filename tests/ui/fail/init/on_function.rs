#[skylark::init]
fn table() -> Vec<u32> {
    Vec::new()
}

fn main() {}
