//! What a test uses.

use super::{
    driver::{Host, NODE, accepted},
    faults::Faults,
    flights::Flights,
    queue::Next,
    registry::App,
};
use crate::{
    Key,
    bytes::Bytes,
    codec::{self, Mismatch},
    state,
    wait::http::Response,
};
use serde::{Serialize, de::DeserializeOwned};
use skylark_abi::{
    call::{Failure, FailureKind, Outcome, Scope},
    id::InvocationId,
    journal::{HttpRequest, Seen},
    keys::{self, Bundle, Collection, Part},
    protocol::{Bounds, BundleField, Committed, number},
    run::{Completion, Invocation, TaskReport},
    schema::{Kind, State, nearest},
    span::{Scanned, Span},
    value::{Codec, bytes_of, compact_bytes, untag},
};
use std::{
    any::type_name,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Runs the functions that are linked into this program, as a node would: by
/// the same protocol, with a store of its own in memory.
///
/// Its clock is its own: it stands still while anything can be done, and jumps to
/// what is due next when nothing can. Nothing sleeps, and a year passes at once.
///
/// Runtimes share nothing, and nothing with the statics as plain code sees
/// them, so tests may run side by side.
///
/// ```
/// use skylark::{native::Runtime, prelude::*};
/// use std::sync::Mutex;
///
/// #[skylark::state]
/// static WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());
///
/// #[skylark::chain(next = remember)]
/// fn normalize(word: String) -> String {
///     word.to_lowercase()
/// }
///
/// #[skylark::function]
/// fn remember(word: String) -> usize {
///     let mut words = WORDS.lock().unwrap();
///     words.push(word);
///     words.len()
/// }
///
/// # fn main() -> Result<(), Failure> {
/// let runtime = Runtime::new();
/// assert_eq!(runtime.run::<usize>("normalize", &"Fire")?, 1);
/// assert_eq!(runtime.run::<usize>("normalize", &"Smoke")?, 2);
/// let words: Vec<String> = runtime.state("WORDS")?.unwrap();
/// assert_eq!(words, ["fire", "smoke"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Runtime {
    host: Arc<Host>,
    runs: Arc<AtomicU64>,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The JSON that its last function yielded (of bytes their base64), or why it
    /// failed.
    pub result: Result<Vec<u8>, Failure>,
    /// What was executed, in order.
    pub tasks: Vec<TaskReport>,
}

impl Run {
    /// The run's result as a value.
    ///
    /// # Errors
    /// The run failed, or its result is no `T` ([`FailureKind::Contract`]).
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let json = self.result.as_ref().map_err(Failure::clone)?;
        codec::from_json(json).map_err(|Mismatch { path, message }| {
            let wanted = std::any::type_name::<T>();
            let text = format!("the run's result is no `{wanted}`: {message}");
            let failure = Failure::new(FailureKind::Contract, text);
            if path.is_empty() {
                failure
            } else {
                failure.at(path)
            }
        })
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime {
    /// A runtime with an empty store, for all annotated items that are linked
    /// into this program.
    ///
    /// # Panics
    /// Those items do not make an app: two share a name, or a successor is
    /// none of them. The message lists every fault.
    pub fn new() -> Self {
        match App::linked() {
            Ok(app) => Self {
                host: Arc::new(Host::new(app)),
                runs: Arc::default(),
            },
            Err(faults) => {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                panic!("the annotated items make no app:\n{}", faults.join("\n"))
            }
        }
    }

    /// Calls `function`, follows its run to the end, and gives the result.
    /// `input` is the argument; a tuple, or a struct with the arguments' names,
    /// for several; `()` for none.
    ///
    /// It is [`Runtime::start`], and [`Runtime::drive`] no further than to this
    /// run's end: what it has started besides may still be on its way.
    ///
    /// # Errors
    /// There is no such function, the input does not fit, a function of the
    /// run failed, its result is no `Out`, or the run waits for something that
    /// must come from outside.
    pub fn run<Out: DeserializeOwned>(
        &self,
        function: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<Out, Failure> {
        self.invoke(function, json(function, input)?).value()
    }

    /// Calls `function` with this JSON, and follows its run to the end.
    pub fn invoke(&self, function: &str, json: impl Into<Vec<u8>>) -> Run {
        let id = self.begin(function, json.into(), Codec::Json);
        self.follow(id)
    }

    /// Calls `function`, which takes [`Bytes`], with this body, and follows its run
    /// to the end: to the bytes that its last function yields.
    ///
    /// # Errors
    /// As of [`Runtime::run`].
    pub fn post(&self, function: &str, body: impl Into<Bytes>) -> Result<Bytes, Failure> {
        let body = compact_bytes(&body.into());
        let id = self.begin(function, body, Codec::Compact);
        self.follow(id).value()
    }

    fn follow(&self, id: String) -> Run {
        self.drive_until(|| self.host.store().run(&id).is_some());
        let completion = self.host.store().run(&id).cloned();
        match completion {
            Some(completion) => run(completion),
            None => Run {
                result: Err(Failure::new(
                    FailureKind::Unavailable,
                    format!(
                        "the run `{id}` waits for something that must come from outside: give it with \
                         `Runtime::complete`, and use `start`, `drive` and `result` meanwhile"
                    ),
                )),
                tasks: Vec::new(),
                id,
            },
        }
    }

    /// Has `function` called, and gives the id of its run. Nothing is executed
    /// before [`Runtime::drive`].
    ///
    /// # Errors
    /// The input cannot be written as JSON.
    pub fn start(
        &self,
        function: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<String, Failure> {
        Ok(self.begin(function, json(function, input)?, Codec::Json))
    }

    fn begin(&self, function: &str, input: Vec<u8>, input_codec: Codec) -> String {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let id = format!("{NODE}.{number}");
        let root = Invocation {
            app: NODE.to_owned(),
            function: function.to_owned(),
            id: InvocationId::root(&id),
            input,
            input_codec,
            chain_state: Vec::new(),
            origin: NODE.to_owned(),
            durable: false,
            policy: None,
            placed: None,
            tasks: Vec::new(),
            reply: None,
            seen: Seen {
                unix_us: self.host.queue.now(),
                seed: (number, 0),
            },
            attempt: 0,
        };
        let entry = root.id.to_string();
        let commit = accepted(root, &Bounds::default());
        // Past the seam: it is the world that calls, and it does so once.
        let now = self.host.queue.now();
        let _done: Committed = self.host.store().commit(&commit, now);
        self.host.queue.push(entry, std::time::Duration::ZERO);
        id
    }

    /// Executes and delivers until nothing is left to do: every run has ended,
    /// or waits for something that must come from outside.
    ///
    /// # Panics
    /// There is no end to it: something starts itself again and again.
    pub fn drive(&self) {
        self.drive_until(|| false);
    }

    fn drive_until(&self, enough: impl Fn() -> bool) {
        /// Deliveries after which nobody waits for an end any more.
        const MAX_DELIVERIES: u64 = 1_000_000;
        let host = &self.host;
        let claimed = || host.store().next_claim();
        let mut flights = Flights::default();
        let mut delivered = 0;
        while delivered < MAX_DELIVERIES {
            let (turn, begins) = match flights.len() {
                0 => match host.queue.next(claimed, &enough) {
                    Next::Idle | Next::Enough => return,
                    Next::Deliver(item) => (0, Some(item)),
                },
                under_way => {
                    let turn = host.turn(under_way);
                    let another = turn >= under_way && !enough();
                    (turn, another.then(|| host.queue.due(claimed)).flatten())
                }
            };
            if let Some(item) = begins {
                delivered += 1;
                flights.begin(host, item);
            }
            flights.step(turn);
        }
        panic!("after {MAX_DELIVERIES} deliveries the runtime is still not idle");
    }

    /// How a run has ended; `None` if it has not.
    pub fn ended(&self, run_id: &str) -> Option<Run> {
        let completion = self.host.store().run(run_id).cloned();
        completion.map(run)
    }

    /// The result of a run; `None` if it has not ended. It is an error if the
    /// run failed, or its result is no `Out`.
    pub fn result<Out: DeserializeOwned>(&self, run_id: &str) -> Option<Result<Out, Failure>> {
        self.ended(run_id).map(|run| run.value())
    }

    /// Completes a promise by its id, or by its name if only one run waits for
    /// one of that name. The same value again changes nothing.
    ///
    /// # Errors
    /// Nobody, or more than one, waits for a promise of that name
    /// ([`FailureKind::NotFound`]); it has another value already
    /// ([`FailureKind::Conflict`]); the value cannot be written as JSON.
    pub fn complete(
        &self,
        promise: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), Failure> {
        let id = self.promise(promise)?;
        let json = json(promise, value)?;
        // A fault at this point is one that the completer tries again after.
        loop {
            match self.host.complete(NODE, &id, &json) {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    return Err(Failure::new(
                        FailureKind::Conflict,
                        format!("the promise `{id}` has another value already"),
                    ));
                }
                Err(_) => self.host.queue.clear(),
            }
        }
    }

    fn promise(&self, promise: &str) -> Result<String, Failure> {
        if promise.contains('~') {
            return Ok(promise.to_owned());
        }
        let end = keys::promise_id("", promise);
        let store = self.host.store();
        let ids: Vec<&String> = store
            .fields()
            .filter_map(|field| match &field.bundle {
                Bundle::Chain(id) if id.ends_with(&end) => Some(id),
                _ => None,
            })
            .collect();
        match ids.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(Failure::new(
                FailureKind::NotFound,
                format!("no run waits for a promise `{promise}`; drive the runtime first"),
            )),
            several => {
                let several: Vec<&str> = several.iter().map(|s| s.as_str()).collect();
                Err(Failure::new(
                    FailureKind::NotFound,
                    format!(
                        "several runs wait for a promise `{promise}`; complete one by its id: {}",
                        several.join(", ")
                    ),
                ))
            }
        }
    }

    /// Answers what functions ask by [`crate::http`]. A server that panics does
    /// not answer.
    pub fn serve(&self, server: impl Fn(&HttpRequest) -> Response + Send + Sync + 'static) {
        self.host.set_server(Arc::new(server));
    }

    /// Executes at most so many functions of a chain in one instance, with one commit,
    /// as a node does by `--max-fused`: 1 executes each for itself, as `--fuse off`
    /// does. What comes of a run is the same, whatever it is; the default is 8.
    pub fn with_fusion(&self, tasks: u32) {
        self.host.set_max_fused(tasks);
    }

    /// Has things go wrong from now on: for simulations.
    pub fn with_faults(&self, faults: Arc<dyn Faults>) {
        self.host.set_faults(faults);
    }

    /// The runtime's clock: microseconds since the Unix epoch.
    pub fn now_us(&self) -> u64 {
        self.host.queue.now()
    }

    /// Puts the runtime's clock forward, as if nothing had happened meanwhile: for what
    /// depends on time, as state with a `ttl` does.
    pub fn advance(&self, time: std::time::Duration) {
        self.host.queue.pass(time);
        self.host.store().sweep(self.now_us());
    }

    /// Messages in the store that are not delivered yet; 0 when the runtime is
    /// idle.
    pub fn undelivered(&self) -> usize {
        self.host.store().undelivered()
    }

    /// The value of an app-scoped state variable; `None` if it was never
    /// written.
    ///
    /// # Errors
    /// There is no such variable ([`FailureKind::NotFound`]), or what is
    /// stored is no `T` ([`FailureKind::State`]).
    pub fn state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.value(name, Bundle::App)
    }

    /// The value of a state variable of one key.
    ///
    /// # Errors
    /// As of [`Runtime::state`].
    pub fn state_of<T: DeserializeOwned>(
        &self,
        name: &str,
        key: &str,
    ) -> Result<Option<T>, Failure> {
        self.value(name, Bundle::Key(key.to_owned()))
    }

    /// The keys and values of an app-scoped [`Map`](crate::Map), in order; of a
    /// [`List`](crate::List) the positions, as `u64`, and values.
    ///
    /// # Errors
    /// There is no such collection ([`FailureKind::NotFound`]), or what is stored are
    /// no `K` and `V` ([`FailureKind::State`]).
    pub fn entries<K: Key, V: DeserializeOwned>(&self, name: &str) -> Result<Vec<(K, V)>, Failure> {
        let declared = self.declared(name, Scope::App)?;
        if !matches!(declared.collection(), Some(Kind::Map | Kind::List)) {
            let why = format!("state `{name}` is no `Map` and no `List`: use `Runtime::state`");
            return Err(Failure::new(FailureKind::NotFound, why));
        }
        let span = Span {
            from: std::ops::Bound::Unbounded,
            to: std::ops::Bound::Unbounded,
            backwards: false,
            limit: u32::MAX,
        };
        let of = Collection {
            key: None,
            name: name.to_owned(),
        };
        let field = BundleField {
            bundle: Bundle::Part(of, Part::Range),
            name: span.to_text(),
        };
        let all = self.host.store().read(&field, self.now_us());
        let all = all
            .value
            .and_then(|bytes| skylark_abi::decode::<Scanned>(&bytes).ok());
        let entries = all.unwrap_or_default().entries.into_iter();
        entries
            .map(|entry| {
                let key = state::read_key::<K>(&entry.key).ok_or_else(|| {
                    let why = format!("the key `{}` is no `{}`", entry.key, type_name::<K>());
                    Failure::new(FailureKind::State, why).at(name)
                })?;
                let payload = untag(&entry.value).map_or(&[][..], |tagged| tagged.payload);
                let value = codec::from_payload(payload);
                Ok((
                    key,
                    value.map_err(|mismatch| unfit::<V>(name, declared, &mismatch))?,
                ))
            })
            .collect()
    }

    fn value<T: DeserializeOwned>(&self, name: &str, bundle: Bundle) -> Result<Option<T>, Failure> {
        let scope = match bundle {
            Bundle::Key(_) => Scope::Key,
            _ => Scope::App,
        };
        let declared = self.declared(name, scope)?;
        if !declared.is_whole() {
            let why = format!("state `{name}` is not one value: use `Runtime::entries`");
            return Err(Failure::new(FailureKind::NotFound, why));
        }
        let field = BundleField {
            bundle,
            name: name.to_owned(),
        };
        let stored = self.host.store().read(&field, self.now_us()).value;
        let Some(stored) = stored else {
            return Ok(None);
        };
        // A counter's is a number as text.
        let counted = number(Some(&stored)).filter(|_| declared.collection().is_some());
        let stored = match counted.map(|sum| codec::to_compact(&sum, 0)) {
            Some(Ok(sum)) => sum,
            _ => stored,
        };
        let payload = untag(&stored).map_or(&[][..], |tagged| tagged.payload);
        let value = codec::from_payload(payload).map(Some);
        value.map_err(|mismatch| unfit::<T>(name, declared, &mismatch))
    }

    /// A variable of this scope.
    fn declared(&self, name: &str, scope: Scope) -> Result<&State, Failure> {
        let schema = &self.host.app.schema;
        let why = match schema.states.get(name) {
            Some(entry) if entry.state.scope == scope => return Ok(&entry.state),
            Some(entry) => match entry.state.scope {
                Scope::Chain => {
                    format!("state `{name}` belongs to a run, and is gone when the run is over")
                }
                Scope::Key => format!("state `{name}` is one per key: use `Runtime::state_of`"),
                Scope::App => format!("state `{name}` has no keys: use `Runtime::state`"),
            },
            None => {
                let hint = match nearest(name, schema.states.keys().map(String::as_str)) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None => String::new(),
                };
                format!("there is no state `{name}`{hint}")
            }
        };
        Err(Failure::new(FailureKind::NotFound, why))
    }
}

/// What is stored is no `T`.
fn unfit<T>(name: &str, declared: &State, mismatch: &Mismatch) -> Failure {
    Failure::new(
        FailureKind::State,
        format!(
            "state `{name}` is stored as `{}`, which is no `{}`: {}",
            declared.ty,
            type_name::<T>(),
            mismatch.message
        ),
    )
    .at(name)
}

fn run(completion: Completion) -> Run {
    Run {
        id: completion.chain_id,
        result: match completion.outcome {
            Outcome::Ok {
                output,
                codec: Codec::Json,
            } => Ok(output),
            Outcome::Ok {
                output,
                codec: Codec::Compact,
            } => as_json(&output),
            Outcome::Err(failure) => Err(failure),
        },
        tasks: completion.tasks,
    }
}

/// What a run came to, where that is bytes.
fn as_json(output: &[u8]) -> Result<Vec<u8>, Failure> {
    let json = match (bytes_of(output), untag(output)) {
        (Some(bytes), _) => codec::to_json(&Bytes::from(bytes)),
        // Of a type that is called `Bytes` and is something else.
        (None, Some(tagged)) => codec::from_payload::<serde_json::Value>(tagged.payload)
            .map_err(|mismatch| mismatch.message)
            .and_then(|value| codec::to_json(&value)),
        (None, None) => return Ok(output.to_vec()),
    };
    json.map_err(|why| {
        let text = format!("the run's result cannot be written as JSON: {why}");
        Failure::new(FailureKind::Contract, text)
    })
}

fn json(what: &str, value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, Failure> {
    codec::to_json(value).map_err(|why| {
        Failure::new(
            FailureKind::Input,
            format!("the input of `{what}` cannot be written as JSON: {why}"),
        )
    })
}
