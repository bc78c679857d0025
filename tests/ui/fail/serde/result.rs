struct Size {
    bytes: usize,
}

#[skylark::function]
fn size(photo: Vec<u8>) -> Size {
    Size { bytes: photo.len() }
}

fn main() {}
