//! The text services of a social network, in the shape of DeathStarBench's: the text
//! service finds links and names in a text, has the links shortened by one service and
//! the names looked up by another.

/// Made by thrift-compiler from `examples/social/idl/social.thrift`.
#[allow(clippy::all, elided_lifetimes_in_paths, unused_qualifications)]
#[rustfmt::skip]
#[path = "../../../../social/src/social.rs"]
pub mod social;

pub mod text;
pub mod url_shorten;
pub mod user_mention;

use social::{ErrorCode, ServiceException};

/// Most links or names of one call.
pub const MOST: usize = 256;

/// An error of the interface.
pub fn refusal(code: ErrorCode, why: impl Into<String>) -> thrift::Error {
    ServiceException::new(code, why.into()).into()
}

/// Refuses more than anyone writes.
pub fn check_count(what: &str, count: usize) -> thrift::Result<()> {
    if count > MOST {
        let why = format!("{count} {what}, more than {MOST}");
        return Err(refusal(ErrorCode::INVALID_ARGUMENT, why));
    }
    Ok(())
}

/// TextService, in messages of Thrift's binary protocol.
#[skylark::function]
pub async fn text(message: skylark::Bytes) -> skylark::Bytes {
    skylark::thrift::serve(
        &social::TextServiceSyncProcessor::new(text::TextHandler),
        &message,
    )
}

/// UrlShortenService, in messages of Thrift's binary protocol.
#[skylark::function]
pub fn url_shorten(message: skylark::Bytes) -> skylark::Bytes {
    skylark::thrift::serve(
        &social::UrlShortenServiceSyncProcessor::new(url_shorten::UrlShortenHandler),
        &message,
    )
}

/// UserMentionService, in messages of Thrift's binary protocol.
#[skylark::function]
pub fn user_mention(message: skylark::Bytes) -> skylark::Bytes {
    skylark::thrift::serve(
        &social::UserMentionServiceSyncProcessor::new(user_mention::UserMentionHandler),
        &message,
    )
}
