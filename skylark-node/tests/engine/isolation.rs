//! No call sees what another wrote.

use super::fixtures::*;
use bytes::Bytes;
use skylark_abi::call::FailureKind;

/// `scribble` writes over memory, a global and the table; `check` traps unless
/// all are as the module declares them; `both` does one after the other.
fn scribbler(mark: u8) -> Bytes {
    let fields = format!(
        r#"(global $g (mut i64) (i64.const 42))
        (table $t 8 funcref)
        (elem (i32.const 1) $one)
        (func $one (result i32) (i32.const 1))
        (func $two (result i32) (i32.const 2))
        (elem declare func $two)
        (type $int (func (result i32)))
        (data (i32.const 70000) "\{mark:02x}\{mark:02x}\{mark:02x}\{mark:02x}")
        (func $scribble
          (global.set $g (i64.const 7))
          (table.set $t (i32.const 1) (ref.func $two))
          (table.set $t (i32.const 5) (ref.func $two))
          (drop (memory.grow (i32.const 3)))
          (memory.fill (i32.const 0) (i32.const 0xee) (i32.const {RESPONSE_AT}))
          (memory.fill (i32.const 65536) (i32.const 0xee) (i32.const 262144)))
        (func $check (local $i i32)
          (if (i64.ne (global.get $g) (i64.const 42)) (then unreachable))
          (if (i32.ne (call_indirect $t (type $int) (i32.const 1)) (i32.const 1)) (then unreachable))
          (if (i32.eqz (ref.is_null (table.get $t (i32.const 5)))) (then unreachable))
          (if (i32.ne (memory.size) (i32.const 2)) (then unreachable))
          (if (i32.ne (i32.load8_u (i32.const 70001)) (i32.const {mark})) (then unreachable))
          (local.set $i (i32.const 65536))
          (loop $next
            (if (i64.ne (i64.load (local.get $i)) (i64.const 0))
              (then (if (i32.ne (local.get $i) (i32.const 70000)) (then unreachable))))
            (local.set $i (i32.add (local.get $i) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 131072))))
          (local.set $i (i32.const 0))
          (loop $next
            (if (i64.ne (i64.load (local.get $i)) (i64.const 0)) (then unreachable))
            (local.set $i (i32.add (local.get $i) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const {RESPONSE_AT})))))"#
    );
    let end = |how: &str| format!("(call $scribble) {how}");
    app_with(
        &fields,
        &[
            ("check", "{}", "(call $check) $OK"),
            ("both", "{}", "(call $scribble) (call $check) $OK"),
            ("scribble", "{}", &end("$OK")),
            ("trap", "{}", &end("unreachable")),
            ("hog", "{}", &end(&format!("{HOG} unreachable"))),
            (
                "late",
                r#"{"timeout_ms":3}"#,
                &end("(loop $l (br $l)) unreachable"),
            ),
        ],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_sees_what_another_wrote() {
    let engine = engine();
    let modules = [
        load(&engine, scribbler(1)).await,
        load(&engine, scribbler(2)).await,
    ];
    for module in &modules {
        let found = call(module, "both").await.unwrap_err();
        assert_eq!(
            found.kind,
            FailureKind::Trap,
            "the check finds what was scribbled"
        );
        assert_eq!(call(module, "check").await, Ok(response(b"null")));
    }
    let ends: [(&str, Result<(), FailureKind>); 5] = [
        ("check", Ok(())),
        ("scribble", Ok(())),
        ("trap", Err(FailureKind::Trap)),
        ("hog", Err(FailureKind::Memory)),
        ("late", Err(FailureKind::Timeout)),
    ];
    // More tasks than slots, so that every slot passes from module to module
    // and from end to end; every second call checks.
    let tasks: Vec<_> = (0..16_usize)
        .map(|task| {
            let modules = modules.clone();
            tokio::spawn(async move {
                for round in 0..60 {
                    let (function, expected) = ends[(task + round) % ends.len()];
                    let module = &modules[(task + round / 3) % 2];
                    let ended = call(module, function).await.map(drop).map_err(|f| f.kind);
                    assert_eq!(ended, expected, "{function}");
                    let module = &modules[(task + round) % 2];
                    assert_eq!(
                        call(module, "check").await,
                        Ok(response(b"null")),
                        "after {function}"
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no check fails");
    }
    assert_eq!(engine.instances_in_use(), 0);
}
