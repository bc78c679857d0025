#[skylark::function(name = siren)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
