#[skylark::chain(next = second)]
fn first(x: u8) -> Result<u8, String> {
    Ok(x)
}

#[skylark::function]
fn second(x: Result<u8, String>) -> bool {
    x.is_ok()
}

fn main() {}
