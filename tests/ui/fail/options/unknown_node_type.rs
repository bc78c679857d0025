#[skylark::function(on = cluod)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
