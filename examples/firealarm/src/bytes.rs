//! Bytes as base64 in text formats and as bytes in binary ones.
//!
//! For `#[serde(with = "crate::bytes")]`: JSON at the edge carries an image as
//! base64 (RFC 4648, standard alphabet, padded); between functions it travels
//! as it is.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::borrow::Cow;

/// Writes `bytes`.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// Text that is not base64, and the deserializer's own.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        BASE64_STANDARD
            .decode(text.as_bytes())
            .map_err(|e| D::Error::custom(format_args!("not base64 with padding: {e}")))
    } else {
        serde_bytes::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Blob {
        #[serde(with = "super")]
        data: Vec<u8>,
    }

    #[test]
    fn text_formats_carry_base64_and_binary_ones_carry_bytes() {
        for (data, text) in [
            (&b""[..], r#"{"data":""}"#),
            (b"f", r#"{"data":"Zg=="}"#),
            (b"\xff\x00\xfe", r#"{"data":"/wD+"}"#),
        ] {
            let blob = Blob { data: data.into() };
            assert_eq!(serde_json::to_string(&blob).unwrap(), text);
            assert_eq!(serde_json::from_str::<Blob>(text).unwrap(), blob);
            let compact = rmp_serde::to_vec_named(&blob).unwrap();
            // Map of one, "data", binary header of two bytes, the data.
            assert_eq!(compact.len(), 1 + 5 + 2 + data.len());
            assert_eq!(rmp_serde::from_slice::<Blob>(&compact).unwrap(), blob);
        }
    }

    #[test]
    fn text_that_is_not_base64_is_refused_with_a_reason() {
        for (json, expected) in [
            (r#"{"data":"Zg"}"#, "not base64 with padding"),
            (
                r#"{"data":"%%%%"}"#,
                "not base64 with padding: Invalid symbol 37",
            ),
            (
                r#"{"data":7}"#,
                "invalid type: integer `7`, expected a string",
            ),
        ] {
            let error = serde_json::from_str::<Blob>(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
