//! Bytes that go in and out as they are.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};
use std::{fmt, ops};

/// Bytes as they are: an image, a message in a protocol of its own.
///
/// A function whose one argument is `Bytes` is called with any body: `POST
/// /f/{app}/{function}` hands it through unencoded, unless the body says that it is
/// JSON. What it yields as `Bytes` is the answer's body, of the type that the caller
/// accepts, or else of the type that it sent.
///
/// In JSON, `Bytes` are a text in base64 (RFC 4648, standard alphabet, padded);
/// between functions and in the store they are bytes. As an argument among others, a
/// field or an element they are a value like any other.
///
/// ```
/// use skylark::{Bytes, native::Runtime, prelude::*};
///
/// #[skylark::function]
/// fn reverse(body: Bytes) -> Bytes {
///     body.iter().rev().copied().collect()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// assert_eq!(runtime.post("reverse", b"\xff\x01")?, b"\x01\xff");
/// assert_eq!(runtime.run::<String>("reverse", &"/wE=")?, "Af8=");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// No bytes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The bytes, without a copy.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How many there are, and the first of them.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        let shown = self.0.get(..SHOWN).unwrap_or(&self.0);
        let more = if self.0.len() > SHOWN { "…" } else { "" };
        write!(
            f,
            "{} bytes: \"{}\"{more}",
            self.0.len(),
            shown.escape_ascii()
        )
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self(bytes.into_iter().collect())
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Bytes {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.0 == *other
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == other
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Base64)
        } else {
            deserializer.deserialize_byte_buf(AsTheyAre).map(Self)
        }
    }
}

struct Base64;

impl Visitor<'_> for Base64 {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "bytes, in JSON a text in base64 (as they are, send them with `content-type: \
             application/octet-stream`)",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) => Ok(Bytes(bytes)),
            Err(why) => Err(E::custom(format_args!("no base64 with padding: {why}"))),
        }
    }
}

/// Bytes, whether they were written as such or as a list of numbers.
pub(crate) struct AsTheyAre;

impl<'de> Visitor<'de> for AsTheyAre {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use skylark_abi::value;

    #[test]
    fn json_has_base64_and_the_rest_has_bytes() {
        for (bytes, json) in [
            (&b""[..], r#""""#),
            (b"f", r#""Zg==""#),
            (b"\xff\x00\xfe", r#""/wD+""#),
        ] {
            let bytes = Bytes::from(bytes);
            assert_eq!(codec::to_json(&bytes).unwrap(), json.as_bytes());
            assert_eq!(codec::from_json::<Bytes>(json.as_bytes()).unwrap(), bytes);
            let compact = codec::to_compact(&bytes, value::fingerprint("Bytes")).unwrap();
            // What a node makes of a body, and of a result.
            assert_eq!(compact, value::compact_bytes(&bytes));
            assert_eq!(value::bytes_of(&compact), Some(&*bytes));
            let payload = value::untag(&compact).unwrap().payload;
            assert_eq!(codec::from_payload::<Bytes>(payload).unwrap(), bytes);
        }
    }

    #[test]
    fn json_that_is_none_of_it_says_what_to_send() {
        let check = |json: &str, want: &str| {
            let message = codec::from_json::<Bytes>(json.as_bytes())
                .unwrap_err()
                .message;
            assert!(message.contains(want), "{json}: {message}");
        };
        check(r#""Zg""#, "no base64 with padding");
        check(
            "7",
            "send them with `content-type: application/octet-stream`",
        );
        check("[1,2]", "in JSON a text in base64");
    }

    #[test]
    fn long_bytes_are_shown_by_their_beginning() {
        assert_eq!(format!("{:?}", Bytes::from(b"a\0")), r#"2 bytes: "a\x00""#);
        let shown = format!("{:?}", Bytes::from(vec![b'x'; 100]));
        assert_eq!(shown, format!("100 bytes: \"{}\"…", "x".repeat(32)));
    }
}
