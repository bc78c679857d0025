//! What connects the nodes with their Redis, and can ail: answers come late, in
//! part, or not at all although what they answer was done.

use anyhow::{Context as _, Result};
use serde::Serialize;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    select,
    task::JoinHandle,
    time::sleep,
};

/// What the wire does to answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ailment {
    /// Some come late, some of them too late for the nodes.
    Slow,
    /// Of some only a part comes, and then the connection is cut.
    Half,
    /// Instead of some the connection is cut: what was asked has been done.
    Lost,
}

/// How many answers, or bunches of them that were ready together, suffered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Suffered {
    /// They came late.
    pub answers_late: u64,
    /// Their connection was cut in the middle of them.
    pub answers_cut: u64,
    /// Their connection was cut before them.
    pub answers_lost: u64,
}

/// While it ails, one answer in so many suffers.
const ONE_IN: u32 = 4;
/// How late an answer is, in milliseconds: about the nodes' `--store-timeout`.
const LATE: RangeInclusive<u64> = 1..=1000;
/// Bytes that are passed on at once.
const BUNCH: usize = 64 << 10;

/// A port that leads to another; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    to: SocketAddr,
    ailment: Mutex<Option<Ailment>>,
    rng: Mutex<fastrand::Rng>,
    late: AtomicU64,
    cut: AtomicU64,
    lost: AtomicU64,
}

/// What becomes of one answer.
enum Fate {
    Passed,
    Late(Duration),
    Part(usize),
    Lost,
}

impl Wire {
    /// Leads from this port of loopback to that.
    ///
    /// # Errors
    /// It is taken.
    pub(super) fn new(port: u16, to: u16, seed: u64) -> Result<Self> {
        let bind = || -> io::Result<TcpListener> {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = bind().with_context(|| format!("cannot listen on port {port}"))?;
        let shared = Arc::new(Shared {
            to: (Ipv4Addr::LOCALHOST, to).into(),
            ailment: Mutex::default(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            late: AtomicU64::default(),
            cut: AtomicU64::default(),
            lost: AtomicU64::default(),
        });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                loop {
                    match listener.accept().await {
                        // Whatever ends it, its ends are told by being closed.
                        Ok((stream, _)) => drop(tokio::spawn(connect(shared.clone(), stream))),
                        Err(_) => sleep(Duration::from_millis(10)).await,
                    }
                }
            }
        });
        Ok(Self {
            port,
            shared,
            accepting,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Has it ail, or not, from now on.
    pub(super) fn ail(&self, ailment: Option<Ailment>) {
        *lock(&self.shared.ailment) = ailment;
    }

    pub(super) fn suffered(&self) -> Suffered {
        let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Suffered {
            answers_late: n(&self.shared.late),
            answers_cut: n(&self.shared.cut),
            answers_lost: n(&self.shared.lost),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on what comes from either side, until one of them or the ailment cuts
/// it: then both see an end.
async fn connect(shared: Arc<Shared>, caller: TcpStream) -> io::Result<()> {
    let server = TcpStream::connect(shared.to).await?;
    for stream in [&caller, &server] {
        stream.set_nodelay(true)?;
    }
    let (mut commands, caller) = caller.into_split();
    let (answers, mut server) = server.into_split();
    select! {
        ended = tokio::io::copy(&mut commands, &mut server) => ended.map(drop),
        ended = shared.answer(answers, caller) => ended,
    }
}

impl Shared {
    async fn answer(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut bunch = vec![0; BUNCH];
        loop {
            let len = from.read(&mut bunch).await?;
            if len == 0 {
                return Ok(());
            }
            match self.fate(len) {
                Fate::Passed => {}
                Fate::Late(by) => {
                    self.late.fetch_add(1, Ordering::Relaxed);
                    sleep(by).await;
                }
                Fate::Part(part) => {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    return to.write_all(&bunch[..part]).await;
                }
                Fate::Lost => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
            }
            to.write_all(&bunch[..len]).await?;
        }
    }

    fn fate(&self, len: usize) -> Fate {
        let Some(ailment) = *lock(&self.ailment) else {
            return Fate::Passed;
        };
        let mut rng = lock(&self.rng);
        if rng.u32(..ONE_IN) > 0 {
            return Fate::Passed;
        }
        match ailment {
            Ailment::Slow => Fate::Late(Duration::from_millis(rng.u64(LATE))),
            Ailment::Half if len > 1 => Fate::Part(rng.usize(1..len)),
            Ailment::Half => Fate::Passed,
            Ailment::Lost => Fate::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each byte by the eight that it counted so far, and
    /// says how many it did.
    async fn counting() -> io::Result<(u16, Arc<AtomicU64>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let counted = Arc::new(AtomicU64::new(0));
        let counts = counted.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                while stream.read_u8().await.is_ok() {
                    let n = counts.fetch_add(1, Ordering::Relaxed) + 1;
                    if stream.write_u64(n).await.is_err() {
                        break;
                    }
                }
            }
        });
        Ok((port, counted))
    }

    /// Enough of them for every fate.
    const ASKED: usize = 24;

    async fn asked(port: u16) -> Vec<u8> {
        let mut got = Vec::new();
        let to = (Ipv4Addr::LOCALHOST, port);
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_u8(1).await.unwrap();
        // Until it is whole, or cut.
        let _ = stream.take(8).read_to_end(&mut got).await;
        got
    }

    #[tokio::test]
    async fn answers_are_late_in_part_or_lost_and_commands_are_not() {
        let (to, counted) = counting().await.unwrap();
        let port = cargo_skylark::cluster::free_ports(1, None).unwrap();
        let wire = Wire::new(port, to, 7).unwrap();
        for ailment in [
            None,
            Some(Ailment::Half),
            Some(Ailment::Lost),
            Some(Ailment::Slow),
        ] {
            wire.ail(ailment);
            let mut lengths = std::collections::BTreeSet::new();
            for _ in 0..ASKED {
                let before = counted.load(Ordering::Relaxed);
                let got = asked(port).await;
                assert_eq!(counted.load(Ordering::Relaxed), before + 1, "{ailment:?}");
                lengths.insert(got.len());
            }
            let (least, most) = (lengths.first().copied(), lengths.last().copied());
            let wanted = match ailment {
                None | Some(Ailment::Slow) => Some(8),
                Some(Ailment::Half) => least.filter(|n| (1..8).contains(n)),
                Some(Ailment::Lost) => Some(0),
            };
            assert_eq!((least, most), (wanted, Some(8)), "{ailment:?}: {lengths:?}");
        }
        let Suffered {
            answers_late,
            answers_cut,
            answers_lost,
        } = wire.suffered();
        assert!(answers_late > 0 && answers_cut > 0 && answers_lost > 0);
    }
}
