use skylark::Map;

#[skylark::state]
#[derive(Default)]
struct Shop {
    stock: Map<String, u32>,
}

#[skylark::service]
impl Shop {
    pub fn fill(&self, what: String, count: u32) {
        self.stock.set(what, count);
    }
}

fn main() {}
