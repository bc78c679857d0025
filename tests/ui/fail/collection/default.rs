use skylark::Counter;

#[skylark::state(default = Counter::new())]
static VISITS: Counter = Counter::new();

fn main() {}
