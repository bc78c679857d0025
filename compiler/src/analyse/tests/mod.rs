//! One crate per case, and what is seen in it.

mod cost;

use super::*;
use crate::{
    Ctx,
    read::krate::{SourceFile, read},
};

fn crate_of(files: &[(&str, &str)]) -> Model {
    let files = files.iter().map(|(module, text)| SourceFile {
        path: format!("src/{}.rs", module.replace("::", "/")),
        module: (*module).to_owned(),
        text: (*text).to_owned(),
    });
    read(files.collect(), &Ctx::default())
}

/// What a body does, a word or two for each fact.
fn seen(index: &Index<'_>, name: &str) -> Vec<String> {
    let mut bodies = index.bodies.iter();
    let body = bodies.find(|body| index.name_of(body.item) == name);
    let body = body.unwrap_or_else(|| panic!("no `{name}`"));
    let path = |res: &Res| index.path_of(res);
    let facts = body.facts.iter().filter_map(|fact| {
        Some(match &fact.what {
            What::Call { target, mode, .. } => match mode {
                Mode::Here => format!("call {}", path(target)),
                Mode::Remote => format!("remote {}", path(target)),
            },
            What::Method {
                name,
                targets,
                certain,
                on,
                mode,
                ..
            } => {
                let targets: Vec<&str> = targets
                    .iter()
                    .map(|t| index.items[*t].path.as_str())
                    .collect();
                let of = match (targets.is_empty(), mode) {
                    (true, _) => on.ty.path().unwrap_or("?").to_owned(),
                    (_, Mode::Remote) => format!("remote {}", targets.join(" ")),
                    _ if *certain => targets.join(" "),
                    _ => format!("maybe {}", targets.join(" ")),
                };
                format!(".{name} {of}")
            }
            What::Path {
                target: target @ Res::Item(_),
            } => format!("use {}", path(target)),
            What::Unseen { why } => format!("unseen: {why}"),
            What::For { over } => format!("for {}", over.ty.path().unwrap_or("?")),
            _ => return None,
        })
    });
    facts.collect()
}

#[track_caller]
fn check(text: &str, wanted: &[&str]) {
    let model = crate_of(&[("app", text)]);
    assert!(model.diagnostics.is_empty(), "{:?}", model.diagnostics);
    let index = Index::new(&model);
    assert_eq!(seen(&index, "f"), wanted, "{text}");
}

#[test]
fn paths_mean_what_rustc_takes_them_for() {
    check(
        "use std::time::Instant as I; fn f() { I::now(); }",
        &["call std::time::Instant::now"],
    );
    check(
        "use std::time; fn f() { time::Instant::now(); }",
        &["call std::time::Instant::now"],
    );
    check(
        "use std::time::*; fn f() { SystemTime::now(); }",
        &["call std::time::SystemTime::now"],
    );
    check(
        "use core::time as t; fn f() { t::Duration::from_secs(1); }",
        &["call std::time::Duration::from_secs"],
    );
    check("fn f() { rand::random::<u8>(); }", &["call rand::random"]);
    check(
        "use rand::random as dice; fn f() { dice(); }",
        &["call rand::random"],
    );
    check(
        "mod a { pub use self::b::g as h; mod b { pub fn g() {} } } use a::h; fn f() { h(); crate::a::h(); }",
        &["call app::a::b::g", "call app::a::b::g"],
    );
    check(
        "mod a { pub mod b { pub fn g() { super::k(); } } fn k() {} } use a::*; fn f() { b::g() }",
        &["call app::a::b::g"],
    );
    check(
        "mod g { pub fn g() {} } use g::g; fn f() { g(); }",
        &["call app::g::g"],
    );
    check(
        "fn g() {} fn f() { fn g() {} use std::env::var as v; g(); v(\"A\"); { fn g() {} g(); } }",
        &["call app::g", "call std::env::var", "call app::g"],
    );
    check(
        "mod time { pub fn now() {} } fn f() { time::now(); ::time::now(); }",
        &["call app::time::now", "call time::now"],
    );
    check(
        "enum E { A(u8), B } use E::*; fn f() { let _ = A(1); let _ = E::A(2); }",
        &["call app::E::A", "call app::E::A"],
    );
    check(
        "type T = std::collections::HashMap<u8, u8>; fn f() { let m = T::new(); for _ in &m {} m.len(); }",
        &[
            "call std::collections::HashMap::new",
            "for std::collections::HashMap",
            ".len std::collections::HashMap",
        ],
    );
    // What leads in a circle leads nowhere.
    check(
        "use a::x; mod a { pub use super::x; } fn f() { x(); }",
        &["call x"],
    );
    check(
        "type A = B; type B = A; fn f(a: A) { a.g(); A::g(); }",
        &[".g ?", "call app::B::g"],
    );
}

#[test]
fn methods_are_found_by_the_type_of_their_receiver() {
    let types = "struct A; struct B; impl A { fn g(&self) -> B { B } fn new() -> Self { A } } \
                 impl B { fn g(&self) {} fn h(self) {} } ";
    for (body, wanted) in [
        (
            "fn f(a: &A) { a.g().h(); }",
            &[".g app::A::g", ".h app::B::h"][..],
        ),
        (
            "fn f() { let a = A::new(); a.g(); }",
            &["call app::A::new", ".g app::A::g"],
        ),
        ("fn f(a: std::sync::Arc<A>) { a.g(); }", &[".g app::A::g"]),
        (
            "struct S { b: B } fn f(s: S) { s.b.g(); }",
            &[".g app::B::g"],
        ),
        (
            "fn f(v: Vec<A>) { v.iter().map(|a| a.g()).for_each(|b| b.g()) }",
            &[
                ".iter std::vec::Vec",
                ".g app::A::g",
                ".map std::iter::Iterator",
                ".g app::B::g",
                ".for_each std::iter::Iterator",
            ],
        ),
        (
            "fn f(x: Option<&A>) { if let Some(a) = x { a.g(); } }",
            &[".g app::A::g"],
        ),
        (
            "static S: std::sync::Mutex<A> = todo!(); fn f() { let a = S.lock().unwrap(); a.g(); }",
            &[
                "use app::S",
                ".lock std::sync::Mutex",
                ".unwrap std::result::Result",
                ".g app::A::g",
            ],
        ),
        // Nothing is known: it may be both.
        (
            "fn f() { unknown().g(); }",
            &["call unknown", ".g maybe app::A::g app::B::g"],
        ),
        (
            "trait T { fn t(&self) {} } impl T for A {} impl T for B { fn t(&self) {} } \
             fn f(x: &dyn T, a: &A, b: &impl T) { x.t(); a.t(); b.t(); }",
            &[
                ".t app::T::t app::B::t",
                ".t app::T::t",
                ".t app::T::t app::B::t",
            ],
        ),
        (
            "trait E { fn e(&self); } impl E for String { fn e(&self) {} } fn f(s: String) { s.e(); s.len(); }",
            &[".e app::String::e", ".len std::string::String"],
        ),
        (
            "fn f<X: Fn()>(x: X, y: Box<dyn std::any::Any>) { x(); y.type_id(); }",
            &[
                "unseen: which `type_id` a trait object of another crate runs",
                ".type_id std::boxed::Box",
            ],
        ),
        (
            "struct S { run: fn() } fn f(s: &S) { (s.run)(); }",
            &["unseen: which function is stored in a value"],
        ),
    ] {
        check(&format!("{types}{body}"), wanted);
    }
}

#[test]
fn macros_are_seen_into() {
    check(
        "fn g() -> u8 { 1 } fn f() { println!(\"{}\", g()); assert!(matches!(g(), 1 | 2 if g() > 1)); vec![g(); 2]; }",
        &["call app::g"; 4],
    );
    check(
        "static S: u8 = 1; fn g() {} fn f() { odd! { S => g } }",
        &[
            "use app::S",
            "use app::g",
            "unseen: what the macro `odd!` makes of its input",
        ],
    );
    check(
        "macro_rules! twice { ($e:expr) => { $e; $e } } fn g() {} fn f() { twice!(g()) }",
        &[
            "call app::g",
            "use app::g",
            "unseen: what the macro `twice!` makes of its input",
        ],
    );
    check(
        "#[skylark::function] fn g(x: u8) -> u8 { x } #[skylark::function] async fn f() { \
         let (a, b) = skylark::join!(skylark::call!(g(1)), skylark::call!(g(h()))).await; } fn h() -> u8 { 1 }",
        &["remote app::g", "call app::h", "remote app::g"],
    );
    check(
        "#[skylark::state] #[derive(Default)] struct H { n: u8 } #[skylark::service] impl H { \
         pub fn g(&self) {} } async fn f() { HClient.g().await; skylark::call!(H::g()).await; }",
        &[
            "use app::HClient",
            ".g remote app::H::g",
            "remote app::H::g",
        ],
    );
}

#[test]
fn what_is_reached_is_told_with_the_way() {
    let model = crate_of(&[
        (
            "app",
            "mod deep; use deep::{Shown, helper}; \
             #[skylark::function] fn reserve(x: u8) { let g = helper; g(Shown); } \
             #[skylark::function] async fn other() { skylark::call!(reserve(1)).await; lazy(); } \
             fn lazy() { deep::TABLE.len(); }",
        ),
        (
            "app::deep",
            "pub struct Shown; impl std::fmt::Display for Shown { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { secret(); Ok(()) } } \
             pub fn helper(s: Shown) { println!(\"{s}\"); } fn secret() {} fn unused() {} \
             pub static TABLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| fill()); fn fill() -> Vec<u8> { vec![] }",
        ),
    ]);
    let index = Index::new(&model);
    let ways: Vec<Vec<String>> = index
        .handlers()
        .into_iter()
        .map(|handler| {
            let reach = index.reach(handler.body);
            let mut ways: Vec<String> = reach
                .bodies()
                .map(|body| reach.way(&index, body).join(" → "))
                .collect();
            ways.sort();
            ways
        })
        .collect();
    assert_eq!(
        ways,
        [
            vec![
                "reserve",
                "reserve → Shown::fmt",
                "reserve → Shown::fmt → secret",
                "reserve → helper",
            ],
            vec![
                "other",
                "other → lazy",
                "other → lazy → TABLE",
                "other → lazy → TABLE → fill",
            ],
        ]
    );
}
