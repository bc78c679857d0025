#[skylark::function]
fn alarm(loud: bool) -> ! {
    panic!("{loud}")
}

fn main() {}
