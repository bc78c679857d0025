use skylark::Next;

#[skylark::chain(next = [second, third], join = second)]
fn first(x: u8) -> Next<(u8, u8)> {
    Next::second(x)
}

#[skylark::function]
fn second(x: u8) -> u8 {
    x
}

#[skylark::function]
fn third(x: u8) -> u8 {
    x
}

fn main() {}
