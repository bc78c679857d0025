#[skylark::function(fuse = "off")]
fn alarm(loud: bool) -> bool {
    loud
}

fn main() {}
