#[skylark::function(memory = "99999999999999999999999GiB")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
