#[skylark::function]
const fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
