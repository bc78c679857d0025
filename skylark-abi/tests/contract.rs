//! Locks what guests, nodes and compilers of different builds must agree on.

use skylark_abi::{
    InvocationId,
    call::{
        CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope, Successor, Variable,
    },
    encode, keys, names,
    run::{Completion, Invocation, Message, Placement, RunRecord, RunStatus, TaskReport},
    schema::{Arg, Function, Item, NodeType, Options, Record, State},
    value::{Codec, fingerprint, fingerprint_bytes, header},
};
use std::time::Duration;

/// FNV-1a of one sample of everything that crosses a process.
const LOCKED: u64 = 0xe606_e30d_1d4e_f69c;

fn sample() -> String {
    let id = InvocationId::root("app.0123").child(2);
    let variable = Variable {
        scope: Scope::App,
        name: "SEEN".into(),
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
    };
    let request = CallRequest {
        id: id.clone(),
        input: vec![1],
        input_codec: Codec::Json,
        output_codec: Codec::Compact,
        fields: vec![field.clone()],
        complete: vec![Scope::Chain, Scope::Key],
    };
    let ok = Outcome::Ok {
        output: vec![9],
        codec: Codec::Compact,
    };
    let failure = Failure::new(FailureKind::Cancelled, "why").at("x.y");
    let response = CallResponse {
        outcome: ok.clone(),
        touched: vec![variable],
        writes: vec![field.clone()],
        next: vec![Successor {
            function: "g".into(),
            input: None,
        }],
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
    };
    let completion = Completion {
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
        options: Options {
            memory: Some(1),
            timeout: Some(Duration::from_millis(1500)),
            on: Some(NodeType::Edge),
        },
    }));
    let state = record(Item::State(State {
        name: "SEEN".into(),
        ident: "SEEN".into(),
        scope: Scope::Chain,
        ty: "u8".into(),
        cell: "Mutex".into(),
    }));
    let names = [
        names::IMPORT_MODULE,
        names::STATE_FETCH,
        names::STATE_TAKE,
        names::LOG,
        names::ALLOC,
        names::SECTION,
        names::FUNCTION_PREFIX,
        names::INITIALIZE,
        keys::APPS,
    ];
    let keys = [
        keys::bundle("app", &keys::Bundle::App),
        keys::bundle("app", &keys::Bundle::Chain("c".into())),
        keys::bundle("app", &keys::Bundle::Key("k".into())),
        keys::version_field("SEEN"),
        keys::record("app", &id),
        keys::run("app", "app.0123"),
        keys::outbox("app"),
        keys::outbox_data("app"),
    ];
    let envelopes = [
        encode(&request),
        encode(&response),
        encode(&Message::Invoke(Box::new(invocation))),
        encode(&Message::Complete(Box::new(completion))),
        encode(&run(RunStatus::Running)),
        encode(&run(RunStatus::Succeeded(vec![1]))),
        encode(&run(RunStatus::Failed(failure))),
        header(fingerprint("Vec < u8 >")).to_vec(),
    ];
    format!(
        "{} {names:?} {keys:?} {envelopes:?} {} {} {}",
        names::ABI_VERSION,
        names::pack(7, 9),
        serde_json::to_string(&function).unwrap(),
        serde_json::to_string(&state).unwrap(),
    )
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
