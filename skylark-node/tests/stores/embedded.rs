//! What is particular to the embedded store.

use crate::app::{App, DONE, LONG, SHORT, message, number, returned, run, var};
use futures::future::{BoxFuture, join_all};
use skylark_abi::protocol::{Begin, Begun, Commit, Committed};
use skylark_node::store::{StoreError, StoreOptions, SyncPolicy, embedded::EmbeddedStore};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::sync::Mutex;

fn open(directory: &Path, sync: SyncPolicy) -> Arc<EmbeddedStore> {
    let options = StoreOptions {
        sync,
        ..StoreOptions::default()
    };
    Arc::new(EmbeddedStore::open(directory, &options).expect("open"))
}

fn app(store: Arc<EmbeddedStore>) -> App {
    App {
        store,
        name: "app".into(),
    }
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    for sync in [SyncPolicy::Always, SyncPolicy::None] {
        let directory = tempfile::tempdir().expect("directory");
        let app = app(open(directory.path(), sync));
        let first = app.lease("r", "n1", LONG).await;
        let commit = Commit {
            writes: vec![(var("a"), Some(b"1".to_vec())), (var("b"), None)],
            outbox: vec![message("m", Duration::ZERO)],
            run: Some(run("r", b"run")),
            ..app.commit_of("r", first)
        };
        assert_eq!(app.send(&commit).await, DONE);
        app.store
            .put_blob("k", b"blob".to_vec(), LONG)
            .await
            .expect("put");
        let open_lease = app.lease("s", "n1", LONG).await;
        drop(app);

        let app = self::app(open(directory.path(), sync));
        assert_eq!(app.get(&var("a")).await, (1, Some(b"1".to_vec())));
        assert_eq!(app.get(&var("b")).await, (1, None));
        assert_eq!(
            app.begin("r", "n2", LONG).await,
            Begun::Recorded(returned("1"))
        );
        assert_eq!(app.store.run("app", "r").await, Ok(Some(b"run".to_vec())));
        assert_eq!(app.store.blob("k").await, Ok(Some(b"blob".to_vec())));
        assert_eq!(app.due(LONG).await, ["m"]);
        // Leases ended with the process; their epochs are not given again.
        assert_eq!(
            app.send(&app.commit_of("s", open_lease)).await,
            Committed::Fenced
        );
        let next = app.lease("s", "n2", LONG).await;
        assert!(
            next > open_lease && next > first,
            "{next} after {open_lease} and {first}"
        );
        assert_eq!(
            app.send(&app.commit_of("s", open_lease)).await,
            Committed::Fenced
        );
    }
}

#[tokio::test]
async fn what_does_not_last_does_not_over_a_restart() {
    let directory = tempfile::tempdir().expect("directory");
    let first = app(open(directory.path(), SyncPolicy::Always));
    first.lasting(&var("a"), "1", LONG).await;
    let known = first.get(&var("a")).await;
    first.lasting(&var("b"), "1", SHORT).await;
    drop(first);
    let again = app(open(directory.path(), SyncPolicy::Always));
    assert_eq!(again.get(&var("a")).await, known);
    again.is_over(&var("b")).await;
    again.sweep().await;
    assert_eq!(again.get(&var("a")).await, known);
}

#[tokio::test]
async fn a_store_of_the_layout_before_is_taken_over() {
    let directory = tempfile::tempdir().expect("directory");
    let old = app(open(directory.path(), SyncPolicy::Always));
    old.put(&[(var("a"), Some(b"1"))]).await;
    drop(old);
    let at = directory.path().join("skylark.redb");
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    {
        let database = redb::Database::open(&at).expect("open");
        let write = database.begin_write().expect("write");
        let untyped: Vec<_> = write.list_tables().expect("tables").collect();
        for table in untyped {
            if ["lasts", "over"].contains(&redb::TableHandle::name(&table)) {
                write.delete_table(table).expect("delete");
            }
        }
        let mut table = write.open_table(meta).expect("table");
        table.insert("layout", 3).expect("insert");
        drop(table);
        write.commit().expect("commit");
    }
    let new = app(open(directory.path(), SyncPolicy::Always));
    assert_eq!(new.get(&var("a")).await, (1, Some(b"1".to_vec())));
    new.lasting(&var("a"), "2", SHORT).await;
    new.is_over(&var("a")).await;
    drop(new);
    // A build that knows no `ttl` must not read it.
    let database = redb::Database::open(&at).expect("open");
    let read = redb::ReadableDatabase::begin_read(&database).expect("read");
    let layout = read.open_table(meta).expect("table");
    assert_eq!(
        layout.get("layout").expect("get").map(|v| v.value()),
        Some(4)
    );
}

/// What is done to a closed store's directory, what opening it then says.
type Damage = (
    &'static str,
    fn(&Path),
    fn(&StoreError) -> bool,
    &'static [&'static str],
);

fn overwrite(directory: &Path, change: impl Fn(&mut Vec<u8>)) {
    let file = directory.join("skylark.redb");
    let mut bytes = fs::read(&file).expect("read");
    change(&mut bytes);
    fs::write(&file, bytes).expect("write");
}

#[tokio::test]
async fn damage_is_reported() {
    let corrupt = |e: &StoreError| matches!(e, StoreError::Corrupt { .. });
    let unfit = |e: &StoreError| matches!(e, StoreError::Unfit { .. });
    let unavailable = |e: &StoreError| matches!(e, StoreError::Unavailable { .. });
    let rows: [Damage; 7] = [
        (
            "another file",
            |d| {
                overwrite(d, |bytes| {
                    *bytes = b"#!/bin/sh\necho no store\n".repeat(500)
                })
            },
            corrupt,
            &["is damaged", "skylark.redb", "backup"],
        ),
        (
            "a short file",
            |d| overwrite(d, |bytes| bytes.truncate(100)),
            corrupt,
            &["is damaged", "backup"],
        ),
        (
            "half a file",
            |d| overwrite(d, |bytes| bytes.truncate(bytes.len() / 2)),
            corrupt,
            &["is damaged", "backup"],
        ),
        (
            "a changed value",
            |d| {
                overwrite(d, |bytes| {
                    let at = bytes
                        .windows(9)
                        .position(|w| w == b"EIGENWERT")
                        .expect("the value");
                    bytes[at] = b'e';
                });
            },
            corrupt,
            &["is damaged", "backup"],
        ),
        (
            "a later layout",
            |d| {
                let database = redb::Database::open(d.join("skylark.redb")).expect("open");
                let write = database.begin_write().expect("write");
                let meta = redb::TableDefinition::<&str, u64>::new("meta");
                write
                    .open_table(meta)
                    .expect("table")
                    .insert("layout", 99)
                    .expect("insert");
                write.commit().expect("commit");
            },
            unfit,
            &["layout 99", "reads layout", "another directory"],
        ),
        (
            "somebody else's database",
            |d| {
                let file = d.join("skylark.redb");
                fs::remove_file(&file).expect("remove");
                drop(redb::Database::create(&file).expect("create"));
            },
            unfit,
            &["not a store of Skylark's", "another directory"],
        ),
        (
            "a file in place of the directory",
            |d| {
                fs::remove_dir_all(d).expect("remove");
                fs::write(d, b"").expect("write");
            },
            unavailable,
            &["cannot make the directory"],
        ),
    ];
    for (name, damage, is_expected, parts) in rows {
        let directory = tempfile::tempdir().expect("directory");
        let directory = directory.path().join("store");
        let app = app(open(&directory, SyncPolicy::Always));
        app.put(&[(var("a"), Some(b"EIGENWERT"))]).await;
        drop(app);
        damage(&directory);
        let error = EmbeddedStore::open(&directory, &StoreOptions::default()).expect_err(name);
        let text = error.to_string();
        assert!(is_expected(&error), "{name}: {error:?}");
        for part in parts
            .iter()
            .copied()
            .chain([directory.to_str().expect("text")])
        {
            assert!(text.contains(part), "{name}: `{part}` is not in: {text}");
        }
    }
}

#[tokio::test]
async fn a_store_has_one_user() {
    let directory = tempfile::tempdir().expect("directory");
    let first = open(directory.path(), SyncPolicy::Always);
    let error =
        EmbeddedStore::open(directory.path(), &StoreOptions::default()).expect_err("in use");
    assert!(matches!(error, StoreError::Unfit { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("another process is using it"), "{text}");
    // The first is unharmed, and leaves the directory free.
    app(first).put(&[(var("a"), Some(b"1"))]).await;
    let app = app(open(directory.path(), SyncPolicy::Always));
    assert_eq!(app.get(&var("a")).await.0, 1);
}

#[tokio::test]
async fn a_half_made_store_is_made_anew() {
    let directory = tempfile::tempdir().expect("directory");
    fs::write(directory.path().join("skylark.redb.new"), b"half").expect("write");
    app(open(directory.path(), SyncPolicy::Always))
        .put(&[(var("a"), Some(b"1"))])
        .await;
}

/// `count` and its version, as it is there or under way.
async fn begin_ahead(app: &App) -> (u64, u64) {
    let begin = Begin {
        id: None,
        reads: vec![var("count")],
        ahead: true,
        ..app.begin_of("r", "n1")
    };
    let begun = app.store.begin(&begin).await.expect("begin");
    let Begun::Leased { fields, .. } = begun else {
        panic!("{begun:?}");
    };
    (number(fields[0].value.as_deref()), fields[0].version)
}

/// Hands over a commit that adds one to what was read.
async fn add_one(
    app: &App,
    lane: &Arc<Mutex<()>>,
    (value, version): (u64, u64),
    ttl: Option<Duration>,
) -> BoxFuture<'static, Committed> {
    let lanes = vec![lane.clone().lock_owned().await];
    let commit = Commit {
        checks: vec![(var("count"), version)],
        writes: vec![(var("count"), Some((value + 1).to_string().into_bytes()))],
        lasts: ttl
            .map(|ttl| ("count".to_owned(), ttl))
            .into_iter()
            .collect(),
        ..app.commit()
    };
    let store = app.store.clone();
    // It is polled once: were it then to give way to others, it would keep the lane.
    let committed = async move { store.commit_in(lanes, &commit).await.unwrap() };
    let mut committed = Box::pin(tokio::task::unconstrained(committed));
    match futures::poll!(committed.as_mut()) {
        Poll::Pending => committed,
        Poll::Ready(committed) => Box::pin(async { committed }),
    }
}

#[tokio::test]
async fn writes_of_one_variable_need_not_wait_for_the_disk() {
    for ttl in [None, Some(LONG)] {
        let directory = tempfile::tempdir().expect("directory");
        let app = app(open(directory.path(), SyncPolicy::Always));
        let lane = Arc::default();
        let mut commits = Vec::new();
        for n in 0..100 {
            // Nobody waits for a commit, and yet each sees the one before.
            let read = begin_ahead(&app).await;
            assert_eq!(read.0, n);
            commits.push(add_one(&app, &lane, read, ttl).await);
        }
        for committed in join_all(commits).await {
            assert_eq!(committed, DONE);
        }
        let (version, value) = app.get(&var("count")).await;
        assert_eq!(number(value.as_deref()), 100);
        assert_eq!(version == 100, ttl.is_none(), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_share_a_sync() {
    const COMMITS: u64 = 400;
    for sync in [SyncPolicy::Always, SyncPolicy::None] {
        let directory = tempfile::tempdir().expect("directory");
        let store = open(directory.path(), sync);
        let app = app(store.clone());
        let before = store.activity();
        let commits = (0..COMMITS).map(|n| {
            let app = app.clone();
            tokio::spawn(async move { app.put(&[(var(&format!("v{n}")), Some(b"1"))]).await })
        });
        for commit in join_all(commits).await {
            commit.expect("commit");
        }
        let after = store.activity();
        let (groups, syncs) = (after.groups - before.groups, after.syncs - before.syncs);
        assert_eq!(after.writes - before.writes, COMMITS);
        assert!(groups <= COMMITS / 4, "{groups} groups");
        match sync {
            // One for each group, and now and then one more when the file grows.
            SyncPolicy::Always => assert!((groups..=2 * groups).contains(&syncs), "{syncs} syncs"),
            SyncPolicy::None => assert_eq!(syncs, 0),
        }
        // What changes nothing costs no sync.
        let stale = Commit {
            checks: vec![(var("v0"), 9)],
            writes: vec![(var("v0"), None)],
            ..app.commit()
        };
        assert_eq!(app.send(&stale).await, Committed::Conflict(var("v0")));
        app.store
            .acknowledge("app", &["unknown".into()])
            .await
            .expect("acknowledge");
        assert_eq!(app.due(LONG).await, Vec::<String>::new());
        assert_eq!(
            (store.activity().groups, store.activity().syncs),
            (after.groups, after.syncs)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_in_time() {
    let directory = tempfile::tempdir().expect("directory");
    let options = StoreOptions {
        queue: 1,
        timeout: Duration::ZERO,
        ..StoreOptions::default()
    };
    let store = EmbeddedStore::open(directory.path(), &options).expect("open");
    let app = app(Arc::new(store));
    let commits = (0..200).map(|n| {
        let app = app.clone();
        tokio::spawn(async move {
            let commit = Commit {
                writes: vec![(var(&format!("v{n}")), Some(b"1".to_vec()))],
                ..app.commit()
            };
            app.store.commit(&commit).await
        })
    });
    let mut done = 0;
    for commit in join_all(commits).await {
        match commit.expect("commit") {
            Ok(committed) => {
                assert_eq!(committed, DONE);
                done += 1;
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("1 writes (option `store-queue`)"), "{text}");
                assert!(text.contains("(option `store-timeout`)"), "{text}");
            }
        }
    }
    assert!((1..200).contains(&done), "{done} of 200 found a place");
    let states = app.store.states("app", None, 1000).await.expect("states");
    assert_eq!(states.len(), done);
}

/// Environment of a child: the store's directory.
const CHILD: &str = "SKYLARK_TEST_STORE";

/// This test binary again, running only [`child`].
fn start_child(directory: &Path, shell: Option<&str>) -> Child {
    let this = std::env::current_exe().expect("path of the test");
    let mut command = match shell {
        Some(shell) => {
            let mut command = Command::new("sh");
            command
                .arg("-c")
                .arg(format!("{shell}; exec \"$0\" \"$@\""))
                .arg(this);
            command
        }
        None => Command::new(this),
    };
    command
        .args(["--exact", "embedded::child", "--ignored", "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start")
}

/// Commits for ever, saying which commits were acknowledged; ends when the
/// store fails, saying why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the tests that kill it"]
async fn child() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let app = app(open(Path::new(&directory), SyncPolicy::Always));
    let tasks = (0..8).map(|task| {
        let app = app.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let done = count_up(&app, task, n).await;
                let line = match &done {
                    Ok(()) => format!("acknowledged {task} {n}\n"),
                    Err(error) => format!("failed {error}\n"),
                };
                std::io::stdout()
                    .write_all(line.as_bytes())
                    .expect("the parent reads");
                if done.is_err() {
                    return;
                }
            }
        })
    });
    join_all(tasks).await;
    // What was acknowledged can still be read.
    let (version, value) = app.get(&var("v0")).await;
    assert_eq!(version, number(value.as_deref()));
    println!("still readable");
}

/// The `n`-th commit of a task: its counter, an outcome and a message.
async fn count_up(app: &App, task: usize, n: u64) -> Result<(), StoreError> {
    let (run, field) = (format!("{task}-{n}"), var(&format!("v{task}")));
    let reads = std::slice::from_ref(&field);
    let Begun::Leased { epoch, fields, .. } = app.try_begin(&run, "n1", LONG, reads).await? else {
        panic!("{run} was begun before")
    };
    // Padded, so that the file grows quickly.
    let value = format!("{:0>2000}", number(fields[0].value.as_deref()) + 1);
    let commit = Commit {
        checks: vec![(field.clone(), fields[0].version)],
        writes: vec![(field, Some(value.into_bytes()))],
        outbox: vec![message(&run, Duration::ZERO)],
        ..app.commit_of(&run, epoch)
    };
    assert_eq!(app.store.commit(&commit).await?, DONE);
    Ok(())
}

/// Reads what the child says, killing it after `kill_after` acknowledgements:
/// the last acknowledged commit of each task, and all other lines.
fn listen(mut child: Child, kill_after: Option<usize>) -> ([Option<u64>; 8], Vec<String>) {
    let mut last = [None; 8];
    let mut others = Vec::new();
    let mut acknowledged = 0;
    let output = BufReader::new(child.stdout.take().expect("piped"));
    for line in output.lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        // A line that was cut short by the kill acknowledges nothing.
        if let ["acknowledged", task, n] = words[..]
            && let (Ok(task), Ok(n)) = (task.parse::<usize>(), n.parse::<u64>())
        {
            last[task] = Some(n);
            acknowledged += 1;
        } else {
            others.push(line);
        }
        if Some(acknowledged) == kill_after {
            child.kill().expect("kill");
        }
    }
    child.wait().expect("wait");
    (last, others)
}

/// Everything that was acknowledged is there, and nothing by halves.
async fn nothing_is_lost(directory: &Path, last: [Option<u64>; 8], beyond: u64) {
    let app = app(open(directory, SyncPolicy::Always));
    let mut posted = 0;
    for (task, last) in last.into_iter().enumerate() {
        let (version, value) = app.get(&var(&format!("v{task}"))).await;
        let count = number(value.as_deref());
        let acknowledged = last.map_or(0, |n| n + 1);
        assert_eq!(version, count, "task {task}");
        // One more may have been committed, and its acknowledgement lost.
        assert!(
            (acknowledged..=acknowledged + beyond).contains(&count),
            "task {task}: {count} commits, {acknowledged} acknowledged"
        );
        for n in 0..count {
            let begun = app.begin(&format!("{task}-{n}"), "n1", LONG).await;
            assert_eq!(
                begun,
                Begun::Recorded(returned("1")),
                "task {task}, commit {n}"
            );
        }
        let begun = app.begin(&format!("{task}-{count}"), "n1", LONG).await;
        assert!(
            matches!(begun, Begun::Leased { .. }),
            "task {task}: {begun:?}"
        );
        posted += count;
    }
    let mut due = 0;
    loop {
        match app.store.overdue(1000, LONG).await.expect("overdue").len() {
            0 => break,
            some => due += some as u64,
        }
    }
    assert_eq!(due, posted);
}

#[tokio::test]
async fn a_killed_process_loses_no_acknowledged_commit() {
    for kill_after in [1, 50, 400, 1000] {
        let directory = tempfile::tempdir().expect("directory");
        let child = start_child(directory.path(), None);
        let (last, _) = listen(child, Some(kill_after));
        assert!(last.iter().any(Option::is_some));
        nothing_is_lost(directory.path(), last, 1).await;
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    // A limit on the size of files (in blocks of 512 bytes) stands in for the
    // end of the disk; ignoring the signal turns it into an error.
    let child = start_child(directory.path(), Some("trap '' XFSZ; ulimit -f 8192"));
    let (last, others) = listen(child, None);
    let failed: Vec<_> = others.iter().filter(|l| l.starts_with("failed")).collect();
    assert_eq!(failed.len(), 8, "{others:?}");
    assert!(
        failed.iter().any(|l| l.contains("no room on the disk")),
        "{failed:?}"
    );
    assert!(
        others.iter().any(|l| l.contains("still readable")),
        "{others:?}"
    );
    assert!(last.iter().all(Option::is_some));
    nothing_is_lost(directory.path(), last, 1).await;
}
