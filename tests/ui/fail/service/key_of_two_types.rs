#[skylark::state(scope = key(name))]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service(scope = key(name))]
impl Hotel {
    pub fn free(&self, _name: String) -> u32 {
        self.rooms
    }

    pub fn open(&mut self, name: u32) {
        self.rooms = name;
    }
}

fn main() {}
