//! Services in Thrift's binary protocol, as their generated clients see them over HTTP.

use crate::{
    neighbours::Pair,
    world::{KINDS, World, bounds, ended, served, state, world},
};
use generated::{
    TTextServiceSyncClient as _, TUserMentionServiceSyncClient as _, TextServiceReturn,
    TextServiceSyncClient, UserMention, UserMentionServiceSyncClient,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
};
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use tokio::{net::TcpListener, task::spawn_blocking};

#[allow(dead_code, unreachable_pub, missing_docs, clippy::all, rust_2018_idioms)]
#[rustfmt::skip]
#[path = "../../../examples/social/src/social.rs"]
mod generated;

/// A transport as every language has one for Thrift: each message is the body of a
/// `POST`, each answer that of its response.
#[derive(Clone)]
struct Post {
    to: SocketAddr,
    path: &'static str,
    key: String,
    buffers: Arc<Mutex<Buffers>>,
}

#[derive(Default)]
struct Buffers {
    /// The run that was answered for last.
    run: String,
    /// What was written of a message.
    request: Vec<u8>,
    /// What is yet to be read of an answer.
    answer: Cursor<Vec<u8>>,
}

impl Write for Post {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffers.lock().unwrap().request.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let message = std::mem::take(&mut self.buffers.lock().unwrap().request);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: node\r\nconnection: close\r\nidempotency-key: {}\r\n\
             content-type: application/x-thrift\r\ncontent-length: {}\r\n\r\n",
            self.path,
            self.key,
            message.len()
        );
        let mut stream = TcpStream::connect(self.to)?;
        stream.write_all(&[head.as_bytes(), &message].concat())?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response)?;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut headers);
        let head = match parsed.parse(&response).map_err(io::Error::other)? {
            httparse::Status::Complete(head) => head,
            httparse::Status::Partial => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let header = |name: &str| {
            let found = parsed.headers.iter().find(|h| h.name == name);
            found.map(|h| h.value)
        };
        let content_type = header("content-type");
        let run = header("skylark-run-id").map(|id| String::from_utf8_lossy(id).into_owned());
        let body = response[head..].to_vec();
        if (parsed.code, content_type) != (Some(200), Some(b"application/x-thrift")) {
            return Err(io::Error::other(
                String::from_utf8_lossy(&response).into_owned(),
            ));
        }
        let mut buffers = self.buffers.lock().unwrap();
        buffers.answer = Cursor::new(body);
        buffers.run = run.unwrap_or_default();
        Ok(())
    }
}

impl Read for Post {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.buffers.lock().unwrap().answer.read(into)
    }
}

type Protocols = (TBinaryInputProtocol<Post>, TBinaryOutputProtocol<Post>);

fn protocols(to: SocketAddr, path: &'static str, key: &str) -> (Post, Protocols) {
    let post = Post {
        to,
        path,
        key: key.to_owned(),
        buffers: Arc::default(),
    };
    let protocols = (
        TBinaryInputProtocol::new(post.clone(), true),
        TBinaryOutputProtocol::new(post.clone(), true),
    );
    (post, protocols)
}

fn register(to: SocketAddr) {
    let (_, (input, output)) = protocols(to, "/f/social/user_mention", "register");
    let mut client = UserMentionServiceSyncClient::new(input, output);
    let registered = client.register_user(1, 7, "ann".into(), BTreeMap::new());
    registered.expect("the name is free");
}

/// A composed text, and the run that composed it.
fn compose(to: SocketAddr, key: &str) -> (TextServiceReturn, String) {
    let (post, (input, output)) = protocols(to, "/f/social/text?policy=random", key);
    let mut client = TextServiceSyncClient::new(input, output);
    let text = format!("@ann: http://a.example/{key} https://b.example/{key}");
    let composed = client.compose_text(1, text, BTreeMap::new());
    let run = post.buffers.lock().unwrap().run.clone();
    (composed.expect("it is composed"), run)
}

/// What was composed.
#[derive(Default)]
struct Composed {
    /// The short links.
    links: BTreeSet<String>,
    runs: BTreeSet<String>,
}

/// Composes texts from several threads, each sent to all nodes with the same key.
async fn compose_all(nodes: &[SocketAddr], threads: usize, texts: usize) -> Composed {
    let sent = (0..threads).map(|thread| {
        let nodes = nodes.to_vec();
        spawn_blocking(move || {
            let mut all = Composed::default();
            for text in 0..texts {
                let key = format!("{thread}-{text}");
                let (first, run) = compose(nodes[0], &key);
                for node in &nodes {
                    assert_eq!(compose(*node, &key), (first.clone(), run.clone()), "{key}");
                }
                assert_eq!(first.user_mentions, [UserMention::new(7, "ann".into())]);
                all.links
                    .extend(first.urls.into_iter().map(|u| u.shortened_url));
                all.runs.insert(run);
            }
            all
        })
    });
    let mut all = Composed::default();
    for sent in futures::future::join_all(sent).await {
        let Composed { links, runs } = sent.expect("it ends");
        all.links.extend(links);
        all.runs.extend(runs);
    }
    all
}

/// The links that the service keeps, as they are told.
async fn kept(node: &skylark_node::node::Node) -> BTreeSet<String> {
    let kept = state(node, "social", "LINKS").await;
    let kept: BTreeMap<String, String> = serde_json::from_value(kept).expect("a map");
    kept.into_keys()
        .map(|short| format!("http://short-url/{short}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thrift_calls_take_effect_once_on_every_store() {
    for kind in KINDS {
        let World {
            node,
            directory,
            redis: _redis,
            ..
        } = world(kind, bounds(), &["social"]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("address");
        served(node.clone(), listener, directory.path()).await;
        spawn_blocking(move || register(address))
            .await
            .expect("registered");
        let told = compose_all(&[address], 2, 2).await.links;
        assert_eq!((told.len(), &told), (8, &kept(&node).await), "{kind}");
        assert_eq!(state(&node, "social", "COMPOSED").await, 4, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thrift_calls_between_nodes_take_effect_once() {
    let pair = Pair::start("social", true).await;
    let nodes = pair.addresses;
    spawn_blocking(move || register(nodes[0]))
        .await
        .expect("registered");
    let Composed { links, runs } = compose_all(&nodes, 4, 4).await;
    assert_eq!((links.len(), &links), (32, &kept(&pair.edge).await));
    assert_eq!(state(&pair.edge, "social", "COMPOSED").await, 16);
    assert_eq!(runs.len(), 16);

    // Where each ran, and how often: what was asked for stays where it was asked, and
    // goes on there after each of its two waits; what it calls goes either way.
    let mut ran = BTreeMap::<_, BTreeMap<_, usize>>::new();
    for run in runs {
        for task in ended(&pair.edge, &run).await.tasks {
            let on = ran.entry(task.function).or_default();
            *on.entry(task.node).or_default() += 1;
        }
    }
    let text = ran.remove("text");
    assert_eq!(text, Some(BTreeMap::from([("edge".to_owned(), 3 * 16)])));
    let called: Vec<_> = ran.keys().collect();
    assert_eq!(called, ["url_shorten", "user_mention"]);
    for (function, on) in ran {
        let nodes: Vec<_> = on.keys().collect();
        assert_eq!(nodes, ["cloud", "edge"], "{function}");
        assert_eq!(on.values().sum::<usize>(), 16, "{function}: {on:?}");
    }
}
