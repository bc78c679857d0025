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
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

#[skylark::init]
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s"<>]*[^\s"<>.,;!?)]"#).expect("it is a pattern"));
#[skylark::init]
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("@([A-Za-z0-9_-]+)").expect("it is a pattern"));

/// Answers what the text service is asked.
pub struct TextHandler;

fn url_shorten_client()
-> UrlShortenServiceSyncClient<skylark::thrift::Input, skylark::thrift::Output> {
    let (input, output) =
        skylark::thrift::to(|message| skylark::call!(crate::url_shorten(message)));
    UrlShortenServiceSyncClient::new(input, output)
}

fn user_mention_client()
-> UserMentionServiceSyncClient<skylark::thrift::Input, skylark::thrift::Output> {
    let (input, output) =
        skylark::thrift::to(|message| skylark::call!(crate::user_mention(message)));
    UserMentionServiceSyncClient::new(input, output)
}

/// How many texts were composed.
#[skylark::state]
static COMPOSED: AtomicU64 = AtomicU64::new(0);

impl TextHandler {
    /// The text, with `urls` in place of its links.
    fn replace(text: &str, urls: &[String]) -> String {
        COMPOSED.fetch_add(1, Ordering::Relaxed);
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

        let urls = url_shorten_client().compose_urls(req_id, links, carrier.clone())?;
        let mut users = user_mention_client();
        let user_mentions = users.compose_user_mentions(req_id, names, carrier)?;

        let short: Vec<String> = urls.iter().map(|url| url.shortened_url.clone()).collect();
        let text = Self::replace(&text, &short);
        Ok(TextServiceReturn::new(text, user_mentions, urls))
    }
}
