//! A stateless function over HTTP beside a bare hyper server, in one run:
//! throughput and latency at 1, 16 and 64 connections.
//!
//! `cargo bench -p skylark-node --bench http [-- SECONDS] [node|hyper]`;
//! `cargo test` runs it for a moment only. Both servers answer the same request
//! with the same body, each on as many threads as there are cores, to the same
//! client. The processor's time per call is of server and client together; it
//! says more than the rate where the machine has other things to do.

#![allow(missing_docs)]

#[path = "../tests/common/modules.rs"]
#[allow(dead_code, unreachable_pub)]
mod modules;

use bytes::Bytes;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use skylark_abi::protocol::Bounds;
use skylark_elect::{Objectives, Policy};
use skylark_node::{
    commands::Commands,
    engine::{CallLimits, Engine, EngineConfig},
    http::{HttpConfig, Server, Token, Tokens},
    node::{Node, NodeConfig, Placer, PlacerConfig},
    store::{self, StoreOptions},
};
use std::{
    convert::Infallible,
    error::Error,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_util::sync::CancellationToken;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const REQUEST: &[u8] =
    b"POST /f/app/answer HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"n\": 1}";

fn main() -> Result<()> {
    let seconds = std::env::args().filter_map(|a| a.parse::<f64>().ok()).next();
    let measured = std::env::args().any(|a| a == "--bench");
    let time = Duration::from_secs_f64(seconds.unwrap_or(if measured { 5.0 } else { 0.05 }));
    let servers = Runtime::new()?;
    let data = tempfile::tempdir()?;
    let hyper = servers.block_on(bare_hyper())?;
    let node = servers.block_on(node(data.path()))?;
    let client = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let only = |name: &str| std::env::args().any(|a| a == name);
    let servers = [("bare hyper", hyper, !only("node")), ("skylark-node", node, !only("hyper"))];
    println!("| server | connections | calls per second | of bare hyper | p50 | p99 | processor per call |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for connections in [1, 16, 64] {
        // In turn, twice each, so that a change of the machine's speed in
        // between meets both.
        let mut best = [Measured::default(), Measured::default()];
        for _ in 0..2 {
            for (best, (_, address, wanted)) in best.iter_mut().zip(servers) {
                if wanted {
                    let measured = client.block_on(load(address, connections, time))?;
                    if measured.rate > best.rate {
                        *best = measured;
                    }
                }
            }
        }
        for ((name, ..), m) in servers.iter().zip(&best).filter(|((.., wanted), _)| *wanted) {
            let of = 100.0 * m.rate / best[0].rate;
            let Measured { rate, p50, p99, processor, .. } = m;
            println!("| {name} | {connections} | {rate:.0} | {of:.0} % | {p50:.1?} | {p99:.1?} | {processor:.1?} |");
        }
    }
    Ok(())
}

#[derive(Default)]
struct Measured {
    rate: f64,
    p50: Duration,
    p99: Duration,
    processor: Duration,
}

/// The processor's time of this process so far.
fn processor() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("/proc/self/stat has another form")?.1;
    // User and system time, in ticks of which every Linux has 100 a second.
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.collect::<std::result::Result<Vec<_>, _>>()?.iter().sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Calls one after the other on each of several connections.
async fn load(address: SocketAddr, connections: usize, time: Duration) -> Result<Measured> {
    let (began, before) = (Instant::now(), processor()?);
    let mut tasks = Vec::new();
    for _ in 0..connections {
        tasks.push(tokio::spawn(caller(address, began + time)));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let (elapsed, worked) = (began.elapsed(), processor()? - before);
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    Ok(Measured {
        rate: took.len() as f64 / elapsed.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        processor: worked / took.len() as u32,
    })
}

async fn caller(address: SocketAddr, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut took = Vec::with_capacity(100_000);
    loop {
        let began = Instant::now();
        if began >= until && !took.is_empty() {
            return Ok(took);
        }
        stream.write_all(REQUEST).await?;
        let mut filled = 0;
        // Every answer ends with this body, right after its headers.
        while !buffer[..filled].ends_with(b"\r\n\r\n42") {
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Err("the server closed the connection, or answers something else".into()),
                n => filled += n,
            }
        }
        if !buffer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&buffer[..filled]).into());
        }
        took.push(began.elapsed());
    }
}

async fn bare_hyper() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // As the node does.
            let _ = stream.set_nodelay(true);
            let serve = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(serve);
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>) -> std::result::Result<Response<OneBody>, Infallible> {
    let mut body = request.into_body();
    while std::future::poll_fn(|cx| hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), cx)).await.is_some() {}
    Ok(Response::new(OneBody(Some(Bytes::from_static(b"42")))))
}

/// A body of one frame.
struct OneBody(Option<Bytes>);

impl hyper::body::Body for OneBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::result::Result<hyper::body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|b| Ok(hyper::body::Frame::data(b))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0.as_ref().map_or(0, |b| b.len() as u64))
    }
}

async fn node(data: &std::path::Path) -> Result<SocketAddr> {
    let engine = Engine::new(EngineConfig::default())?;
    let config = NodeConfig {
        name: "local".into(),
        data: data.to_owned(),
        limits: CallLimits::default(),
        bounds: Bounds::default(),
        wait: Duration::from_secs(60),
        runs_memory: 64 << 20,
        cluster_token: "cluster".into(),
        sweep: Duration::from_secs(5),
        max_deliveries: 1024,
        max_executions: 64,
    };
    let placer = Placer::open(PlacerConfig {
        node: "local".into(),
        topology: None,
        policy: Policy::default(),
        objectives: Objectives::default(),
    })?;
    let commands = Commands::open(data, engine.clone()).await?;
    let store = store::open("memory", &StoreOptions::default())?;
    let node = Node::start(config, engine, store, placer).await?;
    node.upload("app", modules::app(&[("answer", modules::Body::Returns("42"))]), false).await?;
    let tokens = Tokens {
        operator: Token::new("operator"),
        cluster: Token::new("cluster"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::new(node, commands, HttpConfig::default(), tokens);
    tokio::spawn(server.serve(listener, CancellationToken::new(), Duration::from_secs(1)));
    Ok(address)
}
