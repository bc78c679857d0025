#[skylark::function(timeout = "2s")]
#[skylark::chain(next = second)]
fn first(x: u8) -> u8 {
    x
}

fn second(x: u8) -> u8 {
    x
}

fn main() {}
