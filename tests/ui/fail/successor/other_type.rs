#[skylark::chain(next = second)]
fn first(x: u8) -> u8 {
    x
}

#[skylark::function]
fn second(text: String) -> usize {
    text.len()
}

fn main() {}
