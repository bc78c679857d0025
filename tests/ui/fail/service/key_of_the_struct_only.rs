#[skylark::state(scope = key(name))]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn free(&self, _name: String) -> u32 {
        self.rooms
    }
}

fn main() {}
