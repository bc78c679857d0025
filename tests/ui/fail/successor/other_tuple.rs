#[skylark::chain(next = second)]
fn first(x: u8) -> (u8, String) {
    (x, String::new())
}

#[skylark::function]
fn second(text: String, x: u8) -> usize {
    text.len() + usize::from(x)
}

fn main() {}
