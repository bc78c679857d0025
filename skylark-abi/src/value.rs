//! How a value is laid out in the store and between functions.
//!
//! `[1 byte codec][8 bytes schema fingerprint, little endian][payload]`. The
//! codec byte counts, from 1, the migrations that the type had been through: a
//! type often keeps its name over one, so that its text cannot tell. The
//! payload is MessagePack with named fields, so a field added with a default
//! reads old data and reordered fields do not swap. The fingerprint is of the
//! type's source text: it decides nothing by itself, it lets an error name both
//! schemas when a payload does not fit.

use minicbor::{Decode, Encode};

/// How a payload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Codec {
    /// JSON text, at the edge; carries no tag.
    #[n(0)]
    Json,
    /// Tagged MessagePack with named fields, inside.
    #[n(1)]
    Compact,
}

const COMPACT: u8 = 1;
/// Bytes before the payload of a compact value.
pub const HEADER: usize = 9;

/// A tagged value, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// How many migrations the type that wrote it had been through.
    pub generation: u8,
    /// [`fingerprint`] of the type that wrote the payload.
    pub fingerprint: u64,
    /// MessagePack bytes.
    pub payload: &'a [u8],
}

/// The header of a value of a type with this fingerprint; append the payload.
pub fn header(fingerprint: u64) -> [u8; HEADER] {
    header_after(fingerprint, 0)
}

/// The same, of a type that has been through so many migrations; at most
/// [`MAX_MIGRATIONS`](crate::schema::MAX_MIGRATIONS).
pub fn header_after(fingerprint: u64, generation: u8) -> [u8; HEADER] {
    let mut out = [COMPACT.saturating_add(generation); HEADER];
    out[1..].copy_from_slice(&fingerprint.to_le_bytes());
    out
}

/// Takes a stored value apart; `None` if it is not one.
pub fn untag(bytes: &[u8]) -> Option<Tagged<'_>> {
    let (head, payload) = bytes.split_at_checked(HEADER)?;
    let (codec, print) = head.split_first()?;
    let fingerprint = u64::from_le_bytes(print.try_into().ok()?);
    let generation = codec.checked_sub(COMPACT)?;
    Some(Tagged {
        generation,
        fingerprint,
        payload,
    })
}

/// 64-bit FNV-1a of a type's source text, white space left out. Stable across
/// builds and hosts, computable in a `const`.
pub const fn fingerprint(type_text: &str) -> u64 {
    let bytes = type_text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        if !bytes[i].is_ascii_whitespace() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        }
        i += 1;
    }
    hash
}

/// Bytes as they are, as one compact value: the header, and MessagePack's `bin`.
pub fn compact_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + 5 + bytes.len());
    out.extend_from_slice(&header(fingerprint("Bytes")));
    // The shortest header that MessagePack has for the length.
    match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
        (Ok(n), _) => out.extend_from_slice(&[0xc4, n]),
        (_, Ok(n)) => {
            out.push(0xc5);
            out.extend_from_slice(&n.to_be_bytes());
        }
        _ => {
            out.push(0xc6);
            let n = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
    out
}

/// The payload of a compact value of a type that has been through no migration, as
/// results are: those begin with a byte that no JSON text begins with.
pub fn result(value: &[u8]) -> Option<&[u8]> {
    let tagged = untag(value)?;
    (tagged.generation == 0).then_some(tagged.payload)
}

/// The bytes of a compact value that is nothing else: undoes [`compact_bytes`].
/// `None` of JSON text.
pub fn bytes_of(value: &[u8]) -> Option<&[u8]> {
    let (marker, rest) = result(value)?.split_first()?;
    let (len, bytes) = match marker {
        0xc4 => rest
            .split_first()
            .map(|(n, rest)| (usize::from(*n), rest))?,
        0xc5 => rest
            .split_first_chunk()
            .map(|(n, rest)| (usize::from(u16::from_be_bytes(*n)), rest))?,
        0xc6 => rest
            .split_first_chunk()
            .map(|(n, rest)| (u32::from_be_bytes(*n) as usize, rest))?,
        _ => return None,
    };
    (bytes.len() == len).then_some(bytes)
}

/// JSON values as one JSON array.
pub fn json_list(values: &[&[u8]]) -> Vec<u8> {
    let mut list = vec![b'['];
    list.extend_from_slice(&values.join(&b","[..]));
    list.push(b']');
    list
}

/// Compact values as one compact array of them.
pub fn compact_list(values: &[&[u8]]) -> Vec<u8> {
    let mut list = header(fingerprint("")).to_vec();
    // The shortest array header that MessagePack has for the length.
    match (u16::try_from(values.len()), u32::try_from(values.len())) {
        (Ok(n @ 0..=15), _) => list.push(0x90 | n as u8),
        (Ok(n), _) => {
            list.push(0xdc);
            list.extend_from_slice(&n.to_be_bytes());
        }
        (_, n) => {
            list.push(0xdd);
            list.extend_from_slice(&n.unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    for value in values {
        let payload = untag(value).map_or(*value, |tagged| tagged.payload);
        list.extend_from_slice(payload);
    }
    list
}

/// 64-bit FNV-1a of bytes, to tell a repeated request from another one.
pub const fn fingerprint_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back_as_they_were() {
        for len in [0, 1, 255, 256, 65_535, 65_536] {
            let bytes: Vec<u8> = (0..len).map(|n: u32| n as u8).collect();
            let value = compact_bytes(&bytes);
            assert_eq!(bytes_of(&value), Some(bytes.as_slice()), "{len}");
            assert_eq!(bytes_of(&value[..value.len() - 1]), None, "{len}");
        }
    }

    #[test]
    fn other_values_are_no_bytes() {
        let text = [&header(1)[..], &[0xa1, b'x']].concat();
        // From its tenth byte on, it is what MessagePack has for 128 bytes.
        let json = format!("\"12345678Ā{}\"", "x".repeat(127));
        for value in [&b""[..], b"\"AA==\"", json.as_bytes(), &text, &header(1)] {
            assert_eq!(bytes_of(value), None, "{value:?}");
        }
    }
}
