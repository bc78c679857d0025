#[skylark::function(on_error = second())]
fn first(x: u8) -> u8 {
    x
}

fn main() {}
