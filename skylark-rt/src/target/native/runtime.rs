//! What a test uses.

use super::{
    driver::{Executed, Host, NODE},
    registry::App,
};
use crate::codec::{self, Mismatch};
use serde::{Serialize, de::DeserializeOwned};
use skylark_abi::{
    call::{Failure, FailureKind, Outcome, Scope},
    id::InvocationId,
    keys::Bundle,
    protocol::BundleField,
    run::{Invocation, Message, TaskReport},
    schema::nearest,
    value::{Codec, untag},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Runs the functions that are linked into this program, as a node would: by
/// the same protocol, with a store of its own in memory.
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
    /// The JSON that its last function yielded, or why it failed.
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

    /// Calls `function`, follows its successors to the end, and gives the
    /// result of the last. `input` is the argument; a tuple, or a struct with
    /// the arguments' names, for several; `()` for none.
    ///
    /// # Errors
    /// There is no such function, the input does not fit, a function of the
    /// chain failed, or its result is no `Out`.
    pub fn run<Out: DeserializeOwned>(
        &self,
        function: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Result<Out, Failure> {
        let json = codec::to_json(input).map_err(|why| {
            Failure::new(
                FailureKind::Input,
                format!("the input of `{function}` cannot be written as JSON: {why}"),
            )
        })?;
        self.invoke(function, json).value()
    }

    /// Calls `function` with this JSON, and follows its successors to the end.
    pub fn invoke(&self, function: &str, json: impl Into<Vec<u8>>) -> Run {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let id = format!("{NODE}.{number}");
        let root = Invocation {
            app: NODE.to_owned(),
            function: function.to_owned(),
            id: InvocationId::root(&id),
            input: json.into(),
            input_codec: Codec::Json,
            chain_state: Vec::new(),
            origin: NODE.to_owned(),
            durable: false,
            policy: None,
            placed: None,
            tasks: Vec::new(),
        };
        let mut last = self.host.execute(root, false);
        let mut outbox = VecDeque::from(std::mem::take(&mut last.done.messages));
        while let Some((entry, message)) = outbox.pop_front() {
            // No task of a run that began here sends its completion.
            if let Message::Invoke(next) = message {
                last = self.host.execute(*next, true);
                outbox.extend(std::mem::take(&mut last.done.messages));
            }
            self.host.store().acknowledge(&entry);
        }
        let Executed { done, tasks } = last;
        Run {
            id,
            result: match done.outcome {
                Outcome::Ok { output, .. } => Ok(output),
                Outcome::Err(failure) => Err(failure),
            },
            tasks,
        }
    }

    /// The value of an app-scoped state variable; `None` if it was never
    /// written.
    ///
    /// # Errors
    /// There is no such variable ([`FailureKind::NotFound`]), or what is
    /// stored is no `T` ([`FailureKind::State`]).
    pub fn state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let declared = self.declared(name)?;
        let stored = self.host.store().read(&app_field(name)).value;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let payload = untag(&stored).map_or(&[][..], |tagged| tagged.payload);
        codec::from_payload(payload).map(Some).map_err(|mismatch| {
            Failure::new(
                FailureKind::State,
                format!(
                    "state `{name}` is stored as `{declared}`, which is no `{}`: {}",
                    std::any::type_name::<T>(),
                    mismatch.message
                ),
            )
            .at(name)
        })
    }

    /// The type of an app-scoped variable.
    fn declared(&self, name: &str) -> Result<&str, Failure> {
        let schema = &self.host.app.schema;
        match schema.states.get(name) {
            Some(entry) if entry.state.scope == Scope::App => Ok(&entry.state.ty),
            Some(_) => Err(Failure::new(
                FailureKind::NotFound,
                format!("state `{name}` belongs to a run, and is gone when the run is over"),
            )),
            None => {
                let hint = match nearest(name, schema.states.keys().map(String::as_str)) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None => String::new(),
                };
                Err(Failure::new(
                    FailureKind::NotFound,
                    format!("there is no state `{name}`{hint}"),
                ))
            }
        }
    }
}

fn app_field(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.to_owned(),
    }
}
