//! The one thread that writes: it takes all writes that wait together through
//! one transaction, and so one sync of the disk.

use super::super::StoreError;
use super::{layout::Disk, tables::Tables};
use tokio::sync::{mpsc, oneshot};

/// Most writes in one transaction: bounds what one failure takes with it.
const MAX_GROUP: usize = 512;

/// A write that waits.
pub(super) trait Job: Send {
    /// Carries it out in the group's transaction. An error undoes the group.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Disk<()>;
    /// Tells whoever waits, once the group is on the disk or has failed.
    fn answer(self: Box<Self>, group: Result<(), StoreError>);
}

struct Work<F, T> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// Where the answer to a job comes.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A job that runs `work`, and where its answer comes.
pub(super) fn job<T, F>(work: F) -> (Box<dyn Job>, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&mut Tables<'_>) -> Disk<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let work = Work {
        work,
        result: None,
        reply,
    };
    (Box::new(work), answer)
}

impl<F, T> Job for Work<F, T>
where
    T: Send,
    F: FnMut(&mut Tables<'_>) -> Disk<T> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Disk<()> {
        self.result = Some((self.work)(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (group, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Err(e), _) => Err(e),
            // Not carried out, and no failure: nobody gets an answer, which
            // the waiting side reports.
            (Ok(()), None) => return,
        };
        // Nobody waits any more: the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// Serves the queue until all senders are gone. `write` carries out a group.
pub(super) fn serve(
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    write: impl Fn(&mut [Box<dyn Job>]) -> Result<(), StoreError>,
) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while let Some(first) = queue.blocking_recv() {
        group.push(first);
        while group.len() < MAX_GROUP
            && let Ok(job) = queue.try_recv()
        {
            group.push(job);
        }
        let done = write(&mut group);
        for job in group.drain(..) {
            job.answer(done.clone());
        }
    }
}
