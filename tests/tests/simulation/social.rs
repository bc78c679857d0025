//! Texts of a social network, composed by three services that call each other by
//! Thrift.

use crate::apps::{Ended, state, value};
use ::social::social::{
    TTextServiceSyncClient as _, TUserMentionServiceSyncClient as _, TextServiceReturn,
    TextServiceSyncClient, UserMention, UserMentionServiceSyncClient,
};
use skylark::{Bytes, native::Runtime};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
};
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};

type In = TBinaryInputProtocol<Cursor<Vec<u8>>>;
type Out<'a> = TBinaryOutputProtocol<&'a mut Vec<u8>>;

/// The protocols of a client that writes to `request` and reads this answer.
fn protocols(request: &mut Vec<u8>, answer: Bytes) -> (In, Out<'_>) {
    (
        TBinaryInputProtocol::new(Cursor::new(answer.into()), true),
        TBinaryOutputProtocol::new(request, true),
    )
}

/// What a client asks, and what it makes of the answer.
fn compose(n: u32, seed: u64, answer: Bytes) -> (Bytes, thrift::Result<TextServiceReturn>) {
    let mut request = Vec::new();
    let (input, output) = protocols(&mut request, answer);
    let text = format!(
        "@ann, @nobody: {}",
        "http://a.example/x ".repeat(links(n, seed))
    );
    let mut client = TextServiceSyncClient::new(input, output);
    let composed = client.compose_text(n.into(), text, BTreeMap::new());
    drop(client);
    (request.into(), composed)
}

fn links(n: u32, seed: u64) -> usize {
    ((u64::from(n) + seed) % 4) as usize
}

pub(crate) fn register(runtime: &Runtime) {
    let mut request = Vec::new();
    let (input, output) = protocols(&mut request, Bytes::new());
    let mut client = UserMentionServiceSyncClient::new(input, output);
    // There is no answer yet: only what it asks is of interest.
    let _ = client.register_user(1, 7, "ann".into(), BTreeMap::new());
    drop(client);
    runtime.post("user_mention", request).expect("it is taken");
}

pub(crate) fn request(runtime: &Runtime, n: u32, seed: u64) -> String {
    let (message, _) = compose(n, seed, Bytes::new());
    runtime.start("text", &message).expect("it is JSON")
}

pub(crate) fn check(runtime: &Runtime, ended: &[Ended], seed: u64) {
    let mut told = BTreeSet::new();
    let mut wanted = 0;
    for (n, ended) in (0..).zip(ended) {
        let (_, composed) = compose(n, seed, value::<Bytes>(ended));
        let composed = composed.expect("it is composed");
        assert_eq!(composed.user_mentions, [UserMention::new(7, "ann".into())]);
        assert_eq!(composed.urls.len(), links(n, seed), "{n}");
        for url in composed.urls {
            assert!(composed.text.contains(&url.shortened_url), "{n}");
            let short = url.shortened_url.trim_start_matches("http://short-url/");
            told.insert(short.to_owned());
        }
        wanted += links(n, seed);
    }
    // As many links as there are in the texts, however often they were asked for.
    let kept: BTreeMap<String, String> = state(runtime, "LINKS");
    assert_eq!((told.len(), kept.len()), (wanted, wanted));
    assert!(kept.keys().eq(&told));
    assert_eq!(state::<u64>(runtime, "COMPOSED"), ended.len() as u64);
}
