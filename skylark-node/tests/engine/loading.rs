//! Modules that are refused, and the compiled ones on disk.

use super::fixtures::*;
use bytes::Bytes;
use skylark_abi::names;
use skylark_node::engine::{Engine, EngineConfig, LoadError};
use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};

#[tokio::test]
async fn what_is_no_app_is_refused_with_the_reason_and_the_cure() {
    let engine = engine();
    let check = async |what: &str, wasm: Bytes, mentions: &[&str]| match engine.load(wasm).await {
        Ok(module) => panic!("{what}: loaded {module:?}"),
        Err(e) => assert_mentions(what, &e.to_string(), mentions),
    };
    let text = |t: &'static str| Bytes::from_static(t.as_bytes());
    check("empty", Bytes::new(), &["empty", "cargo skylark build"]).await;
    check("text", text("fn main() {}"), &["a text", "wasm32-wasip1"]).await;
    check("text in another script", text("ф"), &["a text"]).await;
    check(
        "wat",
        text("(module)"),
        &["WebAssembly text", "wasm-tools parse"],
    )
    .await;
    check("elf", text("\x7fELF\x02\x01\x01"), &["ELF"]).await;
    check("archive", text("!<arch>\n"), &["static library", "cdylib"]).await;
    check("gzip", Bytes::from_static(&[0x1f, 0x8b, 8, 0]), &["unpack"]).await;
    check("noise", Bytes::from_static(&[0xff; 9]), &["unknown"]).await;
    let component = wat::parse_str("(component)").unwrap();
    check("component", component.into(), &["a component", "wasip2"]).await;
    let whole = app("$OK");
    check(
        "cut",
        whole.slice(..whole.len() / 2),
        &["malformed at byte", "whole"],
    )
    .await;

    let schema = section(&record(names::ABI_VERSION, "f", "{}"));
    let function = r#"(func (export "skylark_fn_f") (param i32 i32) (result i64) $OK)"#;
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "no schema",
            &[MEMORY, ALLOC, function],
            &["no `skylark.schema` section", "annotate"],
        ),
        (
            "another version",
            &[MEMORY, ALLOC, function, &section(&record(99, "f", "{}"))],
            &["version 99", "version 1", "update the node"],
        ),
        (
            "broken schema",
            &[
                MEMORY,
                ALLOC,
                function,
                "(@custom \"skylark.schema\" \"\\09\\00\\00\\00{\")",
            ],
            &["malformed", "9 bytes"],
        ),
        (
            "a name that is none",
            &[
                MEMORY,
                ALLOC,
                &section(&record(names::ABI_VERSION, "a/b", "{}")),
            ],
            &["`a/b`", "no valid name"],
        ),
        (
            "no function",
            &[MEMORY, ALLOC, &schema],
            &["`skylark_fn_f`", "there is none", "skylark-rt"],
        ),
        (
            "another signature",
            &[
                MEMORY,
                ALLOC,
                &schema,
                r#"(func (export "skylark_fn_f") (param i32))"#,
            ],
            &["`skylark_fn_f`", "(i32, i32) -> i64", "(i32) -> ()"],
        ),
        (
            "a global in its place",
            &[
                MEMORY,
                ALLOC,
                &schema,
                r#"(global (export "skylark_fn_f") i32 (i32.const 1))"#,
            ],
            &["`skylark_fn_f`", "a global"],
        ),
        (
            "no allocator",
            &[MEMORY, function, &schema],
            &["`skylark_alloc`", "there is none"],
        ),
        (
            "no memory",
            &["(memory 2)", ALLOC, function, &schema],
            &["`memory`", "there is none"],
        ),
        (
            "a start of another kind",
            &[
                MEMORY,
                ALLOC,
                function,
                &schema,
                r#"(func (export "_initialize") (param i32))"#,
            ],
            &["`_initialize`", "() -> ()"],
        ),
        (
            "too much memory",
            &[
                r#"(memory (export "memory") 257)"#,
                ALLOC,
                function,
                &schema,
            ],
            &["`max-memory`", "16842752", "16777216"],
        ),
        (
            "threads",
            &[
                r#"(memory (export "memory") 2 2 shared)"#,
                ALLOC,
                function,
                &schema,
            ],
            &["cannot be compiled", "threads"],
        ),
        (
            "two memories",
            &[MEMORY, "(memory 1)", ALLOC, function, &schema],
            &["cannot be compiled", "multi"],
        ),
        (
            "another type of import",
            &[
                r#"(import "skylark_v1" "log" (func))"#,
                MEMORY,
                ALLOC,
                function,
                &schema,
            ],
            &["imports do not fit", "log"],
        ),
    ];
    for (what, parts, mentions) in rows {
        check(what, assemble(parts), mentions).await;
    }
}

#[tokio::test]
async fn an_unknown_import_is_named_with_a_hint_at_where_it_comes_from() {
    let engine = engine();
    let check = async |module: &str, name: &str, mention: &str| {
        let import = format!("(import \"{module}\" \"{name}\" (func))");
        let schema = section(&record(names::ABI_VERSION, "f", "{}"));
        let function = r#"(func (export "skylark_fn_f") (param i32 i32) (result i64) $OK)"#;
        let wasm = assemble(&[&import, MEMORY, ALLOC, function, &schema]);
        match engine.load(wasm).await {
            Err(e @ LoadError::UnknownImport { .. }) => {
                assert_mentions(module, &e.to_string(), &[module, name, mention]);
            }
            other => panic!("{module}.{name}: {other:?}"),
        }
    };
    check("wasi_snapshot_preview1", "sock_open", "built for WasmEdge").await;
    check("wasi_snapshot_preview1", "nothing", "no such function").await;
    check("wasi_unstable", "fd_write", "preview 0").await;
    check("env", "malloc", "linker did not find").await;
    check("skylark_v1", "teleport", "no such host function").await;
    check("skylark_v9", "log", "another version").await;
    check("__wbindgen_placeholder__", "x", "browser").await;
    check("wasi:cli/environment@0.2.0", "get", "wasip2").await;
    check("mine", "f", "leave out").await;
}

#[tokio::test]
async fn a_module_larger_than_the_limit_is_refused_before_all_else() {
    let engine = Engine::new(EngineConfig {
        max_module: 10,
        ..small()
    })
    .expect("the engine starts");
    match engine.load(Bytes::from_static(&[0; 11])).await {
        Err(
            e @ LoadError::TooLarge {
                size: 11,
                limit: 10,
            },
        ) => {
            assert_mentions("too large", &e.to_string(), &["`max-module`"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_that_make_no_sense_are_named() {
    let check = |option: &str, config: EngineConfig| match Engine::new(config) {
        Ok(_) => panic!("{option}: accepted"),
        Err(e) => assert_mentions(option, &e.to_string(), &[option]),
    };
    let d = small;
    check(
        "`instances`",
        EngineConfig {
            pool_instances: 0,
            ..d()
        },
    );
    check(
        "`epoch-tick`",
        EngineConfig {
            epoch_tick: Duration::ZERO,
            ..d()
        },
    );
    check(
        "`max-memory`",
        EngineConfig {
            max_memory: 5 << 30,
            ..d()
        },
    );
    check("`stack`", EngineConfig { stack: 1, ..d() });
    check(
        "`max-timeout`",
        EngineConfig {
            max_timeout: Duration::MAX,
            ..d()
        },
    );
    check(
        "/dev/null/x",
        EngineConfig {
            cache_dir: Some("/dev/null/x".into()),
            ..d()
        },
    );
}

#[tokio::test]
async fn a_compiled_module_on_disk_is_used_and_a_damaged_one_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let entry = |dir: &Path| {
        let mut found: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "cwasm"))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    // A recompiled module is a new file, so its inode tells.
    let load_and_call = async || {
        let engine = Engine::new(EngineConfig {
            cache_dir: Some(dir.path().to_owned()),
            ..small()
        })
        .expect("the engine starts");
        let module = load(&engine, app("$OK")).await;
        assert_eq!(call(&module, "f").await, Ok(response(b"null")));
        std::fs::metadata(entry(dir.path())).unwrap().ino()
    };
    let first = load_and_call().await;
    assert_eq!(load_and_call().await, first, "used as it was");
    let path = entry(dir.path());
    let keep_inode = std::fs::File::open(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    assert_ne!(load_and_call().await, first, "made anew");
    drop(keep_inode);
}
