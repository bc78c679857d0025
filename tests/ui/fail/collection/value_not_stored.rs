use skylark::List;

struct Order;

#[skylark::state]
#[derive(Default)]
struct Shop {
    orders: List<Order>,
}

fn main() {}
