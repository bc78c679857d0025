//! Texts, with the links and names in them.

use crate::{
    LIMITS, check_count, refusal,
    social::{
        ErrorCode, TUrlShortenServiceSyncClient as _, TUserMentionServiceSyncClient as _,
        TextServiceReturn, TextServiceSyncHandler, UrlShortenServiceSyncClient,
        UserMentionServiceSyncClient,
    },
    url_shorten, user_mention,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// How many texts were composed.
#[skylark::state]
static COMPOSED: Mutex<u64> = Mutex::new(0);

pub(crate) struct Handler;

impl TextServiceSyncHandler for Handler {
    fn handle_compose_text(
        &self,
        req_id: i64,
        text: String,
        carrier: BTreeMap<String, String>,
    ) -> thrift::Result<TextServiceReturn> {
        if text.len() > LIMITS.0 {
            let refused = format!("a text of {} bytes, more than {}", text.len(), LIMITS.0);
            return Err(refusal(ErrorCode::INVALID_ARGUMENT, refused));
        }
        let found = links(&text);
        check_count("links", found.len())?;
        let usernames = names(&text);
        check_count("names", usernames.len())?;

        let (input, output) = skylark::thrift::to(|call| skylark::call!(url_shorten(call)));
        let mut shortener = UrlShortenServiceSyncClient::new(input, output);
        let links = found.iter().map(|link| (*link).to_owned()).collect();
        let urls = shortener.compose_urls(req_id, links, carrier.clone())?;

        let (input, output) = skylark::thrift::to(|call| skylark::call!(user_mention(call)));
        let mut users = UserMentionServiceSyncClient::new(input, output);
        let user_mentions = users.compose_user_mentions(req_id, usernames, carrier)?;

        let mut shortened = String::with_capacity(text.len());
        let mut rest = text.as_str();
        for (link, url) in found.iter().zip(&urls) {
            let (before, after) = rest.split_once(link).unwrap_or((rest, ""));
            shortened += before;
            shortened += &url.shortened_url;
            rest = after;
        }
        shortened += rest;
        *COMPOSED.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(TextServiceReturn::new(shortened, user_mentions, urls))
    }
}

/// The links in a text, in order.
fn links(text: &str) -> Vec<&str> {
    let ends = |c: char| c.is_whitespace() || "\"<>".contains(c);
    let mut links = Vec::new();
    let mut rest = text;
    while let Some(at) = ["http://", "https://"]
        .iter()
        .filter_map(|s| rest.find(s))
        .min()
    {
        let link = &rest[at..];
        let link = &link[..link.find(ends).unwrap_or(link.len())];
        // The point at the end of a sentence is no part of it.
        let link = link.trim_end_matches(['.', ',', ';', '!', '?', ')']);
        links.push(link);
        rest = &rest[at + link.len()..];
    }
    links
}

/// The names that a text mentions, each once, in order of the alphabet.
fn names(text: &str) -> Vec<String> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mentions = text.split('@').skip(1).filter_map(|after| {
        let name = after.split(|c| !part(c)).next()?;
        (!name.is_empty()).then(|| name.to_owned())
    });
    let mut names: Vec<String> = mentions.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_names_are_found_in_a_text() {
        let check = |text: &str, want_links: &[&str], want_names: &[&str]| {
            assert_eq!(links(text), want_links, "{text}");
            assert_eq!(names(text), want_names, "{text}");
        };
        check("", &[], &[]);
        check("nothing here", &[], &[]);
        check(
            "See https://a.example/x?y=1, and http://b.example. @bob @ann @bob!",
            &["https://a.example/x?y=1", "http://b.example"],
            &["ann", "bob"],
        );
        check("@ é@zoë http://", &["http://"], &["zoë"]);
        check("http://a http://a", &["http://a", "http://a"], &[]);
    }
}
