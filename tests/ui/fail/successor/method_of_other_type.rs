#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn take(&mut self, rooms: u32) {
        self.rooms -= rooms;
    }
}

#[skylark::chain(next = Hotel::take)]
fn ask(guest: String) -> String {
    guest
}

fn main() {}
