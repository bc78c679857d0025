//! What one task costs and is refused.

use crate::world::*;
use skylark_abi::{
    InvocationId, Schema,
    call::{CallResponse, Failure, FailureKind, Field, Outcome, Scope, Variable},
    journal::{Arrival, ReplyTo},
    keys::Bundle,
    names,
    protocol::{
        Begun, Bounds, BundleField, Committed, Miss, Outgoing, Plan, Step, Task, Versioned,
    },
    run::{Answer, Invocation, Message, RunRecord, RunStatus},
    schema::{Item, Record, State},
    value::Codec,
};
use std::{sync::Arc, time::Duration};

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
