//! One connection to the server, shared by all calls, that comes back by
//! itself; and what its errors mean.

use super::super::{StoreError, StoreOptions};
use redis::{
    Client, ConnectionAddr, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::{collections::HashMap, future::Future, time::Duration};
use tokio::sync::OnceCell;

/// The oldest server whose scripts may declare what they do.
const OLDEST: u32 = 7;
/// Attempts to connect, and the first pause between them (it doubles): a server
/// that restarts is waited for, one that is not there is reported in a second.
const RECONNECTS: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A server, connected to at first use.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    name: String,
    timeout: Duration,
    connect_timeout: Duration,
    manager: OnceCell<ConnectionManager>,
}

/// Whether a call may be made again when its first answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is once.
    Harmless,
    /// Twice is not known to be once.
    Never,
}

impl Connection {
    /// Reads the URL; does not connect.
    pub(super) fn new(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(|e| StoreError::Url {
            // Of the error only its class: its detail may quote the URL.
            why: format!("the URL of Redis is malformed ({})", e.category()),
        })?;
        let info = client.get_connection_info();
        let at = match info.addr() {
            ConnectionAddr::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
            other => other.to_string(),
        };
        let name = match info.redis_settings().db() {
            0 => format!("redis at {at}"),
            db => format!("redis at {at}, database {db}"),
        };
        Ok(Self {
            client,
            name,
            timeout: options.timeout,
            connect_timeout: options.connect_timeout,
            manager: OnceCell::new(),
        })
    }

    /// What and where it is, for people; never its password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes a call, once more if that is harmless and the connection was lost.
    pub(super) async fn call<T, F>(
        &self,
        repeat: Repeat,
        call: impl Fn(ConnectionManager) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let manager = self.manager().await?;
        let calls = async {
            match call(manager.clone()).await {
                // A refused connection carried nothing.
                Err(e)
                    if e.is_connection_refusal()
                        || (repeat == Repeat::Harmless && e.is_connection_dropped()) =>
                {
                    call(manager.clone()).await
                }
                answer => answer,
            }
        };
        match tokio::time::timeout(self.timeout, calls).await {
            Ok(answer) => answer.map_err(|e| self.fault(&e)),
            Err(_) => Err(self.slow()),
        }
    }

    /// Whether the server answers and is fit to be a store.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let info = self.call(Repeat::Harmless, info).await?;
        self.vet(&info)
    }

    async fn manager(&self) -> Result<&ConnectionManager, StoreError> {
        let connect = || async {
            let config = ConnectionManagerConfig::new()
                .set_min_delay(FIRST_PAUSE)
                .set_number_of_retries(RECONNECTS)
                .set_connection_timeout(Some(self.connect_timeout))
                .set_response_timeout(Some(self.timeout));
            let connecting = async {
                let manager =
                    ConnectionManager::new_with_config(self.client.clone(), config).await?;
                let info = info(manager.clone()).await?;
                Ok((manager, info))
            };
            let (manager, info) = tokio::time::timeout(self.timeout, connecting)
                .await
                .map_err(|_| self.slow())?
                .map_err(|e| self.fault(&e))?;
            self.vet(&info)?;
            self.advise(&info);
            Ok(manager)
        };
        self.manager.get_or_try_init(connect).await
    }

    /// Refuses a server that cannot keep what a store promises.
    fn vet(&self, info: &Info) -> Result<(), StoreError> {
        let version = info.get("redis_version");
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        let why = if major.is_none_or(|major| major < OLDEST) {
            format!("it is version {version}, and Skylark needs {OLDEST} or later")
        } else if info.get("redis_mode") == "cluster" {
            "it is a node of a Redis Cluster; Skylark needs a single server (with replicas, if you like)"
                .into()
        } else if info.get("redis_mode") == "sentinel" {
            "it is a Sentinel, which keeps no data; name the primary that it watches".into()
        } else if info.get("role") == "slave" {
            format!(
                "it is a replica; name its primary, {}:{}",
                info.get("master_host"),
                info.get("master_port")
            )
        } else {
            return Ok(());
        };
        Err(self.unfit(why))
    }

    /// Says what works and is not advisable.
    fn advise(&self, info: &Info) {
        let policy = info.get("maxmemory_policy");
        if info.get("maxmemory") != "0" && policy != "noeviction" {
            tracing::warn!(
                store = self.name,
                policy,
                "redis drops state when its memory is full; set maxmemory-policy to noeviction"
            );
        }
        if info.get("aof_enabled") == "0" {
            tracing::warn!(
                store = self.name,
                "redis keeps no append-only file: what it has acknowledged is lost when it \
                 crashes; set appendonly to yes"
            );
        }
    }

    /// What a failed call means, and what to do.
    fn fault(&self, error: &RedisError) -> StoreError {
        let Self { name, timeout, .. } = self;
        let unavailable = |why: String| StoreError::Unavailable {
            store: name.clone(),
            why,
        };
        if error.is_connection_refusal() {
            return unavailable(
                "nothing answers there; start the server, or correct the store's URL".into(),
            );
        }
        if error.is_timeout() {
            return self.slow();
        }
        // The server's own words hold no password and no value.
        let words = error.detail().unwrap_or_default();
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => self.unfit(
                "it refuses the user and password of the store's URL (redis://user:password@…)"
                    .into(),
            ),
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => self.unfit(format!(
                "its access list forbids what Skylark does: {words}"
            )),
            (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
                self.unfit("it is a replica, which takes no writes; name its primary".into())
            }
            (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => {
                unavailable("it is still loading its data; try again soon".into())
            }
            (_, Some("OOM")) => unavailable(
                "its memory is full (maxmemory); raise that, or remove what is not needed".into(),
            ),
            (_, Some("MISCONF")) => unavailable(format!("it cannot save to its disk: {words}")),
            (_, Some("WRONGTYPE")) => StoreError::Corrupt {
                store: name.clone(),
                why: "a key of Skylark's (sky:…) holds another type of value; something else \
                      writes there: give Skylark a database of its own (redis://…/1)"
                    .into(),
            },
            _ if error.is_cluster_error() => {
                self.unfit("it is a node of a Redis Cluster; Skylark needs a single server".into())
            }
            _ if error.is_io_error() => unavailable(format!(
                "the connection failed ({error}) and is made anew; \
                 is the server running, and within {timeout:?} (option `store-timeout`)?"
            )),
            _ => unavailable(error.to_string()),
        }
    }

    fn slow(&self) -> StoreError {
        StoreError::Unavailable {
            store: self.name.clone(),
            why: format!(
                "no answer within {:?} (option `store-timeout`); is it overloaded, or the network cut?",
                self.timeout
            ),
        }
    }

    fn unfit(&self, why: String) -> StoreError {
        StoreError::Unfit {
            store: self.name.clone(),
            why,
        }
    }

    /// An answer that no script of ours gives.
    pub(super) fn unexpected(&self, answer: &str) -> StoreError {
        StoreError::Corrupt {
            store: self.name.clone(),
            why: format!("unexpected {answer}; is it Redis that answers there?"),
        }
    }
}

/// What the server says of itself.
#[derive(Debug)]
struct Info(HashMap<String, String>);

impl Info {
    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }
}

async fn info(mut connection: ConnectionManager) -> RedisResult<Info> {
    let text: String = redis::cmd("INFO").query_async(&mut connection).await?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(Info(
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    ))
}

/// The items of an array, in order.
pub(super) struct Items(std::vec::IntoIter<Value>);

impl Items {
    /// `None` if it is none.
    pub(super) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => Some(Self(items.into_iter())),
            _ => None,
        }
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The next, as bytes; `None` inside if it is nil.
    pub(super) fn bytes(&mut self) -> Option<Option<Vec<u8>>> {
        match self.0.next()? {
            Value::BulkString(bytes) => Some(Some(bytes)),
            Value::Nil => Some(None),
            _ => None,
        }
    }

    /// The next, as items of its own.
    pub(super) fn items(&mut self) -> Option<Self> {
        Self::of(self.0.next()?)
    }

    /// The next, as text.
    pub(super) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()??).ok()
    }

    /// The next, as a number with a sign.
    pub(super) fn signed(&mut self) -> Option<i64> {
        match self.0.next()? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The next, as a number.
    pub(super) fn number(&mut self) -> Option<u64> {
        match self.0.next()? {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::BulkString(digits) => std::str::from_utf8(&digits).ok()?.parse().ok(),
            _ => None,
        }
    }
}
