//! What an editor needs of an expansion: every token of the user's is there once more,
//! at its own place, so that a body can be completed and an error points into it; and a
//! body that is being typed does not cost the item.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use skylark_compiler::{
    Ctx, expand_chain, expand_external, expand_function, expand_nondet, expand_service,
    expand_state,
};
use std::ops::Range;

type Door = fn(TokenStream, TokenStream, &Ctx) -> TokenStream;

/// Tokens in a row, each with its place.
fn flat(tokens: TokenStream, out: &mut Vec<(String, Range<usize>)>) {
    for tree in tokens {
        let TokenTree::Group(group) = tree else {
            out.push((tree.to_string(), tree.span().byte_range()));
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        out.push((open.into(), group.span_open().byte_range()));
        flat(group.stream(), out);
        out.push((close.into(), group.span_close().byte_range()));
    }
}

/// Checks that `kept`, a part of the item, is in its expansion, token by token and each
/// in its own place, and that nothing is wrong with the item.
#[track_caller]
fn check(door: Door, attr: &str, item: &str, kept: &str) {
    let tokens: TokenStream = item.parse().unwrap();
    let mut all = Vec::new();
    flat(tokens.clone(), &mut all);
    let start = item
        .find(kept)
        .unwrap_or_else(|| panic!("{kept} is not in {item}"));
    let range = start..start + kept.len();
    let wanted: Vec<_> = all
        .into_iter()
        .filter(|(_, at)| range.contains(&at.start))
        .collect();
    assert!(!wanted.is_empty());
    // The attribute's own places would be taken for the item's.
    let attr: TokenStream = attr.parse().unwrap();
    let out = door(attr, tokens, &Ctx::default());
    let mut expanded = Vec::new();
    flat(out.clone(), &mut expanded);
    let there = expanded
        .windows(wanted.len())
        .any(|window| window == wanted);
    assert!(there, "`{kept}` is not as it was in\n{out}");
    assert!(!out.to_string().contains("compile_error"), "{out}");
}

/// Bodies as they are while somebody types: what rustc's parser and rust-analyzer's hand
/// to a macro has its brackets closed and nothing more.
const TYPED: [&str; 8] = [
    "{ SEEN. }",
    "{ SEEN.lock().unwrap(). }",
    "{ let x = ; x }",
    "{ if order. { } }",
    "{ match }",
    "{ skylark::call!(a::) }",
    "{ order.lines.iter().map(|line| line.) }",
    "{ // nothing yet\n }",
];

#[test]
fn bodies_that_are_being_typed_stay_as_they_are() {
    for body in TYPED {
        let rows: [(Door, &str, String); 6] = [
            (
                expand_function,
                "",
                format!("fn f(order: Order) -> u8 {body}"),
            ),
            (
                expand_chain,
                "next = g",
                format!("pub async fn f(order: Order) -> u8 {body}"),
            ),
            (
                expand_nondet,
                "",
                format!("fn f(order: Order) -> u8 {body}"),
            ),
            (
                expand_service,
                "",
                format!("impl Hotel {{ pub fn f(&self, order: Order) -> u8 {body} }}"),
            ),
            (
                expand_service,
                "scope = key(id)",
                format!(
                    "impl Hotel {{ #[skylark::function(retries = 1)] fn f(&mut self, id: u8) {body} pub fn g() {{}} }}"
                ),
            ),
            (
                expand_service,
                "",
                format!("impl Desk for Hotel {{ fn f(&mut self) {body} }}"),
            ),
        ];
        for (door, attr, item) in &rows {
            check(*door, attr, item, body);
        }
    }
}

#[test]
fn what_the_user_wrote_is_in_its_own_place() {
    let rows: &[(Door, &str, &str, &[&str])] = &[
        (
            expand_function,
            "name = \"x\"",
            "#[inline] pub fn f(mut a: Vec<u8>, r#b: (u8, String)) -> Result<u8, E> { a.push(b.0); Ok(1) }",
            &[
                "#[inline] pub fn f(mut a: Vec<u8>, r#b: (u8, String)) -> Result<u8, E> { a.push(b.0); Ok(1) }",
            ],
        ),
        (
            expand_chain,
            "next = each(g), join = h",
            "async fn f(a: u8) -> Vec<u8> { vec![a; 3] }",
            &["async fn f(a: u8) -> Vec<u8> { vec![a; 3] }"],
        ),
        (
            expand_state,
            "",
            "pub(crate) static SEEN: Mutex<BTreeMap<u8, u8>> = Mutex::new(BTreeMap::from([(1, 2)]));",
            &[
                "pub(crate)",
                "SEEN",
                "Mutex<BTreeMap<u8, u8>>",
                "Mutex::new(BTreeMap::from([(1, 2)]))",
            ],
        ),
        (
            expand_state,
            "",
            "thread_local! { static A: Cell<u8> = const { Cell::new(1 + 2) }; pub static B: RefCell<String> = RefCell::new(String::new()); }",
            &[
                "Cell<u8>",
                "Cell::new(1 + 2)",
                "RefCell::new(String::new())",
                "pub",
                "B",
            ],
        ),
        (
            expand_state,
            "",
            "#[derive(Default)] pub struct Hotel { pub rooms: BTreeMap<String, u32>, names: Vec<u8> }",
            &[
                "#[derive(Default)] pub struct Hotel { pub rooms: BTreeMap<String, u32>, names: Vec<u8> }",
            ],
        ),
        (
            expand_service,
            "",
            "impl Hotel { const MAX: u8 = 3; pub fn free(&self) -> u8 { Self::MAX - self.rooms } fn helper(&mut self) { self.names.clear() } }",
            &[
                "impl Hotel { const MAX: u8 = 3; pub fn free(&self) -> u8 { Self::MAX - self.rooms } fn helper(&mut self) { self.names.clear() } }",
            ],
        ),
        (
            expand_external,
            "url = \"http://bank/{account}\"",
            "pub async fn charge(account: String, cents: u32) -> Result<Receipt, Failure>;",
            &["pub async fn charge(account: String, cents: u32) -> Result<Receipt, Failure>"],
        ),
        (
            expand_nondet,
            "",
            "fn drawn(names: &[String]) -> Option<String> { names.first().cloned() }",
            &[
                "fn drawn(names: &[String]) -> Option<String>",
                "{ names.first().cloned() }",
            ],
        ),
    ];
    for (door, attr, item, kept) in rows {
        for kept in *kept {
            check(*door, attr, item, kept);
        }
    }
}

/// What is wrong with an annotation leaves the item to the editor, too.
#[test]
fn an_item_with_a_wrong_annotation_is_in_its_own_place() {
    for body in TYPED {
        let item = format!("fn f(order: Order) -> u8 {body}");
        let tokens: TokenStream = item.parse().unwrap();
        let (mut wanted, mut expanded) = (Vec::new(), Vec::new());
        flat(tokens.clone(), &mut wanted);
        let out = expand_function("timeuot = 1".parse().unwrap(), tokens, &Ctx::default());
        assert!(out.to_string().contains("compile_error"), "{out}");
        flat(out, &mut expanded);
        assert_eq!(expanded[..wanted.len()], wanted, "{item}");
    }
}
