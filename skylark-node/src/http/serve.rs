//! Connections: accepting, bounding, serving and closing them.

use super::{
    Server,
    body::Body,
    calls,
    idle::{Activity, Noted},
    problem::Problem,
};
use crate::metrics::CONNECTIONS;
use axum::{
    body::Body as AxumBody,
    http::{HeaderValue, Request, Response, StatusCode, header},
};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Pause after an `accept` that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections may take to close once nothing is in flight.
const CLOSE: Duration = Duration::from_secs(2);

/// Why a connection is ended from this side.
enum End {
    /// The server closes.
    Closing,
    /// It has been silent for too long.
    Idle,
}

impl Server {
    /// Serves until `stop` is cancelled; then refuses new calls, lets those in
    /// flight finish, at most for `grace`, and closes all connections. Health
    /// and readiness are answered to the end.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken, grace: Duration) {
        let close = CancellationToken::new();
        let connections = TaskTracker::new();
        {
            let mut accepting = pin!(self.accept(&listener, &connections, &close));
            let mut draining = pin!(self.drain(stop, grace));
            tokio::select! {
                () = &mut accepting => {}
                () = &mut draining => {}
            }
        }
        drop(listener);
        close.cancel();
        connections.close();
        if timeout(CLOSE, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "connections are cut off");
        }
    }

    async fn drain(&self, stop: CancellationToken, grace: Duration) {
        stop.cancelled().await;
        let deadline = Instant::now() + grace;
        tracing::info!(in_flight = self.http.calls.in_flight(), ?grace, "draining");
        self.http.calls.drain();
        if tokio::time::timeout_at(deadline, self.http.calls.drained())
            .await
            .is_err()
        {
            let left = self.http.calls.in_flight();
            tracing::warn!(left, "calls are cut off: they did not end within `--grace`");
        }
        self.http
            .node
            .drain(deadline.saturating_duration_since(Instant::now()))
            .await;
        tracing::info!("drained");
    }

    async fn accept(
        &self,
        listener: &TcpListener,
        connections: &TaskTracker,
        close: &CancellationToken,
    ) {
        let room = Arc::new(Semaphore::new(
            self.http.config.max_connections.min(Semaphore::MAX_PERMITS),
        ));
        let mut http1 = http1::Builder::new();
        // See `idle` for what takes the place of hyper's own timer.
        http1.header_read_timeout(None).pipeline_flush(true);
        // The semaphore is never closed, so this ends with its caller.
        while let Ok(place) = room.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection =
                        self.clone()
                            .connection(stream, http1.clone(), close.clone(), place);
                    connections.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(
        self,
        stream: TcpStream,
        http1: http1::Builder,
        close: CancellationToken,
        place: OwnedSemaphorePermit,
    ) {
        let open = metrics::gauge!(CONNECTIONS);
        open.increment(1.0);
        // Without it answers wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let activity = Activity::new();
        let service = service_fn(|request| activity.answering(self.answer(request)));
        let stream = TokioIo::new(Noted::new(stream, activity.clone()));
        let mut connection = pin!(http1.serve_connection(stream, service));
        // Looked at when it is woken, not with each request: asking the token
        // takes locks that all connections share.
        let mut end = FuturesUnordered::from_iter([async {
            tokio::select! {
                () = close.cancelled() => End::Closing,
                () = activity.idle_for(self.http.config.header_timeout) => End::Idle,
            }
        }]);
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            Some(end) = end.next() => match end {
                End::Closing => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                End::Idle => Ok(()),
            },
        };
        if let Err(error) = ended {
            // Clients go away as they please: that is no event for operators.
            tracing::debug!(%error, "a connection ended early");
        }
        open.decrement(1.0);
        drop(place);
    }

    /// Answers one request; a panic on the way is that request's own.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let answered = AssertUnwindSafe(self.dispatch(request))
            .catch_unwind()
            .await;
        Ok(answered.unwrap_or_else(|_| {
            tracing::error!("a request's handler panicked");
            Problem::internal().into_response()
        }))
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(call) = calls::Call::of(&request) {
            return call.answer(&self.http, request).await;
        }
        // Boxed, so that calls do not carry the router's larger future.
        Box::pin(self.route(request)).await
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        let response = match self
            .router
            .clone()
            .oneshot(request.map(AxumBody::new))
            .await
        {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let explained = !(status.is_client_error() || status.is_server_error())
            || response
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|t| t == super::problem::MEDIA_TYPE);
        if explained {
            return response.map(Body::Routed);
        }
        // What the router refuses by itself.
        if status != StatusCode::METHOD_NOT_ALLOWED {
            return Problem::new(status, "refused", format!("{method} {path} is refused"))
                .into_response();
        }
        let allow = response.headers().get(header::ALLOW).cloned();
        let allow = allow.unwrap_or_else(|| HeaderValue::from_static(""));
        let allowed: Vec<&str> = allow.to_str().unwrap_or_default().split(',').collect();
        Problem::new(
            status,
            "method",
            format!("{path} does not take {method} but {}", allowed.join(", ")),
        )
        .with("allowed", allowed)
        .header(header::ALLOW, allow)
        .into_response()
    }
}
