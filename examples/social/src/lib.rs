//! The text services of a social network, in the shape that the literature uses
//! (DeathStarBench's): a text service has links shortened by one service and names
//! looked up by another. Interface, handler traits and clients are what Apache Thrift
//! generates from `idl/social.thrift`.
//!
//! Each function serves a service: `POST /f/social/text` takes and answers messages of
//! Thrift's binary protocol. The text service is a client of the other two, and each of
//! its calls takes effect exactly once.

/// Made by Debian's thrift-compiler 0.17, in this directory:
/// `thrift -out src --gen rs idl/social.thrift`
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    elided_lifetimes_in_paths,
    unused_qualifications
)]
#[rustfmt::skip]
pub mod social;

mod links;
mod text;
mod users;

use self::social::{
    ErrorCode, ServiceException, TextServiceSyncProcessor, UrlShortenServiceSyncProcessor,
    UserMentionServiceSyncProcessor,
};
use skylark::{Bytes, thrift::serve};

/// TextService.
#[skylark::function]
pub async fn text(message: Bytes) -> Bytes {
    serve(&TextServiceSyncProcessor::new(text::Handler), &message)
}

/// UrlShortenService.
#[skylark::function]
pub fn url_shorten(message: Bytes) -> Bytes {
    serve(
        &UrlShortenServiceSyncProcessor::new(links::Handler),
        &message,
    )
}

/// UserMentionService.
#[skylark::function]
pub fn user_mention(message: Bytes) -> Bytes {
    serve(
        &UserMentionServiceSyncProcessor::new(users::Handler),
        &message,
    )
}

/// Most bytes of a text, and most links or names in it.
pub const LIMITS: (usize, usize) = (64 << 10, 256);

fn refusal(code: ErrorCode, message: impl Into<String>) -> thrift::Error {
    ServiceException::new(code, message.into()).into()
}

/// Refuses more than anyone writes.
fn check_count(what: &str, count: usize) -> thrift::Result<()> {
    if count > LIMITS.1 {
        let text = format!("{count} {what}, more than {}", LIMITS.1);
        return Err(refusal(ErrorCode::INVALID_ARGUMENT, text));
    }
    Ok(())
}
