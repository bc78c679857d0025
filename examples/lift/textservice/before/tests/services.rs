//! The services over TCP.

mod common;

use common::Services;
use std::collections::BTreeMap;
use textservice::{
    social::{
        TTextServiceSyncClient as _, TUrlShortenServiceSyncClient as _,
        TUserMentionServiceSyncClient as _, UserMention,
    },
    text::{connect_url_shorten, connect_user_mention},
};

#[test]
fn a_text_is_composed_by_three_services() -> thrift::Result<()> {
    let services = Services::start()?;
    let none = BTreeMap::new;
    let mut users = connect_user_mention(&services.user_mention.to_string())?;
    users.register_user(1, 7, "ann".into(), none())?;
    assert!(users.register_user(2, 8, "ann".into(), none()).is_err());

    let mut text = services.connect()?;
    let written = "@ann, @bob: https://a.example/long, http://b.example.";
    let composed = text.compose_text(3, written.into(), none())?;
    assert_eq!(
        composed.text,
        "@ann, @bob: http://short-url/0, http://short-url/1."
    );
    assert_eq!(composed.user_mentions, [UserMention::new(7, "ann".into())]);

    let mut links = connect_url_shorten(&services.url_shorten.to_string())?;
    let short = vec!["http://short-url/1".into()];
    let expanded = links.get_extended_urls(4, short, none())?;
    assert_eq!(expanded, ["http://b.example"]);
    Ok(())
}
