use skylark::Map;

#[skylark::state(scope = chain)]
static SEEN: Map<String, u32> = Map::new();

fn main() {}
