//! What happens to machines, done to nodes on purpose: for tests of what
//! survives it.

use super::{Cluster, process::NodeProcess};
use anyhow::{Context as _, Result};
use rustix::process::Signal;

impl Cluster {
    /// Kills the `nth` node, as a crash would (SIGKILL).
    ///
    /// # Errors
    /// It had ended by itself: the error carries its last lines.
    pub async fn kill(&mut self, nth: usize) -> Result<()> {
        self.node(nth)?.kill().await
    }

    /// Starts the `nth` node again, with its data, and does not wait for it
    /// ([`Cluster::ready`] does).
    ///
    /// # Errors
    /// Its program cannot be run.
    pub fn restart(&mut self, nth: usize) -> Result<()> {
        self.node(nth)?.restart()
    }

    /// Stops the `nth` node where it is (SIGSTOP): to others it hangs.
    ///
    /// # Errors
    /// There is no such node.
    pub fn pause(&mut self, nth: usize) -> Result<()> {
        self.node(nth)?.signal(Signal::STOP);
        Ok(())
    }

    /// Lets the `nth` node go on (SIGCONT).
    ///
    /// # Errors
    /// There is no such node.
    pub fn resume(&mut self, nth: usize) -> Result<()> {
        self.node(nth)?.signal(Signal::CONT);
        Ok(())
    }

    fn node(&mut self, nth: usize) -> Result<&mut NodeProcess> {
        let all = self.nodes.len();
        self.nodes
            .get_mut(nth)
            .with_context(|| format!("there is no node {nth}, only {all}"))
    }
}
