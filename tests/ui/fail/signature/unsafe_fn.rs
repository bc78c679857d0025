#[skylark::function]
unsafe fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
