//! Texts, with the links and names in them.

use crate::{
    check_count,
    social::{
        TUrlShortenServiceSyncClient as _, TUserMentionServiceSyncClient as _, TextServiceReturn,
        TextServiceSyncHandler, UrlShortenServiceSyncClient, UserMentionServiceSyncClient,
    },
};
use regex_lite::Regex;
use std::{
    collections::BTreeMap,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use thrift::{
    protocol::{TBinaryInputProtocol, TBinaryOutputProtocol},
    transport::{
        ReadHalf, TBufferedReadTransport, TBufferedWriteTransport, TIoChannel, TTcpChannel,
        WriteHalf,
    },
};

/// What a client reads.
pub type Input = TBinaryInputProtocol<TBufferedReadTransport<ReadHalf<TTcpChannel>>>;
/// What a client writes.
pub type Output = TBinaryOutputProtocol<TBufferedWriteTransport<WriteHalf<TTcpChannel>>>;

/// A client over TCP.
pub type UrlShortenClient = UrlShortenServiceSyncClient<Input, Output>;
/// A client over TCP.
pub type UserMentionClient = UserMentionServiceSyncClient<Input, Output>;

static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s"<>]*[^\s"<>.,;!?)]"#).expect("it is a pattern"));
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("@([A-Za-z0-9_-]+)").expect("it is a pattern"));

/// Answers what the text service is asked.
pub struct TextHandler {
    url_shorten: Mutex<UrlShortenClient>,
    user_mention: Mutex<UserMentionClient>,
    /// How many texts were composed.
    composed: AtomicU64,
}

impl TextHandler {
    /// Asks the other services by these clients.
    pub fn new(url_shorten: UrlShortenClient, user_mention: UserMentionClient) -> Self {
        Self {
            url_shorten: Mutex::new(url_shorten),
            user_mention: Mutex::new(user_mention),
            composed: AtomicU64::new(0),
        }
    }

    /// The text, with `urls` in place of its links.
    fn replace(&self, text: &str, urls: &[String]) -> String {
        self.composed.fetch_add(1, Ordering::Relaxed);
        let mut urls = urls.iter();
        // As many as there are links.
        let next = |_: &regex_lite::Captures<'_>| urls.next().cloned().unwrap_or_default();
        LINK.replace_all(text, next).into_owned()
    }
}

impl TextServiceSyncHandler for TextHandler {
    fn handle_compose_text(
        &self,
        req_id: i64,
        text: String,
        carrier: BTreeMap<String, String>,
    ) -> thrift::Result<TextServiceReturn> {
        let links: Vec<String> = LINK
            .find_iter(&text)
            .map(|l| l.as_str().to_owned())
            .collect();
        check_count("links", links.len())?;
        let mut names: Vec<String> = NAME.captures_iter(&text).map(|n| n[1].to_owned()).collect();
        names.sort();
        names.dedup();
        check_count("names", names.len())?;

        let urls = self
            .url_shorten
            .lock()
            .unwrap()
            .compose_urls(req_id, links, carrier.clone())?;
        let mut users = self.user_mention.lock().unwrap();
        let user_mentions = users.compose_user_mentions(req_id, names, carrier)?;

        let short: Vec<String> = urls.iter().map(|url| url.shortened_url.clone()).collect();
        let text = self.replace(&text, &short);
        Ok(TextServiceReturn::new(text, user_mentions, urls))
    }
}

/// A client of the service at this address.
pub fn connect_url_shorten(address: &str) -> thrift::Result<UrlShortenClient> {
    let mut channel = TTcpChannel::new();
    channel.open(address)?;
    let (read, write) = channel.split()?;
    Ok(UrlShortenServiceSyncClient::new(
        TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true),
        TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true),
    ))
}

/// A client of the service at this address.
pub fn connect_user_mention(address: &str) -> thrift::Result<UserMentionClient> {
    let mut channel = TTcpChannel::new();
    channel.open(address)?;
    let (read, write) = channel.split()?;
    Ok(UserMentionServiceSyncClient::new(
        TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true),
        TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true),
    ))
}
