//! What a method with `&self` asks of the store, as the server saw it.

use crate::{
    redis_server::RedisServer,
    world::{World, bounds, world},
};
use bytes::Bytes;
use skylark_node::node::InvokeOptions;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
};

/// Everything that a server is asked from now on.
struct Monitor<'a> {
    server: &'a RedisServer,
    lines: BufReader<TcpStream>,
}

impl<'a> Monitor<'a> {
    fn of(server: &'a RedisServer) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connected");
        stream.write_all(b"MONITOR\r\n").expect("asked");
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).expect("answered");
        assert_eq!(line, "+OK\r\n");
        Self { server, lines }
    }

    /// What has since been written on the app's keys, as `HSET app Plant-pump_0`, and how
    /// many scripts were run for that or for reading its state.
    fn seen(&mut self, app: &str) -> (usize, Vec<String>) {
        const END: &str = "that is all";
        const READS: [&str; 7] = [
            "EXISTS", "GETRANGE", "HGET", "HLEN", "HMGET", "HSTRLEN", "ZCARD",
        ];
        let mut connection = self.server.connect();
        let echo = redis::cmd("ECHO").arg(END).exec(&mut connection);
        echo.expect("ECHO");
        let prefix = format!("sky:{{{app}}}:");
        let (mut scripts, mut writes) = (0, Vec::new());
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).expect("a command");
            if line.contains(END) {
                return (scripts, writes);
            }
            // +time [database client] "COMMAND" "key" …
            let mut words = line.split('"').skip(1).step_by(2);
            let (command, key) = (words.next().unwrap_or_default(), words.next());
            if !line.contains(" lua] ") {
                // The node's own looks at its outbox are scripts, too.
                let of_state = command == "EVALSHA" && line.contains(&format!("{prefix}app"));
                scripts += usize::from(of_state);
            } else if let Some(key) = key.and_then(|key| key.strip_prefix(&prefix))
                && !READS.contains(&command)
                && !key.starts_with("outbox")
            {
                // Of an invocation's keys, what they are; of the app's, the field.
                let kind = key.split(':').next().unwrap_or_default();
                let field = (kind == "app").then(|| words.next()).flatten();
                writes.push(
                    [command, kind, field.unwrap_or_default()]
                        .join(" ")
                        .trim()
                        .into(),
                );
            }
        }
    }
}

/// One round trip, that reads, and nothing else: neither is a lease taken, nor a version
/// raised, nor anything written. A key adds what every call with a key has: a lease of its
/// own, which goes, and the run's record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_with_a_shared_self_writes_nothing() {
    let World { node, redis, .. } = &world("redis", bounds(), &["plant"]).await;
    let mut monitor = Monitor::of(redis.as_ref().expect("Redis"));
    let call = async |function: &str, input: &'static str, key: Option<&str>| {
        let options = InvokeOptions {
            key: key.map(str::to_owned),
            ..InvokeOptions::default()
        };
        let input = Bytes::from_static(input.as_bytes());
        let reply = node.invoke("plant", function, input, options).await;
        reply.expect("it succeeds").output
    };
    let reading = r#"{"heat": 1, "speed": 2, "flow": 9}"#;
    call("Plant-fill", "[1, 2, 3]", None).await;
    // What they touch is known from now on, and the scripts are loaded.
    for key in [None, Some("before")] {
        call("Plant-note", reading, key).await;
        call("Plant-largest", "null", key).await;
    }
    let writes = |fields: &[&str]| -> Vec<String> {
        let of = |field| [format!("HINCRBY app @{field}"), format!("HSET app {field}")];
        fields.iter().flat_map(of).collect()
    };
    let of_a_key = ["SET task", "DEL task", "SET run"].map(str::to_owned);
    monitor.seen("plant");
    for (function, key, scripts, wanted) in [
        ("Plant-largest", None, 1, vec![]),
        ("Plant-largest", Some("k"), 2, of_a_key.to_vec()),
        (
            "Plant-note",
            None,
            2,
            writes(&["Plant-boiler_0", "Plant-turbine_0", "Plant-pump_0"]),
        ),
    ] {
        let input = if function == "Plant-note" {
            reading
        } else {
            "null"
        };
        assert_eq!(call(function, input, key).await, b"9", "{function}");
        let seen = monitor.seen("plant");
        assert_eq!(seen, (scripts, wanted), "{function}, key {key:?}");
    }
}
