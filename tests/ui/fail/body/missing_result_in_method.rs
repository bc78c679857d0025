#[skylark::state]
#[derive(Default)]
struct Shelf {
    things: Vec<String>,
}

#[skylark::service]
impl Shelf {
    pub fn count(&self) -> usize {
        self.things.len();
    }
}

fn main() {}
