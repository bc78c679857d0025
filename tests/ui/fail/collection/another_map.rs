mod other {
    #[derive(Default)]
    pub struct Map<K, V>(pub Vec<(K, V)>);
}
use other::Map;

#[skylark::state]
#[derive(Default)]
struct Shop {
    stock: Map<String, u32>,
}

fn main() {}
