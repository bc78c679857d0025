//! What is kept in state.

use super::check;

/// A crate with a state of this type that a handler uses.
fn of(ty: &str, rest: &str) -> String {
    format!(
        "use std::collections::*; use std::sync::*; use std::cell::*; use std::rc::Rc;
#[skylark::state] static S: Mutex<{ty}> = Mutex::new(x());
#[skylark::function] fn f() {{ S.lock().unwrap(); }} {rest}"
    )
}

/// A service whose struct has this field.
fn service(field: &str, method: &str) -> String {
    format!(
        "use std::collections::*; use std::cell::*;
#[skylark::state] #[derive(Default)] struct H {{ a: {field} }}
#[skylark::service] impl H {{ pub fn f({method} -> u8 {{ self.a.len() }} }}"
    )
}

#[test]
fn hash_maps() {
    for text in [
        of("HashMap<String, u8>", ""),
        of("Option<HashSet<u8>>", ""),
        of(
            "Inner",
            "struct Inner { a: Vec<Deep> } enum Deep { A(HashMap<u8, u8>) }",
        ),
        service("HashMap<u8, u8>", "&mut self)"),
    ] {
        check(&text, &["hash_state warning"]);
    }
    for text in [
        of("BTreeMap<String, u8>", ""),
        of(
            "Inner",
            "struct Inner { #[serde(skip)] a: HashMap<u8, u8> }",
        ),
        of(
            "Inner",
            "struct Inner { a: Vec<Inner> } struct Beside { a: HashMap<u8, u8> }",
        ),
        // What only reads writes nothing.
        service("HashMap<u8, u8>", "&self)"),
    ] {
        check(&text, &[]);
    }
}

#[test]
fn values_that_are_shared() {
    for text in [
        of("Rc<RefCell<u8>>", ""),
        of("Vec<Inner>", "struct Inner { a: Arc<Mutex<u8>> }"),
        service("Cell<u8>", "&self)"),
        service("Vec<RefCell<u8>>", "&mut self)"),
    ] {
        check(&text, &["interior_state warning"]);
    }
    for text in [
        of("RefCell<u8>", ""),
        of("Arc<str>", ""),
        of("Rc<Vec<u8>>", ""),
        service("Vec<u8>", "&self)"),
    ] {
        check(&text, &[]);
    }
}

#[test]
fn sizes() {
    check(&of("[u64; 16_777_217]", ""), &["large_state error"]);
    check(&of("[[f64; 2048]; 2048]", ""), &["large_state error"]);
    let begun = |len: &str| {
        format!(
            "use std::sync::*; #[skylark::state] static S: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(|| Mutex::new(vec![0; {len}])); #[skylark::function] fn f() {{ S.lock(); }}"
        )
    };
    check(&begun("20_000_000"), &["large_state error"]);
    check(&begun("20_000"), &[]);
    check(&of("[u8; 4096]", ""), &[]);
    check(&of("[u8; N]", "const N: usize = 99_999_999;"), &[]);
}

#[test]
fn first_values() {
    let text = |init: &str| {
        format!(
            "#[skylark::state] static S: LazyLock<Mutex<T>> = LazyLock::new(|| {init}); #[skylark::function] fn f() {{ S.lock(); }}"
        )
    };
    check(
        &text("Mutex::new(std::time::SystemTime::now())"),
        &["unstable_default warning"],
    );
    check(
        &text("Mutex::new(T { id: uuid::Uuid::new_v4() })"),
        &["unstable_default warning"],
    );
    check(&text("Mutex::new(T::default())"), &[]);
}

#[test]
fn secrets() {
    for text in [
        of("Inner", "struct Inner { password: String }"),
        of("BTreeMap<u8, Inner>", "enum Inner { A { api_key: Vec<u8> } }"),
        "#[skylark::state] static ACCESS_TOKEN: Mutex<Option<String>> = Mutex::new(None); #[skylark::function] fn f() { ACCESS_TOKEN.lock(); }".to_owned(),
    ] {
        check(&text, &["secret warning"]);
    }
    for text in [
        of("Inner", "struct Inner { password_hash: String }"),
        of("Inner", "struct Inner { token: u64, secret: bool }"),
        of("u8", "struct Request { password: String }"),
    ] {
        check(&text, &[]);
    }
    let literal = format!("const KEY: &str = \"sk_live_{}\";", "0123456789abcdefghij");
    check(&literal, &["secret warning"]);
    check(&format!("#[cfg(test)] mod tests {{ {literal} }}"), &[]);
}

#[test]
fn growth() {
    let uses = |ty: &str, used: &str| {
        format!(
            "use std::collections::*; #[skylark::state] static S: std::sync::Mutex<{ty}> = Mutex::new(x()); #[skylark::function] fn f(x: String) {{ let mut s = S.lock().unwrap(); {used} }} enum Kind {{ A }}"
        )
    };
    for (ty, used) in [
        ("Vec<String>", "s.push(x);"),
        ("String", "s.push_str(&x);"),
        ("VecDeque<String>", "s.extend([x]);"),
    ] {
        check(&uses(ty, used), &["growing_state note"]);
    }
    let map = uses("BTreeMap<String, u8>", "*s.entry(x).or_default() += 1;");
    check(&map, &[]);
    let asked = super::found_with(&map, &super::loud());
    assert_eq!(asked[0].code, skylark_compiler::Code::GrowingMap);
    for (ty, used) in [
        ("Vec<String>", "s.push(x); if s.len() > 9 { s.remove(0); }"),
        ("Vec<String>", "s.push(x); s.truncate(9);"),
        ("Vec<String>", "s.push(x); *s = Vec::new();"),
        ("Vec<String>", "s.push(x); std::mem::take(&mut *s);"),
        ("Vec<String>", "s.len();"),
        ("BTreeMap<Kind, u8>", "s.insert(Kind::A, 1);"),
        ("BTreeMap<u8, u8>", "s.insert(1, 1);"),
        ("u64", "*s += 1;"),
    ] {
        check(&uses(ty, used), &[]);
    }
}

#[test]
fn a_key_is_made_of_arguments() {
    let uses = |args: &str, body: &str| {
        format!(
            "use std::sync::atomic::{{AtomicU64, Ordering::Relaxed}};\n\
             #[skylark::state(scope = key((user, order.day)))]\n\
             static SEEN: AtomicU64 = AtomicU64::new(0);\n\
             pub struct Order {{ pub day: u32 }}\n\
             fn helper(user: &str) -> u64 {{ SEEN.load(Relaxed) }}\n\
             #[skylark::function] pub fn used(user: String, order: Order) {{ SEEN.fetch_add(1, Relaxed); }}\n\
             #[skylark::function] pub fn f({args}) {{ {body}; }}"
        )
    };
    for (args, body, wanted) in [
        ("user: String, order: Order", "SEEN.load(Relaxed)", None),
        ("_user: String, order: Order", "SEEN.load(Relaxed)", None),
        ("x: u8", "()", None),
        (
            "order: Order",
            "SEEN.load(Relaxed)",
            Some(
                "key_argument error 7:47 `SEEN` `f` uses the state `SEEN`, which is one per `(user, order.day)`, and has no argument `user`",
            ),
        ),
        (
            "x: u8",
            "helper(\"x\")",
            Some(
                "key_argument error 5:32 `SEEN` `f` uses the state `SEEN`, which is one per `(user, order.day)`, and has no arguments `order` and `user`",
            ),
        ),
    ] {
        check(&uses(args, body), &wanted.into_iter().collect::<Vec<_>>());
    }
    // The type of what a key's method is called on is not known: it need not be this one.
    let method = |of: &str| {
        format!(
            "use std::sync::atomic::{{AtomicU64, Ordering::Relaxed}};
#[skylark::state(scope = key(user))] static SEEN: AtomicU64 = AtomicU64::new(0);
#[skylark::state(scope = key({of}))] static DAYS: AtomicU64 = AtomicU64::new(0);
pub struct Other; impl Other {{ pub fn name(&self) -> u64 {{ SEEN.load(Relaxed) }} }}
#[skylark::function] pub fn f(order: Other) {{ DAYS.load(Relaxed); }}
#[skylark::function] pub fn g(user: String) {{ SEEN.load(Relaxed); }}"
        )
    };
    check(&method("order.name()"), &[]);
    check(
        &method("|order: Other| order.name()"),
        &[
            "key_argument error 4:60 `SEEN` `f` uses the state `SEEN`, which is one per `user`, and has no argument `user`",
        ],
    );
}

/// The fields of a service's struct have its key.
#[test]
fn a_key_of_fields_is_made_of_arguments() {
    let with = |args: &str, body: &str| {
        format!(
            "#[skylark::state(scope = key(hotel))] #[derive(Default)] struct Hotel {{ rooms: u32 }}
#[skylark::service(scope = key(hotel))] impl Hotel {{ pub fn free(&self, hotel: String) -> u32 {{ self.rooms }} }}
#[skylark::function] pub fn f({args}) {{ {body}; }}"
        )
    };
    let uses = "skylark::with(|h: &Hotel| h.rooms)";
    check(&with("hotel: String", uses), &[]);
    check(&with("x: u8", "()"), &[]);
    check(
        &with("x: u8", uses),
        &[
            "key_argument error 3:68 `rooms` `f` uses the state `Hotel::rooms`, which is one per `hotel`, and has no argument `hotel`",
        ],
    );
}
