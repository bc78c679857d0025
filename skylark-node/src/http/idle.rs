//! When a connection has been silent for too long.
//!
//! hyper can do this with a timer per request. Here one timer per connection
//! does it, looked at once per period: on the way of a call there is only a
//! note of the time, and no lock that the threads would share.

use std::{
    io::{IoSlice, Result},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// What happens on a connection. Its clones are the same; all belong to the
/// connection's own task.
#[derive(Clone)]
pub(super) struct Activity(Arc<State>);

struct State {
    opened: Instant,
    /// When something was last sent, in milliseconds after `opened`.
    sent: AtomicU64,
    answering: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(State {
            opened: Instant::now(),
            sent: AtomicU64::new(0),
            answering: AtomicBool::new(false),
        }))
    }

    /// Runs the handler of a request, during which nothing is idle.
    pub(super) async fn answering<T>(&self, handler: impl Future<Output = T>) -> T {
        self.0.answering.store(true, Relaxed);
        let answer = handler.await;
        self.note();
        self.0.answering.store(false, Relaxed);
        answer
    }

    /// Ends when no request has been under way, and nothing sent, for as long
    /// as this. What the client sends does not count: headers that trickle in
    /// would never end.
    pub(super) async fn idle_for(&self, limit: Duration) {
        while let Some(next) = self.next_look(Instant::now(), limit) {
            tokio::time::sleep_until(next).await;
        }
    }

    /// When to look again; `None` if it is idle now.
    fn next_look(&self, now: Instant, limit: Duration) -> Option<Instant> {
        if self.0.answering.load(Relaxed) {
            return Some(now + limit);
        }
        let last = self.0.opened + Duration::from_millis(self.0.sent.load(Relaxed));
        Some(last + limit).filter(|due| *due > now)
    }

    fn note(&self) {
        let since = self.0.opened.elapsed().as_millis();
        self.0
            .sent
            .store(u64::try_from(since).unwrap_or(u64::MAX), Relaxed);
    }
}

/// A connection's stream, which notes when it sends.
pub(super) struct Noted {
    stream: TcpStream,
    activity: Activity,
}

impl Noted {
    pub(super) fn new(stream: TcpStream, activity: Activity) -> Self {
        Self { stream, activity }
    }

    fn noted(&self, sent: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if sent.is_ready() {
            self.activity.note();
        }
        sent
    }
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noted(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.noted(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_silent_connection_is_idle_after_its_limit_but_not_while_it_is_answered() {
        let activity = Activity::new();
        let opened = activity.0.opened;
        let (early, late) = (opened + LIMIT / 2, opened + LIMIT * 2);
        assert_eq!(activity.next_look(early, LIMIT), Some(opened + LIMIT));
        assert_eq!(activity.next_look(late, LIMIT), None);
        let within = activity
            .answering(async { activity.next_look(late, LIMIT) })
            .await;
        assert_eq!(within, Some(late + LIMIT));
        // What was sent counts from then on.
        activity.0.sent.store(60_000, Relaxed);
        assert_eq!(activity.next_look(late, LIMIT), Some(late + LIMIT));
    }
}
