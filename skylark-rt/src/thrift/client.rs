//! What a generated client reads from and writes to.

use super::{MEDIA_TYPE, message};
use crate::{
    bytes::Bytes,
    future,
    wait::{Call, http},
};
use ::thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol, TMessageType};
use skylark_abi::call::{Failure, FailureKind};
use std::{
    cell::RefCell,
    fmt,
    io::{self, Read, Write},
    pin::Pin,
    rc::Rc,
};

/// What a generated client reads: its input protocol.
pub type Input = TBinaryInputProtocol<Responses>;
/// What a generated client writes: its output protocol.
pub type Output = TBinaryOutputProtocol<Requests>;

/// The protocols of a client whose calls go to another function of the app: `call`
/// makes the call of a message, as `|message| skylark::call!(url_shorten(message))`.
pub fn to(call: impl Fn(Bytes) -> Call<Bytes> + 'static) -> (Input, Output) {
    connect(Peer::Function(Box::new(call)))
}

/// The protocols of a client whose calls go to a Thrift server outside, each as a
/// `POST` to `url`, which a node must allow (`--allow-egress`). The server may be asked
/// more than once for one call, each time with the same `Idempotency-Key`.
pub fn to_server(url: impl Into<String>) -> (Input, Output) {
    connect(Peer::Server(url.into()))
}

fn connect(peer: Peer) -> (Input, Output) {
    let line = Rc::new(RefCell::new(Line {
        peer,
        asked: None,
        request: Vec::new(),
        response: Bytes::new(),
        read: 0,
    }));
    (
        TBinaryInputProtocol::new(Responses(Rc::clone(&line)), true),
        TBinaryOutputProtocol::new(Requests(line), true),
    )
}

enum Peer {
    Function(Box<dyn Fn(Bytes) -> Call<Bytes>>),
    Server(String),
}

type Asked = Pin<Box<dyn Future<Output = Result<Bytes, Failure>>>>;

/// A client's connection: one call at a time.
struct Line {
    peer: Peer,
    /// A message that is answered, and its beginning.
    asked: Option<(Asked, Bytes)>,
    /// What was written of the next message.
    request: Vec<u8>,
    /// The last answer, and how much of it was read.
    response: Bytes,
    read: usize,
}

/// Answers, as bytes.
pub struct Responses(Rc<RefCell<Line>>);

/// Messages, as bytes.
pub struct Requests(Rc<RefCell<Line>>);

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responses")
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Write for Requests {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// A message is whole: the call begins.
    fn flush(&mut self) -> io::Result<()> {
        let mut line = self.0.borrow_mut();
        let message = Bytes::from(std::mem::take(&mut line.request));
        let begin = message::begin(&message).map_err(io::Error::other)?;
        // What a call before this one left unread is nobody's.
        (line.response, line.read) = (Bytes::new(), 0);
        line.asked = match (&line.peer, begin.message_type) {
            (Peer::Function(call), TMessageType::OneWay) => {
                call(message)
                    .send()
                    .map_err(|f| io::Error::other(f.to_string()))?;
                None
            }
            (Peer::Function(call), _) => {
                let call = call(message.clone()).start();
                Some((Box::pin(call), message))
            }
            (Peer::Server(url), one_way) => {
                let request = http::post(url)
                    .header("Content-Type", MEDIA_TYPE)
                    .header("Accept", MEDIA_TYPE)
                    .body(message.clone())
                    .start();
                let asked: Asked = Box::pin(answer(request));
                (one_way != TMessageType::OneWay).then_some((asked, message))
            }
        };
        Ok(())
    }
}

async fn answer(request: http::Request) -> Result<Bytes, Failure> {
    let response = request.await?;
    if !response.is_success() {
        let text = format!(
            "the server answered {}: {}",
            response.status,
            response.text()
        );
        return Err(Failure::new(FailureKind::Returned, text));
    }
    Ok(response.body.into())
}

impl Read for Responses {
    /// The first byte of an answer waits for it.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Nothing is borrowed while it waits.
        let asked = self.0.borrow_mut().asked.take();
        let answer = asked.map(|(asked, message)| {
            future::block("a Thrift call", asked).or_else(|failure| {
                let begin = message::begin(&message)?;
                message::exception(&begin, failure.to_string())
            })
        });
        let mut line = self.0.borrow_mut();
        if let Some(answer) = answer {
            line.response = answer.map_err(io::Error::other)?;
            line.read = 0;
        }
        let mut rest = line.response.get(line.read..).unwrap_or_default();
        let read = rest.read(into)?;
        line.read += read;
        Ok(read)
    }
}
