struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn free(&self) -> u32 {
        self.rooms
    }
}

fn main() {}
