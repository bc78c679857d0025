//! What `#[skylark::external]` expands to: a typed client over [`super::http`].

use super::http;
use crate::{
    bounds::{Answered, Passed},
    target,
};
use serde_json::{Map, Value};
use skylark_abi::call::{Failure, FailureKind};

/// A request in the making.
#[derive(Debug)]
pub struct External {
    name: &'static str,
    method: &'static str,
    url: String,
    arguments: Map<String, Value>,
    broken: Option<Failure>,
}

impl External {
    /// A request of the function `name` to this address, in which `{name}` stands for an
    /// argument.
    pub fn new(name: &'static str, method: &'static str, url: &str) -> Self {
        Self {
            name,
            method,
            url: url.to_owned(),
            arguments: Map::new(),
            broken: None,
        }
    }

    /// Adds an argument: in its place in the address, else in the body, else,
    /// for methods without one, in the query.
    #[must_use]
    pub fn argument(mut self, name: &str, value: &impl Passed) -> Self {
        let value = match serde_json::to_value(value) {
            Ok(value) => value,
            Err(why) => {
                let text = format!("argument `{name}` cannot be written as JSON: {why}");
                self.broken = Some(Failure::new(FailureKind::Contract, text).at(name));
                return self;
            }
        };
        let place = format!("{{{name}}}");
        if self.url.contains(&place) {
            self.url = self.url.replace(&place, &escape(&text(&value)));
        } else {
            self.arguments.insert(name.to_owned(), value);
        }
        self
    }

    /// Asks, and reads the answer's JSON.
    ///
    /// # Errors
    /// There was no answer, one of no success, or one that is no `T`. It names the
    /// function.
    pub async fn ask<T>(self, answer: Answer<T>) -> Result<T, Failure> {
        let name = self.name;
        self.answer(answer).await.map_err(|mut failure| {
            failure.message = format!("`{name}`: {}", failure.message);
            failure
        })
    }

    async fn answer<T>(self, answer: Answer<T>) -> Result<T, Failure> {
        let Self {
            name: _,
            method,
            mut url,
            arguments,
            broken,
        } = self;
        if let Some(broken) = broken {
            return Err(broken);
        }
        let response = if matches!(method, "GET" | "HEAD" | "DELETE") {
            for (name, value) in &arguments {
                url.push(if url.contains('?') { '&' } else { '?' });
                url += &format!("{}={}", escape(name), escape(&text(value)));
            }
            http::request(method, url).await?
        } else {
            http::request(method, url).json(&arguments).await?
        };
        if response.is_success() && response.body.is_empty() {
            return answer(&http::Response::new(200, "null"));
        }
        answer(&response)
    }
}

/// Reads an answer.
pub type Answer<T> = fn(&http::Response) -> Result<T, Failure>;

/// How a `T` is read: the only place where a client asks for serde's traits, so
/// that what a type lacks is said once.
pub fn answer<T: Answered>() -> Answer<T> {
    http::Response::json
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// For a path segment or a query: everything but RFC 3986's unreserved.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// The answer; a failure ends the call.
pub fn ended_by<T>(answer: Result<T, Failure>) -> T {
    answer.unwrap_or_else(|failure| target::abort(failure))
}
