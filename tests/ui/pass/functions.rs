//! Every shape of function.

use skylark::Failure;

#[derive(serde::Serialize, serde::Deserialize)]
struct Photo {
    bytes: Vec<u8>,
}

/// No arguments, no result.
#[skylark::function]
fn tick() {}

#[skylark::function(name = "first-byte", memory = "64MiB", timeout = "1.5s", on = edge)]
pub fn first(photo: Photo) -> Option<u8> {
    photo.bytes.first().copied()
}

#[skylark::function]
fn r#match(mut r#type: String, _count: u32) -> String {
    r#type.push('!');
    r#type
}

#[skylark::function]
fn parse(text: String) -> Result<u64, std::num::ParseIntError> {
    text.parse()
}

#[skylark::function]
fn read(text: String) -> std::io::Result<usize> {
    Ok(text.len())
}

#[skylark::function]
async fn later(photo: Photo) -> Photo {
    photo
}

#[skylark::function]
async fn later_or_never(photo: Photo) -> Result<Photo, Box<dyn std::error::Error>> {
    Ok(photo)
}

#[skylark::function]
#[allow(clippy::too_many_arguments)]
fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8) -> u8 {
    a + b + c + d + e + f + g + h + i + j + k + l + m
}

// Names that generated code also uses.
#[skylark::function]
fn call(call: u8) -> u8 {
    call
}

#[skylark::function]
fn codec() -> &'static str {
    "codec"
}

mod inner {
    #[skylark::function(name = "inner-tick")]
    pub(super) fn tick() -> Result<(), String> {
        Err("no".to_owned())
    }
}

fn main() {
    let _: fn(skylark::FailureKind, &'static str) -> Failure = Failure::new;
    inner::tick().unwrap_err();
    #[skylark::function]
    fn local(x: u8) -> u8 {
        x
    }
    assert_eq!(local(1), 1);
}
