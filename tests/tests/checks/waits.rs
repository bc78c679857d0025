//! What is held, called and begun by functions that wait.

use super::check;

/// A handler with this body, a state and somebody to call.
fn of(body: &str) -> String {
    format!(
        "#[skylark::state] static S: Mutex<u64> = Mutex::new(0);
static OTHER: Guarded = Guarded;
struct Guarded; impl Guarded {{ fn lock(&self) -> Result<u8, ()> {{ Ok(1) }} }}
#[skylark::function] fn g() -> u64 {{ *S.lock().unwrap() }}
#[skylark::function] async fn f(list: Vec<u64>) -> u64 {{
    {body}
}}"
    )
}

#[test]
fn guards_across_a_wait() {
    for (body, fix) in [
        (
            "let s = S.lock().unwrap();\n    skylark::call!(g()).await",
            true,
        ),
        (
            "let mut s = S.lock().unwrap(); *s += 1;\n    skylark::call!(g()).await;\n    2",
            true,
        ),
        (
            "let s = S.lock().unwrap();\n    skylark::call!(g()).await + *s",
            false,
        ),
        // What it lent is needed after the wait, or is not.
        (
            "let s = S.lock().unwrap(); let first = s.get(0);\n    skylark::call!(g()).await + first",
            false,
        ),
        (
            "let s = S.lock().unwrap(); let all: Vec<&u8> = s.iter().collect(); let one = all[0];\n    skylark::call!(g()).await + one",
            false,
        ),
        (
            "let s = S.lock().unwrap(); let mut all = Vec::new(); all.push(&*s);\n    skylark::call!(g()).await + all.len()",
            false,
        ),
        (
            "let s = S.lock().unwrap(); let few = s.iter().take(2);\n    skylark::call!(g()).await + few.count()",
            false,
        ),
        (
            "let s = S.lock().unwrap(); let all = &*s;\n    skylark::call!(g()).await + all",
            false,
        ),
        (
            "let s = S.lock().unwrap(); let n = s.len(); let a = s.a; let x = s.get(0).copied().unwrap_or(1); let y = *s;\n    skylark::call!(g()).await + n + x + y + a",
            true,
        ),
        (
            "let Ok(s) = S.lock() else { return 1 };\n    if true { skylark::call!(g()).await; } 1",
            true,
        ),
        (
            "let s = S.lock().unwrap();\n    skylark::call!(g()).await; drop(s); 1",
            false,
        ),
        (
            "match *S.lock().unwrap() { 1 => skylark::call!(g()).await, _ => 2 }",
            false,
        ),
        (
            "if let Some(x) = S.lock().unwrap().checked_add(1) { skylark::call!(g()).await; } 1",
            false,
        ),
        (
            "for x in 0..*S.lock().unwrap() { skylark::call!(g()).await; } 1",
            false,
        ),
    ] {
        let found = check(&of(body), &["guard_across_await error"]);
        let certain = found[0].suggestion.as_ref().is_some_and(|s| s.certain);
        assert_eq!(certain, fix, "{body}");
    }
}

#[test]
fn guards_that_are_gone() {
    for body in [
        "*S.lock().unwrap() += 1; skylark::call!(g()).await",
        "let x = *S.lock().unwrap(); skylark::call!(g()).await + x",
        "{ let mut s = S.lock().unwrap(); *s += 1; } skylark::call!(g()).await",
        "let s = S.lock().unwrap(); drop(s); skylark::call!(g()).await",
        "let s = S.lock().unwrap(); std::mem::drop(s); skylark::call!(g()).await",
        "skylark::call!(g()).await; let s = S.lock().unwrap(); *s",
        "let x = S.lock().unwrap().clone(); skylark::call!(g()).await + x",
        "let s = OTHER.lock().unwrap(); skylark::call!(g()).await",
        "if *S.lock().unwrap() > 1 { skylark::call!(g()).await; } 1",
        "let s = S.lock().unwrap(); let f = async { skylark::call!(g()).await }; drop(s); f.await",
    ] {
        check(&of(body), &[]);
    }
}

#[test]
fn circles() {
    check(
        "#[skylark::function] async fn a() { skylark::call!(b()).await }\n#[skylark::function] async fn b() { helper().await }\nasync fn helper() { skylark::call!(c()).await }\n#[skylark::function] async fn c() { skylark::call!(a()).await }",
        &["call_cycle warning 4:52 `a` functions wait for each other in a circle: a → b → c → a"],
    );
    check(
        "#[skylark::function] async fn a() { skylark::call!(a()).await }",
        &["call_cycle warning"],
    );
    for text in [
        "#[skylark::function] async fn a() { skylark::call!(b()).await } #[skylark::function] fn b() {}",
        // Nobody waits: a job that starts itself anew.
        "#[skylark::function] async fn a() { skylark::call!(a()).send().ok(); }",
        "#[skylark::function] async fn a() { skylark::call!(a()).after(DAY).send().ok(); }",
        // Recursion in one instance.
        "#[skylark::function] fn a(n: u8) -> u8 { if n > 1 { a(n - 1) } else { n } }",
    ] {
        check(text, &[]);
    }
}

#[test]
fn as_many_as_a_caller_likes() {
    let calls = "let calls = list.into_iter().map(|_| skylark::call!(g())); skylark::join_all(calls).await.len() as u64";
    check(&of(calls), &["unbounded_fan_out note"]);
    for bound in [
        format!("if list.len() > 9 {{ return 1; }} {calls}"),
        format!("let mut list = list; list.truncate(9); {calls}"),
        calls.replace("into_iter()", "into_iter().take(9)"),
        "let calls = [1, 2].map(|_| skylark::call!(g())); skylark::join_all(calls).await.len() as u64".into(),
    ] {
        check(&of(&bound), &[]);
    }
    let each = |body: &str| {
        format!(
            "#[skylark::chain(next = each(g))] fn f(list: Vec<u8>) -> Vec<u8> {{ {body} }} #[skylark::function] fn g(x: u8) {{}}"
        )
    };
    check(&each("list"), &["unbounded_fan_out note 1:30 `g`"]);
    check(&each("assert!(list.len() < 9); list"), &[]);
    check(&each("vec![1, 2]"), &[]);
}

#[test]
fn successors_that_do_not_take_what_comes() {
    let chain = |output: &str, args: &str| {
        format!(
            "struct A; struct B; type Alias = A; #[skylark::chain(next = g)] fn f() -> {output} {{ x() }} #[skylark::function] fn g({args}) {{}}"
        )
    };
    for (output, args) in [
        ("u8", "x: u16"),
        ("A", "x: B"),
        ("Result<A, String>", "x: B"),
        ("Vec<A>", "x: Vec<B>"),
        ("(u8, A)", "x: u8, y: B"),
        ("(u8, A)", "x: u8, y: A, z: A"),
        ("u8", ""),
        ("Option<u8>", "x: u8"),
    ] {
        check(&chain(output, args), &["successor_type error 1:61 `g`"]);
    }
    for (output, args) in [
        ("u8", "x: u8"),
        ("A", "x: Alias"),
        ("A", "x: other::C"),
        ("Result<A, B>", "x: A"),
        ("(u8, A)", "x: u8, y: A"),
        ("(u8, A)", "x: (u8, A)"),
        ("()", ""),
        ("Vec<A>", "x: Vec<Alias>"),
        ("crate::A", "x: self::A"),
    ] {
        check(&chain(output, args), &[]);
    }
}
