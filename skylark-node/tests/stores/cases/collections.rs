//! Collections: entries of their own, scans, and what is written without reading.

use crate::app::{App, DONE, keyed, var};
use skylark_abi::{
    key,
    keys::{Bundle, Collection, Part},
    protocol::{Begun, BundleField, Committed},
    span::{Scanned, Span},
};
use std::{collections::BTreeMap, ops::Bound};

cases![
    entries_are_read_and_checked_alone,
    a_deleted_entry_leaves_nothing_but_conflicts,
    scans_see_what_is_between,
    a_scan_conflicts_with_what_comes_between,
    pushes_do_not_conflict,
    counters_add_up,
    collections_of_a_key_are_apart,
    what_was_no_collection_is_kept,
    any_key_will_do,
    what_is_too_large_is_not_scanned,
    as_one_after_the_other,
];

pub(super) fn of(name: &str) -> Collection {
    Collection {
        key: None,
        name: name.to_owned(),
    }
}

pub(super) fn part(of: &Collection, part: Part, at: &str) -> BundleField {
    BundleField {
        bundle: Bundle::Part(of.clone(), part),
        name: at.to_owned(),
    }
}

pub(super) fn entry(name: &str, key: &str) -> BundleField {
    part(&of(name), Part::Entry, key)
}

pub(super) fn len(name: &str) -> BundleField {
    part(&of(name), Part::Len, "")
}

pub(super) fn span(from: Bound<&str>, to: Bound<&str>, backwards: bool, limit: u32) -> String {
    let owned = |bound: Bound<&str>| bound.map(str::to_owned);
    let span = Span {
        from: owned(from),
        to: owned(to),
        backwards,
        limit,
    };
    span.to_text()
}

pub(super) fn range(name: &str, span: String) -> BundleField {
    part(&of(name), Part::Range, &span)
}

pub(super) fn all(name: &str) -> BundleField {
    range(name, span(Bound::Unbounded, Bound::Unbounded, false, 256))
}

type Write<'a> = (BundleField, Option<&'a [u8]>);

impl App {
    /// Writes without reading.
    async fn blindly(&self, writes: &[Write<'_>]) -> Committed {
        self.write_after(&[], writes).await
    }

    /// Writes if what was read is still so.
    async fn write_after(&self, checks: &[(BundleField, u64)], writes: &[Write<'_>]) -> Committed {
        let mut commit = self.commit();
        commit.checks = checks.to_vec();
        let owned = writes
            .iter()
            .map(|(f, v)| (f.clone(), v.map(<[u8]>::to_vec)));
        commit.writes = owned.collect();
        self.store.commit(&commit).await.expect("commit")
    }

    /// A part, with what checks it.
    async fn part(&self, field: &BundleField) -> ((BundleField, u64), Option<Vec<u8>>) {
        let read = self.read(std::slice::from_ref(field)).await.remove(0);
        assert_eq!(read.field, *field);
        ((read.field, read.version), read.value)
    }

    async fn text(&self, field: &BundleField) -> Option<String> {
        let (_, value) = self.part(field).await;
        value.map(|v| String::from_utf8(v).expect("text"))
    }

    /// What a scan sees: keys and values.
    pub(super) async fn scan(&self, field: &BundleField) -> Vec<(String, String)> {
        let (_, value) = self.part(field).await;
        let scanned: Scanned = skylark_abi::decode(&value.expect("a page")).expect("a page");
        let entries = scanned.entries.into_iter();
        entries
            .map(|e| (e.key, String::from_utf8(e.value).expect("text")))
            .collect()
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    let pairs = pairs.into_iter();
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

async fn entries_are_read_and_checked_alone(app: App) {
    let (ann, bob) = (entry("M", "ann"), entry("M", "bob"));
    let (no_ann, value) = app.part(&ann).await;
    assert_eq!((no_ann.1, value), (0, None));
    assert_eq!(
        app.blindly(&[(ann.clone(), Some(b"1")), (bob.clone(), Some(b"2"))])
            .await,
        DONE
    );
    // Whoever saw that it was not there.
    let lost = app
        .write_after(std::slice::from_ref(&no_ann), &[(bob.clone(), None)])
        .await;
    assert_eq!(lost, Committed::Conflict(ann.clone()));
    let (is_ann, value) = app.part(&ann).await;
    assert_eq!(value.as_deref(), Some(&b"1"[..]));
    // Another entry is another's.
    assert_eq!(app.blindly(&[(bob.clone(), Some(b"3"))]).await, DONE);
    assert_eq!(
        app.write_after(std::slice::from_ref(&is_ann), &[(ann.clone(), Some(b"4"))])
            .await,
        DONE
    );
    let late = app
        .write_after(&[is_ann], &[(ann.clone(), Some(b"5"))])
        .await;
    assert_eq!(late, Committed::Conflict(ann.clone()));
    assert_eq!(
        app.scan(&all("M")).await,
        pairs([("ann", "4"), ("bob", "3")])
    );
    // As a variable it says how many there are.
    let listed = app.store.states(&app.name, None, 10).await.expect("states");
    let listed: Vec<_> = listed
        .iter()
        .map(|v| (&v.field, v.value.as_deref()))
        .collect();
    assert_eq!(listed, [(&var("M"), Some(&b"2"[..]))]);
}

async fn a_deleted_entry_leaves_nothing_but_conflicts(app: App) {
    let ann = entry("M", "ann");
    app.blindly(&[(ann.clone(), Some(b"1"))]).await;
    let (first, _) = app.part(&ann).await;
    assert_eq!(app.blindly(&[(ann.clone(), None)]).await, DONE);
    let (gone, value) = app.part(&ann).await;
    assert_eq!((gone.1, value), (0, None));
    assert_eq!(app.text(&len("M")).await.as_deref(), Some("0"));
    assert_eq!(app.scan(&all("M")).await, pairs([]));
    let stale = app.write_after(std::slice::from_ref(&first), &[]).await;
    assert_eq!(stale, Committed::Conflict(ann.clone()));
    // Nor does it come back under an old version.
    app.blindly(&[(ann.clone(), Some(b"1"))]).await;
    let (again, _) = app.part(&ann).await;
    assert!(again.1 > first.1);
    assert_eq!(
        app.write_after(&[first], &[]).await,
        Committed::Conflict(ann.clone())
    );
    // Deleting what is not there is no change that anybody sees.
    let nobody = entry("M", "nobody");
    let (seen, _) = app.part(&nobody).await;
    app.blindly(&[(nobody.clone(), None)]).await;
    assert_eq!(app.write_after(&[seen], &[]).await, DONE);
    assert_eq!(app.text(&len("M")).await.as_deref(), Some("1"));
}

async fn scans_see_what_is_between(app: App) {
    let keys = ["", "a", "a\0", "a\0b", "ab", "b", "ä"];
    let writes = keys.map(|key| (entry("M", key), Some(key.as_bytes())));
    app.blindly(&writes).await;
    // Neighbours by their names.
    for other in ["L", "M_", "MM", "N"] {
        app.blindly(&[(entry(other, "a"), Some(b"other"))]).await;
    }
    let check = async |from, to, backwards, limit, want: &[&str]| {
        let found = app
            .scan(&range("M", span(from, to, backwards, limit)))
            .await;
        let found: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(found, want, "{from:?} {to:?} {backwards} {limit}");
    };
    use Bound::{Excluded as Ex, Included as In, Unbounded as All};
    check(All, All, false, 256, &keys).await;
    check(All, All, true, 2, &["ä", "b"]).await;
    check(All, All, false, 2, &["", "a"]).await;
    check(In("a"), Ex("b"), false, 256, &["a", "a\0", "a\0b", "ab"]).await;
    check(Ex("a"), In("b"), false, 256, &["a\0", "a\0b", "ab", "b"]).await;
    check(Ex("a"), In("b"), true, 3, &["b", "ab", "a\0b"]).await;
    check(In("b"), In("b"), false, 1, &["b"]).await;
    check(In("b"), Ex("b"), false, 1, &[]).await;
    check(In("b"), In("a"), false, 1, &[]).await;
    check(Ex("ä"), All, false, 9, &[]).await;
    check(All, All, false, 0, &[]).await;
    assert_eq!(app.scan(&all("nothing")).await, pairs([]));
    assert_eq!(app.text(&len("nothing")).await.as_deref(), Some("0"));
}

async fn a_scan_conflicts_with_what_comes_between(app: App) {
    use Bound::{Excluded as Ex, Included as In};
    app.blindly(&["b", "d", "f"].map(|k| (entry("M", k), Some(&b"1"[..]))))
        .await;
    let field = range("M", span(In("b"), Ex("g"), false, 2));
    let check = async |write: Write<'_>, conflicts: bool| {
        let (seen, _) = app.part(&field).await;
        let (counted, _) = app.part(&len("M")).await;
        let before = counted.1;
        assert_eq!(app.blindly(std::slice::from_ref(&write)).await, DONE);
        let want = match conflicts {
            true => Committed::Conflict(field.clone()),
            false => DONE,
        };
        assert_eq!(app.write_after(&[seen], &[]).await, want, "{write:?}");
        // How many there are is another matter.
        let same = app.part(&len("M")).await.0.1 == before;
        let checked = app.write_after(&[counted], &[]).await;
        assert_eq!(checked == DONE, same, "{write:?}");
    };
    // Before, behind the last that was seen, behind the range.
    check((entry("M", "a"), Some(b"1")), false).await;
    check((entry("M", "e"), Some(b"1")), false).await;
    check((entry("M", "f"), None), false).await;
    check((entry("M", "g"), Some(b"1")), false).await;
    // In it: a new one, a new value, one that goes.
    check((entry("M", "c"), Some(b"1")), true).await;
    check((entry("M", "c"), Some(b"2")), true).await;
    check((entry("M", "c"), Some(b"2")), true).await;
    check((entry("M", "b"), None), true).await;
}

async fn pushes_do_not_conflict(app: App) {
    let end = part(&of("L"), Part::End, "");
    let tasks = (0..4).map(|pusher| {
        let (app, end) = (app.clone(), end.clone());
        tokio::spawn(async move {
            for n in 0..25 {
                let value = format!("{pusher} {n}");
                let committed = app.blindly(&[(end.clone(), Some(value.as_bytes()))]).await;
                assert_eq!(committed, DONE);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("pushes");
    }
    assert_eq!(app.text(&len("L")).await.as_deref(), Some("100"));
    let found = app.scan(&all("L")).await;
    let mut last = BTreeMap::new();
    for (index, (key, value)) in found.iter().enumerate() {
        assert_eq!(key::read_unsigned(key), Some(index as u128));
        let (pusher, n) = value.split_once(' ').expect("two words");
        let n: i32 = n.parse().expect("a number");
        assert_eq!(last.insert(pusher.to_owned(), n).unwrap_or(-1) + 1, n);
    }
    assert_eq!(last.len(), 4);
    // What is taken off, in the same step, makes room for what is pushed.
    let mut tail = String::new();
    key::unsigned(&mut tail, 99);
    app.blindly(&[(entry("L", &tail), None), (end, Some(b"new"))])
        .await;
    assert_eq!(app.text(&len("L")).await.as_deref(), Some("100"));
    assert_eq!(app.text(&entry("L", &tail)).await.as_deref(), Some("new"));
}

async fn counters_add_up(app: App) {
    let sum = part(&of("C"), Part::Sum, "");
    let tasks = (1..=4).map(|n: i64| {
        let (app, sum) = (app.clone(), sum.clone());
        tokio::spawn(async move {
            for step in 0..25 {
                let addend = if step % 5 == 4 { -n } else { n }.to_string();
                let committed = app.blindly(&[(sum.clone(), Some(addend.as_bytes()))]).await;
                assert_eq!(committed, DONE);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("adds");
    }
    // Read as a variable, and checked as one.
    let (seen, value) = app.part(&var("C")).await;
    assert_eq!((seen.1, value), (100, Some(b"150".to_vec())));
    let add = async |addend: &str| {
        let committed = app.blindly(&[(sum.clone(), Some(addend.as_bytes()))]).await;
        assert_eq!(committed, DONE);
        app.text(&var("C")).await
    };
    assert_eq!(add("-150").await.as_deref(), Some("0"));
    assert_eq!(
        app.write_after(&[seen], &[]).await,
        Committed::Conflict(var("C"))
    );
    // It ends where `i64` does.
    let (max, min) = (i64::MAX.to_string(), i64::MIN.to_string());
    assert_eq!(add(&max).await, Some(max.clone()));
    assert_eq!(add("1").await, Some(max));
    assert_eq!(add(&min).await.as_deref(), Some("-1"));
    assert_eq!(add(&min).await, Some(min));
}

async fn collections_of_a_key_are_apart(app: App) {
    let at = |key: Option<&str>| Collection {
        key: key.map(str::to_owned),
        name: "M".into(),
    };
    for key in [None, Some(""), Some("Vienna"), Some("Vienna:M")] {
        let ann = part(&at(key), Part::Entry, "ann");
        assert_eq!(app.part(&ann).await.1, None, "{key:?}");
        let value = format!("{key:?}");
        app.blindly(&[(ann.clone(), Some(value.as_bytes()))]).await;
        assert_eq!(app.text(&ann).await, Some(value));
        assert_eq!(
            app.text(&part(&at(key), Part::Len, "")).await.as_deref(),
            Some("1")
        );
    }
    assert_eq!(app.text(&keyed("Vienna", "M")).await.as_deref(), Some("1"));
}

async fn what_was_no_collection_is_kept(app: App) {
    app.put(&[(var("M"), Some(b"\x01not a number"))]).await;
    for field in [
        entry("M", "ann"),
        part(&of("M"), Part::End, ""),
        part(&of("M"), Part::Sum, ""),
    ] {
        let writes = [
            (var("other"), Some(&b"1"[..])),
            (field.clone(), Some(&b"1"[..])),
        ];
        assert_eq!(app.blindly(&writes).await, Committed::Unfit(field));
    }
    assert_eq!(
        app.text(&var("M")).await.as_deref(),
        Some("\x01not a number")
    );
    assert_eq!(app.text(&var("other")).await, None);
    assert_eq!(app.scan(&all("M")).await, pairs([]));
}

async fn any_key_will_do(app: App) {
    let long = "k".repeat(skylark_abi::names::MAX_KEY);
    let keys = [
        "@a", "a", "@", "", " ", "\u{1}", "{x}", "\0\0", "\r\n", "𝄞", &long,
    ];
    for key in keys {
        app.blindly(&[(entry("M", key), Some(key.as_bytes()))])
            .await;
    }
    for key in keys {
        assert_eq!(app.text(&entry("M", key)).await.as_deref(), Some(key));
    }
    assert_eq!(app.scan(&all("M")).await.len(), keys.len());
    app.blindly(&keys.map(|key| (entry("M", key), None))).await;
    assert_eq!(app.scan(&all("M")).await, pairs([]));
}

async fn what_is_too_large_is_not_scanned(app: App) {
    let large = vec![b'x'; 7 << 20];
    for key in ["a", "b", "c"] {
        app.blindly(&[(entry("M", key), Some(&large))]).await;
    }
    let refused = app.try_read(&[all("M")]).await.expect_err("21 MiB");
    assert!(refused.to_string().contains("max-read"), "{refused}");
    let two = range("M", span(Bound::Unbounded, Bound::Unbounded, true, 2));
    assert_eq!(app.scan(&two).await.len(), 2);
    let lease = app.try_begin("1", "n", crate::app::LONG, &[all("M")]).await;
    assert!(lease.is_err());
    // No lease was taken.
    assert!(matches!(
        app.begin("1", "other", crate::app::LONG).await,
        Begun::Leased { .. }
    ));
    app.blindly(&["a", "b", "c"].map(|key| (entry("M", key), None)))
        .await;
}

/// Transfers between entries whose sum is scanned, all at once: whatever is seen and
/// committed together is a state that there was.
async fn as_one_after_the_other(app: App) {
    let keys = ["a", "b", "c", "d"];
    app.blindly(&keys.map(|key| (entry("M", key), Some(&b"100"[..]))))
        .await;
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let movers = (0..4_usize).map(|mover| {
        let app = app.clone();
        tokio::spawn(async move {
            let mut done = 0;
            for turn in 0.. {
                if done == 10 {
                    break;
                }
                let (from, to) = (
                    keys[(mover + turn) % 4],
                    keys[(mover + turn + 1 + mover % 3) % 4],
                );
                if from == to {
                    continue;
                }
                let ((seen_from, a), (seen_to, b)) = (
                    app.part(&entry("M", from)).await,
                    app.part(&entry("M", to)).await,
                );
                let text = |v: Option<Vec<u8>>| v.map(|v| String::from_utf8(v).expect("text"));
                let a = text(a).map_or(0, |a| number(&a));
                let b = text(b).map_or(0, |b| number(&b));
                // What is empty goes, and comes again.
                let (a, b) = (0, a + b);
                let after = |n: i64| (n > 0).then(|| n.to_string());
                let (a, b) = (after(a), after(b));
                let committed = app
                    .write_after(
                        &[seen_from, seen_to],
                        &[
                            (entry("M", from), a.as_deref().map(str::as_bytes)),
                            (entry("M", to), b.as_deref().map(str::as_bytes)),
                        ],
                    )
                    .await;
                done += usize::from(committed == DONE);
            }
        })
    });
    let movers: Vec<_> = movers.collect();
    let mut looked = 0;
    while looked < 10 {
        let (seen, page) = app.part(&all("M")).await;
        let scanned: Scanned = skylark_abi::decode(&page.expect("a page")).expect("a page");
        let sum: i64 = scanned
            .entries
            .iter()
            .map(|e| number(std::str::from_utf8(&e.value).expect("text")))
            .sum();
        if app.write_after(&[seen], &[]).await == DONE {
            assert_eq!(sum, 400);
            looked += 1;
        }
    }
    for mover in movers {
        mover.await.expect("moves");
    }
}
