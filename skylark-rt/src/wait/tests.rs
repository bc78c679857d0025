//! Stretch by stretch: what a waiting function reports, and what an execution
//! of it that knows the past does.

use super::*;
use crate::{
    call::{Body, Flow, FunctionDef, run},
    join_all, nondet, promise, sleep,
    state::{State, StateDef, codec as state_codec},
    target::{Fetch, native::guarded},
    transaction,
};
use skylark_abi::{
    call::{CallRequest, CallResponse, Field, Scope, Variable},
    id::InvocationId,
    journal::{Arrival, Stretch, Trace},
    value::fingerprint,
};
use std::sync::Mutex;

static F: FunctionDef = FunctionDef {
    name: "f",
    args: &[],
    output: "u32",
    next: &[],
    flow: Flow::Straight,
};

macro_rules! variable {
    ($name:ident, $scope:ident) => {
        static $name: State<Mutex<u32>> = State::new(
            Mutex::new(0),
            || Mutex::new(0),
            state_codec::<u32>(),
            &StateDef {
                name: stringify!($name),
                scope: Scope::$scope,
                type_text: "u32",
                key: None,
                was: &[],
            },
        );
    };
}
variable!(SHARED, App);
variable!(OTHER, App);
variable!(OWN, Chain);

fn value(number: u32) -> Vec<u8> {
    codec::to_compact(&number, fingerprint("u32")).unwrap()
}

fn field(scope: Scope, name: &str, number: u32) -> Field {
    Field {
        variable: Variable {
            scope,
            name: name.into(),
            ..Variable::default()
        },
        value: Some(value(number)),
    }
}

fn arrival(position: u32, output: Vec<u8>) -> Arrival {
    Arrival {
        position,
        outcome: Outcome::Ok {
            output,
            codec: Codec::Compact,
        },
        unix_us: 0,
    }
}

/// Executes as a node does that has this past.
fn execute(body: Body, past: &[Stretch], arrived: &[Arrival], fields: &[Field]) -> CallResponse {
    let request = CallRequest {
        id: InvocationId::root("run"),
        input: Vec::new(),
        input_codec: Codec::Json,
        output_codec: Codec::Compact,
        fields: fields.to_vec(),
        complete: vec![Scope::App, Scope::Chain],
        past: past.to_vec(),
        arrived: arrived.to_vec(),
        seen: Default::default(),
        keep: Vec::new(),
        kept: false,
    };
    guarded(|| {
        run(
            &F,
            body,
            request,
            Fetch::new(|v| Ok(vec![None; v.len()])),
            None,
        )
        .0
    })
    .unwrap_or_else(|failure| CallResponse::ended(Outcome::Err(failure)))
}

/// What a node makes of a response that waits.
fn stretch(response: &CallResponse, arrived: &[Arrival], reads: &[Field]) -> Stretch {
    assert_eq!(response.outcome, None, "{response:?}");
    Stretch {
        arrived: arrived.to_vec(),
        reads: reads.to_vec(),
        effects: response.effects.iter().map(Effect::trace).collect(),
    }
}

fn names(fields: &[Field]) -> Vec<(&str, u32)> {
    let named = fields.iter().map(|f| {
        let payload = &f.value.as_ref().unwrap()[skylark_abi::value::HEADER..];
        let number = codec::from_payload(payload).unwrap();
        (f.variable.name.as_str(), number)
    });
    named.collect()
}

fn whats(response: &CallResponse) -> Vec<String> {
    response.effects.iter().map(|e| e.trace().what).collect()
}

fn ended(response: &CallResponse) -> u32 {
    match &response.outcome {
        Some(Outcome::Ok { output, .. }) => {
            codec::from_payload(&output[skylark_abi::value::HEADER..]).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn failed(response: &CallResponse) -> &Failure {
    match &response.outcome {
        Some(Outcome::Err(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_stretch_reads_shared_state_anew_and_reports_only_its_own() {
    let body: Body = |call| {
        let handler = async {
            *OWN.lock().unwrap() += 1;
            *SHARED.lock().unwrap() += 1;
            sleep(SECOND).await;
            *OWN.lock().unwrap() += 1;
            let seen = *SHARED.lock().unwrap();
            *SHARED.lock().unwrap() += 10;
            sleep(2 * SECOND).await;
            seen * 1000 + *OWN.lock().unwrap() * 100 + *SHARED.lock().unwrap()
        };
        call.wait(handler, |output| call.ok(output))
    };
    let own = field(Scope::Chain, "OWN", 5);
    let shared = |n| field(Scope::App, "SHARED", n);

    let first = execute(body, &[], &[], &[own.clone(), shared(1)]);
    assert_eq!((whats(&first), first.need), (vec!["a delay".into()], 1));
    assert_eq!(first.effects[0].after_ms, 1000);
    // The run's own state is told at the end.
    assert_eq!(names(&first.writes), [("SHARED", 2)]);
    assert_eq!(first.touched.len(), 1);

    // Somebody else has made it 40 meanwhile.
    let mut past = vec![stretch(&first, &[], &[shared(1)])];
    let came = [arrival(0, Vec::new())];
    let second = execute(body, &past, &came, &[own.clone(), shared(40)]);
    assert_eq!(names(&second.writes), [("SHARED", 50)]);
    assert_eq!(second.effects[0].after_ms, 2000);

    past.push(stretch(&second, &came, &[shared(40)]));
    let came = [arrival(1, Vec::new())];
    let third = execute(body, &past, &came, &[own, shared(7)]);
    assert_eq!(ended(&third), 40_000 + 700 + 7);
    assert_eq!(names(&third.writes), [("OWN", 7)]);
    assert!(third.effects.is_empty());
}

#[test]
fn what_arrives_is_handed_to_whom_it_is_for() {
    let body: Body = |call| {
        let handler = async {
            let left = crate::call::<u32>("left", &()).start();
            let right = crate::call::<u32>("right", &(1, "two")).await;
            left.await.unwrap() * 10 + right.unwrap()
        };
        call.wait(handler, |output| call.ok(output))
    };
    let first = execute(body, &[], &[], &[]);
    assert_eq!(whats(&first), ["a call of `left`", "a call of `right`"]);
    let Action::Call { input, .. } = &first.effects[0].action else {
        panic!("{first:?}");
    };
    assert_eq!(input[skylark_abi::value::HEADER..], [0xc0]);

    // In the other order.
    let mut past = vec![stretch(&first, &[], &[])];
    let came = [arrival(0, value(4))];
    let second = execute(body, &past, &came, &[]);
    assert!(second.effects.is_empty());
    past.push(stretch(&second, &came, &[]));
    assert_eq!(
        ended(&execute(body, &past, &[arrival(1, value(2))], &[])),
        42
    );
    // Together.
    past.pop();
    let came = [arrival(1, value(2)), arrival(0, value(4))];
    assert_eq!(ended(&execute(body, &past, &came, &[])), 42);
}

#[test]
fn an_execution_waits_for_all_of_a_join_and_else_for_one() {
    fn check(body: Body, need: u32, effects: usize) {
        let response = execute(body, &[], &[], &[]);
        assert_eq!((response.need, response.effects.len()), (need, effects));
    }
    check(
        |call| {
            let joined = crate::join!(sleep(SECOND), promise::<u32>("p"), sleep(SECOND));
            call.wait(joined, |_| call.ok(0_u32))
        },
        3,
        3,
    );
    check(
        |call| {
            let joined = join_all((0..5).map(|_| sleep(SECOND)));
            call.wait(joined, |_| call.ok(0_u32))
        },
        5,
        5,
    );
    // What a branch does after its wait may be what another waits for.
    check(
        |call| {
            let branch = async {
                sleep(SECOND).await;
                crate::call::<()>("f", &()).await
            };
            let joined = crate::join!(branch, promise::<u32>("p"));
            call.wait(joined, |_| call.ok(0_u32))
        },
        1,
        2,
    );
    // Something besides the join.
    check(
        |call| {
            let mut joined = std::pin::pin!(crate::join!(sleep(SECOND), sleep(SECOND)));
            let mut single = std::pin::pin!(sleep(SECOND));
            let both = std::future::poll_fn(|context| {
                let joined = joined.as_mut().poll(context).is_ready();
                let single = single.as_mut().poll(context).is_ready();
                if joined || single {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            call.wait(both, |()| call.ok(0_u32))
        },
        1,
        3,
    );
}

#[test]
fn a_divergence_names_place_and_both_effects() {
    // What it does is decided by what the test put here.
    static WHAT: Mutex<u32> = Mutex::new(0);
    let body: Body = |call| {
        let handler = async {
            let what = *WHAT.lock().unwrap();
            sleep(SECOND).await;
            match what {
                0 => drop(crate::call::<u32>("f", &1).await),
                1 => drop(crate::call::<u32>("f", &2).await),
                2 => drop(crate::call::<u32>("g", &1).await),
                3 => drop(promise::<u32>("p").await),
                4 => drop(nondet(|| 4)),
                5 => drop(*OTHER.lock().unwrap()),
                6 => {}
                _ => std::future::pending().await,
            }
            sleep(SECOND).await;
            0_u32
        };
        call.wait(handler, |output| call.ok(output))
    };
    let first = execute(body, &[], &[], &[]);
    let came = [arrival(0, Vec::new())];
    let mut past = vec![stretch(&first, &[], &[])];
    let second = execute(body, &past, &came, &[]);
    past.push(stretch(&second, &came, &[]));
    for (what, wanted) in [
        (
            1,
            "at position 1 then a call of `f` with other arguments, now a call of `f`",
        ),
        (2, "at position 1 then a call of `f`, now a call of `g`"),
        (3, "at position 1 then a call of `f`, now the promise `p`"),
        (4, "at position 1 then a call of `f`, now a recorded value"),
        (5, "reads state `OTHER`"),
        (6, "at position 1 then a call of `f`, now a delay"),
        (7, "at position 1 then a call of `f`, now it waits"),
    ] {
        *WHAT.lock().unwrap() = what;
        let third = execute(body, &past, &[arrival(1, value(1))], &[]);
        let failure = failed(&third);
        // `pending` waits for nothing: known only once all else agrees.
        assert_eq!(failure.kind, FailureKind::Diverged, "{what}: {failure}");
        assert!(failure.message.contains(wanted), "{what}: {failure}");
        assert!(third.effects.is_empty() && third.writes.is_empty());
    }
    *WHAT.lock().unwrap() = 0;
    let third = execute(body, &past, &[arrival(1, value(1))], &[]);
    assert_eq!(whats(&third), ["a delay"]);
}

#[test]
fn one_that_ends_where_it_waited_has_diverged() {
    let body: Body = |call| call.wait(async { 1_u32 }, |output| call.ok(output));
    let past = [Stretch {
        effects: vec![Trace {
            what: "a delay".into(),
            hash: 0,
            recorded: None,
        }],
        ..Stretch::default()
    }];
    let response = execute(body, &past, &[], &[]);
    let failure = failed(&response);
    assert_eq!(failure.kind, FailureKind::Diverged);
    assert!(
        failure.message.contains("then a delay, now it ends"),
        "{failure}"
    );
}

#[test]
fn a_recorded_value_comes_back_and_is_not_computed_again() {
    static COMPUTED: Mutex<u32> = Mutex::new(0);
    let body: Body = |call| {
        let handler = async {
            let recorded = nondet(|| {
                let mut computed = COMPUTED.lock().unwrap();
                *computed += 1;
                *computed + nondet(|| 10)
            });
            sleep(SECOND).await;
            recorded
        };
        call.wait(handler, |output| call.ok(output))
    };
    let first = execute(body, &[], &[], &[]);
    assert_eq!(whats(&first), ["a recorded value", "a delay"]);
    let past = [stretch(&first, &[], &[])];
    let came = [arrival(1, Vec::new())];
    assert_eq!(ended(&execute(body, &past, &came, &[])), 11);
    assert_eq!(*COMPUTED.lock().unwrap(), 1);
    // Outside of a call it is what it computes.
    assert_eq!(nondet(|| "plain".to_owned()), "plain");
}

#[test]
fn what_cannot_be_is_refused_before_any_effect() {
    fn check(body: Body, kind: FailureKind, message: &str) {
        let response = execute(body, &[], &[], &[]);
        let failure = failed(&response);
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(message), "{failure}");
        assert!(response.effects.is_empty() && response.writes.is_empty());
    }
    check(
        |call| {
            #[expect(clippy::await_holding_lock)] // It is what is refused.
            let handler = async {
                let guard = SHARED.lock().unwrap();
                sleep(SECOND).await;
                *guard
            };
            call.wait(handler, |output| call.ok(output))
        },
        FailureKind::State,
        "state `SHARED` is still locked across an `.await`",
    );
    check(
        |call| {
            let sent = transaction(|| crate::call::<()>("f", &()).send());
            call.result(sent.map(|()| 0_u32))
        },
        FailureKind::Contract,
        "a call was started inside `skylark::transaction`",
    );
    check(
        |call| call.ok(nondet(|| *SHARED.lock().unwrap())),
        FailureKind::State,
        "is used inside `skylark::nondet`",
    );
    check(
        |call| call.wait(std::future::pending::<u32>(), |output| call.ok(output)),
        FailureKind::Trap,
        "awaits something",
    );
    let outside = guarded(|| drop(crate::call::<()>("f", &()).start())).unwrap_err();
    assert!(
        outside.message.contains("needs a running function"),
        "{outside}"
    );
}

#[test]
fn a_transaction_is_undone_by_an_error_and_by_a_panic() {
    fn check(body: Body, writes: &[(&str, u32)]) {
        let fields = [
            field(Scope::App, "SHARED", 1),
            field(Scope::Chain, "OWN", 1),
        ];
        let response = execute(body, &[], &[], &fields);
        assert_eq!(names(&response.writes), writes, "{response:?}");
    }
    fn write() {
        *SHARED.lock().unwrap() += 10;
        *OTHER.lock().unwrap() += 10;
        *OWN.lock().unwrap() += 10;
    }
    check(
        |call| {
            *SHARED.lock().unwrap() += 1;
            let done = transaction(|| {
                write();
                Ok::<_, String>(0_u32)
            });
            call.result(done)
        },
        &[("SHARED", 12), ("OTHER", 10), ("OWN", 11)],
    );
    check(
        |call| {
            *SHARED.lock().unwrap() += 1;
            let undone = transaction(|| {
                write();
                // One inside another goes back to where that began.
                let inner = transaction(|| {
                    write();
                    Err::<u32, _>("inner".to_owned())
                });
                assert_eq!((inner.is_err(), *SHARED.lock().unwrap()), (true, 12));
                inner
            });
            call.result(undone)
        },
        &[("SHARED", 2)],
    );
    check(
        |call| {
            *SHARED.lock().unwrap() += 1;
            let caught = std::panic::catch_unwind(|| {
                transaction(|| -> Result<u32, String> {
                    write();
                    let _guard = SHARED.lock();
                    std::panic::resume_unwind(Box::new(()))
                })
            });
            assert!(caught.is_err());
            call.ok(0_u32)
        },
        &[("SHARED", 2)],
    );
}
