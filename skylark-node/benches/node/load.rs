//! A load generator as small as can be, so that it does not hide the server:
//! keep-alive connections, each with one request under way.

use anyhow::{Context, Result, bail, ensure};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One request, sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    pub(crate) address: String,
    pub(crate) path: &'static str,
    pub(crate) body: &'static str,
}

/// Latencies of one round.
#[derive(Debug, Default, Clone)]
pub(crate) struct Round {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) wall: Duration,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.wall.as_secs_f64().max(1e-9)
    }

    /// The latency that this share of the requests does not exceed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = (sorted.len() as f64 * share) as usize;
        sorted
            .get(index.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// Sends for `length` over this many connections.
pub(crate) async fn fire(shot: &Shot, connections: usize, length: Duration) -> Result<Round> {
    let started = Instant::now();
    let until = started + length;
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(shot.clone(), until)))
        .collect();
    let mut round = Round::default();
    for task in tasks {
        round.latencies.extend(task.await??);
    }
    round.wall = started.elapsed();
    Ok(round)
}

async fn connection(shot: Shot, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(&shot.address)
        .await
        .context("connecting")?;
    stream.set_nodelay(true)?;
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        shot.path,
        shot.address,
        shot.body.len(),
        shot.body
    );
    let mut buffer = Vec::with_capacity(8192);
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        response(&mut stream, &mut buffer).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

/// Reads one response; anything but a success ends the measurement.
async fn response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
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
        let length = head
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case("content-length"))
            .context("a response without a length")?;
        let length: usize = std::str::from_utf8(length.value)?.parse()?;
        if buffer.len() < start + length {
            continue;
        }
        if head.code != Some(200) {
            bail!(
                "{:?}: {}",
                head.code,
                String::from_utf8_lossy(&buffer[start..])
            );
        }
        return Ok(());
    }
}
