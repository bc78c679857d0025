//! The text services: the same calls of generated clients to the original's servers
//! over TCP and to the lifted functions, and what crashes leave of the latter.

#[allow(dead_code)]
#[path = "../textservice/before/tests/common/mod.rs"]
mod common;
mod crash;
mod talk;

use common::Services;
use crash::CrashAt;
use skylark::native::Runtime;
use std::{collections::BTreeMap, io, sync::Arc};
use talk::{Protocols, protocols, talk};
use textservice::{
    social::{
        TTextServiceSyncClient as _, TextServiceSyncClient, UrlShortenServiceSyncClient,
        UserMentionServiceSyncClient,
    },
    text::{connect_url_shorten, connect_user_mention},
};
// Linked, so that its functions are there.
use textservice_app as _;

fn post(runtime: &Runtime, function: &'static str) -> Protocols {
    let runtime = runtime.clone();
    protocols(move |message| {
        let answer = runtime.post(function, message);
        let answer = answer.map_err(|failure| io::Error::other(failure.to_string()))?;
        Ok(answer.into())
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
    let runtime = Runtime::new();
    let of = |function| post(&runtime, function);
    let ((text_in, text_out), (url_in, url_out)) = (of("text"), of("url_shorten"));
    let (user_in, user_out) = of("user_mention");
    let lifted = talk(
        TextServiceSyncClient::new(text_in, text_out),
        UrlShortenServiceSyncClient::new(url_in, url_out),
        UserMentionServiceSyncClient::new(user_in, user_out),
    );
    assert_eq!(lifted, original);
    assert!(
        original[2].contains("Ok") && original[6].contains("short-url/3"),
        "{original:?}"
    );
    Ok(())
}

#[test]
fn links_are_shortened_once_wherever_it_crashes() -> thrift::Result<()> {
    let mut at = 0;
    loop {
        let runtime = Runtime::new();
        let faults = Arc::new(CrashAt::new(at));
        runtime.with_faults(faults.clone());
        let (input, output) = post(&runtime, "text");
        let mut text = TextServiceSyncClient::new(input, output);
        let written = "https://a.example/long";
        let composed = text.compose_text(1, written.into(), BTreeMap::new())?;
        assert_eq!(composed.text, "http://short-url/0", "crash at {at}");
        // What a crash left is due once its claim has passed.
        runtime.drive();
        let state = |name| runtime.state::<u64>(name).unwrap();
        assert_eq!(
            (state("NEXT"), state("COMPOSED")),
            (Some(1), Some(1)),
            "crash at {at}"
        );
        if !faults.happened() {
            break;
        }
        at += 1;
    }
    assert!(at > 10, "only {at} points where it could crash");
    Ok(())
}
