//! What the text services are asked, one after the other, and how.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Write},
    sync::{Arc, Mutex},
};
use textservice::social::{
    TTextServiceSyncClient, TUrlShortenServiceSyncClient, TUserMentionServiceSyncClient,
};
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};

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

/// A transport as every language has one for Thrift: each message is a call, which `send`
/// answers.
#[derive(Clone)]
pub(crate) struct Post {
    send: Arc<dyn Fn(Vec<u8>) -> io::Result<Vec<u8>> + Send + Sync>,
    request: Arc<Mutex<Vec<u8>>>,
    answer: Arc<Mutex<Cursor<Vec<u8>>>>,
}

/// What a generated client is made of.
pub(crate) type Protocols = (TBinaryInputProtocol<Post>, TBinaryOutputProtocol<Post>);

/// Thrift's binary protocol over such a transport.
pub(crate) fn protocols(
    send: impl Fn(Vec<u8>) -> io::Result<Vec<u8>> + Send + Sync + 'static,
) -> Protocols {
    let post = Post {
        send: Arc::new(send),
        request: Arc::default(),
        answer: Arc::default(),
    };
    (
        TBinaryInputProtocol::new(post.clone(), true),
        TBinaryOutputProtocol::new(post, true),
    )
}

impl Write for Post {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let message = std::mem::take(&mut *self.request.lock().unwrap());
        *self.answer.lock().unwrap() = Cursor::new((self.send)(message)?);
        Ok(())
    }
}

impl Read for Post {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.answer.lock().unwrap().read(into)
    }
}
