#[skylark::function(memory = "64MiB", memory = "1GiB")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
