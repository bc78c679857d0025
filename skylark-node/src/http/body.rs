//! Bodies: one small answer type for the hot path, and reading within limits.

use super::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

/// An answer's body: whole, without an allocation of its own, or whatever the
/// router made.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it.
    Full(Bytes),
    /// From the router.
    Routed(axum::body::Body),
}

impl Body {
    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(bytes.into())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_empty(),
            Self::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Routed(body) => body.size_hint(),
        }
    }
}

/// How a request's body is bounded.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimit {
    /// What it is, for the error: `the input`.
    pub(super) what: &'static str,
    /// In bytes.
    pub(super) bytes: u64,
    /// The limit's option.
    pub(super) option: &'static str,
    /// How long it may take to arrive.
    pub(super) timeout: Duration,
}

/// How long what a refused request still sends is taken in and thrown away. A
/// socket closed with unread bytes resets the connection, and the client may
/// never see why it was refused.
const LINGER: Duration = Duration::from_secs(2);

/// Reads a whole body. What is declared too large is refused unread, what
/// turns out too large while it is read.
pub(super) async fn read<B>(
    headers: &HeaderMap,
    mut body: B,
    limit: BodyLimit,
) -> Result<Bytes, Problem>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let result = if declared.is_some_and(|n| n > limit.bytes) {
        Err(limit.exceeded())
    } else {
        in_time(collect(&mut body, limit), limit).await
    };
    // A client that asked for leave to send gets none and sends nothing.
    if result.is_err() && !headers.contains_key(header::EXPECT) {
        tokio::spawn(tokio::time::timeout(LINGER, async move {
            while let Some(Ok(_)) = next(&mut body).await {}
        }));
    }
    result
}

/// Most bodies are there with their headers: those need no timer.
async fn in_time(
    collecting: impl Future<Output = Result<Bytes, Problem>>,
    limit: BodyLimit,
) -> Result<Bytes, Problem> {
    let mut collecting = pin!(collecting);
    match poll_fn(|cx| Poll::Ready(collecting.as_mut().poll(cx))).await {
        Poll::Ready(read) => read,
        Poll::Pending => tokio::time::timeout(limit.timeout, collecting)
            .await
            .unwrap_or_else(|_| Err(limit.late())),
    }
}

async fn next<B: HttpBody + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

async fn collect<B>(body: &mut B, limit: BodyLimit) -> Result<Bytes, Problem>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    // One frame is the rule, and it is handed on as it came.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = next(body).await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body broke off: {error}");
            Problem::new(StatusCode::BAD_REQUEST, "body-incomplete", detail)
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let so_far = first.len() + all.len() + data.len();
        if so_far as u64 > limit.bytes {
            return Err(limit.exceeded());
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

impl BodyLimit {
    /// The rest of the body is not read: the connection ends with the answer.
    fn exceeded(&self) -> Problem {
        Problem::too_large(self.what, self.bytes, self.option).closing()
    }

    fn late(&self) -> Problem {
        let detail = format!(
            "{} did not arrive within {} (`--body-timeout`)",
            self.what,
            humantime::format_duration(self.timeout)
        );
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail).closing()
    }
}

/// What a body says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared<'a> {
    Nothing,
    Json,
    /// The type without its parameters.
    Other(&'a [u8]),
}

impl<'a> Declared<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        headers
            .get(header::CONTENT_TYPE)
            .map_or(Self::Nothing, |declared| media(declared.as_bytes()))
    }
}

/// Decided without a copy: this is on the way of every call.
fn media(declared: &[u8]) -> Declared<'_> {
    let essence = declared.split(|b| *b == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    let suffix = essence.len().checked_sub(5).map(|at| &essence[at..]);
    if essence.eq_ignore_ascii_case(b"application/json")
        || suffix.is_some_and(|s| s.eq_ignore_ascii_case(b"+json"))
    {
        Declared::Json
    } else {
        Declared::Other(essence)
    }
}

/// Refuses a body that says it is something else than JSON.
pub(super) fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    match Declared::of(headers) {
        Declared::Nothing | Declared::Json => Ok(()),
        Declared::Other(essence) => Err(not_json(essence, "")),
    }
}

/// Whether a function gets a body as it is: if it takes such, and the body does
/// not say that it is JSON.
pub(super) fn is_raw(
    headers: &HeaderMap,
    takes_bytes: impl FnOnce() -> bool,
) -> Result<bool, Problem> {
    match Declared::of(headers) {
        Declared::Json => Ok(false),
        Declared::Nothing => Ok(takes_bytes()),
        Declared::Other(_) if takes_bytes() => Ok(true),
        Declared::Other(essence) => Err(not_json(
            essence,
            " (as it is, a body goes to a function whose one argument is `skylark::Bytes`)",
        )),
    }
}

/// The type of an answer that is bytes: what `Accept` asks for first, or else that
/// of a body that was bytes too. `None` if the caller wants JSON.
pub(super) fn answer_type(headers: &HeaderMap, raw: bool) -> Option<HeaderValue> {
    const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
    let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    let first = accept.and_then(|a| a.split(|b| *b == b',').next());
    match first.map(media) {
        Some(Declared::Json) => None,
        Some(Declared::Other(essence)) if !essence.is_empty() && !essence.contains(&b'*') => {
            Some(HeaderValue::from_bytes(essence).unwrap_or(BYTES))
        }
        _ if raw => Some(headers.get(header::CONTENT_TYPE).cloned().unwrap_or(BYTES)),
        _ => None,
    }
}

#[cold]
fn not_json(essence: &[u8], instead: &str) -> Problem {
    let detail = format!(
        "the body is declared as `{}`; send JSON as `content-type: application/json`{instead}",
        String::from_utf8_lossy(essence)
    );
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail).with("at", "Content-Type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn which_bodies_go_to_a_function_as_they_are() {
        // What it says; as bytes to a function that takes such; to another one.
        let check =
            |declared: Option<&'static str>, takes: Option<bool>, takes_not: Option<bool>| {
                let declared = declared.map(|d| (header::CONTENT_TYPE, d));
                let headers = headers(declared.as_slice());
                let found = |takes| is_raw(&headers, || takes).ok();
                assert_eq!(found(true), takes, "{declared:?}");
                assert_eq!(found(false), takes_not, "{declared:?}");
            };
        check(None, Some(true), Some(false));
        check(Some("application/json"), Some(false), Some(false));
        check(
            Some("Application/JSON; charset=utf-8"),
            Some(false),
            Some(false),
        );
        check(Some("application/problem+json"), Some(false), Some(false));
        check(Some("application/x-thrift"), Some(true), None);
        check(Some("application/octet-stream"), Some(true), None);
        check(Some("json"), Some(true), None);
    }

    #[test]
    fn how_bytes_are_answered() {
        let check = |accept: Option<&'static str>, raw: bool, want: Option<&str>| {
            let mut given = vec![(header::CONTENT_TYPE, "application/x-thrift")];
            given.extend(accept.map(|a| (header::ACCEPT, a)));
            let found = answer_type(&headers(&given), raw);
            let found = found.as_ref().map(|f| f.to_str().expect("it is text"));
            assert_eq!(found, want, "{accept:?} {raw}");
        };
        check(None, true, Some("application/x-thrift"));
        check(Some("*/*"), true, Some("application/x-thrift"));
        check(Some("image/png"), true, Some("image/png"));
        check(Some("application/json"), true, None);
        check(None, false, None);
        check(Some("*/*"), false, None);
        check(Some("image/png;q=0.9, */*"), false, Some("image/png"));
        check(Some("application/vnd.skylark.run+json"), true, None);
    }
}
