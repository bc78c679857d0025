//! Locks what guests, nodes and compilers of different builds must agree on.

use skylark_abi::{
    InvocationId,
    call::{
        CallRequest, CallResponse, Failure, FailureKind, Fan, Field, Outcome, Scope, Successor,
        Variable,
    },
    encode,
    hints::{FunctionHints, Hints},
    journal::{Action, Arrival, Effect, HttpRequest, ReplyTo, Seen, Stretch, Suspension, Then},
    keys::{self, Part},
    names,
    protocol::Promise,
    run::{
        Answer, Completion, Errand, Invocation, Message, Placement, RunRecord, RunStatus,
        TaskReport, Waiting,
    },
    schema::{Arg, Demand, Function, Item, NodeType, Options, Record, State},
    shape::{
        Body, Field as ShapeField, Fields, Shape, Shapes, StateShape, Tagging, TypeShape, Variant,
    },
    span::{Entry, Scanned, Span},
    value::{Codec, fingerprint, fingerprint_bytes, header, header_after},
};
use std::{ops::Bound, time::Duration};

/// FNV-1a of one sample of everything that crosses a process.
const LOCKED: u64 = 0x38eb_c0ed_aa96_5a88;

fn sample() -> String {
    let id = InvocationId::root("app.0123").child(2);
    let variable = Variable {
        scope: Scope::App,
        name: "SEEN".into(),
        key: "k".into(),
        part: Some(Part::Entry),
        at: "ann".into(),
    };
    let field = Field {
        variable: variable.clone(),
        value: Some(vec![1, 2, 3]),
    };
    let placed = Placement {
        policy: "skylark".into(),
        node: "edge1".into(),
        reason: "near".into(),
        expected_us: 10,
        bytes: 20,
    };
    let report = TaskReport {
        task_id: "0".into(),
        function: "f".into(),
        node: "sat1".into(),
        arrived_unix_us: 1,
        begin_us: 2,
        run_us: 3,
        commit_us: 4,
        input_bytes: 5,
        output_bytes: 6,
        state_bytes: 7,
        round_trips: 8,
        conflicts: 9,
        placed: Some(placed.clone()),
        fused: true,
    };
    let ok = Outcome::Ok {
        output: vec![9],
        codec: Codec::Compact,
    };
    let arrival = Arrival {
        position: 3,
        outcome: ok.clone(),
        unix_us: 4,
    };
    let http = HttpRequest {
        method: "GET".into(),
        url: "http://a/".into(),
        headers: vec![("a".into(), "b".into())],
        body: vec![1],
    };
    let actions = [
        Action::Call {
            function: "g".into(),
            input: vec![1],
            answer: true,
        },
        Action::Sleep,
        Action::Promise { name: "p".into() },
        Action::Http(http.clone()),
        Action::Record { value: vec![2] },
    ];
    let effects: Vec<Effect> = actions
        .into_iter()
        .map(|action| Effect {
            action,
            after_ms: 5,
        })
        .collect();
    let stretch = Stretch {
        arrived: vec![arrival.clone()],
        reads: vec![field.clone()],
        effects: effects.iter().map(Effect::trace).collect(),
    };
    let seen = Seen {
        unix_us: 1,
        seed: (2, 3),
    };
    let reply = ReplyTo {
        to: id.clone(),
        function: "f".into(),
        position: 3,
        node: "sat1".into(),
        codec: Codec::Compact,
    };
    let request = CallRequest {
        id: id.clone(),
        input: vec![1],
        input_codec: Codec::Json,
        output_codec: Codec::Compact,
        fields: vec![field.clone()],
        complete: vec![Scope::Chain, Scope::Key],
        past: vec![stretch.clone()],
        arrived: vec![arrival.clone()],
        seen,
        keep: vec![1],
        kept: true,
    };
    let failure = Failure::new(FailureKind::Cancelled, "why").at("x.y");
    let response = CallResponse {
        outcome: Some(ok.clone()),
        touched: vec![variable],
        writes: vec![field.clone()],
        next: vec![Successor {
            function: "g".into(),
            input: None,
        }],
        effects,
        need: 1,
        fan: Some(Fan {
            join: Some("h".into()),
        }),
        lasts: true,
        kept: true,
    };
    let invocation = Invocation {
        app: "app".into(),
        function: "f".into(),
        id: id.clone(),
        input: vec![1],
        input_codec: Codec::Compact,
        chain_state: vec![field],
        origin: "sat1".into(),
        durable: true,
        policy: Some("random".into()),
        placed: Some(placed),
        tasks: vec![report.clone()],
        reply: Some(reply.clone()),
        seen: seen.child(1, 5),
        attempt: 2,
    };
    let suspension = |then| Suspension {
        invocation: invocation.clone(),
        then,
        arrived: vec![arrival.clone()],
        need: 1,
        open: vec![3],
        positions: 4,
    };
    let promise = Promise {
        value: Some(arrival.clone()),
        waiting: vec![reply.clone()],
    };
    let waits = [
        encode(&suspension(Then::Execute {
            past: vec![stretch],
        })),
        encode(&suspension(Then::Gather {
            join: Some("h".into()),
        })),
        encode(&promise),
        encode(&Message::Answer(Box::new(Answer {
            app: "app".into(),
            reply: reply.clone(),
            arrival,
            tasks: vec![report.clone()],
        }))),
        encode(&Message::Await(Box::new(Waiting {
            app: "app".into(),
            promise: keys::promise_id("app.0123", "p"),
            reply: reply.clone(),
        }))),
        encode(&Message::Http(Box::new(Errand {
            app: "app".into(),
            request: http,
            reply,
        }))),
    ];
    let completion = Completion {
        failed: None,
        app: "app".into(),
        chain_id: "app.0123".into(),
        outcome: Outcome::Err(failure.clone()),
        tasks: vec![report.clone()],
        origin: "sat1".into(),
        durable: false,
    };
    let run = |status| RunRecord {
        app: "app".into(),
        function: "f".into(),
        status,
        tasks: vec![report.clone()],
        accepted_unix_us: 1,
        input_hash: 2,
        failed: Some(Box::new(invocation.clone())),
    };
    let record = |item| Record {
        abi: names::ABI_VERSION,
        module: "app::m".into(),
        item,
    };
    let function = record(Item::Function(Function {
        name: "f".into(),
        ident: "f".into(),
        doc: "Does f.".into(),
        args: vec![Arg {
            name: "a".into(),
            ty: "u8".into(),
        }],
        output: "u8".into(),
        fallible: true,
        is_async: true,
        next: vec!["m::g".into()],
        each: true,
        choice: true,
        join: Some("m::h".into()),
        on_error: Some("m::e".into()),
        options: Options {
            memory: Some(1),
            timeout: Some(Duration::from_millis(1500)),
            on: Some(NodeType::Edge),
            retries: Some(3),
            backoff: Some(Duration::from_millis(20)),
            demand: Some(Demand::Idempotent),
            fuse: Some(false),
        },
    }));
    let state = record(Item::State(State {
        name: "SEEN".into(),
        ident: "SEEN".into(),
        scope: Scope::Chain,
        ty: "u8".into(),
        cell: "Mutex".into(),
        key: Some("station".into()),
        was: vec!["KNOWN".into()],
        migrate: vec!["m::grown".into()],
        ttl: Some(Duration::from_secs(24 * 3600)),
    }));
    let names = [
        names::IMPORT_MODULE,
        names::STATE_FETCH,
        names::STATE_FETCH_KEY,
        names::STATE_FETCH_PARTS,
        names::RESUMED,
        names::STATE_TAKE,
        names::LOG,
        names::ALLOC,
        names::SECTION,
        names::SHAPES,
        names::HINTS,
        names::FUNCTION_PREFIX,
        names::INITIALIZE,
        keys::APPS,
        keys::NODES,
    ];
    let of = keys::Collection {
        key: Some("k".into()),
        name: "SEEN".into(),
    };
    let mut from = String::new();
    skylark_abi::key::signed(&mut from, -42);
    let span = Span {
        from: Bound::Excluded(from),
        to: Bound::Unbounded,
        backwards: false,
        limit: 7,
    };
    let scanned = Scanned {
        entries: vec![Entry {
            key: "ann".into(),
            value: vec![1],
        }],
    };
    let keys = [
        keys::bundle("app", &keys::Bundle::App),
        keys::bundle("app", &keys::Bundle::Chain("c".into())),
        keys::bundle("app", &keys::Bundle::Key("k".into())),
        keys::bundle("app", &keys::Bundle::Part(of.clone(), Part::Entry)),
        keys::entry_versions("app", &of),
        keys::entry_index("app", &of),
        span.to_text(),
        keys::version_field("SEEN"),
        keys::record("app", &id),
        keys::run("app", "app.0123"),
        keys::outbox("app"),
        keys::outbox_data("app"),
        keys::failed("app"),
        keys::expiring("app"),
        keys::cancelled("app", "app.0123"),
        keys::run_started_by("app", &id),
    ];
    let envelopes = [
        encode(&request),
        encode(&response),
        encode(&scanned),
        encode(&Message::Invoke(Box::new(invocation.clone()))),
        encode(&Message::Complete(Box::new(completion))),
        encode(&run(RunStatus::Running)),
        encode(&run(RunStatus::Succeeded(vec![1]))),
        encode(&run(RunStatus::Failed(failure))),
        header(fingerprint("Vec < u8 >")).to_vec(),
        header_after(fingerprint("Vec < u8 >"), 2).to_vec(),
    ];
    format!(
        "{} {names:?} {keys:?} {envelopes:?} {waits:?} {} {} {} {} {}",
        names::ABI_VERSION,
        names::pack(7, 9),
        serde_json::to_string(&function).unwrap(),
        serde_json::to_string(&state).unwrap(),
        serde_json::to_string(&shapes()).unwrap(),
        serde_json::to_string(&hints()).unwrap(),
    )
}

fn hints() -> Hints {
    let names = |name: &str| [name.to_owned()].into();
    let hints = FunctionHints {
        reads: names("SEEN"),
        writes: names("SEEN"),
        entries: [("SEEN".to_owned(), names("order.from"))].into(),
        sizes: names("LOG"),
        complete: true,
    };
    Hints::new([("f".to_owned(), hints)].into())
}

/// One of each kind.
fn shapes() -> Shapes {
    let int = Shape::Int {
        signed: true,
        bits: 32,
        nonzero: false,
    };
    let boxed = || Box::new(Shape::Text);
    let all = vec![
        Shape::Unit,
        Shape::Bool,
        Shape::Char,
        int,
        Shape::Float { bits: 64 },
        Shape::Option(boxed()),
        Shape::List(boxed()),
        Shape::Set(boxed()),
        Shape::Map(boxed(), boxed()),
        Shape::Named("app::E".into()),
        Shape::Opaque {
            name: "im::Vector".into(),
            arguments: vec![Shape::Text],
        },
    ];
    let field = ShapeField {
        written: Some("a".into()),
        read: vec!["a".into(), "b".into()],
        optional: true,
        shape: Shape::Text,
    };
    let fields = Fields {
        fields: vec![field],
        strict: true,
        open: true,
    };
    let variant = |body| Variant {
        written: Some("V".into()),
        read: vec!["V".into()],
        body,
    };
    let tuple = Body::Tuple(vec![Shape::Text]);
    let bodies = [
        Body::Unit,
        Body::Newtype(Shape::Text),
        tuple,
        Body::Fields(fields),
    ];
    let tags = [
        Tagging::External,
        Tagging::Internal("t".into()),
        Tagging::Adjacent("t".into(), "c".into()),
        Tagging::Untagged,
    ];
    let types = tags.into_iter().enumerate().map(|(index, tagging)| {
        let variants = bodies.iter().cloned().map(variant).collect();
        (
            format!("app::E{index}"),
            TypeShape::Enum { tagging, variants },
        )
    });
    let state = StateShape {
        shape: Shape::Tuple(all),
        migrates: vec![None, Some(Shape::Text)],
    };
    Shapes {
        states: [("SEEN".into(), state)].into(),
        types: types
            .chain([("app::S".into(), TypeShape::Struct(Body::Unit))])
            .collect(),
    }
}

#[test]
fn the_contract_is_the_one_that_was_locked() {
    let sample = sample();
    let now = fingerprint_bytes(sample.as_bytes());
    assert_eq!(
        now, LOCKED,
        "what guests and nodes exchange has changed. If old modules and nodes still work with it, put \
         `LOCKED: u64 = {now:#x}` here; else `names::ABI_VERSION` must grow too. It is now:\n{sample}"
    );
}
