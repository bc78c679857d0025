struct Photo {
    bytes: Vec<u8>,
}

#[skylark::function]
fn size(photo: Photo) -> usize {
    photo.bytes.len()
}

fn main() {}
