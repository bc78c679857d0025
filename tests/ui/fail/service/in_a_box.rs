#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn free(self: Box<Self>) -> u32 {
        self.rooms
    }
}

fn main() {}
