#[skylark::function(fuse = true)]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
