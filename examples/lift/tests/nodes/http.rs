//! One request over HTTP on a connection of its own.

use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, or else as text.
    pub(crate) fn json(&self) -> Value {
        let text = || Value::String(String::from_utf8_lossy(&self.body).into_owned());
        serde_json::from_slice(&self.body).unwrap_or_else(|_| text())
    }
}

/// Sends it, and reads the answer to the end.
///
/// # Errors
/// The server is not there, or was lost before it had answered.
pub(crate) fn send(to: SocketAddr, request: &Request<'_>) -> io::Result<Answer> {
    let Request {
        method,
        path,
        headers,
        body,
    } = request;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in *headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(&response).map_err(io::Error::other)?
    else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let header = |wanted: &str| {
        let found = parsed
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(wanted));
        found.map_or_else(String::new, |h| {
            String::from_utf8_lossy(h.value).into_owned()
        })
    };
    let body = response[head..].to_vec();
    // A node that is killed may have sent the beginning.
    if header("content-length")
        .parse()
        .is_ok_and(|length: usize| length != body.len())
    {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Answer {
        status: parsed.code.unwrap_or_default(),
        content_type: header("content-type"),
        body,
    })
}
