//! Short links, and what they stand for.

use crate::{
    check_count, refusal,
    social::{ErrorCode, Url, UrlShortenServiceSyncHandler},
};
use std::{
    collections::BTreeMap,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

const HOST: &str = "http://short-url/";

/// Answers what the service of short links is asked.
pub struct UrlShortenHandler;

/// What each short link stands for.
#[skylark::state]
static LINKS: RwLock<BTreeMap<String, String>> = RwLock::new(BTreeMap::new());

#[skylark::state]
static NEXT: AtomicU64 = AtomicU64::new(0);

impl UrlShortenServiceSyncHandler for UrlShortenHandler {
    fn handle_compose_urls(
        &self,
        _req_id: i64,
        urls: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> thrift::Result<Vec<Url>> {
        check_count("links", urls.len())?;
        let mut links = LINKS.write().unwrap();
        let shortened = urls.into_iter().map(|expanded| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let short = format!("{HOST}{number:x}");
            links.insert(short.clone(), expanded.clone());
            Url::new(short, expanded)
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
        let links = LINKS.read().unwrap();
        let expanded = shortened_urls.into_iter().map(|url| {
            let found = links.get(&url).cloned();
            found.ok_or_else(|| refusal(ErrorCode::NOT_FOUND, format!("there is no link `{url}`")))
        });
        expanded.collect()
    }
}
