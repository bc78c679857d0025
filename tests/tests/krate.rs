//! What only the whole crate can answer: findings with their places, the graph,
//! the files of a crate.

use skylark_compiler::{
    Code, Ctx, Diagnostic, Graph, Level, Model, SourceFile, check_app, load, read_crate,
};
use std::{collections::BTreeMap, io, path::Path};

fn model(text: &str) -> Model {
    let file = SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text: text.into(),
    };
    read_crate(vec![file], &Ctx::default())
}

/// A finding as `CODE level line:column "the text there" message`.
fn line(text: &str, d: &Diagnostic) -> String {
    let level = match d.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let there = &text[d.span.start..d.span.end];
    format!(
        "{} {level} {}:{} `{there}` {}",
        d.code, d.span.line, d.span.column, d.message
    )
}

/// Compares findings by how they begin.
#[track_caller]
fn check(text: &str, wanted: &[&str]) -> Vec<Diagnostic> {
    let found = check_app(&model(text));
    let lines: Vec<String> = found.iter().map(|d| line(text, d)).collect();
    let fits =
        lines.len() == wanted.len() && lines.iter().zip(wanted).all(|(l, w)| l.starts_with(w));
    assert!(fits, "found {lines:#?}\nwanted {wanted:#?}\nin\n{text}");
    found
}

#[test]
fn sound_apps_get_no_findings() {
    for text in [
        "",
        "fn helper() {}",
        "#[skylark::function] fn hello(name: String) -> String { name }",
        "#[skylark::function] fn a() {} #[skylark::function] fn b() {}",
        // Two runs that end with a type that any function may take.
        "#[skylark::function] fn a() -> u32 { 1 } #[skylark::function] fn b(x: u32) {}",
        "#[skylark::chain(next = b)] fn a() -> u8 { N.load(Relaxed) } #[skylark::function] fn b(x: u8) {}
         #[skylark::function] pub fn read() -> u8 { N.load(Relaxed) }
         #[skylark::state] static N: AtomicU8 = AtomicU8::new(0);",
        // Used by a helper, by a macro, by a test, by another static.
        "#[skylark::state] static N: AtomicU8 = AtomicU8::new(0); fn helper() { N.load(Relaxed); }",
        "#[skylark::state] static N: AtomicU8 = AtomicU8::new(0); fn helper() { println!(\"{}\", N.load(Relaxed)); }",
        "#[skylark::state] static N: AtomicU8 = AtomicU8::new(0); #[cfg(test)] mod tests { fn t() { super::N.load(Relaxed); } }",
        // Somebody else's attributes, and annotations that only tests have.
        "#[tokio::function] fn a(x: &str) {} #[function] fn b(x: &str) {}",
        "#[cfg(test)] mod tests { #[skylark::function] fn a(x: &str) {} }",
        // Links in other modules.
        "#[skylark::chain(next = inner::b)] fn a() {} mod inner { #[skylark::chain(next = super::c)] pub fn b() {} } #[skylark::function] fn c() {}",
    ] {
        check(text, &[]);
    }
}

/// Real apps are no cause for alarm.
#[test]
fn the_examples_get_no_findings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for example in std::fs::read_dir(examples).unwrap() {
        let root = example.unwrap().path().join("src/lib.rs");
        if !root.is_file() {
            continue;
        }
        let (files, missing) = load(&root, "app", |path| std::fs::read_to_string(path)).unwrap();
        let model = read_crate(files, &Ctx::default());
        let mut found = check_app(&model);
        // A note is no alarm.
        found.retain(|finding| finding.level != Level::Note);
        assert_eq!((missing, found), (vec![], vec![]), "{}", root.display());
        seen += usize::from(!model.functions.is_empty());
    }
    assert!(seen >= 2, "only {seen} examples have functions");
}

#[test]
fn successors() {
    let unknown = "#[skylark::chain(next = detekt)] fn a(x: u8) -> u8 { x }\n#[skylark::function] fn detect(x: u8) {}";
    let found = check(
        unknown,
        &[
            "SKY0001 error 1:25 `detekt` `a` names the successor `detekt`",
            "SKY0006 note 2:25 `detect`",
        ],
    );
    assert_eq!(found[0].help, ["did you mean `detect`?"]);
    let suggestion = found[0].suggestion.as_ref().unwrap();
    assert_eq!(
        &unknown[suggestion.span.start..suggestion.span.end],
        "detekt"
    );
    assert_eq!(suggestion.replacement, "detect");

    let found = check(
        "#[skylark::chain(next = b)] fn a() {}\nfn b() {}",
        &["SKY0001 error 1:25 `b`"],
    );
    assert!(
        found[0].help[0].contains("annotate it"),
        "{:?}",
        found[0].help
    );

    let found = check(
        "use inner::b as c;\n#[skylark::chain(next = c)] fn a() {}\nmod inner { #[skylark::function] pub fn b() {} }",
        &["SKY0001 error 2:25 `c`"],
    );
    assert!(
        found[0].help[0].contains("write `b`"),
        "{:?}",
        found[0].help
    );

    check(
        "#[skylark::chain(next = x::f)] fn a() {}\nmod p { pub mod x { #[skylark::function] pub fn f() {} } }\nmod q { pub mod x { #[skylark::function(name = \"g\")] pub fn f() {} } }",
        &["SKY0002 error 1:25 `x::f`"],
    );
}

#[test]
fn cycles() {
    let found = check(
        "#[skylark::chain(next = b)] fn a() {}\n#[skylark::chain(next = c)] fn b() {}\n#[skylark::chain(next = a)] fn c() {}",
        &["SKY0003 error 3:25 `a` a chain that never ends: a → b → c → a"],
    );
    assert_eq!(found[0].labels[0].span.line, 1);
    // One cycle with a way in, and one that leads on to another function.
    check(
        "#[skylark::chain(next = b)] fn a() {}\n#[skylark::chain(next = c)] fn b() {}\n#[skylark::chain(next = b)] fn c() {}",
        &["SKY0003 error 3:25 `b` a chain that never ends: b → c → b"],
    );
    // The macro itself sees the shortest.
    check(
        "#[skylark::chain(next = a)] fn a() {}",
        &["SKY0008 error 1:25 `a` `a` names itself"],
    );
}

#[test]
fn duplicates() {
    let found = check(
        "#[skylark::function] fn a() {}\nmod b { #[skylark::function(name = \"a\")] fn c() {} }",
        &["SKY0004 error 2:45 `c` two functions are named `a`: one in `app`, one in `app::b`"],
    );
    assert_eq!(found[0].labels[0].span.line, 1);
    check(
        "#[skylark::state] static A: AtomicU8 = AtomicU8::new(0);\nmod b { #[skylark::state(rename = \"A\")] static B: AtomicU8 = AtomicU8::new(0); fn f() { B; super::A; } }",
        &["SKY0005 error 2:48 `B` two state variables are named `A`"],
    );
    // Twins on different conditions never meet, but two on the same do.
    let twins = |one: &str, other: &str| {
        format!(
            "{one} #[skylark::function] pub fn a(x: u8) -> u8 {{ A.load(R) }}\n{other} #[skylark::function] pub fn a(x: u8) -> u8 {{ A.load(R) }}\n\
             {one} #[skylark::state] static A: AtomicU8 = AtomicU8::new(0);\n{other} #[skylark::state] static A: AtomicU8 = AtomicU8::new(1);\n\
             #[skylark::chain(next = a)] pub fn b(x: u8) -> u8 {{ x }}"
        )
    };
    let (on, off) = ("#[cfg(feature = \"x\")]", "#[cfg(not(feature = \"x\"))]");
    check(&twins(on, off), &[]);
    for (one, other) in [(on, on), (on, ""), ("", "")] {
        let found = check_app(&model(&twins(one, other)));
        let found = found.iter().map(|d| d.code.as_str()).collect::<Vec<_>>();
        assert!(
            found.contains(&"SKY0004") && found.contains(&"SKY0005"),
            "{found:?}"
        );
    }
}

#[test]
fn functions_that_nobody_reaches() {
    let found = check(
        "struct Detection;\n#[skylark::function] fn detect(x: u8) -> Detection { Detection }\n#[skylark::function] fn alarm(d: Detection) {}",
        &["SKY0006 warning 3:25 `alarm` nobody reaches `alarm`"],
    );
    assert!(
        found[0].help[0].contains("#[skylark::chain(next = alarm)]"),
        "{:?}",
        found[0].help
    );
    check(
        "#[skylark::chain(next = b)] fn a() {}\n#[skylark::function] fn b() {}\n#[skylark::function] fn orphan() {}\n#[skylark::function] pub fn api() {}",
        &["SKY0006 note 3:25 `orphan`"],
    );
    // Without chains, what is public is called from outside.
    check(
        "pub struct Item;\n#[skylark::function] pub fn get(id: u8) -> Item { Item }\n#[skylark::function] pub fn put(item: Item) {}",
        &["SKY0006 note 3:29 `put`"],
    );
    // Who is called answers its callers, and ends no run.
    check(
        "pub struct Order;\n#[skylark::function] pub fn valid(order: Order) -> Order { order }\n\
         #[skylark::function] pub async fn buy(order: Order) { skylark::call!(valid(order)).await; }",
        &[],
    );
    // Two types of one name.
    check(
        "pub mod a { pub struct Order; #[skylark::function] pub fn make() -> Order { Order } }\n\
         pub mod b { pub struct Order; #[skylark::function] pub fn take(order: Order) { drop(order) } }",
        &[],
    );
    check(
        "pub mod a { pub struct Order; #[skylark::chain(next = super::b::take)] pub fn make() -> Order { Order } }\n\
         pub mod b { pub struct Order; #[skylark::function] pub fn take(order: Order) { drop(order) } }",
        &[],
    );
}

#[test]
fn state_that_nobody_uses() {
    check(
        "#[skylark::state] static SEEN: AtomicU8 = AtomicU8::new(0);\n#[skylark::state]\nthread_local! { static HITS: Cell<u8> = Cell::new(0); }\nmod a { use super::SEEN; }",
        &["SKY0007 warning 1:26 `SEEN`", "SKY0007 warning 3:24 `HITS`"],
    );
}

#[test]
fn what_the_macros_would_say() {
    check(
        "#[skylark::function(timeuot = \"2s\")]\nfn a(x: &str) {}\n#[skylark::chain]\nfn b() {}\nimpl S { #[skylark::function] fn c() {} }\n#[skylark::function] struct T;",
        &[
            "SKY0008 error 1:21 `timeuot` unknown option `timeuot`",
            "SKY0008 error 2:9 `&str` argument `x` borrows",
            "SKY0008 error 3:1 `#[skylark::chain]` `#[skylark::chain]` needs to know the successor",
            "SKY0008 error 5:10 `#[skylark::function]` `c` belongs to an `impl`",
            "SKY0008 error 6:22 `struct T;`",
        ],
    );
    // Byte ranges hold after characters of several bytes, marks and `#!` lines.
    check(
        "\u{feff}#!/bin/ünder\n/* größer */ #[skylark::function] fn a(ä: &str) {}",
        &["SKY0008 error 2:43 `&str`"],
    );
    check("fn a( {", &["SKY0009 error 1:7 `` this is no Rust"]);
}

const APP: &str = "
    #[skylark::state] static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    #[skylark::state(scope = chain)] static STEPS: AtomicU8 = AtomicU8::new(0);
    #[skylark::state] static LOG: Mutex<Vec<u8>> = Mutex::new(vec![]);
    /// First.
    #[skylark::chain(next = detect)] fn preprocess(photo: Photo) -> Features { step() }
    #[skylark::chain(next = alarm)] fn detect(f: Features) -> Option<Detection> { step(); SEEN.lock(); }
    #[skylark::function(name = \"raise-alarm\", timeout = \"2s\")] pub fn alarm(d: Option<Detection>) { Logger::write(); }
    fn step() { STEPS.fetch_add(1); }
    struct Logger;
    impl Logger { fn write() { LOG.lock(); } }
    struct Other;
    impl Other { fn lock() { STEPS; } }
";

/// Every way in which functions follow each other.
const FLOWS: &str = "
    #[skylark::chain(next = each(check), join = decide)] fn submit(items: Vec<Item>) -> Vec<Item> { items }
    #[skylark::function] fn check(item: Item) -> bool { true }
    #[skylark::chain(next = [pay, ask], on_error = refuse)] fn decide(items: Vec<bool>) -> Next<(u64, String)> { todo!() }
    #[skylark::function] fn pay(cents: u64) { PAID.fetch_add(cents); }
    #[skylark::chain(next = [mail, log], join = asked)] fn ask(why: String) -> String { why }
    #[skylark::function] fn mail(why: String) {}
    #[skylark::function] fn log(why: String) {}
    #[skylark::function] fn asked(done: ((), ())) {}
    #[skylark::function] fn refuse(failure: Failure) {}
    #[skylark::state] static PAID: AtomicU64 = AtomicU64::new(0);
";

#[test]
fn graphs() {
    let graph = Graph::of(&model(APP));
    let flows = Graph::of(&model(FLOWS));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(
        "accept with: INSTA_UPDATE=always cargo test -p skylark-tests --test krate",
    );
    settings.bind(|| {
        insta::assert_snapshot!("graph.json", graph.json());
        insta::assert_snapshot!("graph.dot", graph.dot());
        insta::assert_snapshot!("graph.mermaid", graph.mermaid());
        insta::assert_snapshot!("graph_flows.dot", flows.dot());
        insta::assert_snapshot!("graph_flows.mermaid", flows.mermaid());
    });
}

/// Every kind of edge, as programs read it.
#[test]
fn graphs_tell_kinds_of_edges() {
    let graph: serde_json::Value = serde_json::from_str(&Graph::of(&model(FLOWS)).json()).unwrap();
    let edges: Vec<String> = graph["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            let part = |name: &str| edge[name].as_str().unwrap().to_owned();
            format!("{} {} {}", part("from"), part("kind"), part("to"))
        })
        .collect();
    assert_eq!(
        edges,
        [
            "ask join asked",
            "ask next log",
            "ask next mail",
            "decide choice ask",
            "decide choice pay",
            "decide on_error refuse",
            "pay reads PAID",
            "pay writes PAID",
            "submit each check",
            "submit join decide",
        ]
    );
}

/// Names that a graph's language would misread.
#[test]
fn graphs_of_odd_names() {
    let graph = Graph::of(&model(
        "#[skylark::chain(next = a_b)] fn end() {}
         #[skylark::chain(next = a, name = \"a-b\")] fn a_b() {}
         #[skylark::function(name = \"a_b\")] fn a() -> &'static str { end_.lock() }
         #[skylark::state] static end_: Mutex<Vec<u8>> = Mutex::new(vec![]);",
    ));
    let mermaid = graph.mermaid();
    for line in [
        "end_ -->|\"()\"| a_b\n",
        "a_b -->|\"()\"| a_b_\n",
        "a_b_ -.- end__\n",
    ] {
        assert!(mermaid.contains(line), "{line} in\n{mermaid}");
    }
}

#[test]
fn findings_as_json() {
    let found = check_app(&model(
        "#[skylark::state] static A: AtomicU8 = AtomicU8::new(0);",
    ));
    let wanted = serde_json::json!([{
        "code": "SKY0007",
        "level": "warning",
        "message": "nobody uses the state `A`",
        "file": "src/lib.rs",
        "span": {"start": 25, "end": 26, "line": 1, "column": 26},
        "label": "never mentioned in this crate",
        "labels": [],
        "help": ["remove it, or read or write it in a function"],
    }]);
    assert_eq!(serde_json::to_value(found).unwrap(), wanted);
}

#[test]
fn codes_are_found_by_their_number() {
    for code in Code::ALL {
        assert_eq!(Code::parse(&code.to_string().to_lowercase()), Some(*code));
        assert!(!code.title().is_empty() && !code.explain().is_empty());
    }
    assert_eq!(Code::parse("SKY9999"), None);
}

/// Reads from a map of files as the command reads from the disk.
fn disk(files: &[(&str, &str)]) -> impl FnMut(&Path) -> io::Result<String> {
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(p, t)| ((*p).to_owned(), (*t).to_owned()))
        .collect();
    move |path| {
        let path = path.display().to_string();
        files
            .get(&path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[test]
fn files_are_found_by_their_modules() {
    let files = [
        (
            "src/lib.rs",
            "mod a; mod b { mod c; } #[path = \"odd/place.rs\"] mod d; #[cfg(test)] mod tests; #[cfg(windows)] mod gone;",
        ),
        ("src/a.rs", "pub mod inner;"),
        ("src/a/inner.rs", ""),
        ("src/b/c/mod.rs", "mod e;"),
        ("src/b/c/e.rs", ""),
        ("src/odd/place.rs", "mod missing;"),
    ];
    let (found, diagnostics) = load(Path::new("src/lib.rs"), "my-app", disk(&files)).unwrap();
    let mut modules: Vec<(&str, &str)> = found
        .iter()
        .map(|f| (f.module.as_str(), f.path.as_str()))
        .collect();
    modules.sort_unstable();
    assert_eq!(
        modules,
        [
            ("my_app", "src/lib.rs"),
            ("my_app::a", "src/a.rs"),
            ("my_app::a::inner", "src/a/inner.rs"),
            ("my_app::b::c", "src/b/c/mod.rs"),
            ("my_app::b::c::e", "src/b/c/e.rs"),
            ("my_app::d", "src/odd/place.rs"),
        ]
    );
    let messages: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "module `my_app::d::missing` has no file; looked for `src/odd/missing.rs` and `src/odd/missing/mod.rs`"
        ]
    );
    load(Path::new("src/main.rs"), "my-app", disk(&files)).unwrap_err();
}

/// What the command sees is what the module will carry.
#[test]
fn the_model_has_the_schema_of_the_module() {
    let schema = model(APP).schema();
    let names: Vec<&String> = schema
        .functions
        .keys()
        .chain(schema.states.keys())
        .collect();
    assert_eq!(
        names,
        [
            "detect",
            "preprocess",
            "raise-alarm",
            "LOG",
            "SEEN",
            "STEPS"
        ]
    );
    assert_eq!(schema.functions["preprocess"].function.doc, "First.");
    assert_eq!(schema.states["SEEN"].state.ty, "BTreeMap<String, u32>");
}

/// A service and its struct, as the command sees them.
const SERVICE: &str = r#"
#[skylark::state]
#[derive(Default)]
struct Hotel { rooms: u32, #[skylark::state(rename = "NAMES")] names: Vec<String>, last: Option<(u8, u8)> }
#[skylark::service]
impl Hotel {
    /// Free.
    pub fn free(&self) -> u32 { self.rooms }
    #[skylark::chain(next = Self::noted)]
    fn book(&mut self, name: String) -> String { self.rooms -= 1; self.note(&name); name }
    pub fn noted(&self, name: String) -> bool { self.names.contains(&name) }
    pub fn quote(nights: u32) -> u32 { nights }
    fn note(&mut self, name: &str) { self.names.push(name.to_owned()); }
}
#[skylark::function]
pub fn close() { skylark::with_mut(|hotel: &mut Hotel| hotel.last = None) }
"#;

#[test]
fn services_are_part_of_the_app() {
    check(SERVICE, &["SKY0032 note 4:64 `names`"]);
    let model = model(SERVICE);
    let schema = model.schema();
    let functions: Vec<(&str, &str)> = schema
        .functions
        .values()
        .map(|f| (f.function.name.as_str(), f.function.ident.as_str()))
        .collect();
    assert_eq!(
        functions,
        [
            ("Hotel-book", "Hotel::book"),
            ("Hotel-free", "Hotel::free"),
            ("Hotel-noted", "Hotel::noted"),
            ("Hotel-quote", "Hotel::quote"),
            ("close", "close"),
        ]
    );
    let states: Vec<&str> = schema.states.keys().map(String::as_str).collect();
    assert_eq!(states, ["Hotel-last", "Hotel-rooms", "NAMES"]);
    let edges: Vec<String> = Graph::of(&model)
        .edges
        .iter()
        .map(|e| format!("{} {:?} {}", e.from, e.kind, e.to))
        .collect();
    assert_eq!(
        edges,
        [
            "Hotel-book Next Hotel-noted",
            "Hotel-book Reads Hotel-rooms",
            "Hotel-book Writes Hotel-rooms",
            "Hotel-book Reads NAMES",
            "Hotel-book Writes NAMES",
            "Hotel-free Reads Hotel-rooms",
            "Hotel-noted Reads NAMES",
            "close Writes Hotel-last",
        ]
    );
}

#[test]
fn findings_in_services() {
    let with = |method: &str| {
        format!(
            "#[skylark::state] #[derive(Default)] struct H {{ a: u8, b: u8 }}\n#[skylark::service] impl H {{ {method} }}"
        )
    };
    for (method, wanted) in [
        (
            "pub fn f(&self) -> u8 { self.a }",
            &["SKY0007 warning 1:56 `b` nobody uses the state `H::b`"][..],
        ),
        (
            "pub fn f(self) -> u8 { self.a + self.b }",
            &["SKY0008 error 2:39 `self` what is in the store"],
        ),
        (
            "#[skylark::function(timeout = 2)] fn f(&self) -> u8 { self.a + self.b }",
            &["SKY0008 error 2:60 `2` option `timeout` has no unit"],
        ),
        (
            "#[skylark::chain(next = Self::g)] fn f(&self) -> u8 { self.a + self.b }",
            &["SKY0001 error 2:54 `Self::g` `H-f` names the successor `H::g`"],
        ),
        (
            "#[skylark::chain(next = Self::g)] fn f(&self) -> u8 { self.a } #[skylark::chain(next = Self::f)] fn g(&self, x: u8) -> u8 { self.b }",
            &["SKY0003 error 2:117 `Self::f` a chain that never ends: H-f → H-g → H-f"],
        ),
        (
            "pub fn f(&self) -> u8 { self.a } } #[skylark::service(client = C)] impl H { pub fn f(&self) -> u8 { self.b }",
            &["SKY0004 error 2:113 `f` two functions are named `H-f`"],
        ),
    ] {
        check(&with(method), wanted);
    }
}
