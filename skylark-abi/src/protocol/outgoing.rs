//! What an execution sends out: calls, successors, answers, completions.

use super::{Bounds, Outgoing, Started, promise};
use crate::{
    call::{CallResponse, Failure, FailureKind, Field, Outcome, Scope, Successor, Variable},
    id::InvocationId,
    journal::{Action, Arrival, Effect, ReplyTo},
    keys,
    run::{Answer, Completion, Errand, Invocation, Message, TaskReport, Waiting},
    schema::{FunctionEntry, Schema},
    value::{self, Codec},
};
use std::{collections::BTreeMap, time::Duration};

/// Most reports that a run carries along; those in the middle of a longer one
/// are left out.
const MAX_REPORTS: usize = 256;

/// Adds reports, as many as there is room for.
pub(super) fn append(tasks: &mut Vec<TaskReport>, more: &[TaskReport]) {
    for report in more {
        if tasks.len() >= MAX_REPORTS {
            tasks.remove(MAX_REPORTS / 2);
        }
        tasks.push(report.clone());
    }
}

/// How the end of an invocation is wanted: as its caller wants it, JSON at the
/// end of a run, compact where a function of ours takes it.
pub(super) fn wanted_codec(invocation: &Invocation, taken: bool) -> Codec {
    match &invocation.reply {
        _ if taken => Codec::Compact,
        Some(reply) => reply.codec,
        None => Codec::Json,
    }
}

/// What a response starts.
pub(super) struct Starts<'a> {
    pub(super) schema: &'a Schema,
    pub(super) invocation: &'a Invocation,
    pub(super) bounds: &'a Bounds,
    pub(super) owner: &'a str,
    /// Position of its first effect.
    pub(super) first: u32,
    pub(super) now_us: u64,
}

impl Starts<'_> {
    pub(super) fn of(&self, response: &CallResponse) -> Result<Vec<Started>, Failure> {
        let mut starts = Vec::new();
        let mut position = self.first;
        for effect in &response.effects {
            if let Action::Call {
                function,
                input,
                answer,
            } = &effect.action
            {
                starts.push(self.call(position, function, input, *answer, effect.after_ms)?);
            }
            position += 1;
        }
        let next = match &response.outcome {
            None => Vec::new(),
            Some(Outcome::Ok { output, codec }) => response
                .next
                .iter()
                .map(|n| self.successor(n, (output, *codec)))
                .collect::<Result<Vec<_>, _>>()?,
            Some(Outcome::Err(failure)) => self.handler(failure).into_iter().collect(),
        };
        for (function, input, input_codec) in next {
            self.count(position)?;
            self.depth()?;
            let mut invocation = self.child(position, function, input, input_codec);
            invocation.chain_state = chain_state(self.invocation, response);
            invocation.reply = self.invocation.reply.clone();
            if let Some(fan) = &response.fan {
                let codec = wanted_codec(self.invocation, fan.join.is_some());
                invocation.reply = Some(self.reply_to(position, codec));
            }
            starts.push(Started {
                invocation,
                after: Duration::ZERO,
                successor: true,
                fuse: false,
            });
            position += 1;
        }
        Ok(starts)
    }

    fn call(
        &self,
        position: u32,
        function: &str,
        input: &[u8],
        answer: bool,
        after_ms: u64,
    ) -> Result<Started, Failure> {
        self.count(position)?;
        let name = self.resolve(function, "calls")?;
        let mut invocation = self.child(position, name, input.to_vec(), Codec::Compact);
        invocation.seen.unix_us += after_ms.saturating_mul(1000);
        invocation.tasks = Vec::new();
        if answer {
            self.depth()?;
            invocation.reply = Some(self.reply_to(position, Codec::Compact));
        } else {
            // Nobody waits for it: it is a run of its own.
            invocation.id =
                InvocationId::root(keys::run_started_by(&self.invocation.app, &invocation.id));
            invocation.durable = true;
            self.owner.clone_into(&mut invocation.origin);
        }
        Ok(Started {
            invocation,
            after: Duration::from_millis(after_ms),
            successor: false,
            fuse: false,
        })
    }

    fn successor(
        &self,
        successor: &Successor,
        (output, codec): (&[u8], Codec),
    ) -> Result<(String, Vec<u8>, Codec), Failure> {
        let function = self.resolve(&successor.function, "names the successor")?;
        Ok(match &successor.input {
            Some(input) => (function, input.clone(), Codec::Compact),
            None => (function, output.to_vec(), codec),
        })
    }

    /// What a failure goes to instead of ending the run.
    fn handler(&self, failure: &Failure) -> Option<(String, Vec<u8>, Codec)> {
        let handler = self.entry()?.handler.clone()?;
        let json = serde_json::to_vec(failure).unwrap_or_default();
        Some((handler, json, Codec::Json))
    }

    fn child(
        &self,
        position: u32,
        function: String,
        input: Vec<u8>,
        input_codec: Codec,
    ) -> Invocation {
        let from = self.invocation;
        Invocation {
            app: from.app.clone(),
            function,
            id: from.id.child(position),
            input,
            input_codec,
            chain_state: Vec::new(),
            origin: from.origin.clone(),
            durable: from.durable,
            policy: from.policy.clone(),
            placed: None,
            tasks: Vec::new(),
            reply: None,
            seen: from
                .seen
                .child(position, self.now_us.max(from.seen.unix_us)),
            attempt: 0,
        }
    }

    fn entry(&self) -> Option<&FunctionEntry> {
        self.schema.functions.get(&self.invocation.function)
    }

    fn reply_to(&self, position: u32, codec: Codec) -> ReplyTo {
        ReplyTo {
            to: self.invocation.id.clone(),
            function: self.invocation.function.clone(),
            position,
            node: self.owner.to_owned(),
            codec,
        }
    }

    fn resolve(&self, path: &str, does: &str) -> Result<String, Failure> {
        let module = self.entry().map_or("", |e| e.module.as_str());
        self.schema
            .resolve(module, path)
            .map(str::to_owned)
            .map_err(|candidates| {
                let why = match candidates.as_slice() {
                    [] => "which is no annotated function of this app".to_owned(),
                    several => format!("which may be any of {}", several.join(", ")),
                };
                let function = &self.invocation.function;
                Failure::new(
                    FailureKind::Contract,
                    format!("`{function}` {does} `{path}`, {why}"),
                )
            })
    }

    fn count(&self, position: u32) -> Result<(), Failure> {
        let max = self.bounds.max_effects;
        if position < max {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::TooLarge,
            format!(
                "`{}` starts more than {max} calls, delays, promises and branches, the limit (`max_effects`)",
                self.invocation.function
            ),
        ))
    }

    fn depth(&self) -> Result<(), Failure> {
        let max = self.bounds.max_depth;
        if self.invocation.id.depth() + 1 < max {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Depth,
            format!(
                "the run is {max} tasks deep, the limit (`max_depth`); does its chain go in circles?"
            ),
        ))
    }
}

/// The run's own state after this response.
pub(super) fn chain_state(invocation: &Invocation, response: &CallResponse) -> Vec<Field> {
    let written = response
        .writes
        .iter()
        .filter(|w| w.variable.scope == Scope::Chain);
    let mut state: BTreeMap<Variable, Field> = invocation
        .chain_state
        .iter()
        .chain(written)
        .map(|f| (f.variable.clone(), f.clone()))
        .collect();
    state.retain(|_, f| f.value.is_some());
    state.into_values().collect()
}

/// Positions of the effects for which something will arrive.
pub(super) fn answered(effects: &[Effect], first: u32) -> impl Iterator<Item = u32> {
    effects
        .iter()
        .zip(first..)
        .filter_map(|(effect, position)| {
            let arrives = match &effect.action {
                Action::Call { answer, .. } => *answer,
                Action::Sleep | Action::Promise { .. } | Action::Http(_) => true,
                Action::Record { .. } => false,
            };
            arrives.then_some(position)
        })
}

/// What an execution waits for besides what it calls.
pub(super) fn waits(
    effects: &[Effect],
    invocation: &Invocation,
    owner: &str,
    first: u32,
    now_us: u64,
) -> Vec<Outgoing> {
    let outgoing = effects
        .iter()
        .zip(first..)
        .filter_map(|(effect, position)| {
            let reply = ReplyTo {
                to: invocation.id.clone(),
                function: invocation.function.clone(),
                position,
                node: owner.to_owned(),
                codec: Codec::Compact,
            };
            let app = invocation.app.clone();
            let after = Duration::from_millis(effect.after_ms);
            let (entry, message) = match &effect.action {
                Action::Sleep => {
                    let entry = promise::entry(&reply);
                    let nothing = Outcome::Ok {
                        output: Vec::new(),
                        codec: Codec::Compact,
                    };
                    let due = now_us + effect.after_ms.saturating_mul(1000);
                    let answer = Answer::new(app, reply, nothing, due);
                    (entry, Message::Answer(Box::new(answer)))
                }
                Action::Promise { name } => {
                    let waiting = Waiting {
                        app,
                        promise: keys::promise_id(&invocation.id.chain_id, name),
                        reply,
                    };
                    let entry = format!("{}?", waiting.reply.to.child(position));
                    (entry, Message::Await(Box::new(waiting)))
                }
                Action::Http(request) => {
                    let errand = Errand {
                        app,
                        request: request.clone(),
                        reply,
                    };
                    let entry = errand.reply.to.child(position).to_string();
                    (entry, Message::Http(Box::new(errand)))
                }
                Action::Call { .. } | Action::Record { .. } => return None,
            };
            Some(Outgoing {
                entry,
                message,
                after,
            })
        });
    outgoing.collect()
}

/// Whom the end of an invocation is told to, unless it is told in place.
pub(super) fn completion(
    invocation: &Invocation,
    inline: bool,
    outcome: &Outcome,
    tasks: &[TaskReport],
    now_us: u64,
) -> Option<Outgoing> {
    let message = match &invocation.reply {
        Some(reply) => Message::Answer(Box::new(Answer {
            tasks: tasks.to_vec(),
            ..Answer::new(&invocation.app, reply.clone(), outcome.clone(), now_us)
        })),
        None if inline => return None,
        None => Message::Complete(Box::new(Completion {
            app: invocation.app.clone(),
            chain_id: invocation.id.chain_id.clone(),
            outcome: outcome.clone(),
            tasks: tasks.to_vec(),
            origin: invocation.origin.clone(),
            durable: invocation.durable,
            // What is too large to be kept is not tried again.
            failed: match outcome {
                Outcome::Err(f) if invocation.durable && f.kind != FailureKind::TooLarge => {
                    Some(Box::new(invocation.clone()))
                }
                _ => None,
            },
        })),
    };
    Some(Outgoing {
        entry: format!("{}!", invocation.id),
        message,
        after: Duration::ZERO,
    })
}

/// What is told of an invocation that no node will execute: to whom its end
/// would have been.
pub fn refused(invocation: &Invocation, failure: Failure, now_us: u64) -> Option<Outgoing> {
    let outcome = Outcome::Err(failure);
    completion(invocation, false, &outcome, &invocation.tasks, now_us)
}

/// The outputs of all branches as one list, in their order; or the first failure.
pub(super) fn gathered(arrived: &[Arrival], join: Option<&str>, codec: Codec) -> CallResponse {
    let mut in_order: Vec<&Arrival> = arrived.iter().collect();
    in_order.sort_by_key(|a| a.position);
    let mut outputs = Vec::with_capacity(in_order.len());
    for arrival in in_order {
        match &arrival.outcome {
            Outcome::Err(failure) => {
                return CallResponse::ended(Outcome::Err(failure.clone()));
            }
            Outcome::Ok { output, .. } => outputs.push(output.as_slice()),
        }
    }
    let output = match codec {
        Codec::Json => value::json_list(&outputs),
        Codec::Compact => value::compact_list(&outputs),
    };
    let mut response = CallResponse::ended(Outcome::Ok { output, codec });
    response.next = join
        .map(|function| Successor {
            function: function.to_owned(),
            input: None,
        })
        .into_iter()
        .collect();
    response
}
