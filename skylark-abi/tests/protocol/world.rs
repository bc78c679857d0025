//! A store in the fewest lines, a schema, a guest.

use skylark_abi::{
    InvocationId, Schema,
    call::{CallResponse, Field, Outcome, Scope, Successor, Variable},
    journal::Seen,
    keys::Bundle,
    names,
    protocol::{
        Begin, Begun, Bounds, BundleField, Commit, Committed, Miss, Outgoing, Plan, Step, Task,
        Versioned,
    },
    run::{Invocation, TaskReport},
    schema::{Function, Item, Record, State},
    value::Codec,
};
use std::{collections::BTreeMap, sync::Arc};

/// What a store must do, in the fewest lines. Leases pass as soon as anybody
/// asks: the harshest clock there is.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) fields: BTreeMap<BundleField, (u64, Vec<u8>)>,
    pub(crate) records: BTreeMap<InvocationId, (u64, Option<Outcome>)>,
    pub(crate) outbox: BTreeMap<String, Vec<u8>>,
}

impl Model {
    pub(crate) fn begin(&mut self, begin: &Begin) -> Begun {
        let epoch = match &begin.id {
            None => 0,
            Some(id) => {
                let record = self.records.entry(id.clone()).or_default();
                if let Some(outcome) = &record.1 {
                    return Begun::Recorded(outcome.clone());
                }
                record.0 += 1;
                record.0
            }
        };
        let fields = begin
            .reads
            .iter()
            .map(|field| {
                let found = self.fields.get(field);
                Versioned {
                    field: field.clone(),
                    version: found.map_or(0, |f| f.0),
                    value: found.map(|f| f.1.clone()),
                }
            })
            .collect();
        Begun::Leased {
            epoch,
            fields,
            run: None,
        }
    }

    pub(crate) fn commit(&mut self, commit: &Commit) -> Committed {
        if let Some(id) = &commit.id {
            let record = self.records.entry(id.clone()).or_default();
            if record.0 != commit.epoch || record.1.is_some() {
                return Committed::Fenced;
            }
        }
        for (field, version) in &commit.checks {
            if self.fields.get(field).map_or(0, |f| f.0) != *version {
                return Committed::Conflict(field.clone());
            }
        }
        for (field, value) in &commit.writes {
            let entry = self.fields.entry(field.clone()).or_default();
            *entry = (entry.0 + 1, value.clone().unwrap_or_default());
        }
        if let Some(id) = &commit.id {
            self.records
                .insert(id.clone(), (commit.epoch, commit.outcome.clone()));
        }
        for entry in &commit.outbox {
            self.outbox.insert(entry.id.clone(), entry.payload.clone());
        }
        Committed::Done { begun: None }
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.fields
            .get(&field(name))
            .map_or(0, |f| number(Some(&f.1)))
    }
}

pub(crate) fn field(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.into(),
    }
}

pub(crate) fn variable(scope: Scope, name: &str) -> Variable {
    Variable {
        scope,
        name: name.into(),
        ..Variable::default()
    }
}

pub(crate) fn number(bytes: Option<&Vec<u8>>) -> u64 {
    bytes.map_or(0, |b| u64::from_le_bytes(b.as_slice().try_into().unwrap()))
}

pub(crate) fn schema() -> Arc<Schema> {
    let record = |item| Record {
        abi: names::ABI_VERSION,
        module: "app".into(),
        item,
    };
    let function = |name: &str, next: &[&str]| {
        record(Item::Function(Function {
            name: name.into(),
            ident: name.into(),
            output: "()".into(),
            next: next.iter().map(|n| (*n).to_owned()).collect(),
            ..Function::default()
        }))
    };
    let state = |name: &str, scope| {
        record(Item::State(State {
            name: name.into(),
            ident: name.into(),
            scope,
            ty: "u64".into(),
            cell: "Mutex".into(),
            ..State::default()
        }))
    };
    Schema::from_records([
        function("first", &["second"]),
        function("second", &[]),
        function("loner", &[]),
        state("A", Scope::App),
        state("B", Scope::App),
        state("C", Scope::Chain),
    ])
    .unwrap()
    .into()
}

pub(crate) fn invocation(function: &str, run: usize) -> Invocation {
    Invocation {
        app: "app".into(),
        function: function.into(),
        id: InvocationId::root(format!("app.{run}")),
        input: Vec::new(),
        input_codec: Codec::Json,
        chain_state: Vec::new(),
        origin: "elsewhere".into(),
        durable: false,
        policy: None,
        placed: None,
        tasks: Vec::new(),
        reply: None,
        seen: Seen::default(),
        attempt: 0,
    }
}

pub(crate) fn plan(dedupe: bool, prefetch: &[&str]) -> Plan {
    Plan {
        owner: "here".into(),
        dedupe,
        prefetch: prefetch.iter().map(|n| field(n)).collect(),
        inline: true,
        ahead: false,
        input_hash: None,
        acks: Vec::new(),
        bounds: Bounds {
            max_fused: 1,
            ..Bounds::default()
        },
    }
}

/// The same of a node that fuses.
pub(crate) fn fusing(plan: Plan) -> Plan {
    Plan {
        bounds: Bounds::default(),
        ..plan
    }
}

pub(crate) fn report() -> TaskReport {
    TaskReport {
        task_id: "0".into(),
        function: "f".into(),
        node: "n".into(),
        arrived_unix_us: 0,
        ..TaskReport::default()
    }
}

/// A guest that adds one to these counters, and starts `second` if it is
/// `first`. Reads what its request lacks as a real one does.
pub(crate) fn guest(task: &mut Task, model: &mut Model, counters: &[&str]) -> CallResponse {
    let mut response = CallResponse::ended(Outcome::Ok {
        output: b"out".to_vec(),
        codec: Codec::Compact,
    });
    for name in counters {
        let scope = if *name == "C" {
            Scope::Chain
        } else {
            Scope::App
        };
        let variable = variable(scope, name);
        let old = loop {
            match task.miss(&variable).unwrap() {
                Miss::Known(value) => break value,
                Miss::Read(begin) => {
                    let Begun::Leased { fields, .. } = model.begin(&begin) else {
                        unreachable!("a plain read takes no lease")
                    };
                    task.filled(fields);
                }
            }
        };
        response.touched.push(variable.clone());
        response.writes.push(Field {
            variable,
            value: Some((number(old.as_ref()) + 1).to_le_bytes().to_vec()),
        });
    }
    response.lasts = true;
    if task.current().function == "first" {
        response.next.push(Successor {
            function: "second".into(),
            input: None,
        });
    }
    response
}

/// Carries a task out and counts the store's commands.
pub(crate) fn drive(
    mut task: Task,
    model: &mut Model,
    counters: &[&str],
) -> (Outcome, usize, Vec<Outgoing>) {
    let mut step = task.start();
    loop {
        step = match step {
            Step::Begin(begin) => task.begun(model.begin(&begin)),
            Step::Wait(_) => task.start(),
            Step::Run(_) | Step::GoOn(_) => Step::Ran(Box::new(guest(&mut task, model, counters))),
            Step::Ran(response) => match task.starts(&response, &report()) {
                Ok(starts) => task.ran(*response, starts, report()),
                Err(failure) => {
                    let response = CallResponse::ended(Outcome::Err(failure));
                    task.ran(response, Vec::new(), report())
                }
            },
            Step::Commit(commit) => task.committed(model.commit(&commit), report()),
            Step::Done(done) => {
                let outcome = done.outcome.expect("it ends");
                return (outcome, task.round_trips() as usize, done.messages);
            }
        };
    }
}
