//! The protocol against a model store: many tasks, interleaved step by step,
//! crashed, delivered twice — and every effect there exactly once.

use proptest::prelude::*;
use skylark_abi::{
    InvocationId, Schema,
    call::{CallResponse, Failure, FailureKind, Field, Outcome, Scope, Successor, Variable},
    journal::{Arrival, ReplyTo, Seen},
    keys::Bundle,
    names,
    protocol::{
        Begin, Begun, Bounds, BundleField, Commit, Committed, Miss, Outgoing, Plan, Step, Task,
        Versioned,
    },
    run::{Answer, Invocation, Message, RunRecord, RunStatus, TaskReport},
    schema::{Function, Item, Record, State},
    value::Codec,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What a store must do, in the fewest lines. Leases pass as soon as anybody
/// asks: the harshest clock there is.
#[derive(Default)]
struct Model {
    fields: BTreeMap<BundleField, (u64, Vec<u8>)>,
    records: BTreeMap<InvocationId, (u64, Option<Outcome>)>,
    outbox: BTreeMap<String, Vec<u8>>,
}

impl Model {
    fn begin(&mut self, begin: &Begin) -> Begun {
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

    fn commit(&mut self, commit: &Commit) -> Committed {
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

    fn counter(&self, name: &str) -> u64 {
        self.fields
            .get(&field(name))
            .map_or(0, |f| number(Some(&f.1)))
    }
}

fn field(name: &str) -> BundleField {
    BundleField {
        bundle: Bundle::App,
        name: name.into(),
    }
}

fn variable(scope: Scope, name: &str) -> Variable {
    Variable {
        scope,
        name: name.into(),
        ..Variable::default()
    }
}

fn number(bytes: Option<&Vec<u8>>) -> u64 {
    bytes.map_or(0, |b| u64::from_le_bytes(b.as_slice().try_into().unwrap()))
}

fn schema() -> Arc<Schema> {
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

fn invocation(function: &str, run: usize) -> Invocation {
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

fn plan(dedupe: bool, prefetch: &[&str]) -> Plan {
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
fn fusing(plan: Plan) -> Plan {
    Plan {
        bounds: Bounds::default(),
        ..plan
    }
}

fn report() -> TaskReport {
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
fn guest(task: &mut Task, model: &mut Model, counters: &[&str]) -> CallResponse {
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

/// An attempt at an invocation, advanced one step at a time.
struct Attempt {
    task: Task,
    step: Option<Step>,
    /// The invocation it is an attempt at, by its place in the harness.
    of: usize,
}

/// Runs invocations over one model in an order that `choices` decides: which
/// attempt takes its next step, which crashes or runs out of time, which
/// invocation is attempted once more. Ends when every invocation has been done.
struct Harness {
    schema: Arc<Schema>,
    model: Model,
    invocations: Vec<(Invocation, Vec<&'static str>)>,
    attempts: Vec<Attempt>,
    /// How each invocation ended, as its first attempt to end told.
    done: Vec<Option<Outcome>>,
    fuses: bool,
    discarded: usize,
    apart: usize,
}

impl Harness {
    fn new(runs: usize, fuses: bool) -> Self {
        let invocations: Vec<_> = (0..runs)
            .map(|n| {
                let counters = if n % 2 == 0 {
                    vec!["A"]
                } else {
                    vec!["B", "A", "C"]
                };
                (invocation("first", n), counters)
            })
            .collect();
        Self {
            schema: schema(),
            model: Model::default(),
            done: vec![None; invocations.len()],
            invocations,
            attempts: Vec::new(),
            fuses,
            discarded: 0,
            apart: 0,
        }
    }

    fn attempt(&mut self, of: usize) {
        let (invocation, counters) = &self.invocations[of];
        let prefetch: &[&str] = if of.is_multiple_of(3) {
            &counters[..1]
        } else {
            &[]
        };
        let plan = plan(true, prefetch);
        let plan = if self.fuses { fusing(plan) } else { plan };
        let mut task = Task::new(invocation.clone(), self.schema.clone(), plan);
        let step = Some(task.start());
        self.attempts.push(Attempt { task, step, of });
    }

    fn advance(&mut self, which: usize) {
        let attempt = &mut self.attempts[which];
        let next = match attempt.step.take().unwrap() {
            Step::Begin(begin) => attempt.task.begun(self.model.begin(&begin)),
            Step::Wait(_) => attempt.task.start(),
            Step::Run(_) => {
                let counters = self.invocations[attempt.of].1.clone();
                let response = guest(&mut attempt.task, &mut self.model, &counters);
                Step::Ran(Box::new(response))
            }
            Step::GoOn(_) => {
                let response = guest(&mut attempt.task, &mut self.model, &["B", "C"]);
                Step::Ran(Box::new(response))
            }
            Step::Ran(response) => {
                let starts = attempt.task.starts(&response, &report()).unwrap();
                attempt.task.ran(*response, starts, report())
            }
            Step::Commit(commit) => {
                let committed = self.model.commit(&commit);
                self.discarded += usize::from(!matches!(committed, Committed::Done { .. }));
                attempt.task.committed(committed, report())
            }
            Step::Done(done) => {
                let of = attempt.of;
                self.attempts.remove(which);
                let mut outcome = done.outcome.expect("nothing waits here");
                if self.fuses
                    && let Outcome::Ok { output, .. } = &mut outcome
                {
                    // Only whoever committed knows the output of a fused run.
                    output.clear();
                }
                let told = self.done[of].get_or_insert_with(|| outcome.clone());
                assert_eq!(*told, outcome, "two ends of one invocation");
                self.receive();
                return;
            }
        };
        attempt.step = Some(next);
    }

    /// One that was stopped for so long that its time is up when it runs: only
    /// attempts differ in that.
    fn run_out_of_time(&mut self, which: usize) {
        let step = &mut self.attempts[which].step;
        if let Some(Step::Run(_) | Step::GoOn(_)) = step {
            self.apart += usize::from(matches!(step, Some(Step::GoOn(_))));
            let failure = Failure::new(FailureKind::Timeout, "stopped");
            let response = CallResponse::ended(Outcome::Err(failure));
            *step = Some(Step::Ran(Box::new(response)));
        }
    }

    /// Invocations that succeeded, of those whose place is like that.
    fn succeeded(&self, place: impl Fn(usize) -> bool) -> u64 {
        let ended = self.done.iter().enumerate().filter(|(nth, _)| place(*nth));
        let well = ended.filter(|(_, told)| matches!(told, Some(Outcome::Ok { .. })));
        well.count() as u64
    }

    /// Takes what the outbox holds; delivered again and again, as an outbox
    /// that is never acknowledged would be.
    fn receive(&mut self) {
        for payload in self.model.outbox.values() {
            let Message::Invoke(invocation) = skylark_abi::decode(payload).unwrap() else {
                continue;
            };
            if !self.invocations.iter().any(|(i, _)| i.id == invocation.id) {
                self.invocations.push((*invocation, vec!["B", "C"]));
                self.done.push(None);
            }
        }
    }

    /// Past its end a schedule goes on with the oldest attempt alone (6).
    fn run(&mut self, choices: &[u8]) {
        let mut choices = choices.iter().copied().chain(std::iter::repeat(6));
        for _ in 0..100_000 {
            self.receive();
            let Some(pending) = self.done.iter().position(Option::is_none) else {
                return;
            };
            let choice = usize::from(choices.next().unwrap());
            match (choice % 16, self.attempts.len()) {
                (_, 0) => self.attempt(pending),
                (0, n) => drop(self.attempts.remove(choice / 16 % n)),
                (1..=5, n) if n < 6 => self.attempt(choice / 16 % self.invocations.len()),
                (7, n) => self.run_out_of_time(choice / 16 % n),
                (_, n) => self.advance(choice / 16 % n),
            }
        }
        panic!("the schedule did not end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_effect_is_there_once_whatever_crashes(
        runs in 1usize..6,
        fuses in any::<bool>(),
        choices in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut harness = Harness::new(runs, fuses);
        harness.run(&choices);
        // Each run adds one to A; the odd ones add one to B; each successor
        // adds one to B. What ran out of time does nothing.
        let (all, odd) = (harness.succeeded(|n| n < runs), harness.succeeded(|n| n < runs && n % 2 == 1));
        prop_assert_eq!(harness.model.counter("A"), all);
        let alone = (harness.invocations.len() - runs) as u64;
        let fused = all - alone;
        prop_assert_eq!(harness.model.counter("B"), odd + fused + harness.succeeded(|n| n >= runs));
        prop_assert!(fuses || fused == 0);
    }
}

/// The harness itself: schedules as above do discard executions, so that the
/// property is not true for want of conflicts.
#[test]
fn schedules_do_conflict() {
    let mut harness = Harness::new(4, true);
    // Marsaglia's xorshift32: any fixed sequence without a pattern will do.
    let mut x = 2_463_534_242_u32;
    let choices: Vec<u8> = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        (x >> 11) as u8
    })
    .take(400)
    .collect();
    harness.run(&choices);
    assert!(harness.discarded > 0);
    assert!(harness.apart > 0);
}

/// Carries a task out and counts the store's commands.
fn drive(mut task: Task, model: &mut Model, counters: &[&str]) -> (Outcome, usize, Vec<Outgoing>) {
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

#[test]
fn an_invocation_costs_the_round_trips_that_it_must() {
    let schema = schema();
    let check =
        |function: &str, dedupe: bool, prefetch: &[&str], counters: &[&str], want: usize| {
            let mut invocation = invocation(function, 0);
            invocation.origin = "here".into();
            let task = Task::new(invocation, schema.clone(), plan(dedupe, prefetch));
            let (_, round_trips, _) = drive(task, &mut Model::default(), counters);
            assert_eq!(
                round_trips, want,
                "{function} {dedupe} {prefetch:?} {counters:?}"
            );
        };
    // Neither state nor successors nor a key.
    check("loner", false, &[], &[], 0);
    // State, known before or not, however many variables.
    check("loner", false, &["A"], &["A"], 2);
    check("loner", false, &[], &["A", "B"], 2);
    // With a key and with state that the node has learned of.
    check("loner", true, &["A", "B"], &["A", "B"], 2);
    // State of the run itself is not in the store.
    check("loner", false, &[], &["C"], 0);
    // A successor must be committed, but nothing read.
    check("first", false, &[], &[], 1);
    check("first", true, &["A"], &["A"], 2);
}

#[test]
fn what_is_fused_is_one_commit_and_its_reports_are_two() {
    let check = |dedupe: bool, prefetch: &[&str], counters: &[&str], want: usize| {
        let mut invocation = invocation("first", 0);
        invocation.origin = "here".into();
        let plan = fusing(plan(dedupe, prefetch));
        let mut task = Task::new(invocation, schema(), plan);
        let mut model = Model::default();
        let mut step = task.start();
        let mut trips = Vec::new();
        let done = loop {
            step = match step {
                Step::Begin(begin) => task.begun(model.begin(&begin)),
                Step::Run(request) => {
                    assert_eq!((&*request.keep, request.kept), (&[0][..], false));
                    Step::Ran(Box::new(guest(&mut task, &mut model, counters)))
                }
                Step::GoOn(request) => {
                    trips = task.current().tasks.iter().map(|t| t.round_trips).collect();
                    assert_eq!(request.id.task_id, "0.0");
                    assert_eq!((&*request.keep, request.kept), (&[][..], false));
                    Step::Ran(Box::new(guest(&mut task, &mut model, counters)))
                }
                Step::Ran(response) => {
                    let starts = task.starts(&response, &report()).unwrap();
                    task.ran(*response, starts, report())
                }
                Step::Commit(commit) => task.committed(model.commit(&commit), report()),
                Step::Wait(_) => unreachable!("nobody holds a lease"),
                Step::Done(done) => break done,
            };
        };
        trips.push(task.round_trips());
        assert_eq!(
            trips.iter().sum::<u32>() as usize,
            want,
            "{dedupe} {counters:?}"
        );
        // Each sees what the one before it wrote, whatever its scope.
        for name in counters.iter().filter(|name| **name != "C") {
            assert_eq!(model.counter(name), 2, "{name}");
        }
        // Whoever comes a second time could not tell the end from the record.
        assert_eq!(done.ends_run, !dedupe);
        assert_eq!(done.messages.len(), usize::from(dedupe));
    };
    check(false, &[], &[], 0);
    check(false, &["A"], &["A"], 2);
    check(false, &[], &["A", "B", "C"], 2);
    check(true, &["A", "B"], &["A", "B"], 2);
    check(true, &[], &[], 2);
}

#[test]
fn an_answer_that_comes_again_does_not_end_the_run_with_what_was_called() {
    let check = |to: InvocationId, told: bool| {
        let answer = Answer {
            app: "app".into(),
            reply: ReplyTo {
                to: to.clone(),
                function: "waits".into(),
                position: 0,
                node: "n".into(),
                codec: Codec::Compact,
            },
            arrival: Arrival {
                position: 0,
                outcome: Outcome::Err(Failure::new(FailureKind::Returned, "of its call")),
                unix_us: 0,
            },
            tasks: Vec::new(),
        };
        let mut task = Task::answer(answer, schema(), plan(true, &[]));
        let ended = Outcome::Err(Failure::new(FailureKind::Returned, "its own"));
        let Step::Done(done) = task.begun(Begun::Recorded(ended.clone())) else {
            panic!("it has ended");
        };
        assert_eq!(done.outcome, told.then_some(ended), "{to}");
        assert!(done.replayed && done.messages.is_empty());
    };
    let first = InvocationId::root("run");
    check(first.child(3), false);
    check(first, true);
}

#[test]
fn chain_state_travels_with_the_run() {
    let schema = schema();
    let mut model = Model::default();
    let task = Task::new(invocation("first", 0), schema.clone(), plan(true, &[]));
    let (_, _, messages) = drive(task, &mut model, &["C"]);
    let [
        Outgoing {
            message: Message::Invoke(second),
            ..
        },
    ] = messages.as_slice()
    else {
        panic!("{messages:?}");
    };
    assert_eq!(second.id.to_string(), "app.0/0.0");
    assert_eq!(second.input, b"out");
    let task = Task::new((**second).clone(), schema.clone(), plan(true, &[]));
    assert_eq!(
        task.miss(&variable(Scope::Chain, "C")),
        Ok(Miss::Known(Some(1u64.to_le_bytes().to_vec())))
    );
    assert!(model.fields.is_empty());
}

fn never_written(name: &str) -> Versioned {
    Versioned {
        field: field(name),
        version: 0,
        value: None,
    }
}

#[test]
fn a_commit_says_what_does_not_last() {
    let mut schema = Schema::clone(&schema());
    let hour = Duration::from_secs(3600);
    let last = |schema: &mut Schema, name: &str| {
        schema.states.get_mut(name).unwrap().state.ttl = Some(hour);
    };
    last(&mut schema, "A");
    last(&mut schema, "C");
    let mut task = Task::new(invocation("loner", 0), schema.into(), plan(true, &[]));
    let Step::Begin(_) = task.start() else {
        panic!("a lease")
    };
    task.begun(Begun::Leased {
        epoch: 1,
        fields: ["A", "B"].map(never_written).into(),
        run: None,
    });
    let mut response = CallResponse::ended(Outcome::Ok {
        output: Vec::new(),
        codec: Codec::Compact,
    });
    for (scope, name) in [(Scope::App, "A"), (Scope::App, "B"), (Scope::Chain, "C")] {
        response.writes.push(Field {
            variable: variable(scope, name),
            value: Some(vec![1]),
        });
    }
    let Step::Commit(commit) = task.ran(response, Vec::new(), report()) else {
        panic!("a commit")
    };
    assert_eq!(commit.ttl(&field("A")), Some(hour));
    assert_eq!(commit.ttl(&field("B")), None);
    assert_eq!(commit.lasts.len(), 1, "{:?}", commit.lasts);
}

#[test]
fn bounds_are_kept_and_named() {
    let schema = schema();
    let check = |invocation: Invocation, bounds: Bounds, kind: FailureKind, want: &str| {
        let plan = Plan {
            bounds,
            ..plan(true, &[])
        };
        let mut model = Model::default();
        let task = Task::new(invocation, schema.clone(), plan);
        let (outcome, ..) = drive(task, &mut model, &["A"]);
        let Outcome::Err(failure) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains(want), "{failure}");
        assert_eq!(model.counter("A"), 0, "a failed call leaves nothing");
    };
    let bounds = Bounds::default;
    let small = Bounds {
        max_state: 7,
        ..bounds()
    };
    check(
        invocation("loner", 0),
        small,
        FailureKind::TooLarge,
        "max_state",
    );
    let mut deep = invocation("first", 0);
    for _ in 0..bounds().max_depth {
        deep.id = deep.id.child(0);
    }
    check(deep, bounds(), FailureKind::Depth, "max_depth");
}

#[test]
fn a_variable_that_keeps_changing_ends_in_a_conflict() {
    const MAX: u32 = 3;
    for ahead in [false, true] {
        let plan = Plan {
            ahead,
            bounds: Bounds {
                max_conflicts: MAX,
                ..Bounds::default()
            },
            ..plan(false, &["A"])
        };
        let mut model = Model::default();
        let mut task = Task::new(invocation("loner", 0), schema(), plan);
        let mut step = task.start();
        let mut executions = 0;
        let outcome = loop {
            step = match step {
                Step::Begin(begin) => task.begun(model.begin(&begin)),
                Step::Wait(_) => unreachable!("nobody holds a lease"),
                Step::GoOn(_) => unreachable!("it has no successor"),
                Step::Run(_) => {
                    executions += 1;
                    let response = guest(&mut task, &mut model, &["A"]);
                    // Somebody else is always quicker.
                    let entry = model.fields.entry(field("A")).or_default();
                    *entry = (entry.0 + 1, 7u64.to_le_bytes().to_vec());
                    Step::Ran(Box::new(response))
                }
                Step::Commit(commit) => {
                    assert!(task.conflicts() <= MAX + 1, "it never ends");
                    task.committed(model.commit(&commit), report())
                }
                Step::Ran(response) => task.ran(*response, Vec::new(), report()),
                Step::Done(done) => break done.outcome,
            };
        };
        let Some(Outcome::Err(Failure { kind, at, .. })) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!((kind, at.as_deref()), (FailureKind::Conflict, Some("A")));
        assert_eq!(executions, MAX + 1);
    }
}

#[test]
fn a_guest_cannot_name_what_its_schema_does_not() {
    let schema = schema();
    let task = Task::new(invocation("loner", 0), schema.clone(), plan(false, &[]));
    for unknown in [variable(Scope::App, "Z"), variable(Scope::Chain, "A")] {
        assert_eq!(task.miss(&unknown).unwrap_err().kind, FailureKind::Contract);
    }
}

#[test]
fn a_run_of_another_input_is_left_alone() {
    let record = |input_hash| {
        skylark_abi::encode(&RunRecord {
            app: "app".into(),
            function: "f".into(),
            status: RunStatus::Running,
            tasks: Vec::new(),
            accepted_unix_us: 0,
            input_hash,
            failed: None,
        })
    };
    let task = || {
        let plan = Plan {
            input_hash: Some(1),
            ..plan(true, &[])
        };
        let mut task = Task::new(invocation("first", 1), schema(), plan);
        assert!(matches!(task.start(), Step::Begin(_)));
        task
    };
    let leased = |input_hash| Begun::Leased {
        epoch: 7,
        fields: Vec::new(),
        run: Some(record(input_hash)),
    };
    assert!(matches!(task().begun(leased(1)), Step::Run(_)));

    // The lease is given back, and nothing else happens.
    let mut other = task();
    let Step::Commit(commit) = other.begun(leased(2)) else {
        panic!("it goes on");
    };
    assert_eq!((commit.epoch, &commit.outcome), (7, &None));
    assert!(commit.writes.is_empty() && commit.outbox.is_empty());
    let begun = None;
    let Step::Done(done) = other.committed(Committed::Done { begun }, report()) else {
        panic!("it goes on");
    };
    assert!(done.other_input);

    let over = |input_hash| match task().begun(Begun::Over {
        run: record(input_hash),
    }) {
        Step::Done(done) => (done.other_input, done.replayed),
        step => panic!("{step:?}"),
    };
    assert_eq!(over(1), (false, true));
    assert_eq!(over(2), (true, false));
}

/// What belongs to one key is read at once, and nothing else with it.
#[test]
fn the_fields_of_a_key_come_together() {
    let record = |name: &str, key: Option<&str>| Record {
        abi: names::ABI_VERSION,
        module: "app".into(),
        item: Item::State(State {
            name: name.into(),
            ident: name.into(),
            scope: key.map_or(Scope::App, |_| Scope::Key),
            key: key.map(str::to_owned),
            ..State::default()
        }),
    };
    let records = [
        record("H-a", Some("id")),
        record("H-b", Some("id")),
        record("OTHER", Some("name")),
        record("APP", None),
    ];
    let schema = Arc::new(Schema::from_records(records).unwrap());
    let task = Task::new(invocation("loner", 0), schema, plan(false, &[]));
    let asked = Variable {
        key: "ann".into(),
        ..variable(Scope::Key, "H-b")
    };
    let Ok(Miss::Read(begin)) = task.miss(&asked) else {
        panic!("it is not known yet")
    };
    let wanted = ["H-a", "H-b"].map(|name| BundleField {
        bundle: Bundle::Key("ann".into()),
        name: name.into(),
    });
    assert_eq!(begin.reads, wanted);
}
