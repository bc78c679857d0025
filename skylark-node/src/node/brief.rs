//! What is remembered of quick runs (see [`super::quick`]): much of them come,
//! few are ever asked for. So they are written down one after the other, found
//! by looking through what was written when they ran, and forgotten by the
//! page.

use super::{apps::Names, runs};
use skylark_abi::{
    call::{Failure, Outcome},
    run::{RunRecord, RunStatus, TaskReport},
    value::Codec,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A quick run that has ended.
#[derive(Debug)]
pub(super) struct Brief<'a> {
    /// Ordered by the time at which the run began.
    pub(super) uuid: u128,
    pub(super) names: Arc<Names>,
    pub(super) arrived_unix_us: u64,
    pub(super) run_us: u64,
    pub(super) input_bytes: u64,
    /// JSON text.
    pub(super) outcome: &'a Result<Vec<u8>, Failure>,
}

impl Brief<'_> {
    /// Its one task, which ran on this node.
    pub(super) fn report(&self, node: &str) -> TaskReport {
        TaskReport {
            task_id: "0".to_owned(),
            function: self.names.function.clone(),
            node: node.to_owned(),
            arrived_unix_us: self.arrived_unix_us,
            begin_us: 0,
            run_us: self.run_us,
            commit_us: 0,
            input_bytes: self.input_bytes,
            output_bytes: self.outcome.as_ref().map_or(0, |o| o.len() as u64),
            state_bytes: 0,
            round_trips: 0,
            conflicts: 0,
            placed: None,
            fused: false,
        }
    }

    fn record(&self, node: &str) -> RunRecord {
        let begun = RunRecord {
            app: self.names.app.clone(),
            function: self.names.function.clone(),
            status: RunStatus::Running,
            tasks: Vec::new(),
            accepted_unix_us: self.arrived_unix_us,
            // Only runs with an idempotency key are told apart by it.
            input_hash: 0,
            failed: None,
        };
        let outcome = match self.outcome {
            Ok(output) => Outcome::Ok {
                output: output.clone(),
                codec: Codec::Json,
            },
            Err(failure) => Outcome::Err(failure.clone()),
        };
        runs::ended(&begun, outcome, vec![self.report(node)])
    }
}

/// The last quick runs, up to a bound on their bytes.
#[derive(Debug)]
pub(super) struct Briefs {
    book: Mutex<Book>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Book {
    /// Oldest first.
    pages: VecDeque<Page>,
    bytes: usize,
}

/// Runs of a page.
const LINES: usize = 64;
/// Bytes of results on a page, after which the next is begun.
const TEXT: usize = 16 << 10;

#[derive(Debug, Default)]
struct Page {
    lines: Vec<Line>,
    /// The results of its lines, one after the other.
    text: Vec<u8>,
    /// The least and the greatest `uuid` on it.
    from: u128,
    to: u128,
    bytes: usize,
}

#[derive(Debug)]
struct Line {
    uuid: u128,
    names: Arc<Names>,
    arrived_unix_us: u64,
    run_us: u64,
    input_bytes: u64,
    ended: Ended,
}

#[derive(Debug)]
enum Ended {
    /// With this part of the page's text.
    Text {
        start: usize,
        end: usize,
    },
    Failure(Box<Failure>),
}

impl Briefs {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            book: Mutex::default(),
            capacity,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in here can panic halfway.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a run down.
    pub(super) fn keep(&self, brief: &Brief<'_>) {
        let mut forgotten = Vec::new();
        let mut book = self.book();
        if book.pages.back().is_none_or(Page::is_full) {
            let page = Page::new(brief.uuid);
            book.bytes += page.bytes;
            book.pages.push_back(page);
        }
        if let Some(page) = book.pages.back_mut() {
            let grown = page.write(brief);
            book.bytes += grown;
        }
        while book.bytes > self.capacity {
            let Some(oldest) = book.pages.pop_front() else {
                break;
            };
            book.bytes = book.bytes.saturating_sub(oldest.bytes);
            forgotten.push(oldest);
        }
        drop(book);
        // Freed where nobody waits for it.
        drop(forgotten);
    }

    /// The run with this id, which ran on this node.
    pub(super) fn get(&self, uuid: u128, app: &str, node: &str) -> Option<RunRecord> {
        let book = self.book();
        let pages = book.pages.iter().rev();
        pages
            .filter(|page| (page.from..=page.to).contains(&uuid))
            .find_map(|page| page.find(uuid, app, node))
    }
}

impl Page {
    fn new(first: u128) -> Self {
        Self {
            lines: Vec::with_capacity(LINES),
            from: first,
            to: first,
            bytes: size_of::<Self>() + LINES * size_of::<Line>(),
            ..Self::default()
        }
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= LINES || self.text.len() >= TEXT
    }

    /// By how many bytes it has grown.
    fn write(&mut self, brief: &Brief<'_>) -> usize {
        let start = self.text.len();
        let (ended, grown) = match brief.outcome {
            Ok(output) => {
                self.text.extend_from_slice(output);
                let end = self.text.len();
                (Ended::Text { start, end }, output.len())
            }
            Err(failure) => {
                let size = size_of::<Failure>() + failure.message.len();
                (Ended::Failure(Box::new(failure.clone())), size)
            }
        };
        self.from = self.from.min(brief.uuid);
        self.to = self.to.max(brief.uuid);
        self.lines.push(Line {
            uuid: brief.uuid,
            names: brief.names.clone(),
            arrived_unix_us: brief.arrived_unix_us,
            run_us: brief.run_us,
            input_bytes: brief.input_bytes,
            ended,
        });
        self.bytes += grown;
        grown
    }

    fn find(&self, uuid: u128, app: &str, node: &str) -> Option<RunRecord> {
        let line = self
            .lines
            .iter()
            .find(|line| line.uuid == uuid && line.names.app == app)?;
        let outcome = match &line.ended {
            Ended::Text { start, end } => Ok(self.text.get(*start..*end)?.to_vec()),
            Ended::Failure(failure) => Err((**failure).clone()),
        };
        let brief = Brief {
            uuid,
            names: line.names.clone(),
            arrived_unix_us: line.arrived_unix_us,
            run_us: line.run_us,
            input_bytes: line.input_bytes,
            outcome: &outcome,
        };
        Some(brief.record(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_abi::call::FailureKind;

    fn keep(briefs: &Briefs, uuid: u128, outcome: Result<Vec<u8>, Failure>) {
        let names = Arc::new(Names {
            app: "app".into(),
            function: "f".into(),
        });
        briefs.keep(&Brief {
            uuid,
            names,
            arrived_unix_us: 1,
            run_us: 2,
            input_bytes: 3,
            outcome: &outcome,
        });
    }

    #[test]
    fn runs_are_found_in_whatever_order_they_ended() {
        let briefs = Briefs::new(1 << 20);
        for n in 0..1000_u128 {
            // Some end long after those that began with them.
            let uuid = if n % 7 == 0 { n + 10_000 } else { n };
            keep(&briefs, uuid, Ok(uuid.to_string().into_bytes()));
        }
        let failure = Failure::new(FailureKind::Trap, "it fell");
        keep(&briefs, 5000, Err(failure.clone()));
        let check = |uuid: u128, want: Option<RunStatus>| {
            let found = briefs.get(uuid, "app", "node").map(|r| r.status);
            assert_eq!(found, want, "{uuid}");
        };
        check(8, Some(RunStatus::Succeeded(b"8".to_vec())));
        check(999, Some(RunStatus::Succeeded(b"999".to_vec())));
        check(10_007, Some(RunStatus::Succeeded(b"10007".to_vec())));
        check(5000, Some(RunStatus::Failed(failure)));
        check(7, None);
        check(20_000, None);
        assert!(briefs.get(8, "other", "node").is_none());
        let task = &briefs.get(8, "app", "node").unwrap().tasks[0];
        assert_eq!((task.node.as_str(), task.output_bytes), ("node", 1));
    }

    #[test]
    fn the_oldest_are_forgotten_past_the_bound() {
        let check = |size: usize, last_stays: bool| {
            let briefs = Briefs::new(256 << 10);
            for n in 0..2000 {
                keep(&briefs, n, Ok(vec![b'1'; size]));
                assert!(briefs.book().bytes <= 256 << 10, "{size}");
            }
            assert!(briefs.get(0, "app", "node").is_none(), "{size}");
            assert_eq!(
                briefs.get(1999, "app", "node").is_some(),
                last_stays,
                "{size}"
            );
        };
        check(1 << 8, true);
        check(32 << 10, true);
        check(1 << 20, false);
    }
}
