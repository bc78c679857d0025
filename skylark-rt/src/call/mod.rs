//! One call of a function: decode the arguments, run, encode, collect writes.

mod arguments;
mod kept;
mod key;

pub use key::{KeyArguments, KeyDef, Part};

use crate::{
    bounds::{Input, Output, Problem},
    codec,
    future::{self, Driven},
    journal,
    state::{self, Collected, Invocation, KeyOf},
    target::Fetch,
    wait::Next,
};
use arguments::Given;
pub use kept::Elements;
pub(crate) use kept::Kept;
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Fan, Outcome, Successor},
    value::{Codec, compact_list, fingerprint},
};
use std::{any::Any, cell::RefCell, future::Future, rc::Rc};

/// What is known of a function when it is compiled.
#[derive(Debug)]
pub struct FunctionDef {
    /// Its name in URLs and exports.
    pub name: &'static str,
    /// Its arguments: name, and source text of the type.
    pub args: &'static [(&'static str, &'static str)],
    /// Source text of what it yields.
    pub output: &'static str,
    /// Its successors, as paths written in `next = …`.
    pub next: &'static [&'static str],
    /// How the run goes on with them.
    pub flow: Flow,
}

/// How a run goes on after a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// With its one successor, or not at all.
    Straight,
    /// With the successor that its result chooses.
    Choice,
    /// With all of them at once, whose ends `join` gets, or the caller.
    Fan {
        /// As a path written in `join = …`.
        join: Option<&'static str>,
    },
    /// With one branch for each element of its result.
    Each {
        /// As a path written in `join = …`.
        join: Option<&'static str>,
    },
}

/// Decodes the arguments, calls the user's function, encodes what it yields.
pub type Body = fn(&Call<'_>) -> Result<Reply, Failure>;

/// A call in progress.
#[derive(Debug)]
pub struct Call<'a> {
    def: &'static FunctionDef,
    input: Arguments<'a>,
    output_codec: Codec,
    /// Places in `next` of what may get its input as it is.
    keep: Vec<u32>,
}

/// Where the arguments are.
#[derive(Debug)]
enum Arguments<'a> {
    Given(Given<'a>),
    /// In the instance: what the call before this one kept there.
    Kept(RefCell<Vec<Option<Box<dyn Any>>>>),
}

/// What a function yielded, encoded; or the `Err` that it returned; or what it
/// did before it began to wait.
#[derive(Debug)]
pub struct Reply(Replied);

#[derive(Debug)]
enum Replied {
    Ended {
        outcome: Outcome,
        next: Vec<Successor>,
        fan: Option<Fan>,
        kept: Option<Kept>,
    },
    Waits(Collected, u32),
}

impl Call<'_> {
    /// The argument at `index`.
    ///
    /// # Errors
    /// What was given does not fit its type.
    pub fn arg<T: Input + 'static>(&self, index: usize) -> Result<T, Failure> {
        let given = match &self.input {
            Arguments::Given(given) => given,
            Arguments::Kept(values) => {
                let mut values = values.borrow_mut();
                let value = values.get_mut(index).and_then(Option::take);
                let value = value.and_then(|value| value.downcast::<T>().ok());
                return value.map_or_else(|| Err(self.not_kept()), |value| Ok(*value));
            }
        };
        let (value, codec) = given.at(index);
        let decoded = match codec {
            Codec::Json => codec::from_json(value),
            Codec::Compact => codec::from_payload(value),
        };
        decoded.map_err(|mismatch| given.blame(self.def, index, &mismatch))
    }

    /// The node then gives it the same value encoded.
    #[cold]
    fn not_kept(&self) -> Failure {
        Failure::new(
            FailureKind::Contract,
            format!(
                "what was kept in the instance does not fit the arguments of `{}`",
                self.def.name
            ),
        )
    }

    /// Whether the successor at this place gets its input as it is.
    fn keeps(&self, place: usize) -> bool {
        self.keep.iter().any(|kept| *kept as usize == place)
    }

    /// The reply of a function that yields a plain value.
    ///
    /// # Errors
    /// The value does not serialize.
    pub fn ok<T: Output + 'static>(&self, output: T) -> Result<Reply, Failure> {
        if self.keeps(0) && self.def.flow == Flow::Straight {
            return Ok(self.keep(0, Kept::new(output)));
        }
        let codec = match self.def.next {
            [] => self.output_codec,
            _ => Codec::Compact,
        };
        let output = self.write(&output, codec)?;
        let fan = match self.def.flow {
            Flow::Fan { join } => Some(fan(join)),
            Flow::Straight | Flow::Choice | Flow::Each { .. } => None,
        };
        let next = self.def.next.iter().map(|path| successor(path, None));
        Ok(ended(Outcome::Ok { output, codec }, next.collect(), fan))
    }

    /// The same of a tuple, whose elements may be several arguments of its successor.
    ///
    /// # Errors
    /// As of [`Call::ok`].
    pub fn elements<T: Output + Elements>(&self, output: T) -> Result<Reply, Failure> {
        if self.keeps(0) && self.def.flow == Flow::Straight {
            return Ok(self.keep(0, Kept::elements(output)));
        }
        self.ok(output)
    }

    /// The reply whose value stays in the instance.
    fn keep(&self, place: usize, value: Kept) -> Reply {
        let path = self.def.next.get(place).copied().unwrap_or_default();
        Reply(Replied::Ended {
            outcome: nothing(),
            next: vec![successor(path, None)],
            fan: None,
            kept: Some(value),
        })
    }

    /// The reply of a function that yields one input for each of several
    /// branches.
    ///
    /// # Errors
    /// An element does not serialize.
    pub fn each<T>(&self, output: T) -> Result<Reply, Failure>
    where
        T: IntoIterator,
        T::Item: Output,
    {
        let (path, join) = match (self.def.next, self.def.flow) {
            ([path, ..], Flow::Each { join }) => (*path, join),
            _ => ("", None),
        };
        let mut next = Vec::new();
        for item in output {
            let input = self.write(&item, Codec::Compact)?;
            next.push(successor(path, Some(input)));
        }
        if !next.is_empty() {
            return Ok(ended(nothing(), next, Some(fan(join))));
        }
        // No branch will ever end: the empty list goes on at once.
        let empty: [u8; 0] = [];
        if let Some(join) = join {
            let next = vec![successor(join, Some(compact_list(&[])))];
            return Ok(ended(nothing(), next, None));
        }
        let codec = self.output_codec;
        let output = self.write(&empty, codec)?;
        Ok(ended(Outcome::Ok { output, codec }, Vec::new(), None))
    }

    /// The reply of a function that chooses its successor.
    ///
    /// # Errors
    /// What goes to it does not serialize.
    pub fn choice<T>(&self, output: Next<T>) -> Result<Reply, Failure> {
        let (choice, input) = output.into_parts();
        if self.keeps(choice) {
            return Ok(self.keep(choice, Kept::of(input.into_any())));
        }
        let input = input.encode();
        let input = input.map_err(|why| unwritable(self.def, Codec::Compact, &why))?;
        let path = self.def.next.get(choice).copied().unwrap_or_default();
        Ok(ended(nothing(), vec![successor(path, Some(input))], None))
    }

    fn write<T: Output>(&self, value: &T, codec: Codec) -> Result<Vec<u8>, Failure> {
        let written = match codec {
            Codec::Json => codec::to_json(value),
            Codec::Compact => codec::to_compact(value, fingerprint(self.def.output)),
        };
        written.map_err(|why| unwritable(self.def, codec, &why))
    }

    /// Runs the future of an `async` handler, from where it waited last to where
    /// it waits next or to its end, which `finish` makes a reply of.
    ///
    /// # Errors
    /// Those of `finish`.
    pub fn wait<F: Future>(
        &self,
        handler: F,
        finish: impl FnOnce(F::Output) -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        #[cfg(feature = "thrift")]
        journal::let_wait();
        match future::drive(handler) {
            Driven::Ended(output) => finish(output),
            Driven::Waits(collected, need) => Ok(Reply(Replied::Waits(collected, need))),
        }
    }

    /// The reply of a function that returns a `Result`.
    ///
    /// # Errors
    /// The value does not serialize. An `Err` is a reply like any other.
    pub fn result<T: Output + 'static, E: Problem>(
        &self,
        output: Result<T, E>,
    ) -> Result<Reply, Failure> {
        self.fallible(output, |output| self.ok(output))
    }

    /// The same, where `finish` makes the reply of an `Ok`.
    ///
    /// # Errors
    /// Those of `finish`.
    pub fn fallible<T, E: Problem>(
        &self,
        output: Result<T, E>,
        finish: impl FnOnce(T) -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        match output {
            Ok(output) => finish(output),
            // The alternate form is what shows the causes of `anyhow`'s errors
            // and its like.
            Err(error) => {
                let failure = Failure::new(FailureKind::Returned, format!("{error:#}"));
                Ok(ended(Outcome::Err(failure), Vec::new(), None))
            }
        }
    }
}

fn ended(outcome: Outcome, next: Vec<Successor>, fan: Option<Fan>) -> Reply {
    Reply(Replied::Ended {
        outcome,
        next,
        fan,
        kept: None,
    })
}

/// The output of a function whose successors have inputs of their own.
fn nothing() -> Outcome {
    Outcome::Ok {
        output: Vec::new(),
        codec: Codec::Compact,
    }
}

fn fan(join: Option<&str>) -> Fan {
    Fan {
        join: join.map(str::to_owned),
    }
}

#[cold]
fn unwritable(def: &FunctionDef, codec: Codec, why: &str) -> Failure {
    let format = match codec {
        Codec::Json => "JSON",
        Codec::Compact => "MessagePack",
    };
    Failure::new(
        FailureKind::Contract,
        format!(
            "the result of `{}` (`{}`) cannot be written as {format}: {why}",
            def.name, def.output
        ),
    )
}

/// Runs one call to its end, or until it waits. `kept` is what the call before it
/// in this instance kept there; what it keeps in turn goes back.
pub(crate) fn run(
    def: &'static FunctionDef,
    body: Body,
    request: CallRequest,
    fetch: Fetch,
    kept: Option<Kept>,
) -> (CallResponse, Option<Kept>) {
    match attempt(def, body, request, fetch, kept) {
        Ok(ended) => ended,
        Err(failure) => (CallResponse::ended(Outcome::Err(failure)), None),
    }
}

fn attempt(
    def: &'static FunctionDef,
    body: Body,
    mut request: CallRequest,
    fetch: Fetch,
    kept: Option<Kept>,
) -> Result<(CallResponse, Option<Kept>), Failure> {
    let input: Rc<[u8]> = request.input.as_slice().into();
    let codec = request.input_codec;
    let (arguments, key_of) = match kept.filter(|_| request.kept) {
        Some(kept) => {
            let values = kept.arguments(def.args.len());
            (Arguments::Kept(RefCell::new(values)), no_key(def))
        }
        None => {
            let given = Given::split(def, &input, codec)?;
            (
                Arguments::Given(given),
                key_of(def, Rc::clone(&input), codec),
            )
        }
    };
    let fields = std::mem::take(&mut request.fields);
    let complete = std::mem::take(&mut request.complete);
    let invocation = Invocation::start(fields, complete, fetch)?;
    invocation.keys(key_of);
    let (_journal, reads) = journal::open(def.name, &mut request);
    state::resume(reads);
    let call = Call {
        def,
        input: arguments,
        output_codec: request.output_codec,
        keep: std::mem::take(&mut request.keep),
    };
    match body(&call)?.0 {
        Replied::Waits(collected, need) => Ok((waits(collected, need), None)),
        Replied::Ended {
            outcome,
            next,
            fan,
            kept,
        } => {
            let effects = journal::finish()?;
            let Collected { touched, writes } = invocation.collect()?;
            let response = CallResponse {
                touched,
                writes,
                next,
                effects,
                fan,
                lasts: true,
                kept: kept.is_some(),
                ..CallResponse::ended(outcome)
            };
            Ok((response, kept))
        }
    }
}

/// The response of a stretch that ends with a wait for so many arrivals.
pub(crate) fn waits(collected: Collected, need: u32) -> CallResponse {
    let Collected { touched, writes } = collected;
    CallResponse {
        outcome: None,
        need,
        touched,
        writes,
        effects: journal::close(),
        ..CallResponse::ended(nothing())
    }
}

/// Finds the bundle of a keyed variable: most calls have none, so the
/// arguments are looked at when one is used.
fn key_of(def: &'static FunctionDef, input: Rc<[u8]>, codec: Codec) -> KeyOf {
    Rc::new(move |state| {
        let Some(key) = state.key else {
            return Ok(String::new());
        };
        let given = &Given::split(def, &input, codec)?;
        (key.of)(&KeyArguments { def, given, state })
    })
}

/// Keys are told from encoded arguments: a node encodes those of an app that has
/// keyed state.
fn no_key(def: &'static FunctionDef) -> KeyOf {
    Rc::new(move |state| match state.key {
        None => Ok(String::new()),
        Some(_) => Err(state.failure(format_args!(
            "is one per value of an argument of `{}`, which was not encoded",
            def.name
        ))),
    })
}

fn successor(path: &str, input: Option<Vec<u8>>) -> Successor {
    Successor {
        function: path.to_owned(),
        input,
    }
}

#[cfg(test)]
mod tests;
