use skylark::Failure;

#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::service]
impl Hotel {
    pub fn take(&mut self, rooms: u32) -> u32 {
        self.rooms -= rooms;
        self.rooms
    }
}

#[skylark::function]
async fn order() -> Result<u32, Failure> {
    HotelClient.take("two").await
}

fn main() {}
