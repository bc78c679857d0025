//! The store on a Redis server, for nodes that share their state.
//!
//! Every call is one command: a script that the server runs as one atomic step
//! (`*.lua`, see [`scripts`]). The keys are those of [`skylark_abi::keys`]:
//! a bundle is a hash whose fields are the variables, so `redis-cli HGETALL`
//! shows them. Records expire by the server's own clock.

mod connection;
mod scripts;

use super::{
    ABANDONED, Store, StoreError, StoreOptions, cancelled, kept_run,
    options::{begin_text, blob_text, run_text},
};
use async_trait::async_trait;
use connection::{Connection, Items, Repeat};
use redis::{RedisResult, ScriptInvocation, Value, aio::ConnectionManager};
use scripts::Scripts;
use skylark_abi::{
    InvocationId,
    keys::{self, Bundle, Part},
    protocol::{
        Begin, Begun, BundleField, Commit, Committed, Listed, OutboxEntry, RunWrite, Versioned,
    },
    span::{Entry, Scanned},
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

    /// Makes the app's outbox known to [`Store::overdue`] of every node. Once
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

    /// All apps with an outbox. Enters ours again, as the server may have lost
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

    /// Reads the answer to `commit`.
    fn committed(&self, commit: &Commit, answer: Value) -> Option<Result<Committed, StoreError>> {
        let mut items = Items::of(answer)?;
        match items.signed()? {
            0 => {
                let begun = match &commit.then {
                    // The commit stands; a begin that failed is tried again alone.
                    Some(begin) => self.begun(begin, items)?.ok(),
                    None => None,
                };
                Some(Ok(Committed::Done { begun }))
            }
            -1 => Some(Ok(Committed::Fenced)),
            -2 => {
                let nth = usize::try_from(items.number()?.checked_sub(1)?).ok()?;
                let (field, _) = commit.writes.get(nth)?;
                Some(Ok(Committed::Unfit(field.clone())))
            }
            nth => {
                let nth = usize::try_from(nth - 1).ok()?;
                let (field, _) = commit.checks.get(nth)?;
                Some(Ok(Committed::Conflict(field.clone())))
            }
        }
    }

    /// What `lease.lua` takes; without an id, what `snapshot.lua` does.
    fn give_begin(&self, begin: &Begin, list: &mut KeyList, call: &mut ScriptInvocation<'_>) {
        if begin.id.is_some() {
            call.arg(&begin.owner);
            call.arg(millis(begin.lease)).arg(millis(ABANDONED));
        }
        call.arg(self.options.max_read);
        for field in &begin.reads {
            call.arg(list.position(&begin.app, field)).arg(&field.name);
        }
    }

    /// Reads the answer to `begin` and `snapshot`.
    fn begun(&self, begin: &Begin, mut items: Items) -> Option<Result<Begun, StoreError>> {
        let kind = items.text()?;
        Some(Ok(match kind.as_str() {
            "fields" => Begun::Leased {
                epoch: 0,
                fields: fields(&begin.reads, items)?,
                run: None,
            },
            "leased" => {
                let run = items.bytes()?.map(|kept| kept_run::unpack(kept).1);
                Begun::Leased {
                    run,
                    epoch: items.number()?,
                    fields: fields(&begin.reads, items)?,
                }
            }
            "over" => Begun::Over {
                run: kept_run::unpack(items.bytes()??).1,
            },
            "recorded" => match skylark_abi::decode(&items.bytes()??) {
                Ok(outcome) => Begun::Recorded(outcome),
                Err(e) => return Some(Err(self.connection.unexpected(&format!("outcome: {e}")))),
            },
            "cancelled" => Begun::Recorded(cancelled()),
            "busy" => Begun::Busy {
                remaining: Duration::from_millis(items.number()?),
            },
            "too_large" => {
                let size = usize::try_from(items.number()?).unwrap_or(usize::MAX);
                return Some(Err(self.options.refuse_read(size, &begin_text(begin))));
            }
            _ => return None,
        }))
    }
}

/// As `failed.lua` takes it.
fn place(listed: Listed) -> u8 {
    match listed {
        Listed::Same => 0,
        Listed::Enter => 1,
        Listed::Leave => 2,
    }
}

/// The run whose record is to be looked at when this begins: that of a first task.
/// For any other its own record stands there.
fn run_of(app: &str, id: &InvocationId) -> String {
    if id.is_first() {
        keys::run(app, &id.chain_id)
    } else {
        keys::record(app, id)
    }
}

/// Whole milliseconds, at most a century.
fn millis(duration: Duration) -> u64 {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    u64::try_from(duration.min(CENTURY).as_millis()).unwrap_or(u64::MAX)
}

/// A time to live as Redis takes it: at least a millisecond.
fn time_to_live(duration: Duration) -> u64 {
    millis(duration).max(1)
}

/// Versions and values, in the order asked for.
fn fields(reads: &[BundleField], mut items: Items) -> Option<Vec<Versioned>> {
    reads
        .iter()
        .map(|field| {
            let is_range = matches!(field.bundle, Bundle::Part(_, Part::Range));
            let version = match items.bytes()? {
                Some(digits) => {
                    let radix = if is_range { 16 } else { 10 };
                    u64::from_str_radix(std::str::from_utf8(&digits).ok()?, radix).ok()?
                }
                None => 0,
            };
            let value = match is_range {
                true => Some(scanned(items.items()?)?),
                false => items.bytes()?,
            };
            Some(Versioned {
                field: field.clone(),
                version,
                value,
            })
        })
        .collect()
}

/// Keys and values, as those who scan get them.
fn scanned(mut items: Items) -> Option<Vec<u8>> {
    let mut scanned = Scanned::default();
    while !items.is_empty() {
        scanned.entries.push(Entry {
            key: items.text()?,
            value: items.bytes()??,
        });
    }
    Some(skylark_abi::encode(&scanned))
}

/// The version of a field, as `commit.lua` compares it.
fn version(field: &BundleField, version: u64) -> String {
    match field.bundle {
        Bundle::Part(_, Part::Range) => format!("{version:015x}"),
        _ => version.to_string(),
    }
}

/// The keys of a script, and where each bundle's is.
struct KeyList {
    keys: Vec<String>,
}

impl KeyList {
    /// Position of the bundle's key in KEYS, counted from 1; of a part of a
    /// collection as `parts.lua` says it.
    fn position(&mut self, app: &str, field: &BundleField) -> String {
        match &field.bundle {
            Bundle::Part(of, Part::Sum) => {
                format!("s{}", self.of([keys::bundle(app, &of.bundle())]))
            }
            Bundle::Part(of, part) => {
                let letter = match part {
                    Part::Entry | Part::Sum => 'e',
                    Part::Range => 'r',
                    Part::Len => 'n',
                    Part::End => 'p',
                };
                let first = self.of([
                    keys::bundle(app, &field.bundle),
                    keys::entry_versions(app, of),
                    keys::entry_index(app, of),
                    keys::bundle(app, &of.bundle()),
                ]);
                format!("{letter}{first}")
            }
            bundle => self.of([keys::bundle(app, bundle)]).to_string(),
        }
    }

    /// Position of the first of these keys, which follow each other.
    fn of<const N: usize>(&mut self, keys: [String; N]) -> usize {
        let found = self.keys.windows(N).position(|window| window == keys);
        found.unwrap_or_else(|| {
            self.keys.extend(keys);
            self.keys.len() - N
        }) + 1
    }

    fn give_to(&self, call: &mut ScriptInvocation<'_>) {
        for key in &self.keys {
            call.key(key);
        }
    }
}

fn give_messages(outbox: &[OutboxEntry], call: &mut ScriptInvocation<'_>) {
    for entry in outbox {
        call.arg(&entry.id).arg(entry.payload.as_slice());
        call.arg(millis(entry.claim));
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
        let app = commit.app.as_str();
        if !commit.outbox.is_empty() {
            self.enter(app).await?;
        }
        // A key that is not needed is given all the same, as another of this
        // app's: the positions stay, and so does the slot.
        let index = keys::bundles(app);
        let of_task = |id: Option<&InvocationId>| {
            id.map_or_else(|| index.clone(), |id| keys::record(app, id))
        };
        let then = commit.then.as_deref();
        let then_id = then.and_then(|begin| begin.id.as_ref());
        let mut list = KeyList {
            keys: vec![
                of_task(commit.id.as_ref()),
                index.clone(),
                keys::outbox(app),
                keys::outbox_data(app),
                commit
                    .run
                    .as_ref()
                    .map_or_else(|| index.clone(), |run| keys::run(app, &run.chain_id)),
                keys::failed(app),
                of_task(then_id),
                then_id.map_or_else(|| index.clone(), |id| keys::cancelled(app, &id.chain_id)),
                then_id.map_or_else(|| index.clone(), |id| run_of(app, id)),
            ],
        };
        let epoch = commit
            .id
            .as_ref()
            .map_or_else(String::new, |_| commit.epoch.to_string());
        let outcome = commit.outcome.as_ref().map(skylark_abi::encode);
        let mut call = self.scripts.commit.prepare_invoke();
        call.arg(epoch);
        call.arg(u8::from(outcome.is_some()))
            .arg(outcome.as_deref().unwrap_or_default());
        match &commit.run {
            Some(run) => call
                .arg(1 + place(run.listed))
                .arg(kept_run::pack(run.first_is_over, &run.record))
                .arg(&run.chain_id)
                .arg(time_to_live(run.lasts)),
            None => call.arg(0).arg("").arg("").arg(0),
        };
        call.arg(time_to_live(commit.retention))
            .arg(time_to_live(commit.keep));
        call.arg(commit.checks.len())
            .arg(commit.writes.len())
            .arg(commit.acks.len())
            .arg(commit.outbox.len())
            .arg(then.map_or(0, |begin| 4 + 2 * begin.reads.len()));
        for (field, checked) in &commit.checks {
            call.arg(list.position(app, field))
                .arg(&field.name)
                .arg(version(field, *checked));
        }
        for (field, value) in &commit.writes {
            let name = match &field.bundle {
                Bundle::Part(of, Part::Sum) => &of.name,
                _ => &field.name,
            };
            call.arg(list.position(app, field)).arg(name);
            call.arg(u8::from(value.is_some()))
                .arg(value.as_deref().unwrap_or_default());
            match &field.bundle {
                Bundle::Part(of, _) => call.arg(&of.name),
                bundle => call.arg(u8::from(matches!(bundle, Bundle::Chain(_)))),
            };
        }
        for entry in &commit.acks {
            call.arg(entry);
        }
        give_messages(&commit.outbox, &mut call);
        if let Some(begin) = then {
            self.give_begin(begin, &mut list, &mut call);
        }
        list.give_to(&mut call);
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
        let mut pipeline = redis::pipe();
        for app in self.all_apps().await? {
            pipeline.cmd("ZCARD").arg(keys::outbox(&app));
        }
        if pipeline.is_empty() {
            return Ok(0);
        }
        let call = |mut connection: ConnectionManager| {
            let pipeline = &pipeline;
            async move { pipeline.query_async::<Vec<u64>>(&mut connection).await }
        };
        let lengths = self.connection.call(Repeat::Harmless, call).await?;
        Ok(lengths.iter().sum())
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

    async fn expire(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// The answer of `overdue.lua`.
fn messages(answer: Value, claim: Duration) -> Option<Vec<OutboxEntry>> {
    let mut items = Items::of(answer)?;
    let mut entries = Vec::new();
    while !items.is_empty() {
        entries.push(OutboxEntry {
            id: items.text()?,
            payload: items.bytes()??,
            claim,
        });
    }
    Some(entries)
}

/// The answer of `states.lua`.
fn listed(app: &str, answer: Value) -> Option<Vec<Versioned>> {
    let mut items = Items::of(answer)?;
    let mut page = Vec::new();
    while !items.is_empty() {
        let bundle = keys::bundle_of(app, &items.text()?)?;
        let name = items.text()?;
        page.push(Versioned {
            field: BundleField { bundle, name },
            version: items.number()?,
            value: items.bytes()?,
        });
    }
    Some(page)
}
