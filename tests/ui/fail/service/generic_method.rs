#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn take<T: Into<u32>>(&mut self, rooms: T) {
        self.rooms -= rooms.into();
    }
}

fn main() {}
