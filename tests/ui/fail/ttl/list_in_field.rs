use skylark::List;

#[skylark::state]
#[derive(Default)]
struct Shop {
    #[skylark::state(ttl = "1h")]
    orders: List<String>,
}

fn main() {}
