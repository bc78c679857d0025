//! One node's process.

use super::{NodeAddress, NodePlan};
use crate::{client::Client, error::environment};
use anyhow::{Result, anyhow};
use rustix::process::Signal;
use std::{
    collections::VecDeque,
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Takes the nodes' log lines: the node's name, and one line.
pub type LogSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What a node prints on its standard output once it accepts connections.
const LISTENING: &str = "listening on http://";
/// How many of a node's last lines an error carries.
const TAIL: usize = 20;
/// Between two questions whether a node is ready.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// How a node is started, and started again.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) plan: NodePlan,
    pub(super) arguments: Vec<OsString>,
    pub(super) log: LogSink,
}

/// A node that was started.
pub(super) struct NodeProcess {
    start: Start,
    address: NodeAddress,
    child: Child,
    listening: watch::Receiver<bool>,
    tail: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for NodeProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeProcess")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl NodeProcess {
    /// Starts the program in a process group of its own: a Ctrl-C in the
    /// terminal is for the command, which then drains the nodes.
    pub(super) fn start(start: Start) -> Result<Self> {
        let Start {
            program,
            plan,
            arguments,
            log,
        } = start.clone();
        let mut child = Command::new(&program)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| environment(format!("cannot run {}: {error}", program.display())))?;
        let (announce, listening) = watch::channel(false);
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let reader = Reader {
            node: plan.name.clone(),
            tail: tail.clone(),
            announce,
            log,
        };
        let readers = [
            child
                .stdout
                .take()
                .map(|out| tokio::spawn(reader.clone().read(out))),
            child
                .stderr
                .take()
                .map(|err| tokio::spawn(reader.read(err))),
        ];
        Ok(Self {
            start,
            address: NodeAddress {
                node_type: plan.node_type,
                url: format!("http://{}", plan.address()),
                name: plan.name,
                pid: child.id().unwrap_or_default(),
            },
            child,
            listening,
            tail,
            readers: readers.into_iter().flatten().collect(),
        })
    }

    pub(super) fn address(&self) -> &NodeAddress {
        &self.address
    }

    /// Waits until the node says that it listens, then until it says that it is
    /// ready.
    pub(super) async fn ready(&mut self, client: &Client, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let mut listening = self.listening.clone();
        let url = self.address.url.clone();
        let waiting = async {
            // An error means that the node closed its output: it is ending.
            if listening.wait_for(|yes| *yes).await.is_err() {
                return std::future::pending().await;
            }
            loop {
                match client.ready(&url).await {
                    Ok(()) => return,
                    // Asked again until the deadline, for a store that comes up.
                    Err(_) => sleep(ASK_AGAIN).await,
                }
            }
        };
        let failed = tokio::select! {
            () = waiting => return Ok(()),
            ended = self.child.wait() => match ended {
                Ok(status) => format!("ended ({status}) before it was ready"),
                Err(error) => format!("was lost: {error}"),
            },
            () = tokio::time::sleep_until(deadline) => {
                format!("was not ready after {} s (`--start-timeout`)", limit.as_secs())
            }
        };
        let tail = self.last_lines().await;
        Err(environment(format!(
            "node `{}` {failed}{tail}",
            self.address.name
        )))
    }

    /// Waits until the node ends; says how.
    pub(super) async fn ended(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let tail = self.last_lines().await;
        format!("node `{}` ended ({how}){tail}", self.address.name)
    }

    /// Asks it to drain and end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // The child has not been waited for, so the id is still its own. If
            // it is a zombie there is nobody left to hear it.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Kills it, as a crash would, stopped or not.
    pub(super) async fn kill(&mut self) -> Result<()> {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return Err(anyhow!(self.ended().await));
        }
        self.child.kill().await?;
        self.read_to_end().await;
        Ok(())
    }

    /// Starts it again, as it was started.
    pub(super) fn restart(&mut self) -> Result<()> {
        *self = Self::start(self.start.clone())?;
        Ok(())
    }

    /// Waits for its end; kills it after `limit`, and says so by `None`.
    pub(super) async fn stopped(&mut self, limit: Duration) -> (String, Option<ExitStatus>) {
        let status = match timeout(limit, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                let _ = self.child.kill().await;
                None
            }
        };
        self.read_to_end().await;
        (self.address.name.clone(), status)
    }

    /// The last lines, for an error.
    async fn last_lines(&mut self) -> String {
        self.read_to_end().await;
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = tail.iter().map(|line| format!("  {line}")).collect();
        format!("; its last lines:\n{}", lines.join("\n"))
    }

    /// Lets the readers take what a node that ended left in its pipes. A
    /// process of the node's could hold them open, so not for ever.
    async fn read_to_end(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            for reader in self.readers.drain(..) {
                let _ = timeout(Duration::from_secs(1), reader).await;
            }
        }
    }
}

/// Reads one of a node's outputs.
#[derive(Clone)]
struct Reader {
    node: String,
    tail: Arc<Mutex<VecDeque<String>>>,
    announce: watch::Sender<bool>,
    log: LogSink,
}

impl Reader {
    async fn read(self, output: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(output).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line);
            if line.starts_with(LISTENING) {
                self.announce.send_replace(true);
            }
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line.clone().into_owned());
            drop(tail);
            (self.log)(&self.node, &line);
        }
    }
}
