//! Values to bytes and back: JSON at the edge, tagged MessagePack inside.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use skylark_abi::value::{HEADER, header};

/// A value that does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value: `boxes[2].width`; empty for the value itself.
    pub(crate) path: String,
    /// What was expected, and what was found.
    pub(crate) message: String,
}

impl Mismatch {
    /// One of the value as a whole.
    pub(crate) fn whole(message: String) -> Self {
        Self {
            path: String::new(),
            message,
        }
    }
}

/// Writes `value` as JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|e| e.to_string())
}

/// Writes `value` as a tagged value of the type with this fingerprint.
pub(crate) fn to_compact<T: Serialize>(value: &T, fingerprint: u64) -> Result<Vec<u8>, String> {
    to_stored(value, header(fingerprint))
}

/// The same behind this header.
pub(crate) fn to_stored<T: Serialize>(value: &T, header: [u8; HEADER]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(HEADER + 23);
    out.extend_from_slice(&header);
    value
        .serialize(&mut rmp_serde::Serializer::new(&mut out).with_struct_map())
        .map_err(|e| e.to_string())?;
    Ok(out)
}

/// Reads JSON.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Mismatch> {
    serde_json::from_slice(json).map_err(|e| {
        if e.is_data() {
            located::<T>(serde_json::from_slice(json).ok(), &e.to_string())
        } else {
            syntax(&e)
        }
    })
}

/// Reads the payload of a tagged value.
pub(crate) fn from_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Mismatch> {
    rmp_serde::from_slice(payload)
        .map_err(|e| located::<T>(rmp_serde::from_slice(payload).ok(), &e.to_string()))
}

/// JSON that is none: here the place in the text is what helps.
pub(crate) fn syntax(error: &serde_json::Error) -> Mismatch {
    Mismatch {
        path: String::new(),
        message: if error.is_eof() {
            format!("the JSON ends too early: {error}")
        } else {
            format!("not JSON: {error}")
        },
    }
}

/// Where and why a value does not fit `T`. Only what does not fit is read a
/// second time, as a tree and with its path tracked: the same code for both
/// formats, as each instance of it weighs kilobytes in a module. What has no
/// such tree, or fits as one, keeps the `error` of its own format.
#[cold]
fn located<T: DeserializeOwned>(tree: Option<Value>, error: &str) -> Mismatch {
    match tree.map(serde_path_to_error::deserialize::<Value, T>) {
        Some(Err(error)) => {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            mismatch(path, &error.inner().to_string())
        }
        Some(Ok(_)) | None => mismatch(String::new(), error),
    }
}

fn mismatch(path: String, message: &str) -> Mismatch {
    // The path says more than a place in one line of text.
    let message = match message.rsplit_once(" at line ") {
        Some((what, _)) => what,
        None => message,
    };
    // serde reports a missing field on what should hold it.
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|m| m.strip_suffix('`'));
    let path = match (missing, path.is_empty()) {
        (Some(field), true) => field.to_owned(),
        (Some(field), false) => format!("{path}.{field}"),
        (None, _) => path,
    };
    Mismatch {
        path,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Photo {
        width: u32,
        boxes: Vec<Area>,
        #[serde(default)]
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Area {
        x: u8,
    }

    #[test]
    fn mismatches_name_place_expected_and_found() {
        fn check<T: DeserializeOwned>(json: &str, path: &str, message: &str) {
            let found = from_json::<T>(json.as_bytes()).err();
            let wanted = Mismatch {
                path: path.to_owned(),
                message: message.to_owned(),
            };
            assert_eq!(found, Some(wanted), "{json}");
        }
        check::<u32>("\"7\"", "", "invalid type: string \"7\", expected u32");
        check::<u32>("-1", "", "invalid value: integer `-1`, expected u32");
        check::<Photo>(
            r#"{"width":"wide","boxes":[]}"#,
            "width",
            "invalid type: string \"wide\", expected u32",
        );
        check::<Photo>(
            r#"{"width":1,"boxes":[{"x":1},{"x":256}]}"#,
            "boxes[1].x",
            "invalid value: integer `256`, expected u8",
        );
        check::<Photo>(r#"{"boxes":[]}"#, "width", "missing field `width`");
        check::<Photo>(
            r#"{"width":1,"boxes":[{}]}"#,
            "boxes[0].x",
            "missing field `x`",
        );
        check::<u32>(
            "",
            "",
            "the JSON ends too early: EOF while parsing a value at line 1 column 0",
        );
        check::<u32>(
            "1 2",
            "",
            "not JSON: trailing characters at line 1 column 3",
        );
        check::<u32>("x", "", "not JSON: expected value at line 1 column 1");
    }

    #[test]
    fn compact_payloads_are_read_back_and_blamed_by_place() {
        let value = to_compact(&BTreeMap::from([("width", 9)]), 7).unwrap();
        let tagged = skylark_abi::value::untag(&value).unwrap();
        assert_eq!(tagged.fingerprint, 7);
        let found = from_payload::<Photo>(tagged.payload).unwrap_err();
        assert_eq!(found.path, "boxes");
        assert_eq!(found.message, "missing field `boxes`");
        let truncated = from_payload::<Photo>(&tagged.payload[..2]);
        assert!(truncated.is_err());
    }

    #[test]
    fn fields_with_defaults_read_older_data_and_order_does_not_matter() {
        #[derive(Serialize)]
        struct Older {
            boxes: Vec<Area>,
            width: u32,
        }
        let older = Older {
            boxes: vec![Area { x: 3 }],
            width: 5,
        };
        let value = to_compact(&older, 1).unwrap();
        let photo: Photo = from_payload(&value[HEADER..]).unwrap();
        assert_eq!((photo.width, photo.boxes), (5, vec![Area { x: 3 }]));
        assert_eq!(photo.note, None);
    }
}
