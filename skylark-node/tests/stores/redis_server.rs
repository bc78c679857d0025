//! A real Redis server for the tests, on a free port.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running server with a directory of its own; killed when dropped.
pub(crate) struct RedisServer {
    child: Child,
    pub(crate) port: u16,
    directory: TempDir,
    arguments: Vec<String>,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl RedisServer {
    /// Starts a server with these options, and waits until it answers.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // Another process may take the port before the server does.
        for _ in 0..20 {
            let directory = tempfile::tempdir().expect("directory");
            let port = free_port();
            let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
            let mut server = Self {
                child: spawn(port, &directory, &arguments),
                port,
                directory,
                arguments,
            };
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server ended at once on every port tried");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Starts it again after [`RedisServer::kill`], with what it kept.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.directory, &self.arguments);
        assert!(self.answers(), "redis-server does not start again");
    }

    /// Sends it a signal by name (`STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// A connection of one's own.
    pub(crate) fn connect(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("url");
        client.get_connection().expect("connect")
    }

    fn answers(&mut self) -> bool {
        let begun = Instant::now();
        while self.child.try_wait().expect("wait").is_none() {
            let reply = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
                stream.write_all(b"PING\r\n")?;
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line)?;
                Ok(line)
            });
            if reply.is_ok_and(|line| line.starts_with("+PONG") || line.starts_with("-NOAUTH")) {
                return true;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "redis-server does not answer"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }
}

fn spawn(port: u16, directory: &TempDir, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendfsync", "always", "--dir"])
        .arg(directory.path())
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed (Debian: apt-get install redis-server)")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
