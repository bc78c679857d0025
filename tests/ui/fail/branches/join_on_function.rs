#[skylark::function(join = second)]
fn first(x: u8) -> u8 {
    x
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

fn main() {}
