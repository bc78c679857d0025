#[skylark::function(pure, idempotent)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
