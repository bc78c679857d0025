#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    #[skylark::chain(next = Self::add)]
    pub fn add(&mut self, rooms: u32) -> u32 {
        self.rooms + rooms
    }
}

fn main() {}
