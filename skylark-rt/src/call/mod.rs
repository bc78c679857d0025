//! One call of a function: decode the arguments, run, encode, collect writes.

mod arguments;

use crate::{
    bounds::{Input, Output, Problem},
    codec,
    state::{Collected, Invocation},
    target::Fetch,
};
use arguments::Given;
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Outcome, Successor},
    value::{Codec, fingerprint},
};

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
}

/// Decodes the arguments, calls the user's function, encodes what it yields.
pub type Body = fn(&Call<'_>) -> Result<Reply, Failure>;

/// A call in progress.
#[derive(Debug)]
pub struct Call<'a> {
    def: &'static FunctionDef,
    given: Given<'a>,
    output_codec: Codec,
}

/// What a function yielded, encoded; or the `Err` that it returned.
#[derive(Debug)]
pub struct Reply(Outcome);

impl Call<'_> {
    /// The argument at `index`.
    ///
    /// # Errors
    /// What was given does not fit its type.
    pub fn arg<T: Input>(&self, index: usize) -> Result<T, Failure> {
        let (value, codec) = self.given.at(index);
        let decoded = match codec {
            Codec::Json => codec::from_json(value),
            Codec::Compact => codec::from_payload(value),
        };
        decoded.map_err(|mismatch| self.given.blame(self.def, index, &mismatch))
    }

    /// The reply of a function that yields a plain value.
    ///
    /// # Errors
    /// The value does not serialize.
    pub fn ok<T: Output>(&self, output: T) -> Result<Reply, Failure> {
        let codec = match self.def.next {
            [] => self.output_codec,
            _ => Codec::Compact,
        };
        let output = match codec {
            Codec::Json => codec::to_json(&output),
            Codec::Compact => codec::to_compact(&output, fingerprint(self.def.output)),
        };
        match output {
            Ok(output) => Ok(Reply(Outcome::Ok { output, codec })),
            Err(why) => Err(unwritable(self.def, codec, &why)),
        }
    }

    /// The reply of a function that returns a `Result`.
    ///
    /// # Errors
    /// The value does not serialize. An `Err` is a reply like any other.
    pub fn result<T: Output, E: Problem>(&self, output: Result<T, E>) -> Result<Reply, Failure> {
        match output {
            Ok(output) => self.ok(output),
            // The alternate form is what shows the causes of `anyhow`'s errors
            // and its like.
            Err(error) => Ok(Reply(Outcome::Err(Failure::new(
                FailureKind::Returned,
                format!("{error:#}"),
            )))),
        }
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

/// Runs one call to its end.
pub(crate) fn run(
    def: &'static FunctionDef,
    body: Body,
    request: CallRequest,
    fetch: Fetch,
) -> CallResponse {
    match attempt(def, body, request, fetch) {
        Ok((outcome, Collected { touched, writes })) => {
            let next = match outcome {
                Outcome::Ok { .. } => def.next.iter().map(|path| successor(path)).collect(),
                Outcome::Err(_) => Vec::new(),
            };
            CallResponse {
                outcome,
                touched,
                writes,
                next,
            }
        }
        Err(failure) => CallResponse {
            outcome: Outcome::Err(failure),
            touched: Vec::new(),
            writes: Vec::new(),
            next: Vec::new(),
        },
    }
}

fn attempt(
    def: &'static FunctionDef,
    body: Body,
    request: CallRequest,
    fetch: Fetch,
) -> Result<(Outcome, Collected), Failure> {
    let given = Given::split(def, &request.input, request.input_codec)?;
    let invocation = Invocation::start(request.fields, request.complete, fetch)?;
    let call = Call {
        def,
        given,
        output_codec: request.output_codec,
    };
    let Reply(outcome) = body(&call)?;
    let collected = invocation.collect()?;
    Ok((outcome, collected))
}

fn successor(path: &str) -> Successor {
    Successor {
        function: path.to_owned(),
        input: None,
    }
}

#[cfg(test)]
mod tests;
