//! Short links and what they stand for.

use crate::{
    check_count, refusal,
    social::{ErrorCode, Url, UrlShortenServiceSyncHandler},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// What each short link stands for, by the characters after [`HOST`].
#[skylark::state]
static LINKS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

const HOST: &str = "http://short-url/";
/// Characters after the host.
const LENGTH: usize = 10;

pub(crate) struct Handler;

impl UrlShortenServiceSyncHandler for Handler {
    fn handle_compose_urls(
        &self,
        _req_id: i64,
        urls: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<Url>> {
        check_count("links", urls.len())?;
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        let shortened = urls.into_iter().map(|expanded| {
            let mut short = random();
            while links.contains_key(&short) {
                short = random();
            }
            links.insert(short.clone(), expanded.clone());
            Url::new(format!("{HOST}{short}"), expanded)
        });
        Ok(shortened.collect())
    }

    fn handle_get_extended_urls(
        &self,
        _req_id: i64,
        shortened_urls: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<String>> {
        check_count("links", shortened_urls.len())?;
        let links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        let expanded = shortened_urls.iter().map(|url| {
            let found = url.strip_prefix(HOST).and_then(|short| links.get(short));
            found
                .cloned()
                .ok_or_else(|| refusal(ErrorCode::NOT_FOUND, format!("there is no link `{url}`")))
        });
        expanded.collect()
    }
}

/// Recorded: executed again, the same.
fn random() -> String {
    skylark::nondet(|| {
        std::iter::repeat_with(fastrand::alphanumeric)
            .take(LENGTH)
            .collect()
    })
}
