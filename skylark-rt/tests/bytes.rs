//! Bytes along chains, branches and calls.

use serde::{Deserialize, Serialize};
use skylark::{Bytes, Failure, FailureKind, native::Runtime};
use std::sync::Mutex;

#[skylark::state]
static LAST: Mutex<Bytes> = Mutex::new(Bytes::new());

#[skylark::chain(next = twice)]
fn reversed(body: Bytes) -> Bytes {
    body.iter().rev().copied().collect()
}

#[skylark::function]
fn twice(body: Bytes) -> Bytes {
    *LAST.lock().unwrap() = body.clone();
    [&*body, &*body].concat().into()
}

#[skylark::chain(next = [twice, measured], join = both)]
fn parted(body: Bytes) -> Bytes {
    body
}

#[skylark::function]
fn measured(body: Bytes) -> usize {
    body.len()
}

#[skylark::function]
fn both(twice: Bytes, len: usize) -> Bytes {
    format!("{len}:{}", twice.escape_ascii()).into()
}

#[skylark::chain(next = each(twice))]
fn split(body: Bytes) -> Vec<Bytes> {
    body.split(|b| *b == b' ').map(Bytes::from).collect()
}

#[skylark::function]
async fn called(body: Bytes) -> Result<Bytes, Failure> {
    let reversed = skylark::call!(reversed(body)).await?;
    skylark::call!(twice(reversed)).await
}

#[derive(Serialize, Deserialize)]
struct Photo {
    name: String,
    pixels: Bytes,
}

#[skylark::function]
fn named(photo: Photo) -> Bytes {
    photo.pixels
}

#[skylark::function]
fn checked(body: Bytes) -> Result<Bytes, String> {
    match &*body {
        [] => Err("nothing is there".into()),
        _ => Ok(body),
    }
}

#[test]
fn bytes_go_from_function_to_function() -> Result<(), Failure> {
    let runtime = Runtime::new();
    assert_eq!(runtime.post("reversed", b"\xff\0")?, b"\0\xff\0\xff");
    assert_eq!(
        runtime.state::<Bytes>("LAST")?,
        Some(Bytes::from(b"\0\xff"))
    );
    assert_eq!(runtime.post("parted", b"a\xff")?, b"2:a\\xffa\\xff");
    assert_eq!(runtime.post("called", b"ab")?, b"babababa");
    assert_eq!(runtime.post("checked", b"x")?, b"x");
    // The results of branches are a list, which is JSON.
    let split = runtime.invoke("split", r#""YSBi""#).value::<Vec<Bytes>>()?;
    assert_eq!(split, [Bytes::from(b"aa"), Bytes::from(b"bb")]);
    let photo = Photo {
        name: "p".into(),
        pixels: b"\x01\x02".into(),
    };
    assert_eq!(runtime.run::<Bytes>("named", &photo)?, b"\x01\x02");
    Ok(())
}

#[test]
fn what_is_no_bytes_is_refused() {
    let runtime = Runtime::new();
    let check = |function: &str, kind: FailureKind, want: &str| {
        let failure = runtime.post(function, b"").unwrap_err();
        assert_eq!(failure.kind, kind, "{function}: {failure}");
        assert!(failure.message.contains(want), "{function}: {failure}");
    };
    check("checked", FailureKind::Returned, "nothing is there");
    check("named", FailureKind::Input, "is no `Photo`");
    let failure = runtime.run::<Bytes>("twice", &7).unwrap_err();
    assert!(failure.message.contains("base64"), "{failure}");
}
