struct Now;

#[skylark::nondet]
fn now() -> Now {
    Now
}

fn main() {}
