//! The store on a Redis server, for nodes that share their state.
//!
//! Every call is one command: a script that the server runs as one atomic step
//! (`*.lua`, see [`scripts`]). The keys are those of [`skylark_abi::keys`]:
//! a bundle is a hash whose fields are the variables, so `redis-cli HGETALL`
//! shows them. Records expire by the server's own clock; what has a `ttl` is swept.

mod answers;
mod arguments;
mod connection;
mod scripts;

use super::{
    Store, StoreError, StoreOptions, kept_run,
    options::{blob_text, run_text},
};
use answers::{listed, messages};
use arguments::{KeyList, give_messages, millis, place, run_of, time_to_live};
use async_trait::async_trait;
use connection::{Connection, Items, Repeat};
use redis::{RedisResult, ScriptInvocation, Value, aio::ConnectionManager};
use scripts::Scripts;
use skylark_abi::{
    keys,
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, RunWrite, Versioned},
};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A store on a Redis server, 7 or later; connected to at first use, and again
/// whenever the connection is lost.
#[derive(Debug)]
pub struct RedisStore {
    connection: Connection,
    scripts: Scripts,
    options: StoreOptions,
    /// Apps that this process has entered in [`keys::APPS`].
    apps: Mutex<HashSet<String>>,
}

impl RedisStore {
    /// The store at this URL. Does not connect; [`Store::check`] does.
    ///
    /// # Errors
    /// [`StoreError::Url`]: the URL is malformed.
    pub fn new(url: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Connection::new(url, options)?,
            scripts: Scripts::new(),
            options: options.clone(),
            apps: Mutex::default(),
        })
    }

    async fn invoke(
        &self,
        repeat: Repeat,
        script: &ScriptInvocation<'_>,
    ) -> Result<Value, StoreError> {
        let call = |mut connection: ConnectionManager| async move {
            script.invoke_async::<Value>(&mut connection).await
        };
        self.connection.call(repeat, call).await
    }

    async fn query<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let call = |mut connection: ConnectionManager| async move {
            command.query_async::<T>(&mut connection).await
        };
        self.connection.call(Repeat::Harmless, call).await
    }

    /// Makes the app known to [`Store::overdue`] and [`Store::expire`] of every node. Once
    /// per process: it cannot be in the commit, as its key is in another slot.
    async fn enter(&self, app: &str) -> Result<(), StoreError> {
        if self.apps().contains(app) {
            return Ok(());
        }
        self.query::<()>(redis::cmd("SADD").arg(keys::APPS).arg(app))
            .await?;
        self.apps().insert(app.to_owned());
        Ok(())
    }

    fn apps(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All apps with an outbox, or with what expires. Enters ours again, as the server may have lost
    /// the set.
    async fn all_apps(&self) -> Result<Vec<String>, StoreError> {
        let ours: Vec<String> = self.apps().iter().cloned().collect();
        let mut pipeline = redis::pipe();
        if !ours.is_empty() {
            pipeline.cmd("SADD").arg(keys::APPS).arg(ours).ignore();
        }
        pipeline.cmd("SMEMBERS").arg(keys::APPS);
        let call = |mut connection: ConnectionManager| {
            let pipeline = &pipeline;
            async move {
                let (apps,): (Vec<String>,) = pipeline.query_async(&mut connection).await?;
                RedisResult::Ok(apps)
            }
        };
        self.connection.call(Repeat::Harmless, call).await
    }

    /// All apps, and how long this index of theirs is.
    async fn lengths(&self, index: fn(&str) -> String) -> Result<Vec<(String, u64)>, StoreError> {
        let apps = self.all_apps().await?;
        let mut pipeline = redis::pipe();
        for app in &apps {
            pipeline.cmd("ZCARD").arg(index(app));
        }
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let call = |mut connection: ConnectionManager| {
            let pipeline = &pipeline;
            async move { pipeline.query_async::<Vec<u64>>(&mut connection).await }
        };
        let lengths = self.connection.call(Repeat::Harmless, call).await?;
        Ok(apps.into_iter().zip(lengths).collect())
    }

    /// The string at `key`.
    async fn value(
        &self,
        key: &str,
        what: impl FnOnce() -> String,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut call = self.scripts.value.key(key);
        call.arg(self.options.max_read);
        match self.invoke(Repeat::Harmless, &call).await? {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(bytes)),
            Value::Int(size) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                Err(self.options.refuse_read(size, &what()))
            }
            _ => Err(self.connection.unexpected("answer to a read")),
        }
    }

    async fn put(&self, key: &str, value: &[u8], retention: Duration) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(key)
            .arg(value)
            .arg("PX")
            .arg(time_to_live(retention));
        self.query::<()>(&set).await
    }
}

#[async_trait]
impl Store for RedisStore {
    fn describe(&self) -> String {
        self.connection.name().to_owned()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.connection.check().await
    }

    async fn begin(&self, begin: &Begin) -> Result<Begun, StoreError> {
        let mut list = KeyList { keys: Vec::new() };
        let script = match &begin.id {
            Some(id) => {
                list.keys.push(keys::record(&begin.app, id));
                list.keys.push(keys::cancelled(&begin.app, &id.chain_id));
                list.keys.push(run_of(&begin.app, id));
                &self.scripts.begin
            }
            None => &self.scripts.snapshot,
        };
        let mut call = script.prepare_invoke();
        self.give_begin(begin, &mut list, &mut call);
        list.give_to(&mut call);
        let answer = self.invoke(Repeat::Harmless, &call).await?;
        Items::of(answer)
            .and_then(|items| self.begun(begin, items))
            .unwrap_or_else(|| Err(self.connection.unexpected("answer to a begin")))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.options.admit(commit)?;
        if !commit.outbox.is_empty() || !commit.lasts.is_empty() {
            self.enter(&commit.app).await?;
        }
        let call = self.commit_call(commit);
        let answer = self.invoke(Repeat::Never, &call).await?;
        self.committed(commit, answer)
            .unwrap_or_else(|| Err(self.connection.unexpected("answer to a commit")))
    }

    async fn accept(
        &self,
        app: &str,
        chain_id: &str,
        run: Vec<u8>,
        outbox: Vec<OutboxEntry>,
        retention: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.options.admit_value(run.len(), || run_text(chain_id))?;
        self.options.admit_outbox(&outbox)?;
        self.enter(app).await?;
        let mut call = self.scripts.accept.key(keys::run(app, chain_id));
        call.key(keys::outbox(app)).key(keys::outbox_data(app));
        call.arg(kept_run::pack(false, &run))
            .arg(time_to_live(retention));
        give_messages(&outbox, &mut call);
        match self.invoke(Repeat::Never, &call).await? {
            Value::Nil => Ok(None),
            Value::BulkString(recorded) => Ok(Some(kept_run::unpack(recorded).1)),
            _ => Err(self.connection.unexpected("answer to an accept")),
        }
    }

    async fn acknowledge(&self, app: &str, entries: &[String]) -> Result<(), StoreError> {
        let mut call = self.scripts.acknowledge.key(keys::outbox(app));
        call.key(keys::outbox_data(app)).arg(entries);
        self.invoke(Repeat::Harmless, &call).await.map(drop)
    }

    async fn overdue(
        &self,
        limit: usize,
        claim: Duration,
    ) -> Result<Vec<(String, OutboxEntry)>, StoreError> {
        let mut taken = Vec::new();
        for app in self.all_apps().await? {
            if taken.len() >= limit {
                break;
            }
            let mut call = self.scripts.overdue.key(keys::outbox(&app));
            call.key(keys::outbox_data(&app));
            call.arg(limit - taken.len())
                .arg(self.options.max_read)
                .arg(millis(claim));
            let answer = self.invoke(Repeat::Never, &call).await?;
            let entries = messages(answer, claim)
                .ok_or_else(|| self.connection.unexpected("answer to a look for messages"))?;
            taken.extend(entries.into_iter().map(|entry| (app.clone(), entry)));
        }
        Ok(taken)
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        let lengths = self.lengths(keys::outbox).await?;
        Ok(lengths.iter().map(|(_, len)| len).sum())
    }

    async fn run(&self, app: &str, chain_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = keys::run(app, chain_id);
        let kept = self.value(&key, || run_text(chain_id)).await?;
        Ok(kept.map(|kept| kept_run::unpack(kept).1))
    }

    async fn put_run(&self, app: &str, run: RunWrite) -> Result<(), StoreError> {
        let RunWrite {
            chain_id,
            record,
            listed,
            first_is_over,
            lasts,
        } = run;
        self.options
            .admit_value(record.len(), || run_text(&chain_id))?;
        let mut call = self.scripts.put_run.key(keys::run(app, &chain_id));
        call.key(keys::failed(app));
        call.arg(kept_run::pack(first_is_over, &record))
            .arg(chain_id)
            .arg(place(listed));
        call.arg(time_to_live(lasts));
        self.invoke(Repeat::Harmless, &call).await.map(drop)
    }

    async fn failed(
        &self,
        app: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(keys::failed(app)).arg(0).arg(-1);
        // Ordered by the time of their end, so `after` is looked for: the list
        // is one of exceptions, and bounded by their retention.
        let all: Vec<String> = self.query(&range).await?;
        let from = after.and_then(|id| all.iter().position(|a| a == id));
        let page = all.into_iter().skip(from.map_or(0, |at| at + 1));
        Ok(page.take(limit).collect())
    }

    async fn cancel(
        &self,
        app: &str,
        chain_id: &str,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.put(&keys::cancelled(app, chain_id), b"1", retention)
            .await
    }

    async fn announce(&self, node: &str, lasts: Duration) -> Result<Vec<String>, StoreError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, millis);
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("ZREMRANGEBYSCORE")
            .arg(keys::NODES)
            .arg("-inf")
            .arg(now)
            .ignore();
        pipeline
            .cmd("ZADD")
            .arg(keys::NODES)
            .arg(now.saturating_add(millis(lasts)))
            .arg(node)
            .ignore();
        pipeline.cmd("ZRANGE").arg(keys::NODES).arg(0).arg(-1);
        let call = |mut connection: ConnectionManager| {
            let pipeline = &pipeline;
            async move {
                let (nodes,): (Vec<String>,) = pipeline.query_async(&mut connection).await?;
                RedisResult::Ok(nodes)
            }
        };
        self.connection.call(Repeat::Harmless, call).await
    }

    async fn states(
        &self,
        app: &str,
        after: Option<&BundleField>,
        limit: usize,
    ) -> Result<Vec<Versioned>, StoreError> {
        let mut call = self.scripts.states.key(keys::bundles(app));
        match after {
            Some(field) => call.arg(keys::bundle(app, &field.bundle)).arg(&field.name),
            None => call.arg("").arg(""),
        };
        call.arg(limit).arg(self.options.max_read);
        let answer = self.invoke(Repeat::Harmless, &call).await?;
        listed(app, answer).ok_or_else(|| self.connection.unexpected("answer to a listing"))
    }

    async fn put_blob(
        &self,
        key: &str,
        value: Vec<u8>,
        retention: Duration,
    ) -> Result<(), StoreError> {
        self.options.admit_value(value.len(), || blob_text(key))?;
        self.put(&keys::blob(key), &value, retention).await
    }

    async fn blob(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.value(&keys::blob(key), || blob_text(key)).await
    }

    async fn delete_blob(&self, key: &str) -> Result<bool, StoreError> {
        let removed: u64 = self.query(redis::cmd("DEL").arg(keys::blob(key))).await?;
        Ok(removed > 0)
    }

    async fn expire(&self, limit: usize) -> Result<usize, StoreError> {
        let mut gone = 0;
        for (app, len) in self.lengths(keys::expiring).await? {
            if gone >= limit {
                break;
            }
            if len == 0 {
                continue;
            }
            let mut call = self.scripts.expire.key(keys::expiring(&app));
            call.key(keys::bundles(&app)).arg(limit - gone);
            let answer = self.invoke(Repeat::Harmless, &call).await?;
            let Value::Int(swept) = answer else {
                return Err(self.connection.unexpected("answer to a sweep"));
            };
            gone += usize::try_from(swept).unwrap_or_default();
        }
        Ok(gone)
    }
}
