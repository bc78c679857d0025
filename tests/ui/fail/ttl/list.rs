use skylark::List;

#[skylark::state(ttl = "1h")]
static LOG: List<String> = List::new();

fn main() {}
