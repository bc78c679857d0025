//! Calls by clients that Thrift generated: what goes wrong in them, and where they may
//! not wait.

use skylark::{Bytes, native::Runtime, thrift};
use social::{
    ServiceException, TUrlShortenServiceSyncClient as _, Url, UrlShortenServiceSyncClient,
    UrlShortenServiceSyncHandler, UrlShortenServiceSyncProcessor,
};
use std::{collections::BTreeMap, sync::Mutex};

#[allow(dead_code, missing_docs, unreachable_pub, clippy::all, rust_2018_idioms)]
#[rustfmt::skip]
#[path = "../../examples/social/src/social.rs"]
mod social;

/// Does as the first link says.
struct Moody;

impl UrlShortenServiceSyncHandler for Moody {
    fn handle_compose_urls(
        &self,
        req_id: i64,
        urls: Vec<String>,
        _carrier: BTreeMap<String, String>,
    ) -> ::thrift::Result<Vec<Url>> {
        *ASKED.lock().unwrap() += 1;
        match urls[0].as_str() {
            "panic" => panic!("as told"),
            "declared" => {
                Err(ServiceException::new(social::ErrorCode(40), "as told".into()).into())
            }
            "other" => Err("as told".into()),
            _ => Ok(vec![Url::new(req_id.to_string(), urls[0].clone())]),
        }
    }

    fn handle_get_extended_urls(
        &self,
        _: i64,
        _: Vec<String>,
        _: BTreeMap<String, String>,
    ) -> ::thrift::Result<Vec<String>> {
        Ok(vec![])
    }
}

#[skylark::state]
static ASKED: Mutex<u32> = Mutex::new(0);

#[skylark::state]
static ASKING: Mutex<u32> = Mutex::new(0);

#[skylark::state]
#[derive(Default)]
struct Desk {
    asked: u32,
}

#[skylark::function]
fn moody(message: Bytes) -> Bytes {
    thrift::serve(&UrlShortenServiceSyncProcessor::new(Moody), &message)
}

fn ask(mood: &str) -> Result<String, String> {
    let (input, output) = thrift::to(|message| skylark::call!(moody(message)));
    shorten(input, output, mood)
}

fn shorten(input: thrift::Input, output: thrift::Output, link: &str) -> Result<String, String> {
    let mut client = UrlShortenServiceSyncClient::new(input, output);
    let mut of = |n| client.compose_urls(n, vec![link.to_owned()], BTreeMap::new());
    match of(1).and_then(|first| Ok((first, of(2)?))) {
        Ok((first, second)) => Ok(format!(
            "{} {}",
            first[0].shortened_url, second[0].shortened_url
        )),
        Err(::thrift::Error::User(e)) => Err(format!(
            "declared: {}",
            e.downcast::<ServiceException>().unwrap().message
        )),
        Err(::thrift::Error::Application(e)) => Err(format!("{:?}: {}", e.kind, e.message)),
        Err(other) => Err(format!("{other:?}")),
    }
}

#[skylark::function]
async fn asks(mood: String) -> Result<String, String> {
    *ASKING.lock().unwrap() += 1;
    ask(&mood)
}

#[skylark::function]
fn asks_at_once(mood: String) -> Result<String, String> {
    ask(&mood)
}

#[skylark::function]
async fn asks_with_a_lock(mood: String) -> Result<String, String> {
    let guard = ASKING.lock().unwrap();
    let asked = ask(&mood);
    drop(guard);
    asked
}

#[skylark::function]
async fn asks_with_a_struct(mood: String) -> Result<String, String> {
    skylark::with(|desk: &Desk| ask(&format!("{mood}{}", desk.asked)))
}

#[skylark::function]
async fn asks_outside(link: String) -> Result<String, String> {
    let (input, output) = thrift::to_server("http://urls.example/");
    shorten(input, output, &link)
}

#[test]
fn answers_and_failures_come_to_the_client() {
    let check = |mood: &str, want: Result<&str, &str>, asked: u32| {
        let runtime = Runtime::new();
        let found = runtime.run::<String>("asks", &mood);
        match (found, want) {
            (Ok(found), Ok(want)) => assert_eq!(found, want, "{mood}"),
            (Err(found), Err(want)) => assert!(found.message.contains(want), "{mood}: {found}"),
            (found, want) => panic!("{mood}: {found:?}, not {want:?}"),
        }
        // Once each, however often the caller is executed.
        let count = |name| runtime.state::<u32>(name).unwrap().unwrap_or_default();
        assert_eq!((count("ASKING"), count("ASKED")), (1, asked), "{mood}");
    };
    check("http://a", Ok("1 2"), 2);
    check("declared", Err("declared: as told"), 1);
    check("other", Err("Unknown: as told"), 1);
    check("panic", Err("InternalError: panicked: as told"), 0);
}

#[test]
fn where_a_client_may_not_wait() {
    let check = |function: &str, want: &str| {
        let failure = Runtime::new().run::<String>(function, &"a").unwrap_err();
        assert!(failure.message.contains(want), "{function}: {failure}");
    };
    check(
        "asks_at_once",
        "a Thrift call waits in `asks_at_once`, which is no `async fn`",
    );
    check("asks_with_a_lock", "`ASKING`");
    check(
        "asks_with_a_struct",
        "a Thrift call waits while `Desk` is lent",
    );
}

#[test]
fn a_server_outside_is_asked_over_http() {
    let runtime = Runtime::new();
    runtime.serve(|request| {
        let header = |name: &str| {
            request
                .headers
                .iter()
                .any(|(n, v)| n == name && !v.is_empty())
        };
        assert!(
            header("Idempotency-Key") && header("Content-Type"),
            "{request:?}"
        );
        let answer = thrift::serve(&UrlShortenServiceSyncProcessor::new(Outside), &request.body);
        skylark::http::Response::new(200, answer)
    });
    assert_eq!(
        runtime.run::<String>("asks_outside", &"x").unwrap(),
        "x1 x2"
    );
    let failure = runtime.run::<String>("asks_outside", &"panic").unwrap_err();
    assert!(failure.message.contains("InternalError"), "{failure}");
}

struct Outside;

impl UrlShortenServiceSyncHandler for Outside {
    fn handle_compose_urls(
        &self,
        req_id: i64,
        urls: Vec<String>,
        _: BTreeMap<String, String>,
    ) -> ::thrift::Result<Vec<Url>> {
        assert_ne!(urls[0], "panic");
        Ok(vec![Url::new(
            format!("{}{req_id}", urls[0]),
            urls[0].clone(),
        )])
    }

    fn handle_get_extended_urls(
        &self,
        _: i64,
        _: Vec<String>,
        _: BTreeMap<String, String>,
    ) -> ::thrift::Result<Vec<String>> {
        Ok(vec![])
    }
}
