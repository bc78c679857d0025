//! Query parameters, with errors that name them.

use super::problem::Problem;
use skylark_abi::schema::nearest;
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// The parameters that were not taken yet.
#[derive(Debug)]
pub(super) struct Params(BTreeMap<String, String>);

/// Reads a query.
pub(super) fn parse(query: &str) -> Result<Params, Problem> {
    let bad = |why: String| Problem::parameter("query", format!("the query cannot be read: {why}"));
    let uri = axum::http::Uri::builder()
        .path_and_query(format!("/?{query}"))
        .build()
        .map_err(|e| bad(e.to_string()))?;
    axum::extract::Query::<BTreeMap<String, String>>::try_from_uri(&uri)
        .map(|q| Params(q.0))
        .map_err(|e| bad(e.body_text()))
}

impl Params {
    /// A parameter that may be missing.
    pub(super) fn take<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|why| {
            let shown: String = text.chars().take(64).collect();
            Problem::parameter(
                name,
                format!("`{shown}` is no value for the parameter `{name}`: {why}"),
            )
        })
    }

    /// A parameter with a default.
    pub(super) fn take_or<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        default: T,
    ) -> Result<T, Problem> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    /// A parameter that must be there; `what` says what it holds.
    pub(super) fn required<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        what: &str,
    ) -> Result<T, Problem> {
        let missing =
            || Problem::parameter(name, format!("the parameter `{name}` is missing: {what}"));
        self.take(name)?.ok_or_else(missing)
    }

    /// Refuses what nobody took: a misspelt parameter must not pass unseen.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), Problem> {
        let Some(name) = self.0.into_keys().next() else {
            return Ok(());
        };
        let shown: String = name.chars().take(64).collect();
        let near = nearest(&name, known.iter().copied());
        let meant = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "this route has none".to_owned(),
            None => format!("this route has: {}", known.join(", ")),
        };
        Err(
            Problem::parameter(&shown, format!("unknown parameter `{shown}`; {meant}"))
                .with("nearest", near),
        )
    }
}

/// `true`, `false`, or the bare name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switch(pub(super) bool);

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" | "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err("write true or false"),
        }
    }
}
