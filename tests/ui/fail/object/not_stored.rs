#[derive(Default)]
struct Room;

#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: Vec<Room>,
}

fn main() {}
