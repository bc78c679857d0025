//! What becomes of stored state when types change: shapes read from sources, and
//! two of them compared.

use skylark_abi::{
    schema::Schema,
    shape::{Shapes, Side, Verdict, changes},
};
use skylark_compiler::{Analysis, Ctx, SourceFile, read_crate};

struct Build {
    schema: Schema,
    shapes: Shapes,
}

impl Build {
    /// Of a crate `app`; `mod` items may stand in the text.
    fn of(text: &str) -> Self {
        let file = SourceFile {
            path: "src/lib.rs".into(),
            module: "app".into(),
            text: text.into(),
        };
        let model = read_crate(vec![file], &Ctx::default());
        assert_eq!(model.diagnostics, [], "{text}");
        Self {
            schema: model.schema(),
            shapes: Analysis::new(&model).shapes(),
        }
    }

    fn side(&self) -> Side<'_> {
        Side {
            schema: &self.schema,
            shapes: Some(&self.shapes),
        }
    }
}

const ORDER: &str = "#[derive(Serialize, Deserialize)] struct Order { id: u64, note: String }";

/// A state variable `S` that holds a `T`, and what is said of the change from one
/// `T` to the other: `verdict at: why`, each as it begins, those that are
/// compatible left out.
#[track_caller]
fn check(old: (&str, &str), new: (&str, &str), wanted: &[&str]) {
    let build = |(ty, items): (&str, &str)| {
        Build::of(&format!(
            "{items} #[skylark::state] static S: Mutex<{ty}> = Mutex::new(todo!());"
        ))
    };
    check_builds(&build(old), &build(new), wanted);
}

#[track_caller]
fn check_builds(old: &Build, new: &Build, wanted: &[&str]) {
    let changes = changes(old.side(), new.side());
    let mut found = Vec::new();
    for change in &changes {
        let worst = change.findings.iter().map(|f| f.verdict).max();
        assert_eq!(worst.unwrap_or_default(), change.verdict, "{change:?}");
        for finding in &change.findings {
            if finding.verdict != Verdict::Compatible {
                let (verdict, at) = (finding.verdict.as_str(), &finding.at);
                found.push(format!("{verdict} {at}: {}", finding.why));
            }
        }
    }
    let fits =
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(f, w)| f.starts_with(w));
    assert!(fits, "found {found:#?}\nwanted {wanted:#?}\n{changes:#?}");
}

#[test]
fn what_reads_as_before_is_compatible() {
    let serde = "#[derive(Serialize, Deserialize)]";
    let page = format!("{serde} struct Page<T> {{ items: Vec<T>, next: Option<Box<Page<T>>> }}");
    for (old, new) in [
        // Names of types mean nothing, and neither does where they are.
        (
            ("Order", ORDER.to_owned()),
            ("Bestellung", ORDER.replace("Order", "Bestellung")),
        ),
        (
            ("Order", ORDER.to_owned()),
            ("model::Order", format!("mod model {{ {ORDER} }}")),
        ),
        (
            ("Order", ORDER.to_owned()),
            (
                "Order",
                format!(
                    "mod model {{ pub mod inner {{ {ORDER} }} pub use inner::*; }} use model::{{Order}};"
                ),
            ),
        ),
        (
            ("Order", ORDER.to_owned()),
            (
                "Alias",
                format!(
                    "type Alias = std::boxed::Box<O>; use crate::m::Order as O; mod m {{ {ORDER} }}"
                ),
            ),
        ),
        // Fields in another order; a new one with a default; an `Option`.
        (
            ("Order", ORDER.to_owned()),
            (
                "Order",
                format!(
                    "{serde} struct Order {{ note: String, #[serde(default)] paid: bool, id: u64, by: Option<u8> }}"
                ),
            ),
        ),
        (
            ("Order", ORDER.to_owned()),
            (
                "Order",
                format!(
                    "{serde} #[serde(default)] struct Order {{ note: String, id: u64, more: u8 }}"
                ),
            ),
        ),
        // Renamed, and read under the old name.
        (
            ("Order", ORDER.to_owned()),
            (
                "Order",
                format!(
                    "{serde} struct Order {{ #[serde(alias = \"id\")] number: u64, #[serde(rename = \"note\")] text: String }}"
                ),
            ),
        ),
        (
            (
                "Order",
                format!(
                    "{serde} #[serde(rename_all = \"camelCase\")] struct Order {{ is_paid: bool }}"
                ),
            ),
            (
                "Order",
                format!("{serde} struct Order {{ #[serde(rename = \"isPaid\")] paid: bool }}"),
            ),
        ),
        // Wider numbers; a value where one may be missing; a newtype around it.
        (("u8", String::new()), ("u64", String::new())),
        (("u32", String::new()), ("i64", String::new())),
        (("u32", String::new()), ("f64", String::new())),
        (("u32", String::new()), ("Option<u32>", String::new())),
        (
            ("u32", String::new()),
            ("Id", format!("{serde} struct Id(u32);")),
        ),
        // Other collections of the same; tuples and arrays.
        (
            ("BTreeMap<String, u8>", String::new()),
            ("std::collections::HashMap<String, u8>", String::new()),
        ),
        (("BTreeSet<u8>", String::new()), ("Vec<u8>", String::new())),
        (("(u8, u8)", String::new()), ("[u8; 2]", String::new())),
        // A variant more.
        (
            ("E", format!("{serde} enum E {{ A, B(u8) }}")),
            ("E", format!("{serde} enum E {{ A, B(u8), C {{ x: u8 }} }}")),
        ),
        // Generic, and containing itself.
        (("Page<u8>", page.clone()), ("Page<u16>", page.clone())),
        // Flattened into another.
        (
            ("Order", ORDER.to_owned()),
            (
                "Whole",
                format!(
                    "{serde} struct Whole {{ id: u64, #[serde(flatten)] rest: Rest }} {serde} struct Rest {{ note: String }}"
                ),
            ),
        ),
        // Foreign types are taken for what they were.
        (
            ("chrono::DateTime<Utc>", String::new()),
            ("DateTime<Utc>", "use chrono::DateTime;".into()),
        ),
        // What is not stored may change.
        (
            (
                "Order",
                ORDER.replace("note", "#[serde(skip)] cache: u8, note"),
            ),
            ("Order", ORDER.to_owned()),
        ),
    ] {
        check((old.0, &old.1), (new.0, &new.1), &[]);
    }
}

#[test]
fn what_is_lost_or_unreadable_is_told_by_place() {
    let serde = "#[derive(Serialize, Deserialize)]";
    let order = |fields: &str| format!("{serde} struct Order {{ {fields} }}");
    let both = |item: &str| {
        format!("{serde} struct Line {{ {item} }} {serde} struct Order {{ lines: Vec<Line> }}")
    };
    for (old, new, wanted) in [
        (
            order("id: u64, note: String"),
            order("id: u64"),
            &["would lose data : field `note` is gone"][..],
        ),
        (
            order("id: u64"),
            order("id: u64, note: String"),
            &["needs a migration : field `note` is new; give it `#[serde(default)]`"],
        ),
        (
            order("id: u64"),
            order("number: u64"),
            &[
                "would lose data : field `id` is gone; if it was renamed, write `#[serde(alias = \"id\")]`",
                "needs a migration : field `number` is new",
            ],
        ),
        (
            order("id: u64"),
            order("id: u32"),
            &["needs a migration id: not every `u64` is a value of `u32`"],
        ),
        (
            order("id: Option<u64>"),
            order("id: u64"),
            &[
                "needs a migration id: a stored `None` has no value here",
                "needs a migration : field `id` has no default any more",
            ],
        ),
        (
            order("id: f64"),
            order("id: f32"),
            &["would lose data id: `f32` keeps fewer digits"],
        ),
        (
            order("id: String"),
            order("id: u64"),
            &["needs a migration id: `String` became `u64`"],
        ),
        (
            both("price: u64"),
            both("price: u8"),
            &["needs a migration lines[].price: not every"],
        ),
        (
            both("tags: Vec<u8>"),
            both("tags: BTreeSet<u8>"),
            &["would lose data lines[].tags: a set keeps"],
        ),
        // Older values may lack it, though the last build wrote it always.
        (
            order("#[serde(default)] id: u64"),
            order("id: u64"),
            &["needs a migration : field `id` has no default any more"],
        ),
        (
            order("#[serde(alias = \"nr\")] id: u64"),
            order("id: u64"),
            &["needs a migration : field `id` is not read under `nr` any more"],
        ),
        // Who writes by hand is not seen through.
        (
            order("#[serde(with = \"a\")] id: u64"),
            order("#[serde(with = \"b\")] id: u64"),
            &["needs a migration id: `u64 by a` became `u64 by b`, whose structure"],
        ),
        (
            order("id: u64").replace("Order {", "Order { a: u8, "),
            format!("{serde} #[serde(deny_unknown_fields)] struct Order {{ id: u64 }}"),
            &["needs a migration : field `a` is gone, and `deny_unknown_fields` refuses it"],
        ),
        (
            format!("{serde} enum Order {{ A, B(u8) }}"),
            format!("{serde} enum Order {{ B(u8) }}"),
            &["would lose data : variant `A` is gone"],
        ),
        (
            format!("{serde} enum Order {{ A {{ x: u8 }} }}"),
            format!("{serde} enum Order {{ A {{ x: i8 }} }}"),
            &["needs a migration <A>.x: not every `u8` is a value of `i8`"],
        ),
        (
            format!("{serde} enum Order {{ A }}"),
            format!("{serde} #[serde(tag = \"t\")] enum Order {{ A }}"),
            &["needs a migration : the enum's variants are told apart in another way"],
        ),
        (
            format!("{serde} struct Order(u8, u8);"),
            format!("{serde} struct Order(u8, u8, u8);"),
            &["needs a migration : 2 values by position became 3"],
        ),
        // In the arguments of what is not seen through, too.
        (
            format!("{serde} struct Item {{ a: u8 }} use im::Vector; type Order = Vector<Item>;"),
            format!("{serde} struct Item {{ b: u8 }} use im::Vector; type Order = Vector<Item>;"),
            &[
                "would lose data <0>: field `a` is gone",
                "needs a migration <0>: field `b` is new",
            ],
        ),
        // Without an end.
        (
            format!("{serde} struct Order {{ next: Option<Box<Order>>, a: u8 }}"),
            format!("{serde} struct Order {{ next: Option<Box<Order>>, a: bool }}"),
            &["needs a migration a: `u8` became `bool`"],
        ),
    ] {
        check(("Order", &old), ("Order", &new), wanted);
    }
    // A generic type that is generic over ever more of itself has no end either.
    let endless = format!("{serde} struct Order<T> {{ next: Option<Box<Order<Vec<T>>>>, v: T }}");
    check(("Order<u8>", &endless), ("Order<u8>", &endless), &[]);
}

#[test]
fn variables_come_go_and_move() {
    let state = |text: &str| Build::of(&format!("{text} #[skylark::function] fn f(k: u8) {{}}"));
    let one = state("#[skylark::state] static A: AtomicU8 = AtomicU8::new(0);");
    let both = state(
        "#[skylark::state] static A: AtomicU8 = AtomicU8::new(0); #[skylark::state] static B: Mutex<String> = x();",
    );
    let keyed = state("#[skylark::state(scope = key(k))] static A: AtomicU8 = AtomicU8::new(0);");
    // What becomes of its `ttl` loses nothing, and is told.
    let hour = state("#[skylark::state(ttl = \"1h\")] static A: AtomicU8 = AtomicU8::new(0);");
    for (old, new, told) in [
        (&one, &hour, "it had no `ttl` and has `ttl = \"1h\"`"),
        (&hour, &one, "it had `ttl = \"1h\"` and has no `ttl`"),
    ] {
        check_builds(old, new, &[]);
        let why = changes(old.side(), new.side())[0].why();
        assert!(why.starts_with(told), "{why}");
    }
    let kept = |ty: &str| state(&format!("#[skylark::state] static A: {ty} = x();"));
    for (was, is, told) in [
        (
            "Mutex<BTreeMap<String, u8>>",
            "skylark::Map<String, u8>",
            "one value and is the entries of a `Map` now",
        ),
        (
            "skylark::Map<String, u8>",
            "Mutex<BTreeMap<String, u8>>",
            "the entries of a `Map` and is one value now",
        ),
        (
            "skylark::List<u8>",
            "Mutex<Vec<u8>>",
            "the entries of a `List` and is one value now",
        ),
        (
            "AtomicI64",
            "skylark::Counter",
            "one value and is the sum of a `Counter` now",
        ),
    ] {
        let wanted = format!("needs a migration : it was stored as {told}");
        check_builds(&kept(was), &kept(is), &[&wanted]);
    }
    let fields = state("#[skylark::state] struct A { b: u8, c: Vec<String> }");
    let fewer = state("#[skylark::state] struct A { b: u8 }");
    check_builds(&one, &both, &[]);
    check_builds(
        &both,
        &one,
        &["would lose data : no variable has this name"],
    );
    check_builds(
        &one,
        &keyed,
        &["would lose data : it was in scope `app` and is now in `key`"],
    );
    check_builds(
        &fields,
        &fewer,
        &["would lose data : no variable has this name"],
    );
}

/// Without shapes, a type's text decides, as its fingerprint does.
#[test]
fn without_shapes_the_text_decides() {
    let of = |ty: &str| {
        Build::of(&format!(
            "#[skylark::state] static S: Mutex<{ty}> = Mutex::new(x());"
        ))
    };
    let (old, same, new) = (of("Vec<u8>"), of("Vec < u8 >"), of("Vec<u16>"));
    let verdict = |new: &Build| {
        let side = Side {
            schema: &old.schema,
            shapes: None,
        };
        changes(side, new.side())[0].verdict
    };
    assert_eq!(verdict(&same), Verdict::Compatible);
    assert_eq!(verdict(&new), Verdict::NeedsMigration);
}

#[test]
fn shapes_survive_their_section_and_are_shown() {
    let build = Build::of(
        "#[derive(Serialize, Deserialize)] struct Order { id: u64, #[serde(default)] lines: Vec<Line>, kind: Kind }
         #[derive(Serialize, Deserialize)] struct Line { price: Option<u32>, of: Box<Order> }
         #[derive(Serialize, Deserialize)] enum Kind { Gift, Sold(u32) }
         #[skylark::state] static S: Mutex<BTreeMap<String, Order>> = x();",
    );
    assert_eq!(
        Shapes::read(&build.shapes.write()).as_ref(),
        Ok(&build.shapes)
    );
    assert_eq!(
        build.shapes.describe(&build.shapes.states["S"].shape),
        "Map<String, Order { id: u64, lines: List<Line { price: Option<u32>?, of: Order }>?, \
         kind: Kind = Gift | Sold(u32) }>"
    );
    assert!(Shapes::read(b"{").is_err());
}
