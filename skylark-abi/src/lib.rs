//! What Skylark's guest, host and compiler must agree on, and nothing else.
//!
//! A module, the node that runs it and the compiler that made it may come from
//! different builds. Everything they exchange is defined here: the names of
//! imports and exports ([`names`]), the schema carried in the module
//! ([`schema`], [`hints`]), the envelopes of one call ([`call`]), what travels between
//! nodes ([`run`]), what a waiting invocation leaves ([`journal`]), the store's keys ([`keys`]), those of a
//! collection's entries ([`key`]) and the steps of an exactly-once invocation ([`protocol`]). No I/O happens here.
//!
//! A change to any of it changes the hash in `tests/contract.rs`, which asks
//! whether [`names::ABI_VERSION`] must grow.

pub mod call;
pub mod hints;
pub mod id;
pub mod journal;
pub mod key;
pub mod keys;
pub mod names;
pub mod protocol;
pub mod run;
pub mod schema;
pub mod shape;
pub mod span;
pub mod value;

pub use id::InvocationId;
pub use schema::Schema;

/// Encodes an envelope (CBOR, RFC 8949).
pub fn encode<T: minicbor::Encode<()>>(envelope: &T) -> Vec<u8> {
    // Enough for most, so that few grow.
    encode_in(Vec::with_capacity(256), envelope)
}

/// [`encode`] into a buffer that may have room already; what it holds is
/// overwritten.
pub fn encode_in<T: minicbor::Encode<()>>(mut buffer: Vec<u8>, envelope: &T) -> Vec<u8> {
    buffer.clear();
    // Writing to a `Vec` is infallible, and so are the derived encoders.
    let _ = minicbor::encode(envelope, &mut buffer);
    buffer
}

/// Decodes an envelope.
///
/// # Errors
/// The bytes are not an envelope of this type; the text says at which byte.
pub fn decode<'b, T: minicbor::Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    minicbor::decode(bytes).map_err(|e| DecodeError(e.to_string()))
}

/// Bytes that are not the envelope they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(String);

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed envelope: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}
