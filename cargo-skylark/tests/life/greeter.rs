//! From a new app to a run over three nodes: made, tested, built, deployed, called,
//! looked at, ended.

use crate::{cargo, command, make, programs, skylark};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// Nodes that run; ended with the test, whatever comes of it.
struct Up {
    command: Child,
    log: PathBuf,
}

impl Up {
    /// Starts them and waits until the table of nodes has been printed.
    fn start(app: &Path, arguments: &[&str], temporary: &Path) -> Self {
        let log = temporary.join("up.log");
        let mut up = command(app, &[&["up"], arguments].concat());
        up.env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap());
        let mut up = Self {
            command: up.spawn().unwrap(),
            log,
        };
        let lines = BufReader::new(up.command.stdout.take().unwrap()).lines();
        let ready = lines
            .map_while(Result::ok)
            .any(|line| line.starts_with("Ctrl-C ends"));
        assert!(ready, "the nodes did not start:\n{}", up.log());
        up
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// As by Ctrl-C.
    fn interrupt(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.command);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.command.wait().unwrap().code().unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(None) = self.command.try_wait() {
            let pid = rustix::process::Pid::from_child(&self.command);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.command.wait();
        }
    }
}

#[test]
fn from_new_to_a_run_over_three_nodes() {
    let here = tempfile::tempdir().unwrap();
    let app = make(here.path(), "greeter");
    cargo(&app, &["test"]);

    let (code, built, error) = skylark(&app, &["build", "--json", "--out", "greeter.wasm"]);
    assert_eq!(code, 0, "{error}");
    let built: Value = serde_json::from_str(&built).unwrap();
    assert!(
        built["bytes"].as_u64() < built["bytes_before"].as_u64(),
        "{built}"
    );
    assert_eq!(
        built["schema"]["functions"]["greet"]["successors"][0],
        "welcome"
    );
    let module = fs::read(app.join("greeter.wasm")).unwrap();
    assert_eq!(module.len() as u64, built["bytes"].as_u64().unwrap());
    wasmparser::validate(&module).unwrap();

    let up = Up::start(&app, &["--wasm", "greeter.wasm"], here.path());
    let check = |arguments: &[&str], code: i32, output: &str, error: &str| {
        let (got, out, err) = skylark(&app.join("src"), arguments);
        assert!(
            out.contains(output),
            "{arguments:?}: {output:?} is not in {out:?}\n{err}"
        );
        assert!(
            err.contains(error),
            "{arguments:?}: {error:?} is not in {err:?}"
        );
        assert_eq!(got, code, "{arguments:?}: {out}{err}");
        out
    };
    check(&["node", "ls"], 0, "edge1", "");
    check(&["up"], 3, "", "nodes run for this directory already");
    check(
        &["invoke", "greet", "\"Ada\"", "--timeline"],
        0,
        "\"Welcome, Ada!\"\n",
        "welcome on cloud1",
    );
    check(
        &["invoke", "greeter/greet", "\"Ada\""],
        0,
        "visit number 2",
        "",
    );
    check(
        &["state", "get", "VISITS", "--node", "cloud1"],
        0,
        "\"Ada\": 2",
        "",
    );
    check(&["state", "ls"], 0, "BTreeMap<String, u32>", "");
    check(
        &["invoke", "greet", "7"],
        1,
        "",
        "argument `name` of `greet`",
    );
    check(
        &["invoke", "gret", "\"Ada\""],
        1,
        "",
        "did you mean `greet`?",
    );
    check(
        &["invoke", "greet", "\"Ada\"", "--node", "moon"],
        2,
        "",
        "there are: cloud1, sat1, edge1",
    );
    check(
        &["runs", "greeter.nope"],
        1,
        "",
        "none of the nodes has run",
    );
    let key = ["invoke", "greet", "\"Grace\"", "--key", "k1"];
    check(&key, 0, "Welcome, Grace!", "");
    check(&key, 0, "Welcome, Grace!", "nothing ran now");
    let id = check(
        &["invoke", "greet", "\"Bob\"", "--async"],
        0,
        "greeter.",
        "",
    );
    check(&["runs", id.trim(), "--wait"], 0, "Welcome, Bob!", "");

    check(&["runs", "--failed"], 0, "no failed run of `greeter`", "");
    let ended = [
        (["runs", "retry", id.trim()], "has not failed"),
        (["runs", "cancel", id.trim()], "has ended"),
        (
            ["runs", "retry", "greeter.nope"],
            "none of the nodes has run",
        ),
    ];
    for (arguments, why) in ended {
        check(&arguments, 1, "", why);
    }
    let promise = format!("{}~approval", id.trim());
    let complete = ["promise", "complete", &promise, "\"Ada\""];
    check(&complete, 0, "approval on cloud1, sat1, edge1", "");
    check(&complete, 0, "approval on", "");
    check(
        &["promise", "fail", &promise, "too late"],
        1,
        "",
        "with another value",
    );
    check(
        &["promise", "complete", "nope.1~approval"],
        1,
        "",
        "none of the nodes has the promise's app",
    );

    // What plain cargo built is as good.
    let plain = programs()
        .parent()
        .unwrap()
        .join("guest/wasm32-wasip1/release/greeter.wasm");
    check(
        &["deploy", plain.to_str().unwrap(), "--app", "plain"],
        0,
        "plain",
        "",
    );
    check(
        &["invoke", "plain/greet", "\"Ada\""],
        0,
        "Welcome, Ada!",
        "",
    );
    check(
        &["invoke", "greet", "\"Ada\""],
        2,
        "",
        "write one of greeter/greet, plain/greet",
    );

    assert_eq!(up.interrupt(), 0);
    assert!(!app.join(".skylark").exists(), "a state file is left");
    let left: Vec<String> = fs::read_dir(here.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("skylark-up-"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "a data directory is left");
    check(&["node", "ls"], 3, "", "start some with `cargo skylark up`");
}
