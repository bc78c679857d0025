#[skylark::function(memory = "64 mib")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
