#[skylark::function(memory = 1024)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
