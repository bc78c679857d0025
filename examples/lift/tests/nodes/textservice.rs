//! The text services, by their generated clients in Thrift's binary protocol.

use crate::{
    http::{Request, send},
    node::Node,
    servers::Services,
    talk::{Protocols, protocols, talk},
    under_crashes,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
};
use textservice::{
    social::{
        TTextServiceSyncClient as _, TUserMentionServiceSyncClient as _, TextServiceSyncClient,
        UrlShortenServiceSyncClient, UserMentionServiceSyncClient,
    },
    text::{connect_url_shorten, connect_user_mention},
};

const TYPE: &str = "application/x-thrift";

fn post(to: SocketAddr, function: &'static str, key: Option<String>) -> Protocols {
    protocols(move |message| {
        let key = key.as_deref().map(|key| ("idempotency-key", key));
        let headers: Vec<_> = key.into_iter().chain([("content-type", TYPE)]).collect();
        let request = Request {
            method: "POST",
            path: &format!("/f/textservice-app/{function}"),
            headers: &headers,
            body: &message,
        };
        let answer = send(to, &request)?;
        if (answer.status, answer.content_type.as_str()) != (200, TYPE) {
            return Err(io::Error::other(format!("{answer:?}")));
        }
        Ok(answer.body)
    })
}

#[test]
fn both_answer_alike() -> thrift::Result<()> {
    let services = Services::start()?;
    let original = talk(
        services.connect()?,
        connect_url_shorten(&services.url_shorten.to_string())?,
        connect_user_mention(&services.user_mention.to_string())?,
    );
    let node = Node::start("textservice-app");
    let of = |function| post(node.address, function, None);
    let ((text_in, text_out), (url_in, url_out)) = (of("text"), of("url_shorten"));
    let (user_in, user_out) = of("user_mention");
    let lifted = talk(
        TextServiceSyncClient::new(text_in, text_out),
        UrlShortenServiceSyncClient::new(url_in, url_out),
        UserMentionServiceSyncClient::new(user_in, user_out),
    );
    assert_eq!(lifted, original);
    assert!(original[6].contains("short-url/3"), "{original:?}");
    Ok(())
}

#[test]
fn links_are_shortened_once_though_the_node_is_killed() {
    const TEXTS: usize = 60;
    let mut node = Node::start("textservice-app");
    let (input, output) = post(node.address, "user_mention", None);
    let mut users = UserMentionServiceSyncClient::new(input, output);
    users
        .register_user(1, 7, "ann".into(), BTreeMap::new())
        .unwrap();
    let composed = under_crashes(&mut node, TEXTS, 3, |to, n| {
        let (input, output) = post(to, "text", Some(format!("text {n}")));
        let mut text = TextServiceSyncClient::new(input, output);
        let written = format!("@ann: http://a.example/{n}");
        let composed = text.compose_text(1, written, BTreeMap::new());
        composed.map_err(|error| io::Error::other(error.to_string()))
    });
    let told: BTreeSet<&str> = composed
        .iter()
        .map(|text| text.urls[0].shortened_url.as_str())
        .collect();
    assert_eq!(told.len(), TEXTS, "each text has its link");
    let state = |name| node.state("textservice-app", name);
    assert_eq!(state("COMPOSED"), TEXTS);
    assert_eq!(state("NEXT"), TEXTS);
    assert_eq!(state("LINKS").as_object().unwrap().len(), TEXTS);
}
