#[skylark::function]
fn alarm<T: Clone>(value: T) -> T {
    value.clone()
}

fn main() {}
