#[skylark::state]
#[derive(Default)]
struct Shelf {
    things: Vec<String>,
}

#[skylark::service]
impl Shelf {
    pub fn double(&mut self) {
        for thing in &self.things {
            self.things.push(thing.clone());
        }
    }
}

fn main() {}
