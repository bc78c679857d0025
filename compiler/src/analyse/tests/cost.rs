//! What functions are said to touch, to cost and to promise.

use super::*;

/// `function: class; reads; writes; hinted writes` of each function.
#[track_caller]
fn judged(text: &str, wanted: &[&str]) {
    let model = crate_of(&[("app", text)]);
    assert!(model.diagnostics.is_empty(), "{:?}", model.diagnostics);
    let analysis = explain::Analysis::new(&model);
    let hints = analysis.hints();
    let lines: Vec<String> = model
        .functions
        .iter()
        .map(|f| {
            let name = &f.schema.name;
            let e = analysis.explain(name).unwrap();
            let join = |names: &std::collections::BTreeSet<String>| {
                names
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let class = e.class.as_str().split(' ').next_back().unwrap_or_default();
            let hinted = join(&hints.functions[name].writes);
            let mut line = format!(
                "{name}: {class}; {}; {}; {hinted}; {}",
                join(&e.totals.fetched),
                join(&e.totals.written),
                e.totals.round_trips
            );
            if !e.complete {
                line.push_str(", not all seen");
            }
            line
        })
        .collect();
    assert_eq!(lines, wanted, "{text}");
}

const STATICS: &str = "use std::sync::{Mutex, RwLock, atomic::{AtomicU64, Ordering::Relaxed}}; \
     use std::collections::BTreeMap; \
     #[skylark::state] static A: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new()); \
     #[skylark::state] static B: RwLock<Vec<u8>> = RwLock::new(Vec::new()); \
     #[skylark::state] static N: AtomicU64 = AtomicU64::new(0); \
     #[skylark::state] static M: skylark::Map<String, u32> = skylark::Map::new(); \
     thread_local! { static OTHER: std::cell::Cell<u8> = const { std::cell::Cell::new(0) }; } ";

#[test]
fn what_is_done_to_state_is_read_off_its_uses() {
    for (body, wanted) in [
        ("1", "pure; ; ; ; 0"),
        ("A.lock().unwrap().len()", "idempotent; A; ; ; 1"),
        (
            "let a = A.lock().unwrap(); println!(\"{}\", a.len()); a.get(\"x\").copied()",
            "idempotent; A; ; ; 1",
        ),
        (
            "*A.lock().unwrap().entry(x).or_default() += 1",
            "commit; A; A; A; 2",
        ),
        (
            "let mut a = A.lock().unwrap(); a.insert(x, 1); a.len()",
            "commit; A; A; A; 2",
        ),
        ("A.lock().unwrap().insert(x, 1)", "idempotent; A; A; A; 2"),
        ("N.store(7, Relaxed)", "idempotent; N; N; N; 2"),
        (
            "N.store(N.load(Relaxed) + 1, Relaxed)",
            "commit; N; N; N; 2",
        ),
        ("N.fetch_add(1, Relaxed)", "commit; N; N; N; 2"),
        (
            "N.load(Relaxed) + OTHER.get() as u64",
            "idempotent; N; ; ; 1",
        ),
        ("*B.write().unwrap() = vec![]", "idempotent; B; B; B; 2"),
        (
            "B.read().unwrap().iter().map(|b| *b as u64 + N.load(Relaxed)).sum::<u64>()",
            "idempotent; B N; ; ; 1",
        ),
        ("M.iter().values().sum::<u32>()", "idempotent; M; ; ; 1"),
        ("M.insert(x, 1)", "idempotent; M; M; M; 2"),
        // A collection costs what is asked of it.
        ("M.set(x, 1)", "idempotent; ; M; M; 1"),
        ("M.get(&x)", "idempotent; M; ; ; 1"),
        (
            "M.get(&x); M.len(); N.load(Relaxed)",
            "idempotent; M N; ; ; 1",
        ),
        ("M.get(&x); M.get(\"a\")", "idempotent; M; ; ; 2"),
        ("M.iter(); N.load(Relaxed)", "idempotent; M N; ; ; 2"),
        ("if x.is_empty() { M.len(); }", "idempotent; M; ; ; 1"),
        (
            "M.update(&x, |n| match n { Some(n) => { *n += 1; Ok(*n) } None => Err(x) })",
            "commit; M; M; M; 2",
        ),
        // What is copied out is no part of it.
        (
            "return Some(*A.lock().unwrap().get(&x).unwrap())",
            "idempotent; A; ; ; 1",
        ),
        (
            "match A.lock().unwrap().get(&x) { Some(n) => return Ok(*n), None => return Err(x) }",
            "idempotent; A; ; ; 1",
        ),
        ("return Ok(B.read().unwrap()[0])", "idempotent; B; ; ; 1"),
        // What takes it away may change it; what looks at it may not.
        ("change(&mut A.lock().unwrap())", "commit; A; A; A; 2"),
        ("look(&A.lock().unwrap())", "idempotent; A; ; ; 1"),
        ("give(A.lock().unwrap())", "commit; A; A; A; 2"),
        (
            "let g = if x.is_empty() { A.lock() } else { A.lock() }; drop(g)",
            "idempotent; A; ; ; 1",
        ),
        (
            "if x.is_empty() { B.write().unwrap().push(1) }",
            "commit; B; B; ; 2",
        ),
        ("odd! { N }", "commit; N; N; N; 2"),
        ("std::time::SystemTime::now()", "idempotent; ; ; ; 0"),
        ("helper(x)", "commit; N; N; N; 2"),
    ] {
        let helpers = "fn change(a: &mut BTreeMap<String, u32>) {} fn look(a: &BTreeMap<String, u32>) {} \
             fn give<T>(t: T) {} fn helper(x: String) { N.swap(1, Relaxed); } ";
        let text = format!("{STATICS}{helpers}#[skylark::function] fn f(x: String) {{ {body}; }}");
        judged(&text, &[&format!("f: {wanted}")]);
    }
}

#[test]
fn services_waits_and_successors_are_told() {
    judged(
        "#[skylark::state] #[derive(Default)] struct Hotel { rooms: u32, seats: u32, guests: Vec<String> } \
         #[skylark::state] #[derive(Default)] struct Book { lines: skylark::List<String>, of: skylark::Map<String, u8> } \
         #[skylark::service] impl Book { \
           pub fn add(&mut self, line: String) -> u64 { self.lines.push(line); self.lines.len() } \
           pub fn note(&mut self, line: String) { self.lines.push(line); } \
           pub fn of(&self, who: String) -> Option<u8> { self.of.get(&who) } } \
         #[skylark::service] impl Hotel { \
           pub fn free(&self) -> u32 { self.left() } fn left(&self) -> u32 { self.rooms - 1 } \
           pub fn reserve(&mut self, g: String) { self.guests.push(g); } \
           pub async fn both(g: String) { HotelClient.reserve(g.clone()).await; skylark::call!(Hotel::free()).await; } \
           pub fn quote(n: u32) -> u32 { n } \
           pub async fn asked(n: u32) -> u32 { HotelClient::quote(n).await.unwrap_or(0) } \
           pub fn told(n: u32) { let _ = HotelClient::quote(n).send(); } \
           pub async fn at_once() { skylark::join!(skylark::call!(Hotel::free()), skylark::call!(Hotel::free())).await; inner().await; } } \
         async fn inner() { skylark::sleep(D).await; } \
         #[skylark::function] fn all() { skylark::with_mut(|h: &mut Hotel| h.seats += 1); } \
         #[skylark::function] async fn one_way() { let _ = skylark::call!(all()).send(); } \
         #[skylark::chain(next = last)] fn first(x: u8) -> u8 { x } \
         #[skylark::function] fn last(x: u8) -> u8 { x }",
        &[
            "Book-add: commit; Book-lines; Book-lines; Book-lines; 2",
            "Book-note: commit; ; Book-lines; Book-lines; 1",
            "Book-of: idempotent; Book-of; ; ; 1",
            "Hotel-free: idempotent; Hotel-rooms; ; ; 1",
            "Hotel-reserve: commit; Hotel-guests; Hotel-guests; Hotel-guests; 2",
            "Hotel-both: record; ; ; ; 5",
            "Hotel-quote: pure; ; ; ; 0",
            "Hotel-asked: record; ; ; ; 3",
            "Hotel-told: commit; ; ; ; 1",
            "Hotel-at_once: record; ; ; ; 5",
            "all: commit; Hotel-guests Hotel-rooms Hotel-seats; Hotel-seats; Hotel-seats; 2",
            "one_way: commit; ; ; ; 1",
            "first: commit; ; ; ; 1",
            "last: pure; ; ; ; 0",
        ],
    );
}

/// Methods of values of unknown type may be any: that is for checks to weigh, and no
/// reason for a node to fetch.
#[test]
fn what_only_may_be_is_no_hint() {
    let model = crate_of(&[(
        "app",
        "#[skylark::state] #[derive(Default)] struct H { n: u32 } #[skylark::service] impl H { \
         pub fn go(&mut self) { self.n += 1; } } \
         #[skylark::function] fn f() { outside::thing().go(); }",
    )]);
    let analysis = explain::Analysis::new(&model);
    let explained = analysis.explain("f").unwrap();
    assert_eq!(explained.totals.written.len(), 1);
    assert!(analysis.hints().functions["f"].reads.is_empty());
}

#[test]
fn keys_are_followed_from_the_arguments() {
    let model = crate_of(&[(
        "app",
        "use skylark::Map; struct Order { from: String } \
         #[skylark::state] static ACCOUNTS: std::sync::Mutex<u8> = std::sync::Mutex::new(1); \
         #[skylark::function] fn f(order: Order, n: u8) { take(&order.from.clone(), n); } \
         fn take(who: &str, n: u8) { ACCOUNTS.lock().unwrap().get(who); ACCOUNTS.lock().unwrap().get(&(n + 1)); }",
    )]);
    let index = Index::new(&model);
    let keys: Vec<String> = index.effects()[0]
        .touches()
        .filter_map(|touch| touch.key.clone())
        .collect();
    assert_eq!(keys, ["order.from"]);
}

/// What a node fetches ahead: entries and lengths that are read each time, in whatever
/// helper.
#[test]
fn parts_that_are_always_read_are_hinted_at() {
    let statics = "use skylark::{List, Map}; pub struct Order { from: String, at: u64 } \
         #[skylark::state(rename = \"acc\")] static ACCOUNTS: Map<String, u32> = Map::new(); \
         #[skylark::state] static LOG: List<u32> = List::new(); \
         #[skylark::state] static SUM: skylark::Counter = skylark::Counter::new(0); \
         #[skylark::state(scope = chain)] static OWN: Map<String, u32> = Map::new(); \
         #[skylark::state] static WHOLE: std::sync::Mutex<std::collections::BTreeMap<String, u32>> = \
           std::sync::Mutex::new(std::collections::BTreeMap::new()); \
         fn take(who: &str) { ACCOUNTS.update(who, |a| {}); } \
         fn again(who: &str, n: u8) { take(who); if n > 0 { again(who, n - 1) } } ";
    for (body, wanted) in [
        ("take(&order.from)", "acc[order.from]"),
        // Each call of a helper has an entry of its own.
        (
            "take(&order.from); take(&name); take(&name.to_lowercase())",
            "acc[name] acc[order.from]",
        ),
        (
            "take(&name); if order.at > 1 { take(&order.from) }",
            "acc[name]",
        ),
        ("again(&name, 3)", "acc[name]"),
        ("let mut name = name; name.push('x'); take(&name)", ""),
        (
            "ACCOUNTS.get(&name); LOG.get(order.at)",
            "LOG[order.at] acc[name]",
        ),
        ("ACCOUNTS.insert(name.clone(), 1)", "acc[name]"),
        ("if order.at > 1 { ACCOUNTS.get(&name); }", ""),
        ("if order.at > 1 { take(&order.from); }", ""),
        ("for _ in 0..order.at { take(&order.from); }", ""),
        ("let later = take; later(&order.from)", ""),
        ("ACCOUNTS.set(name, 1)", ""),
        ("ACCOUNTS.get(&name.to_lowercase())", ""),
        ("WHOLE.lock().unwrap().get(&name); OWN.get(&name)", ""),
        ("LOG.push(1); LOG.len(); ACCOUNTS.is_empty()", "LOG acc"),
        ("if order.at > 1 { LOG.len(); }", ""),
        ("OWN.len(); WHOLE.lock().unwrap().len(); LOG.push(1)", ""),
        ("LOG.len(); LOG.get(order.at)", "LOG LOG[order.at]"),
        ("SUM.get()", "SUM"),
        ("SUM.add(1)", ""),
    ] {
        let text = format!(
            "{statics} #[skylark::function] pub fn f(order: Order, name: String) {{ {body}; }}"
        );
        let model = crate_of(&[("app", &text)]);
        let hints = explain::Analysis::new(&model).hints();
        let hints = &hints.functions["f"];
        let entries = hints.entries.iter();
        let entries =
            entries.flat_map(|(of, paths)| paths.iter().map(move |p| format!("{of}[{p}]")));
        let parts: Vec<String> = hints.sizes.iter().cloned().chain(entries).collect();
        assert_eq!(parts.join(" "), wanted, "{body}");
    }
}

/// What an annotation names runs in the call that uses the variable, and so does what an
/// init object is built by.
#[test]
fn what_annotations_run_is_seen() {
    let helpers = "use std::sync::{LazyLock, Mutex, atomic::{AtomicU64, Ordering::Relaxed}}; \
         #[skylark::state] static N: AtomicU64 = AtomicU64::new(0); \
         pub struct Order { from: u64 } impl Order { fn shard(&self) -> u64 { counted() } } \
         fn counted() -> u64 { N.fetch_add(1, Relaxed) } fn from_old(old: u32) -> u64 { counted() } ";
    for (item, wanted) in [
        (
            "#[skylark::init] static RULES: LazyLock<u64> = LazyLock::new(|| counted()); \
             #[skylark::function] pub fn f() -> u64 { *RULES }",
            "f: commit; N; N; N; 2",
        ),
        (
            "#[skylark::state(migrate = [from_old])] static M: Mutex<u64> = Mutex::new(0); \
             #[skylark::function] pub fn f() -> u64 { *M.lock().unwrap() }",
            // What annotations name is not hinted as written: only what is old is migrated.
            "f: commit; M N; N; ; 2",
        ),
        (
            "#[skylark::state(scope = key(|order: Order| order.shard()))] static M: Mutex<u64> = Mutex::new(0); \
             #[skylark::function] pub fn f(order: Order) -> u64 { *M.lock().unwrap() }",
            "f: commit; M N; N; ; 2",
        ),
        (
            "#[skylark::state(scope = key(format!(\"{}\", counted_of(user))))] static M: Mutex<u64> = Mutex::new(0); \
             fn counted_of(user: impl ToString) -> u64 { counted() } \
             #[skylark::function] pub fn f(user: u64) -> u64 { *M.lock().unwrap() }",
            "f: commit; M N; N; ; 2",
        ),
        // A static in the key, a function handed on as a value.
        (
            "#[skylark::state(scope = key(of % N.load(Relaxed)))] static M: Mutex<u64> = Mutex::new(0); \
             #[skylark::function] pub fn f(of: u64) -> u64 { *M.lock().unwrap() }",
            "f: idempotent; M N; ; ; 1",
        ),
        (
            "#[skylark::state(scope = key(|of: Option<u64>| of.map(shard_of)))] static M: Mutex<u64> = Mutex::new(0); \
             fn shard_of(of: u64) -> u64 { counted() } \
             #[skylark::function] pub fn f(of: Option<u64>) -> u64 { *M.lock().unwrap() }",
            "f: commit; M N; N; ; 2",
        ),
        (
            "#[skylark::state(scope = key(format!(\"{}\", of + counted())))] thread_local! { static M: std::cell::Cell<u64> = std::cell::Cell::new(0); } \
             #[skylark::function] pub fn f(of: u64) -> u64 { M.get() }",
            "f: commit; M N; N; ; 2",
        ),
        // Whoever has the struct may meet an old field.
        (
            "#[skylark::state] #[derive(Default)] struct H { #[skylark::state(migrate = [from_old])] n: u64 } \
             #[skylark::function] pub fn f() -> u64 { skylark::with(|h: &H| h.n) }",
            "f: commit; H-n N; N; ; 2",
        ),
        (
            "#[skylark::state] #[derive(Default)] struct H { #[skylark::state(migrate = [from_old])] n: u64 } \
             #[skylark::service] impl H { pub fn f(&self) -> u64 { self.n } }",
            "H-f: commit; H-n N; N; ; 2",
        ),
    ] {
        judged(&format!("{helpers}{item}"), &[wanted]);
    }
    judged(
        &format!(
            "{helpers} #[skylark::state(scope = key(|of: u64| shard(of)))] #[derive(Default)] struct H {{ n: u64 }} \
             fn shard(of: u64) -> u64 {{ counted() }} \
             #[skylark::service(scope = key(|of: u64| shard(of)))] impl H {{ pub fn get(&self, of: u64) -> u64 {{ self.n }} }}"
        ),
        &["H-get: commit; H-n N; N; ; 2"],
    );
}

/// What only looks like it touches nothing: types that are named where they are not seen
/// used, references behind a cast, items that the crate's own macros make.
#[test]
fn what_hides_is_seen_or_said() {
    let helpers = "use std::sync::atomic::{AtomicU64, Ordering::Relaxed}; \
         #[skylark::state] static N: AtomicU64 = AtomicU64::new(0); \
         #[skylark::state] #[derive(Default)] struct Hotel { rooms: u32 } \
         fn inc(n: &AtomicU64) -> u64 { n.fetch_add(1, Relaxed) } struct P(u64); \
         impl std::str::FromStr for P { type Err = (); fn from_str(s: &str) -> Result<P, ()> { Ok(P(inc(&N))) } } \
         impl FromIterator<u64> for P { fn from_iter<I: IntoIterator<Item = u64>>(i: I) -> P { P(inc(&N)) } } ";
    let unseen = "commit; ; ; ; 0, not all seen";
    for (items, body, wanted) in [
        (
            "",
            "skylark::with_mut::<Hotel, _>(|h| { h.rooms += 1; h.rooms })",
            "commit; Hotel-rooms; Hotel-rooms; Hotel-rooms; 2",
        ),
        (
            "",
            "skylark::with::<crate::Hotel, u32>(|hotel| hotel.rooms)",
            "idempotent; Hotel-rooms; ; ; 1",
        ),
        ("", "s.parse::<P>().map_or(0, |p| p.0)", "commit; N; N; ; 2"),
        ("", "v.into_iter().collect::<P>().0", "commit; N; N; ; 2"),
        (
            "",
            "let n = &N as &AtomicU64; n.fetch_add(1, Relaxed)",
            "commit; N; N; N; 2",
        ),
        ("", "inc(&N as &AtomicU64)", "commit; N; N; N; 2"),
        ("", "N.load(Relaxed) as u32", "idempotent; N; ; ; 1"),
        (
            "macro_rules! bump { ($f:ident) => { fn $f() -> u64 { N.fetch_add(1, Relaxed) } } } bump!(made);",
            "made()",
            unseen,
        ),
        (
            "macro_rules! hits { ($n:ident) => { #[skylark::state] static $n: AtomicU64 = AtomicU64::new(0); } } hits!(MADE);",
            "MADE.fetch_add(1, Relaxed)",
            unseen,
        ),
        (
            "struct W; macro_rules! go { ($t:ty) => { impl $t { fn go(&self) { inc(&N); } } } } go!(W);",
            "W.go()",
            unseen,
        ),
        // Another crate's macro knows nothing of this one.
        ("other::items!(made);", "made()", "pure; ; ; ; 0"),
    ] {
        let text = format!(
            "{helpers}{items} #[skylark::function] fn f(s: String, v: Vec<u64>) {{ {body}; }}"
        );
        judged(&text, &[&format!("f: {wanted}")]);
    }
}

/// A promise is held to by what is reached, in whatever module.
#[test]
fn promises_of_being_executed_twice() {
    use crate::check::code::Code;
    let statics = "use std::sync::atomic::{AtomicU64, Ordering::Relaxed}; \
         #[skylark::state] static N: AtomicU64 = AtomicU64::new(0); ";
    for (text, wanted) in [
        (
            "#[skylark::function(idempotent)] pub fn f() -> u64 { N.load(Relaxed) }",
            "",
        ),
        (
            "#[skylark::function(idempotent)] pub fn f(x: u64) { N.store(x, Relaxed) }",
            "",
        ),
        (
            "#[skylark::function(pure)] pub fn f(x: u64) -> u64 { g(x) } fn g(x: u64) -> u64 { x + 1 } fn h() { N.load(Relaxed); }",
            "",
        ),
        (
            "#[skylark::function(idempotent)] pub fn f() { a::g() } mod a { pub fn g() { super::N.fetch_add(1, super::Relaxed); } }",
            "SKY0010 `fetch_add` `f` promises to be idempotent, but it changes `N`; reached by `f` → `g`",
        ),
        (
            "#[skylark::function(pure)] pub fn f() -> u64 { N.load(Relaxed) }",
            "SKY0011 `N` `f` promises to be pure, but it reads `N`; here",
        ),
        (
            "#[skylark::function(pure)] pub fn f() { println!(\"{:?}\", std::time::Instant::now()); }",
            "SKY0011 `now` `f` promises to be pure, but it looks at the clock (`std::time::Instant::now`); here",
        ),
        (
            "#[skylark::chain(next = g, idempotent)] pub fn f(x: u8) -> u8 { x } #[skylark::function] fn g(x: u8) {}",
            "SKY0010 `g` `f` promises to be idempotent, but its result starts `g`; here",
        ),
    ] {
        let text = format!("{statics}{text}");
        let model = crate_of(&[("app", &text)]);
        let found = crate::check::app::check(&model);
        let found = found
            .iter()
            .filter(|d| matches!(d.code, Code::NotIdempotent | Code::NotPure));
        let lines: Vec<String> = found
            .map(|d| {
                let there = &text[d.span.start..d.span.end];
                format!("{} `{there}` {}; {}", d.code, d.message, d.label)
            })
            .collect();
        assert_eq!(lines.join("\n"), wanted, "{text}");
    }
}
