#[skylark::state(scope = chain)]
#[derive(Default)]
struct Trip {
    #[skylark::state(ttl = "1h")]
    stops: u32,
}

fn main() {}
