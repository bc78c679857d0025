#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn book(&mut self, guest: &str) {
        self.rooms -= guest.len() as u32;
    }
}

fn main() {}
