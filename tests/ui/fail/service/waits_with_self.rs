#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub async fn free(&self) -> u32 {
        self.rooms
    }
}

fn main() {}
