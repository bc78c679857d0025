//! Every way to hand on a result.

#[skylark::chain(next = inner::detect)]
fn preprocess(photo: Vec<u8>) -> Result<u64, String> {
    Ok(photo.len() as u64)
}

mod inner {
    #[skylark::chain(next = super::split)]
    pub(super) async fn detect(features: u64) -> u64 {
        features
    }
}

// Spread over several arguments.
#[skylark::chain(next = whole)]
fn split(x: u64) -> (u64, String) {
    (x, x.to_string())
}

// A tuple as one argument.
#[skylark::chain(next = crate::spread)]
fn whole(pair: (u64, String)) -> (u64, String) {
    pair
}

#[skylark::chain(next = nothing)]
fn spread(_number: u64, _text: String) {}

#[skylark::chain(next = unit)]
fn nothing() {}

#[skylark::function]
fn unit(_unit: ()) {}

fn main() {}
