use skylark::Map;

#[skylark::state]
static BY_WEIGHT: Map<f64, u32> = Map::new();

fn main() {}
