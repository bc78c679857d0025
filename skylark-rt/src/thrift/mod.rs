//! Services whose interface [Apache Thrift](https://thrift.apache.org) generated from
//! an IDL, in its binary protocol. (Feature `thrift`.)
//!
//! A function serves one: `POST /f/{app}/{function}` takes a message of the protocol
//! as the body and answers with one, as Thrift's HTTP clients of any language send and
//! read them. Its handler is what the generated trait asks for, and needs no change:
//!
//! ```text
//! #[skylark::function]
//! fn url_shorten(message: Bytes) -> Bytes {
//!     skylark::thrift::serve(&UrlShortenServiceSyncProcessor::new(UrlShortener), &message)
//! }
//! ```
//!
//! # Calls
//!
//! A generated client of [`to`] a function is a client like any other, and each of its
//! calls takes effect exactly once, as [`call!`](crate::call!) does:
//!
//! ```text
//! let (input, output) = skylark::thrift::to(|message| skylark::call!(url_shorten(message)));
//! let mut shortener = UrlShortenServiceSyncClient::new(input, output);
//! let urls = shortener.compose_urls(req_id, links, carrier)?;
//! ```
//!
//! Generated clients and handlers are no futures, so the call that waits is the
//! client's, however deep in the handler. The function that it is part of must be an
//! `async fn`, whether it awaits something by itself or not; up to the call, it is
//! committed and executed again as at an `.await`, with the same rules: no guard may be
//! held over it. What is declared `oneway` is a run of its own, as by
//! [`Call::send`](crate::Call::send).
//!
//! A client [`to_server`] asks a Thrift server outside, over HTTP and at least once.
//!
//! # Errors
//!
//! An exception that the IDL declares is the handler's `Err`, and the client's: a reply
//! as any other, so what was written stays. Where the call itself fails (the other
//! function panicked, ran out of time, returned an `Err` of its own), the client gets an
//! application exception that says why.

mod client;
mod message;

pub use client::{Input, Output, Requests, Responses, to, to_server};

use crate::{bytes::Bytes, target};
use ::thrift::{
    TConfiguration,
    protocol::{TBinaryInputProtocol, TBinaryOutputProtocol},
    server::TProcessor,
};
use skylark_abi::call::{Failure, FailureKind};

/// The media type of a message in the binary protocol.
pub const MEDIA_TYPE: &str = "application/x-thrift";

/// Has `processor`, which the generated code makes of a handler, answer a message. The
/// answer of a `oneway` method is empty. What the handler returns, and arguments that do
/// not fit the method, are answers.
///
/// What is no call in the binary protocol ends the function, as arguments that do not
/// fit it do ([`FailureKind::Input`]); outside of a call, as in a unit test, that is a
/// panic.
pub fn serve(processor: &impl TProcessor, message: &[u8]) -> Bytes {
    let mut input = TBinaryInputProtocol::with_config(message, true, limits(message.len()));
    let mut answer = Vec::new();
    let mut output = TBinaryOutputProtocol::new(&mut answer, true);
    if let Err(why) = processor.process(&mut input, &mut output) {
        let text = format!(
            "the body is no call in Thrift's binary protocol: {why}; send one unframed, as \
             `content-type: {MEDIA_TYPE}`"
        );
        target::abort(Failure::new(FailureKind::Input, text));
    }
    answer.into()
}

/// An element takes at least a byte, and a byte one: a message of this length that
/// promises more than it can have is refused before room is made for it.
fn limits(message: usize) -> TConfiguration {
    TConfiguration::builder()
        .max_message_size(Some(message))
        .max_frame_size(None)
        .max_container_size(Some(message))
        .max_string_size(Some(message))
        .build()
        .unwrap_or_default()
}
