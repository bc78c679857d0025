#[skylark::service(scope = app)]
impl Hotel {
    pub async fn free(self) -> u32 {
        self.rooms
    }

    #[skylark::function(timeout = 2)]
    fn book((guest, nights): (String, u32)) -> u32 {
        nights + guest.len() as u32
    }
}

// The item is there all the same: rustc finds what is wrong in it.
struct Hotel {
    rooms: u32,
}

fn main() {
    let _ = Hotel::book(("ann".to_owned(), 2));
}
