//! The services as their generated clients see them, and as the bytes that go to and
//! fro.

use skylark::{Bytes, Failure, FailureKind, native::Runtime};
use social::social::{
    ErrorCode, ServiceException, TTextServiceSyncClient, TUrlShortenServiceSyncClient,
    TUserMentionServiceSyncClient, TextServiceSyncClient, UrlShortenServiceSyncClient, UserMention,
    UserMentionServiceSyncClient,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
    sync::{Arc, Mutex},
};
use thrift::{
    Error,
    protocol::{TBinaryInputProtocol, TBinaryOutputProtocol},
};

/// A client's connection to a function, by the body.
#[derive(Clone)]
struct Post {
    runtime: Runtime,
    function: &'static str,
    buffers: Arc<Mutex<Buffers>>,
}

/// What is being sent, and what came back.
type Buffers = (Vec<u8>, io::Cursor<Vec<u8>>);

type In = TBinaryInputProtocol<Post>;
type Out = TBinaryOutputProtocol<Post>;

fn protocols(runtime: &Runtime, function: &'static str) -> (In, Out) {
    let post = Post {
        runtime: runtime.clone(),
        function,
        buffers: Arc::default(),
    };
    (
        TBinaryInputProtocol::new(post.clone(), true),
        TBinaryOutputProtocol::new(post, true),
    )
}

impl Write for Post {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffers.lock().unwrap().0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buffers = self.buffers.lock().unwrap();
        let message = std::mem::take(&mut buffers.0);
        let answer = self.runtime.post(self.function, message);
        let answer = answer.map_err(|failure| io::Error::other(failure.to_string()))?;
        buffers.1 = io::Cursor::new(answer.into());
        Ok(())
    }
}

impl Read for Post {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.buffers.lock().unwrap().1.read(into)
    }
}

fn text(runtime: &Runtime) -> TextServiceSyncClient<In, Out> {
    let (input, output) = protocols(runtime, "text");
    TextServiceSyncClient::new(input, output)
}

fn links(runtime: &Runtime) -> UrlShortenServiceSyncClient<In, Out> {
    let (input, output) = protocols(runtime, "url_shorten");
    UrlShortenServiceSyncClient::new(input, output)
}

fn users(runtime: &Runtime) -> UserMentionServiceSyncClient<In, Out> {
    let (input, output) = protocols(runtime, "user_mention");
    UserMentionServiceSyncClient::new(input, output)
}

fn exception<T: std::fmt::Debug>(result: thrift::Result<T>) -> ServiceException {
    match result {
        Err(Error::User(error)) => *error.downcast().expect("it is declared"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_composed_by_three_services() -> thrift::Result<()> {
    let runtime = Runtime::new();
    let none = BTreeMap::new;
    users(&runtime).register_user(1, 7, "ann".into(), none())?;
    let taken = users(&runtime).register_user(2, 8, "ann".into(), none());
    let taken = exception(taken);
    assert_eq!(taken.error_code, ErrorCode::ALREADY_EXISTS);
    assert_eq!(taken.message, "`ann` is the name of user 7");

    let written = "@ann and @bob: https://a.example/long, http://b.example.";
    let composed = text(&runtime).compose_text(3, written.into(), none())?;
    assert_eq!(composed.user_mentions, [UserMention::new(7, "ann".into())]);
    let short: Vec<String> = composed
        .urls
        .iter()
        .map(|u| u.shortened_url.clone())
        .collect();
    assert_eq!(short.iter().collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(
        composed.text,
        format!("@ann and @bob: {}, {}.", short[0], short[1])
    );

    let expanded = links(&runtime).get_extended_urls(4, short, none())?;
    assert_eq!(expanded, ["https://a.example/long", "http://b.example"]);
    let kept: BTreeMap<String, String> = runtime.state("LINKS").unwrap().unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(runtime.state::<u64>("COMPOSED").unwrap(), Some(1));

    let unknown = links(&runtime).get_extended_urls(5, vec!["http://x".into()], none());
    assert_eq!(exception(unknown).error_code, ErrorCode::NOT_FOUND);
    Ok(())
}

#[test]
fn what_a_service_of_a_service_refuses_is_nobodys_success() {
    let runtime = Runtime::new();
    let much = "http://a ".repeat(social::LIMITS.1 + 1);
    let refused = text(&runtime).compose_text(1, much, BTreeMap::new());
    assert_eq!(exception(refused).error_code, ErrorCode::INVALID_ARGUMENT);
    assert_eq!(runtime.state::<u64>("COMPOSED").unwrap(), None);
}

/// `ComposeUrls` with sequence number 1 and request id 9, as every Thrift client
/// writes it.
const COMPOSE: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x0bComposeUrls\x00\x00\x00\x01\
    \x0a\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09\
    \x0f\x00\x02\x0b\x00\x00\x00\x01\x00\x00\x00\x08http://a\
    \x0d\x00\x03\x0b\x0b\x00\x00\x00\x00\
    \x00";

#[test]
fn messages_are_those_of_the_binary_protocol() -> Result<(), Failure> {
    let runtime = Runtime::new();
    let answer = runtime.post("url_shorten", COMPOSE)?;
    let kept: BTreeMap<String, String> = runtime.state("LINKS")?.unwrap();
    let short = format!("http://short-url/{}", kept.keys().next().unwrap());
    let wanted = [
        b"\x80\x01\x00\x02\x00\x00\x00\x0bComposeUrls\x00\x00\x00\x01\
          \x0f\x00\x00\x0c\x00\x00\x00\x01\
          \x0b\x00\x01\x00\x00\x00\x1b",
        short.as_bytes(),
        b"\x0b\x00\x02\x00\x00\x00\x08http://a\x00\x00",
    ]
    .concat();
    assert_eq!(answer, Bytes::from(wanted));

    let unknown = b"\x80\x01\x00\x01\x00\x00\x00\x04Nope\x00\x00\x00\x07\x00";
    let answer = runtime.post("url_shorten", unknown)?;
    let wanted = b"\x80\x01\x00\x03\x00\x00\x00\x04Nope\x00\x00\x00\x07\
        \x0b\x00\x01\x00\x00\x00\x13unknown method Nope\x08\x00\x02\x00\x00\x00\x01\x00";
    assert_eq!(answer, wanted);
    Ok(())
}

#[test]
fn what_is_no_message_is_refused() {
    let runtime = Runtime::new();
    // A list of more elements than the message has bytes.
    let vast = COMPOSE.to_vec();
    let at = vast
        .windows(4)
        .position(|w| w == b"\x0f\x00\x02\x0b")
        .unwrap()
        + 4;
    let vast = [&vast[..at], b"\x7f\xff\xff\xff", &vast[at + 4..]].concat();
    for (body, want) in [
        (&b""[..], "no call in Thrift's binary protocol"),
        (b"{\"text\": 1}", "invalid thrift version"),
        (&COMPOSE[..9], "no call in Thrift's binary protocol"),
    ] {
        let failure = runtime.post("url_shorten", body).unwrap_err();
        assert!(failure.message.contains(want), "{body:?}: {failure}");
        assert_eq!(failure.kind, FailureKind::Input);
    }
    let answer = runtime.post("url_shorten", vast).unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.contains("exceeds maximum allowed size"), "{text}");
    assert_eq!(
        runtime.state::<BTreeMap<String, String>>("LINKS").unwrap(),
        None
    );
    let failure = runtime.run::<String>("url_shorten", &7).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Input);
    assert!(
        failure.message.contains("application/octet-stream"),
        "{failure}"
    );
}
