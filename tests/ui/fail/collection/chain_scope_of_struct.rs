use skylark::List;

#[skylark::state(scope = chain)]
#[derive(Default)]
struct Trip {
    stops: List<String>,
}

fn main() {}
