use skylark::Map;

#[skylark::state]
#[derive(Default)]
struct Shop {
    stock: Map<String, u32>,
    #[skylark::init(ttl = "1h")]
    name: String,
}

fn main() {}
