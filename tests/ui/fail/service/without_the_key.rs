#[skylark::state(scope = key(name))]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service(scope = key(name))]
impl Hotel {
    pub fn free(&self) -> u32 {
        self.rooms
    }

    pub fn quote(nights: u32) -> u32 {
        nights
    }
}

fn main() {}
