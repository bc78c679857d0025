//! What the text services are asked, one after the other.

use std::collections::BTreeMap;
use textservice::social::{
    TTextServiceSyncClient, TUrlShortenServiceSyncClient, TUserMentionServiceSyncClient,
};

/// What clients of the three services see.
pub(crate) fn talk(
    mut text: impl TTextServiceSyncClient,
    mut links: impl TUrlShortenServiceSyncClient,
    mut users: impl TUserMentionServiceSyncClient,
) -> Vec<String> {
    let none = BTreeMap::new;
    let many = "@a ".repeat(3) + &"http://x.example/ ".repeat(300);
    let texts = [
        "",
        "nothing here",
        "@ann, @bob and @ann: https://a.example/long, http://b.example.",
        "http://b.example http://b.example",
        &many,
    ];
    let mut seen = vec![
        format!("{:?}", users.register_user(1, 7, "ann".into(), none())),
        format!("{:?}", users.register_user(2, 8, "ann".into(), none())),
        format!("{:?}", users.register_user(3, 8, "bob".into(), none())),
    ];
    for line in texts {
        seen.push(format!("{:?}", text.compose_text(4, line.into(), none())));
    }
    for link in ["http://short-url/1", "http://short-url/9"] {
        let found = links.get_extended_urls(5, vec![link.into()], none());
        seen.push(format!("{found:?}"));
    }
    seen
}
