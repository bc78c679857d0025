//! Plain WASI commands.

use super::fixtures::*;
use bytes::Bytes;
use skylark_abi::call::FailureKind;
use skylark_node::engine::CommandOutput;

/// A command of this body; its arguments are read to 8192 by `$args`, which
/// gives their length with the zero bytes between them.
fn command(body: &str) -> Bytes {
    let (data, _) = say(1, "hello\n");
    assemble(&[
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))"#,
        MEMORY,
        &data,
        r#"(func $write (param $fd i32) (param $at i32) (param $len i32)
          (i32.store (i32.const 2048) (local.get $at)) (i32.store (i32.const 2052) (local.get $len))
          (drop (call $fd_write (local.get $fd) (i32.const 2048) (i32.const 1) (i32.const 2056))))
        (func $args (result i32)
          (drop (call $sizes (i32.const 3000) (i32.const 3004)))
          (drop (call $get (i32.const 3008) (i32.const 8192)))
          (i32.load (i32.const 3004)))"#,
        &format!("(func (export \"_start\") {body})"),
    ])
}

#[tokio::test]
async fn a_plain_command_gets_its_arguments_and_its_output_is_returned() {
    let engine = engine();
    let run = async |body: &str, args: &[&str]| {
        let command = match engine.load_command(command(body)).await {
            Ok(command) => command,
            Err(e) => panic!("the fixture is refused: {e}"),
        };
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        engine.run_command(&command, &args, &limits()).await
    };
    let output = |stdout: &str, stderr: &str, exit_code| {
        Ok(CommandOutput {
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.to_owned(),
            exit_code,
        })
    };
    let hello = "(call $write (i32.const 1) (i32.const 4096) (i32.const 6))";
    let complain = "(call $write (i32.const 2) (i32.const 4096) (i32.const 6))";
    assert_eq!(run("", &[]).await, output("", "", 0));
    assert_eq!(
        run(&format!("{hello}{hello}"), &[]).await,
        output("hello\nhello\n", "", 0)
    );
    let echo = "(call $write (i32.const 1) (i32.const 8192) (call $args))";
    assert_eq!(
        run(echo, &["a b", "é"]).await,
        output("command\0a b\0é\0", "", 0)
    );
    let exits = format!("{hello}{complain}(call $exit (i32.const 3))");
    assert_eq!(run(&exits, &[]).await, output("hello\n", "hello\n", 3));
    let closed = "(drop (call $env (i32.const 3000) (i32.const 3004)))
        (if (i32.load (i32.const 3000)) (then unreachable))
        (if (i32.eqz (call $prestat (i32.const 3) (i32.const 3000))) (then unreachable))";
    assert_eq!(
        run(closed, &[]).await,
        output("", "", 0),
        "no environment, no folder"
    );

    let check = async |what: &str, body: &str, kind: FailureKind, mentions: &[&str]| {
        let failure = run(body, &[]).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{what}: {failure}");
        assert_mentions(what, &failure.message, mentions);
    };
    let gush = format!("(loop $l {hello} (br $l))");
    check(
        "too much",
        &gush,
        FailureKind::TooLarge,
        &["`max-output`", "4 KiB"],
    )
    .await;
    check("trap", "unreachable", FailureKind::Trap, &["unreachable"]).await;
    let hog = format!("{HOG} (call $exit (i32.const 1))");
    check("hog", &hog, FailureKind::Memory, &["`memory`"]).await;
}

#[tokio::test]
async fn what_is_no_plain_command_is_refused() {
    let engine = engine();
    let check =
        async |what: &str, wasm: Bytes, mentions: &[&str]| match engine.load_command(wasm).await {
            Ok(command) => panic!("{what}: loaded {command:?}"),
            Err(e) => assert_mentions(what, &e.to_string(), mentions),
        };
    check("an app", app("$OK"), &["`_start`", "PUT /f/{app}"]).await;
    let stateful = assemble(&[
        r#"(import "skylark_v1" "log" (func (param i32 i32 i32)))"#,
        MEMORY,
        r#"(func (export "_start"))"#,
    ]);
    check(
        "wants host functions",
        stateful,
        &["skylark_v1", "PUT /f/{app}"],
    )
    .await;
}
