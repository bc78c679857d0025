//! Requests to servers that are no Skylark functions.
//!
//! A server may be asked more than once for one request, as when a node stops
//! before it has noted the answer. Each time it finds the same
//! `Idempotency-Key` among the headers, by which it can tell.
//!
//! ```
//! use skylark::{http, native::Runtime, prelude::*};
//!
//! #[skylark::function]
//! async fn weather(city: String) -> Result<f64, Failure> {
//!     let url = format!("https://weather.example/{city}");
//!     let answer = skylark::http::get(url).header("Accept", "application/json").await?;
//!     answer.json()
//! }
//!
//! # fn main() -> Result<(), Failure> {
//! let runtime = Runtime::new();
//! runtime.serve(|request| {
//!     assert_eq!(request.url, "https://weather.example/Oslo");
//!     http::Response::new(200, "-3.5")
//! });
//! assert_eq!(runtime.run::<f64>("weather", &"Oslo")?, -3.5);
//! # Ok(())
//! # }
//! ```

use super::{Wait, arrived};
use crate::{bytes::AsTheyAre, codec};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use skylark_abi::{
    call::{Failure, FailureKind},
    journal::{Action, HttpRequest},
};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// What a server answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(deserialize_with = "bytes")]
    pub body: Vec<u8>,
}

impl Response {
    /// An answer, for tests.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// Whether the status is one of success (200 to 299).
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, which is JSON, of an answer of success.
    ///
    /// # Errors
    /// The status is another, or the body is no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if !self.is_success() {
            let mut text = self.text();
            let shown = text.floor_char_boundary(SHOWN);
            text.truncate(shown);
            return Err(Failure::new(
                FailureKind::Returned,
                format!("the server answered {}: {text}", self.status),
            ));
        }
        codec::from_json(&self.body).map_err(|mismatch| {
            let wanted = std::any::type_name::<T>();
            let text = format!("the server's answer is no `{wanted}`: {}", mismatch.message);
            let failure = Failure::new(FailureKind::Returned, text);
            match mismatch.path.as_str() {
                "" => failure,
                path => failure.at(path),
            }
        })
    }
}

/// How much of a server's complaint is passed on, in bytes.
const SHOWN: usize = 1024;

/// A request, made by [`get`] and the like. Awaiting it gives the [`Response`]; it
/// fails if there was none.
#[derive(Debug)]
#[must_use = "nothing is asked before it is awaited, or by `.start()`"]
pub struct Request {
    wait: Wait,
    broken: Option<Failure>,
}

/// A request with any method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    let request = HttpRequest {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    Request {
        wait: Wait::new("a request", Action::Http(request)),
        broken: None,
    }
}

macro_rules! methods {
    ($($name:ident $method:literal),*) => {$(
        #[doc = concat!("A `", $method, "` request.")]
        pub fn $name(url: impl Into<String>) -> Request {
            request($method, url)
        }
    )*};
}

methods!(get "GET", post "POST", put "PUT", patch "PATCH", delete "DELETE", head "HEAD");

impl Request {
    fn change(mut self, change: impl FnOnce(&mut HttpRequest)) -> Self {
        if let Some(Action::Http(request)) = self.wait.action() {
            change(request);
        }
        self
    }

    /// Adds a header.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.change(|request| request.headers.push((name.into(), value.into())))
    }

    /// Gives it a body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.change(|request| request.body = body.into())
    }

    /// Gives it a JSON body.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match codec::to_json(value) {
            Ok(json) => self.header("Content-Type", "application/json").body(json),
            Err(why) => {
                let text = format!("the body of a request cannot be written as JSON: {why}");
                self.broken = Some(Failure::new(FailureKind::Contract, text));
                self
            }
        }
    }

    /// Begins now, to be awaited later.
    pub fn start(mut self) -> Self {
        if self.broken.is_none() {
            self.wait.start();
        }
        self
    }
}

impl Future for Request {
    type Output = Result<Response, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(broken) = self.broken.take() {
            return Poll::Ready(Err(broken));
        }
        self.wait
            .poll(context)
            .map(|outcome| arrived("the request", outcome))
    }
}

/// Bytes, whether they were written as such or as a list of numbers.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_byte_buf(AsTheyAre)
}
