//! What has a `ttl`: as if it had never been written once that has passed, swept or not.

use super::collections::{all, entry, len, of, part, range, span};
use crate::app::{App, DONE, LONG, SHORT, keyed, var};
use crate::eventually::eventually;
use skylark_abi::{
    keys::Part,
    protocol::{BundleField, Commit, Committed},
};
use std::{collections::BTreeMap, ops::Bound, time::Duration};

cases![
    what_is_over_is_as_never_written,
    a_write_makes_it_last_anew,
    no_version_comes_again,
    what_ends_before_the_commit_conflicts,
    a_write_without_it_lasts,
    a_deleted_one_is_forgotten,
    entries_end_each_for_itself,
    a_page_is_full_in_spite_of_what_is_over,
    a_counter_begins_anew,
    a_sweep_has_a_bound,
];

impl App {
    /// Writes what lasts this long, if what was read is still so.
    async fn lasting_after(
        &self,
        checks: &[(BundleField, u64)],
        writes: &[(BundleField, Option<&str>)],
        ttl: Option<Duration>,
    ) -> Committed {
        let names = writes.iter().map(|(field, _)| field.variable().to_owned());
        let lasts = ttl.map_or_else(BTreeMap::new, |ttl| names.map(|name| (name, ttl)).collect());
        let writes = writes.iter();
        let writes = writes.map(|(f, v)| (f.clone(), v.map(|v| v.as_bytes().to_vec())));
        let commit = Commit {
            checks: checks.to_vec(),
            writes: writes.collect(),
            lasts,
            ..self.commit()
        };
        self.send(&commit).await
    }

    pub(crate) async fn lasting(&self, field: &BundleField, value: &str, ttl: Duration) {
        let writes = [(field.clone(), Some(value))];
        let committed = self.lasting_after(&[], &writes, Some(ttl)).await;
        assert_eq!(committed, DONE, "{field:?}");
    }

    async fn version(&self, field: &BundleField) -> u64 {
        self.get(field).await.0
    }

    /// Waits until it is not there any more.
    pub(crate) async fn is_over(&self, field: &BundleField) {
        eventually("it is over", || async {
            (self.get(field).await == (0, None)).then_some(())
        })
        .await;
    }

    /// Waits until whatever was written before with [`SHORT`] is over.
    async fn short_is_over(&self) {
        let mark = keyed("mark", "mark");
        self.lasting(&mark, "1", SHORT).await;
        self.is_over(&mark).await;
    }

    /// Sweeps all that is over.
    pub(crate) async fn sweep(&self) {
        while self.store.expire(100).await.expect("expire") > 0 {}
    }

    async fn listed(&self) -> Vec<BundleField> {
        let listed = self.store.states(&self.name, None, 100).await;
        let listed = listed.expect("states").into_iter();
        listed.map(|v| v.field).collect()
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

async fn what_is_over_is_as_never_written(app: App) {
    let fields = [
        var("a"),
        keyed("a:b {c} @d *?[e] \\ \"'\0\n ü 火", "a"),
        keyed("k", "a"),
    ];
    for field in &fields {
        app.lasting(field, "1", LONG).await;
        let (version, value) = app.get(field).await;
        assert_eq!(value, bytes("1"), "{field:?}");
        assert!(version > 1 << 50 && version < 1 << 53, "{version}");
        assert_eq!(
            app.lasting_after(&[(field.clone(), version)], &[], None)
                .await,
            DONE
        );
    }
    assert_eq!(app.listed().await, fields);
    for swept in [false, true] {
        for field in &fields {
            app.lasting(field, "2", SHORT).await;
        }
        for field in &fields {
            app.is_over(field).await;
        }
        if swept {
            app.sweep().await;
        }
        assert_eq!(app.listed().await, [], "swept: {swept}");
        for field in &fields {
            let unwritten = [(field.clone(), 0)];
            assert_eq!(app.lasting_after(&unwritten, &[], None).await, DONE);
        }
    }
}

async fn a_write_makes_it_last_anew(app: App) {
    app.lasting(&var("a"), "1", SHORT).await;
    app.lasting(&var("a"), "2", LONG).await;
    app.short_is_over().await;
    app.sweep().await;
    assert_eq!(app.get(&var("a")).await.1, bytes("2"));
    // Nor does reading: what is read all the time is over all the same.
    app.lasting(&var("a"), "3", SHORT).await;
    app.is_over(&var("a")).await;
}

async fn no_version_comes_again(app: App) {
    let a = var("a");
    let mut seen = Vec::new();
    for swept in [true, false, true] {
        let write = [(a.clone(), Some("1"))];
        let none = [(a.clone(), 0)];
        assert_eq!(app.lasting_after(&none, &write, Some(LONG)).await, DONE);
        // Whoever saw that it was not there.
        let late = app.lasting_after(&none, &write, Some(LONG)).await;
        assert_eq!(late, Committed::Conflict(a.clone()));
        let version = app.version(&a).await;
        for earlier in seen.drain(..) {
            assert!(version > earlier, "{version} after {earlier}");
            let late = app.lasting_after(&[(a.clone(), earlier)], &[], None).await;
            assert_eq!(late, Committed::Conflict(a.clone()));
        }
        app.lasting(&a, "2", SHORT).await;
        app.is_over(&a).await;
        if swept {
            app.sweep().await;
        }
        seen.push(version);
    }
}

async fn what_ends_before_the_commit_conflicts(app: App) {
    for (field, part_of) in [
        (var("a"), None),
        (keyed("k", "a"), None),
        (entry("M", "ann"), None),
        (all("N"), Some(entry("N", "ann"))),
    ] {
        for swept in [false, true] {
            let written = part_of.as_ref().unwrap_or(&field);
            let other = (var("other"), Some("1"));
            let seen = eventually("it is seen alive", || async {
                app.lasting(written, "1", SHORT).await;
                let alive = app.version(written).await > 0;
                let version = app.version(&field).await;
                (alive && app.version(written).await > 0).then_some(version)
            })
            .await;
            app.is_over(written).await;
            if swept {
                app.sweep().await;
            }
            let checks = [(field.clone(), seen)];
            let late = app.lasting_after(&checks, &[other], None).await;
            assert_eq!(late, Committed::Conflict(field.clone()), "swept: {swept}");
        }
    }
    assert_eq!(app.get(&var("other")).await, (0, None));
}

async fn a_write_without_it_lasts(app: App) {
    let fields = [var("a"), entry("M", "ann"), keyed("k", "b")];
    for field in &fields {
        app.lasting(field, "1", SHORT).await;
        let before = app.version(field).await;
        let write = [(field.clone(), Some("2"))];
        assert_eq!(app.lasting_after(&[], &write, None).await, DONE);
        app.short_is_over().await;
        app.sweep().await;
        let (version, value) = app.get(field).await;
        assert_eq!(value, bytes("2"), "{field:?}");
        assert!(version > before, "{version} after {before}");
        // And it may get one again.
        app.lasting(field, "3", SHORT).await;
        app.is_over(field).await;
        app.sweep().await;
    }
}

async fn a_deleted_one_is_forgotten(app: App) {
    let a = var("a");
    app.lasting(&a, "1", LONG).await;
    let before = app.version(&a).await;
    let delete = [(a.clone(), None)];
    assert_eq!(app.lasting_after(&[], &delete, Some(SHORT)).await, DONE);
    let late = app.lasting_after(&[(a.clone(), before)], &[], None).await;
    assert_eq!(late, Committed::Conflict(a.clone()));
    app.is_over(&a).await;
}

async fn entries_end_each_for_itself(app: App) {
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|key| entry("M", key));
    app.lasting(&ann, "1", SHORT).await;
    app.lasting(&bob, "1", LONG).await;
    let write = [(cid.clone(), Some("1"))];
    assert_eq!(app.lasting_after(&[], &write, None).await, DONE);
    app.is_over(&ann).await;
    assert_eq!(app.get(&bob).await.1, bytes("1"));
    assert_eq!(app.get(&cid).await.1, bytes("1"));
    // Its number counts what is not swept.
    assert_eq!(app.get(&len("M")).await.1, bytes("3"));
    assert_eq!(app.listed().await, [var("M")]);
    app.sweep().await;
    assert_eq!(app.get(&len("M")).await, (2, bytes("2")));
    assert_eq!(app.get(&var("M")).await.1, bytes("2"));
    // One that comes again is one more, and has no version that it had.
    app.lasting(&ann, "2", LONG).await;
    assert_eq!(app.get(&len("M")).await.1, bytes("3"));
    assert!(app.version(&ann).await > app.version(&cid).await);
    // In place of one that is over it is not, nor does it go when that is swept.
    app.lasting(&ann, "3", SHORT).await;
    app.is_over(&ann).await;
    app.lasting(&ann, "4", LONG).await;
    app.sweep().await;
    assert_eq!(app.get(&ann).await.1, bytes("4"));
    assert_eq!(app.get(&len("M")).await.1, bytes("3"));
    // All of a key's, too, and one that is deleted while it is over.
    let of_key = skylark_abi::keys::Collection {
        key: Some("Vienna: {1}".into()),
        name: "M".into(),
    };
    let [ann, bob] = ["ann:", "bob"].map(|key| part(&of_key, Part::Entry, key));
    app.lasting(&ann, "1", SHORT).await;
    app.lasting(&bob, "1", SHORT).await;
    app.is_over(&ann).await;
    app.is_over(&bob).await;
    assert_eq!(app.lasting_after(&[], &[(bob, None)], None).await, DONE);
    app.sweep().await;
    let number = part(&of_key, Part::Len, "");
    assert_eq!(app.get(&number).await, (0, bytes("0")));
}

async fn a_page_is_full_in_spite_of_what_is_over(app: App) {
    let name = |n: usize| format!("{n:02}");
    let keys: Vec<String> = (0..40).map(name).collect();
    for (n, key) in keys.iter().enumerate() {
        let ttl = if n % 4 == 3 { LONG } else { SHORT };
        app.lasting(&entry("M", key), key, ttl).await;
    }
    app.short_is_over().await;
    let page = |backwards, limit| {
        range(
            "M",
            span(Bound::Unbounded, Bound::Unbounded, backwards, limit),
        )
    };
    let alive: Vec<&str> = keys.iter().skip(3).step_by(4).map(String::as_str).collect();
    let mut digests = Vec::new();
    for swept in [false, true] {
        if swept {
            app.sweep().await;
        }
        for (backwards, limit) in [(false, 3), (true, 3), (false, 10), (true, 256)] {
            let mut want = alive.clone();
            if backwards {
                want.reverse();
            }
            want.truncate(limit as usize);
            let page = page(backwards, limit);
            let found = app.scan(&page).await;
            let found: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(found, want, "{backwards} {limit}, swept: {swept}");
            digests.push((page.clone(), app.version(&page).await));
        }
        // Sweeping changes nothing that was seen.
        assert_eq!(app.lasting_after(&digests, &[], None).await, DONE);
    }
}

async fn a_counter_begins_anew(app: App) {
    let sum = part(&of("C"), Part::Sum, "");
    let mut before = 0;
    for swept in [false, true, false] {
        for want in ["5", "10"] {
            app.lasting(&sum, "5", LONG).await;
            let (version, value) = app.get(&var("C")).await;
            assert_eq!(value, bytes(want));
            assert!(version > before, "{version} after {before}");
            before = version;
        }
        app.lasting(&sum, "1", SHORT).await;
        app.is_over(&var("C")).await;
        if swept {
            app.sweep().await;
        }
    }
    // Without it, it goes on from where it is, or from nothing.
    for want in ["7", "14"] {
        let write = [(sum.clone(), Some("7"))];
        assert_eq!(app.lasting_after(&[], &write, None).await, DONE);
        assert_eq!(app.get(&var("C")).await.1, bytes(want));
    }
}

async fn a_sweep_has_a_bound(app: App) {
    app.sweep().await;
    for n in 0..5 {
        app.lasting(&var(&format!("v{n}")), "1", SHORT).await;
        app.lasting(&entry("M", &n.to_string()), "1", SHORT).await;
    }
    app.short_is_over().await;
    let mut left = 11;
    while left > 0 {
        let gone = app.store.expire(4).await.expect("expire");
        assert_eq!(gone, left.min(4));
        left -= gone;
    }
    assert_eq!(app.listed().await, [var("M")]);
    assert_eq!(app.get(&len("M")).await, (0, bytes("0")));
}
