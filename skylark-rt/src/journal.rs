//! What the running invocation has started, what has arrived for it, and how
//! far a new execution of it has followed the first.

use crate::target;
use skylark_abi::{
    call::{CallRequest, Failure, FailureKind, Field, Outcome},
    id::InvocationId,
    journal::{Action, Arrival, Effect, Stretch, Trace},
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    task::{Poll, Waker},
};

/// Someone who waits for the effect at a position.
struct Waiter {
    waker: Waker,
    /// The join that it is a direct branch of.
    join: Option<u32>,
}

struct Journal {
    id: InvocationId,
    function: &'static str,
    /// The stretches that were committed.
    past: Vec<Stretch>,
    /// What has arrived since the last of them.
    arrived: Vec<Arrival>,
    /// Which stretch runs; past the last of `past` it is a new one.
    stretch: usize,
    /// The position of this stretch's first effect.
    first: u32,
    /// How many effects this stretch has made so far.
    made: usize,
    /// What a new stretch has started.
    effects: Vec<Effect>,
    /// What has arrived, and was not looked at yet.
    here: BTreeMap<u32, Outcome>,
    waiting: BTreeMap<u32, Waiter>,
    /// The join whose direct branch is being polled.
    join: Option<u32>,
    joins: u32,
    /// What runs that may start nothing: `skylark::transaction`, …
    inside: Vec<&'static str>,
    /// It may end a stretch with a wait.
    #[cfg(feature = "thrift")]
    may_wait: bool,
    /// The stretch has been reported: what is dropped now starts nothing.
    closed: bool,
}

thread_local! {
    static JOURNAL: RefCell<Option<Journal>> = const { RefCell::new(None) };
}

/// Keeps this thread's journal, until it is dropped.
pub(crate) struct Kept(());

impl Drop for Kept {
    fn drop(&mut self) {
        let journal = JOURNAL.with_borrow_mut(Option::take);
        // Wakers are code of others: dropped outside the borrow.
        drop(journal);
    }
}

/// What the first stretch reads from, if it was committed.
pub(crate) type Reads = Option<Vec<Field>>;

/// Takes over what a request says of the past.
pub(crate) fn open(function: &'static str, request: &mut CallRequest) -> (Kept, Reads) {
    let mut past = std::mem::take(&mut request.past);
    let reads = past.first_mut().map(|s| std::mem::take(&mut s.reads));
    let mut journal = Journal {
        id: request.id.clone(),
        function,
        past,
        arrived: std::mem::take(&mut request.arrived),
        stretch: 0,
        first: 0,
        made: 0,
        effects: Vec::new(),
        here: BTreeMap::new(),
        waiting: BTreeMap::new(),
        join: None,
        joins: 0,
        inside: Vec::new(),
        #[cfg(feature = "thrift")]
        may_wait: false,
        closed: false,
    };
    journal.hand_out();
    let earlier = JOURNAL.with_borrow_mut(|current| current.replace(journal));
    drop(earlier);
    (Kept(()), reads)
}

impl Journal {
    /// Takes what had arrived when this stretch began; whom to wake.
    fn hand_out(&mut self) -> Vec<Waker> {
        let arrived = match self.past.get_mut(self.stretch) {
            Some(stretch) => std::mem::take(&mut stretch.arrived),
            None => std::mem::take(&mut self.arrived),
        };
        if let Some(latest) = arrived.iter().map(|a| a.unix_us).max() {
            target::resumed(latest);
        }
        let mut woken = Vec::new();
        for Arrival {
            position, outcome, ..
        } in arrived
        {
            self.here.insert(position, outcome);
            woken.extend(self.waiting.get(&position).map(|w| w.waker.clone()));
        }
        woken
    }

    fn replays(&self) -> bool {
        self.stretch < self.past.len()
    }

    /// What was recorded where the next effect is to be.
    fn recorded(&self) -> Option<Option<&Trace>> {
        let stretch = self.past.get(self.stretch)?;
        Some(stretch.effects.get(self.made))
    }

    fn next_position(&self) -> u32 {
        self.first
            .saturating_add(u32::try_from(self.made).unwrap_or(u32::MAX))
    }

    fn diverged(&self, then: Option<&str>, now: &str) -> Failure {
        let then = then.unwrap_or("it started nothing more before it waited");
        Failure::new(
            FailureKind::Diverged,
            format!(
                "executed again, `{}` did something else than the first time: at position {} then {then}, \
                 now {now}; until it has waited for the last time, a function must do the same \
                 each time it sees the same: record what may differ with `skylark::nondet`",
                self.function,
                self.next_position(),
            ),
        )
    }
}

fn with<R>(look: impl FnOnce(&mut Journal) -> R) -> Option<R> {
    // A thread that is ending has no journal.
    JOURNAL
        .try_with(|journal| journal.try_borrow_mut().ok()?.as_mut().map(look))
        .ok()?
}

#[cold]
fn nowhere(what: &str) -> Failure {
    Failure::new(
        FailureKind::Contract,
        format!(
            "{what} needs a running function: one that a node runs, or `skylark::native::Runtime` in a \
             test; in a handler called as a plain function there is nothing to wait for it"
        ),
    )
}

/// Starts something; its position is its name.
///
/// Ends the call if this execution has diverged from an earlier one, or if
/// nothing may be started here.
pub(crate) fn start(what: &str, effect: Effect) -> u32 {
    let started = with(|journal| {
        if journal.closed {
            return Ok(u32::MAX);
        }
        if let Some(inside) = journal.inside.last() {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "{what} was started inside {inside}, where nothing may be started: it could \
                     not be undone; start it before or after"
                ),
            ));
        }
        let trace = effect.trace();
        match journal.recorded() {
            None => journal.effects.push(effect),
            Some(Some(before)) if *before == trace => {}
            Some(before) => {
                let then = before.map(|b| {
                    if b.what == trace.what {
                        format!("{} with other arguments", b.what)
                    } else {
                        b.what.clone()
                    }
                });
                return Err(journal.diverged(then.as_deref(), &trace.what));
            }
        }
        let position = journal.next_position();
        journal.made += 1;
        Ok(position)
    });
    match started {
        Some(Ok(position)) => position,
        Some(Err(failure)) => target::abort(failure),
        None => target::abort(nowhere(what)),
    }
}

/// The value that was recorded here the first time, or that of `compute`, which
/// is recorded. Outside of an invocation nothing is.
pub(crate) fn record(compute: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    enum Standing {
        Compute,
        Recorded(Vec<u8>),
        Diverged(Failure),
    }
    let standing = with(|journal| match journal.recorded() {
        None => Standing::Compute,
        Some(Some(Trace {
            recorded: Some(value),
            ..
        })) => {
            let value = value.clone();
            journal.made += 1;
            Standing::Recorded(value)
        }
        Some(other) => {
            let then = other.map(|t| t.what.clone());
            Standing::Diverged(journal.diverged(then.as_deref(), "a recorded value"))
        }
    });
    match standing {
        Some(Standing::Recorded(value)) => value,
        Some(Standing::Diverged(failure)) => target::abort(failure),
        Some(Standing::Compute) => {
            let value = compute();
            with(|journal| {
                let action = Action::Record {
                    value: value.clone(),
                };
                journal.effects.push(Effect {
                    action,
                    after_ms: 0,
                });
                journal.made += 1;
            });
            value
        }
        None => compute(),
    }
}

/// What came of the effect at `position`.
pub(crate) fn poll(position: u32, waker: &Waker) -> Poll<Outcome> {
    let polled = with(|journal| {
        if let Some(outcome) = journal.here.remove(&position) {
            journal.waiting.remove(&position);
            return Poll::Ready(outcome);
        }
        let join = journal.join;
        let waker = waker.clone();
        journal.waiting.insert(position, Waiter { waker, join });
        Poll::Pending
    });
    polled.unwrap_or(Poll::Pending)
}

/// Nobody waits for the effect at `position` any more.
pub(crate) fn forget(position: u32) {
    let waiter = with(|journal| journal.waiting.remove(&position));
    drop(waiter);
}

/// What an execution does when nothing in it can go on.
pub(crate) enum Turn {
    /// It goes on with another stretch, which reads from this.
    On(Reads),
    /// It waits for so many arrivals.
    Waits(u32),
}

/// Whether the stretch that runs was committed before.
pub(crate) fn replays() -> bool {
    with(|journal| journal.replays()).unwrap_or(false)
}

/// Ends a stretch. The state must have been put away.
///
/// # Errors
/// It made fewer effects than the first time; or it waits for nothing that
/// could arrive.
pub(crate) fn turn() -> Result<Turn, Failure> {
    let turned = with(|journal| {
        if !journal.replays() {
            return match journal.waiting.len() {
                0 => Err(endless()),
                _ => Ok((Turn::Waits(needed(&journal.waiting)), Vec::new())),
            };
        }
        if let Some(Some(missing)) = journal.recorded() {
            return Err(journal.diverged(Some(&missing.what), "it waits"));
        }
        journal.first = journal.next_position();
        journal.made = 0;
        journal.stretch += 1;
        let stretch = journal.stretch;
        let woken = journal.hand_out();
        let reads = journal.past.get_mut(stretch);
        Ok((Turn::On(reads.map(|s| std::mem::take(&mut s.reads))), woken))
    });
    let (turn, woken) = turned.unwrap_or_else(|| Err(endless()))?;
    for waker in woken {
        waker.wake();
    }
    Ok(turn)
}

/// One arrival, unless all is waited for by the direct branches of one join:
/// then nothing of the function runs before the last of them.
fn needed(waiting: &BTreeMap<u32, Waiter>) -> u32 {
    let mut joins = waiting.values().map(|w| w.join);
    match joins.next() {
        Some(Some(first)) if joins.all(|j| j == Some(first)) => {
            u32::try_from(waiting.len()).unwrap_or(u32::MAX)
        }
        _ => 1,
    }
}

#[cold]
fn endless() -> Failure {
    Failure::new(
        FailureKind::Trap,
        "the function awaits something that nothing will ever complete: a Skylark function has \
         no threads, timers or sockets that could wake it; await only what is ready or wakes itself, \
         and what `skylark` gives: calls, `sleep`, promises, `http`",
    )
}

/// The function is over: what it has started since its last wait.
///
/// # Errors
/// The first time it waited here.
pub(crate) fn finish() -> Result<Vec<Effect>, Failure> {
    let finished = with(|journal| {
        if journal.replays() {
            let then = match journal.recorded() {
                Some(Some(missing)) => missing.what.clone(),
                _ => "it waited".to_owned(),
            };
            return Err(journal.diverged(Some(&then), "it ends"));
        }
        Ok(take(journal))
    });
    finished.unwrap_or_else(|| Ok(Vec::new()))
}

/// What a stretch that ends with a wait has started.
pub(crate) fn close() -> Vec<Effect> {
    with(take).unwrap_or_default()
}

fn take(journal: &mut Journal) -> Vec<Effect> {
    journal.closed = true;
    std::mem::take(&mut journal.effects)
}

/// The run that is executed.
pub(crate) fn run_id() -> Option<String> {
    with(|journal| journal.id.chain_id.clone())
}

/// Whether a function runs on this thread.
pub(crate) fn is_open() -> bool {
    with(|_| ()).is_some()
}

/// Runs `body`, in which nothing may be started.
pub(crate) fn inside<R>(what: &'static str, body: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            with(|journal| journal.inside.pop());
        }
    }
    with(|journal| journal.inside.push(what));
    let _leave = Leave;
    body()
}

/// Whether `what` is what runs.
pub(crate) fn is_inside(what: &'static str) -> bool {
    with(|journal| journal.inside.contains(&what)).unwrap_or(false)
}

/// What runs is the body of an `async` handler: it may wait.
#[cfg(feature = "thrift")]
pub(crate) fn let_wait() {
    with(|journal| journal.may_wait = true);
}

/// Whether `what` may wait here, deep in code that is not `async`.
///
/// # Errors
/// Why it may not, and how to mend it.
#[cfg(feature = "thrift")]
pub(crate) fn check_wait(what: &str) -> Result<(), Failure> {
    let checked = with(|journal| {
        let why = match (journal.may_wait, journal.inside.last()) {
            (true, None) => return Ok(()),
            (false, _) => format!(
                "{what} waits in `{}`, which is no `async fn`: make it one",
                journal.function
            ),
            (true, Some(inside)) => format!("{what} waits inside {inside}, where nothing may wait"),
        };
        Err(Failure::new(FailureKind::Contract, why))
    });
    checked.unwrap_or_else(|| Err(nowhere(what)))
}

/// The number of a new join.
pub(crate) fn new_join() -> u32 {
    with(|journal| {
        journal.joins += 1;
        journal.joins
    })
    .unwrap_or(0)
}

/// Polls a branch of a join: whoever waits in it does so for this `join`, if
/// the branch is nothing but a wait.
pub(crate) fn branch<R>(join: Option<u32>, poll: impl FnOnce() -> R) -> R {
    let outer = with(|journal| std::mem::replace(&mut journal.join, join));
    let polled = poll();
    with(|journal| journal.join = outer.flatten());
    polled
}
