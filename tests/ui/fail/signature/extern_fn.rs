#[skylark::function]
extern "C" fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
