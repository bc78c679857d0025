//! A load generator as small as can be, so that it does not hide the server:
//! keep-alive connections, each with one request under way.

use anyhow::{Context, Result, bail, ensure};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Path and body of the `n`-th request.
pub(crate) type Target = fn(u64) -> (String, String);

/// Requests of one kind, sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    pub(crate) address: String,
    pub(crate) target: Target,
    /// Each with an idempotency key of its own.
    pub(crate) keyed: bool,
    /// Whether 503 is an answer; the caller then waits for as long as it says.
    pub(crate) refusable: bool,
}

/// Latencies of one round.
#[derive(Debug, Default, Clone)]
pub(crate) struct Round {
    /// Of what succeeded.
    pub(crate) latencies: Vec<Duration>,
    /// Of what was refused.
    pub(crate) refusals: Vec<Duration>,
    pub(crate) wall: Duration,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.wall.as_secs_f64().max(1e-9)
    }
}

/// The latency that this share of the requests does not exceed.
pub(crate) fn percentile(latencies: &[Duration], share: f64) -> Option<Duration> {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() as f64 * share) as usize;
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .copied()
}

/// Sends for `length` over this many connections.
pub(crate) async fn fire(shot: &Shot, connections: usize, length: Duration) -> Result<Round> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(&shot.address).await;
        let stream = stream.context("connecting")?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let started = Instant::now();
    let until = started + length;
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::spawn(connection(shot.clone(), stream, until)))
        .collect();
    let mut round = Round::default();
    for task in tasks {
        let part = task.await??;
        round.latencies.extend(part.latencies);
        round.refusals.extend(part.refusals);
    }
    round.wall = started.elapsed();
    Ok(round)
}

async fn connection(shot: Shot, mut stream: TcpStream, until: Instant) -> Result<Round> {
    let mut buffer = Vec::with_capacity(8192);
    let mut round = Round::default();
    // Connections begin at different places and take different ways.
    let (own, mut n) = uuid::Uuid::new_v4().as_u64_pair();
    while Instant::now() < until {
        n = n
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(own | 1);
        let (path, body) = (shot.target)(n >> 33);
        let key = if shot.keyed {
            format!("idempotency-key: {own:x}-{n:x}\r\n")
        } else {
            String::new()
        };
        // Restate takes no type of nothing.
        let kind = if body.is_empty() {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{kind}{key}content-length: {}\r\n\r\n{body}",
            shot.address,
            body.len(),
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        match response(&mut stream, &mut buffer, shot.refusable).await? {
            None => round.latencies.push(sent.elapsed()),
            Some(pause) => {
                round.refusals.push(sent.elapsed());
                let until = tokio::time::Instant::from_std(until);
                let again = tokio::time::Instant::now() + pause;
                tokio::time::sleep_until(again.min(until)).await;
            }
        }
    }
    Ok(round)
}

/// Reads one response: `None` if it is a success, else for how long it asks the
/// caller to stay away. Anything but that, or a refusal where none may come, ends
/// the measurement.
async fn response(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    refusable: bool,
) -> Result<Option<Duration>> {
    buffer.clear();
    loop {
        ensure!(
            stream.read_buf(buffer).await? > 0,
            "the server closed the connection"
        );
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(start) = head.parse(buffer)? else {
            continue;
        };
        let number = |name: &str| {
            let found = head
                .headers
                .iter()
                .find(|h| h.name.eq_ignore_ascii_case(name));
            let text = found.and_then(|h| std::str::from_utf8(h.value).ok());
            text.and_then(|digits| digits.parse::<u32>().ok())
        };
        let length = number("content-length").context("a response without a length")? as usize;
        if buffer.len() < start + length {
            continue;
        }
        return match head.code {
            Some(200) => Ok(None),
            Some(503) if refusable => {
                let pause = number("retry-after").context("a refusal without Retry-After")?;
                Ok(Some(Duration::from_secs(pause.into())))
            }
            code => bail!("{code:?}: {}", String::from_utf8_lossy(&buffer[start..])),
        };
    }
}
