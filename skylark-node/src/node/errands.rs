//! Requests to servers outside, on behalf of functions: at least once, each
//! attempt with the same idempotency key, and only to those that are allowed.

use super::{Node, NodeError, prepare::Came, unix_us};
use rmpv::Value as Packed;
use skylark_abi::{
    call::{Failure, FailureKind, Outcome},
    journal::HttpRequest,
    run::{Answer, Errand, Message},
    value::{Codec, fingerprint, header},
};
use std::{str::FromStr, time::Duration};

/// Where functions may send requests to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    /// Servers; none by default.
    pub allowed: Vec<Server>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often a server that cannot be reached is tried.
    pub attempts: u32,
    /// Bytes of a response that are read.
    pub max_response: usize,
}

/// A server: `host`, `host:port`, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server(String);

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if text == "*" || (!text.is_empty() && text.chars().all(plain)) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!(
                "`{text}` is no server: `host`, `host:port`, or `*`"
            ))
        }
    }
}

impl Egress {
    fn allows(&self, url: &reqwest::Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let port = url.port_or_known_default().unwrap_or(0);
        let exact = format!("{host}:{port}");
        self.allowed
            .iter()
            .any(|Server(s)| s == "*" || s == host || *s == exact)
    }
}

/// First pause between attempts; twice as long before each further one.
const BACKOFF: Duration = Duration::from_millis(100);

impl Node {
    /// Sends the request, and answers whoever waits with what came of it.
    pub(super) async fn run_errand(&self, errand: Errand) -> Result<bool, NodeError> {
        let key = errand.reply.to.child(errand.reply.position).to_string();
        let outcome = match self.ask_outside(&errand.request, &key).await {
            Ok(output) => Outcome::Ok {
                output,
                codec: Codec::Compact,
            },
            Err(failure) => Outcome::Err(failure),
        };
        let answer = Answer::new(errand.app, errand.reply, outcome, unix_us());
        // This one is done when its answer is: a crash before sends it again.
        let answer = Message::Answer(Box::new(answer));
        Box::pin(self.accept(answer, Came::default())).await?;
        Ok(false)
    }

    async fn ask_outside(&self, request: &HttpRequest, key: &str) -> Result<Vec<u8>, Failure> {
        let egress = &self.0.config.egress;
        let bad = |why: String| Failure::new(FailureKind::Input, why);
        let url = reqwest::Url::parse(&request.url)
            .map_err(|e| bad(format!("`{}` is no URL: {e}", request.url)))?;
        if !egress.allows(&url) {
            let server = url.host_str().unwrap_or("nothing").to_owned();
            return Err(Failure::new(
                FailureKind::Denied,
                format!(
                    "this node lets no function send requests to `{server}`; start it with \
                     `--allow-egress {server}` to allow that"
                ),
            )
            .at(request.url.clone()));
        }
        if url.scheme() != "http" {
            return Err(bad(format!(
                "a node speaks plain HTTP to servers outside, not `{}`; let a proxy beside it speak TLS",
                url.scheme()
            )));
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| bad(format!("`{}` is no HTTP method", request.method)))?;
        let mut pause = BACKOFF;
        let mut attempt = 1;
        loop {
            let mut built = self.0.peers.client().request(method.clone(), url.clone());
            for (name, value) in &request.headers {
                built = built.header(name, value);
            }
            let built = built
                .header("idempotency-key", key)
                .timeout(egress.timeout)
                .body(request.body.clone());
            let error = match built.send().await {
                Ok(response) => return self.take_response(response).await,
                Err(error) if error.is_builder() => return Err(bad(error.to_string())),
                Err(error) => error,
            };
            if attempt >= egress.attempts {
                let why = self.named_limit(&error);
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format!(
                        "{} did not answer in {attempt} attempts (`--egress-attempts`): {why}",
                        request.url
                    ),
                ));
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// What went wrong; a limit that was reached is named.
    fn named_limit(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            let limit = self.0.config.egress.timeout;
            format!("it took longer than {limit:?}, the limit (`--egress-timeout`)")
        } else {
            error.to_string()
        }
    }

    /// The response as `skylark::http::Response` reads it.
    async fn take_response(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let limit = self.0.config.egress.max_response;
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Packed::Array(vec![name.as_str().into(), value.into()])
        });
        let headers: Vec<Packed> = headers.collect();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                    return Err(Failure::new(
                        FailureKind::TooLarge,
                        format!(
                            "the response has more than {limit} bytes, the limit (`--max-egress-response`)"
                        ),
                    ));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    return Err(Failure::new(
                        FailureKind::Unavailable,
                        format!("the response broke off: {}", self.named_limit(&error)),
                    ));
                }
            }
        }
        let packed = Packed::Map(vec![
            ("status".into(), status.into()),
            ("headers".into(), Packed::Array(headers)),
            ("body".into(), Packed::Binary(body)),
        ]);
        let mut bytes = header(fingerprint("Response")).to_vec();
        rmpv::encode::write_value(&mut bytes, &packed)
            .map_err(|e| Failure::new(FailureKind::Contract, e.to_string()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_on_the_list_are_allowed() {
        let check = |allowed: &[&str], url: &str, want: bool| {
            let egress = Egress {
                allowed: allowed.iter().map(|s| s.parse().unwrap()).collect(),
                ..Egress::default()
            };
            assert_eq!(
                egress.allows(&url.parse().unwrap()),
                want,
                "{allowed:?} {url}"
            );
        };
        check(&[], "https://example.org/", false);
        check(&["example.org"], "https://example.org/a?b", true);
        check(&["example.org"], "https://example.org.evil/", false);
        check(&["example.org"], "https://evil/example.org", false);
        check(&["example.org:8080"], "http://example.org:8080/", true);
        check(&["example.org:8080"], "http://example.org/", false);
        check(&["example.org:443"], "https://example.org/", true);
        check(&["*"], "http://anything/", true);
        assert!("a b".parse::<Server>().is_err());
    }
}
