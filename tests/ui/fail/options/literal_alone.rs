#[skylark::function("alarm")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
