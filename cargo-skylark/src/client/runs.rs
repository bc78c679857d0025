//! Runs, and what they wait for from outside.

use super::{Client, ClientError, FailedPage, RunView, send};
use reqwest::{Method, header};

/// Most runs that a node puts into one page.
const PAGE: usize = 100;

impl Client {
    /// How a run stands: `GET /runs/{id}`.
    ///
    /// # Errors
    /// The node cannot be reached, or remembers no such run.
    pub async fn run(&self, node: &str, id: &str) -> Result<RunView, ClientError> {
        self.get(node, &["runs", id], &[]).await
    }

    /// Runs of an app that failed and are kept, at most `limit`, page by page:
    /// `GET /apps/{app}/failed`; and whether there may be more.
    ///
    /// # Errors
    /// The node cannot be reached, or has no such app.
    pub async fn failed(
        &self,
        node: &str,
        app: &str,
        limit: usize,
    ) -> Result<(Vec<RunView>, bool), ClientError> {
        let mut all: Vec<RunView> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let asked = (limit - all.len()).min(PAGE).to_string();
            let mut query = vec![("limit", asked.as_str())];
            query.extend(after.iter().map(|after| ("after", after.as_str())));
            let page: FailedPage = self.get(node, &["apps", app, "failed"], &query).await?;
            all.extend(page.runs);
            match page.next {
                Some(next) if after.as_deref() != Some(&next) => after = Some(next),
                _ => return Ok((all, false)),
            }
            if all.len() >= limit {
                all.truncate(limit);
                return Ok((all, true));
            }
        }
    }

    /// Executes once more what failed of a run: `POST /runs/{id}/retry`.
    ///
    /// # Errors
    /// The node cannot be reached, does not take the token, remembers no such
    /// run, or it has not failed.
    pub async fn retry(&self, node: &str, id: &str) -> Result<(), ClientError> {
        let request = self.request(Method::POST, node, &["runs", id, "retry"]);
        send(node, request).await.map(|_| ())
    }

    /// Ends a run: `POST /runs/{id}/cancel`.
    ///
    /// # Errors
    /// The node cannot be reached, does not take the token, remembers no such
    /// run, or it has ended.
    pub async fn cancel(&self, node: &str, id: &str) -> Result<(), ClientError> {
        let request = self.request(Method::POST, node, &["runs", id, "cancel"]);
        send(node, request).await.map(|_| ())
    }

    /// Completes a promise with JSON, nothing being `null`, or makes it fail:
    /// `POST /promises/{id}`.
    ///
    /// # Errors
    /// The node cannot be reached or has no such app, the id is none, or the
    /// promise has another value already.
    pub async fn complete(
        &self,
        node: &str,
        id: &str,
        value: Result<Vec<u8>, &str>,
    ) -> Result<(), ClientError> {
        let request = self
            .request(Method::POST, node, &["promises", id])
            .header(header::CONTENT_TYPE, "application/json");
        let request = match value {
            Ok(json) => request.body(json),
            Err(why) => request.query(&[("fail", why)]),
        };
        send(node, request).await.map(|_| ())
    }
}
