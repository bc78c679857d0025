//! Bearer tokens.

use super::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret that a request must carry as `Authorization: Bearer …`. Only its
/// digest is kept: it cannot be printed, and comparing digests takes the same
/// time whatever was sent.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// The token with this text.
    pub fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether the request carries it.
    pub(super) fn check(&self, headers: &HeaderMap, what: &str) -> Result<(), Problem> {
        let Some(sent) = bearer(headers) else {
            let detail =
                format!("{what} needs `Authorization: Bearer <token>`, and the request has none");
            return Err(refused("token-missing", detail, "Bearer realm=\"skylark\""));
        };
        let sent: [u8; 32] = Sha256::digest(sent).into();
        if bool::from(sent.ct_eq(&self.0)) {
            return Ok(());
        }
        let detail = format!("this is not the token that {what} needs");
        Err(refused(
            "token-wrong",
            detail,
            "Bearer realm=\"skylark\", error=\"invalid_token\"",
        ))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

fn refused(name: &'static str, detail: String, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, name, detail).header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    )
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then(|| token.trim_ascii())
}
