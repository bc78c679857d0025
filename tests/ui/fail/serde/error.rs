#[derive(Debug)]
struct TooSmall;

#[skylark::function]
fn size(photo: Vec<u8>) -> Result<usize, TooSmall> {
    if photo.is_empty() { Err(TooSmall) } else { Ok(photo.len()) }
}

fn main() {}
