//! Half-written items, as an editor sends them, never panic the compiler, and
//! the item is never lost.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use skylark_compiler::{
    Ctx, SourceFile, check_app, expand_chain, expand_file, expand_function, expand_service,
    expand_state, read_crate,
};

const ITEMS: &[&str] = &[
    "static SEEN: LazyLock<Mutex<Vec<&'static str>>> = LazyLock::new(|| Mutex::new(vec![]));",
    "static mut SEEN: u32 = 0;",
    "pub const SEEN: Option<u8> = None;",
    "thread_local! { static A: Cell<u8> = const { Cell::new(1) }; static B: RefCell<String> = RefCell::default(); }",
    "pub async fn split(mut a: &[u8], (b, c): (u8, impl Fn(u8) -> u8)) -> Result<(u8, &'a str), E> { a; }",
    "extern \"C\" fn f<'a, T, const N: usize>(self, x: ...) -> ! {}",
    "struct S { a: u8 }",
    "#[a] pub struct S<T>(#[b] u8, &'a str);",
    "impl A for b::S { type C = u8; #[b(next = Self::g)] pub async fn f(&mut self, a: Self::C) -> u8 { self.x } fn g(self: Box<Self>) {} }",
];

const ATTRIBUTES: &[&str] = &[
    "name = \"a\", memory = \"1.5GiB\", timeout = 2, on = \"sat\", next = a::b",
    "scope = key(a), default = Vec::<(u8, u8)>::new(), rename = \"x\"",
];

/// Every way to leave out one token, at any depth.
fn without_one(tokens: &TokenStream) -> Vec<TokenStream> {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut out = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        let with = |middle: Option<TokenTree>| -> TokenStream {
            let (before, after) = (&trees[..index], &trees[index + 1..]);
            before
                .iter()
                .cloned()
                .chain(middle)
                .chain(after.iter().cloned())
                .collect()
        };
        out.push(with(None));
        if let TokenTree::Group(group) = tree {
            let inner = without_one(&group.stream());
            out.extend(inner.into_iter().map(|stream| {
                with(Some(TokenTree::Group(Group::new(
                    group.delimiter(),
                    stream,
                ))))
            }));
            let turned = Group::new(Delimiter::Brace, group.stream());
            out.push(with(Some(TokenTree::Group(turned))));
        }
    }
    out
}

/// The text of `tokens` without spaces and empty `<>`: they depend on who printed
/// them.
fn dense(tokens: &TokenStream) -> String {
    let dense: String = tokens.to_string().split_whitespace().collect();
    dense.replace("<>", "")
}

#[test]
fn half_written_items_survive() {
    let ctx = Ctx::default();
    let mut seen = 0;
    for attribute in ATTRIBUTES {
        let attribute: TokenStream = attribute.parse().unwrap();
        for item in ITEMS {
            let item: TokenStream = item.parse().unwrap();
            let mut cases: Vec<(TokenStream, TokenStream)> = without_one(&item)
                .into_iter()
                .map(|i| (attribute.clone(), i))
                .collect();
            cases.extend(
                without_one(&attribute)
                    .into_iter()
                    .map(|a| (a, item.clone())),
            );
            for (attribute, item) in cases {
                for door in [expand_state, expand_function, expand_chain, expand_service] {
                    let out = door(attribute.clone(), item.clone(), &ctx);
                    assert!(item.is_empty() || !out.is_empty());
                    let (item, out) = (dense(&item), dense(&out));
                    if out.contains("compile_error") {
                        assert!(out.starts_with(&item), "`{item}` became `{out}`");
                    }
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn half_written_files_survive() {
    let file: TokenStream = quote! {
        #[skylark::chain(next = b::c)] fn a(x: u8) -> (u8, u8) { S.lock(); x }
        mod b { #[skylark::function(name = "x")] pub fn c(x: u8, y: u8) {} }
        #[skylark::state] static S: Mutex<u8> = Mutex::new(0);
        #[skylark::state] struct T { u: u8 }
        #[skylark::service] impl T { pub fn v(&self, x: u8) -> u8 { self.u } #[skylark::function(name = "y")] fn w() {} }
    };
    for tokens in without_one(&file) {
        let file = SourceFile {
            path: "src/lib.rs".into(),
            module: "app".into(),
            text: tokens.to_string(),
        };
        // Whatever they find, they come back.
        let _ = expand_file(&file, &Ctx::default());
        for found in check_app(&read_crate(vec![file.clone()], &Ctx::default())) {
            assert!(
                file.text.get(found.span.start..found.span.end).is_some(),
                "{found:?}"
            );
        }
    }
}
