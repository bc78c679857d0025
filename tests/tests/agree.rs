//! Both doors give the same tokens for the same item: the macro, which is
//! handed an attribute and an item, and the command, which finds them in a file.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use skylark_compiler::{
    Ctx, SourceFile, expand_chain, expand_external, expand_file, expand_function, expand_init,
    expand_nondet, expand_service, expand_state, expansions,
};
use std::path::Path;
use syn::{Attribute, Item, Meta, parse::Parser, visit::Visit};

/// Attribute, its arguments, the item.
const ITEMS: &[(&str, &str, &str)] = &[
    (
        "state",
        "",
        "static SEEN: Mutex<BTreeMap<Station, u32>> = Mutex::new(BTreeMap::new());",
    ),
    (
        "state",
        "scope = chain, default = vec![1]",
        "/// Doc.\n#[cfg(unix)] pub(crate) static X: RwLock<Vec<u8>> = RwLock::new(vec![]);",
    ),
    (
        "state",
        "",
        "thread_local! { static A: Cell<u8> = const { Cell::new(1) }; static B: RefCell<String> = RefCell::default(); }",
    ),
    (
        "function",
        "",
        "fn alarm(d: Detection) -> Alarm { Alarm { loud: d.flames > 3 && true } }",
    ),
    (
        "function",
        "name = \"x-y\", memory = 65_536, on = cloud",
        "pub async fn fetch(a: u8, mut b: (u8, String)) -> Result<Vec<Photo>, Error> { a + b.0 }",
    ),
    (
        "chain",
        "next = crate::a::b, timeout = \"1.5s\"",
        "#[inline(never)] fn first<>(x: [u8; 4],) -> (u8, u8) { (1, 2) }",
    ),
    (
        "chain",
        "next = [a, crate::b], join = c, on_error = d, retries = 2, backoff = \"1s\"",
        "fn fan(x: u8) -> u8 { x }",
    ),
    (
        "chain",
        "next = each(a)",
        "fn each(x: u8) -> Vec<u8> { vec![x] }",
    ),
    (
        "chain",
        "next = [a, b]",
        "async fn choose(x: u8) -> Result<Next<(u8, (u8, u8))>, E> { Ok(Next::first(x)) }",
    ),
    (
        "state",
        "scope = key(user)",
        "static KEYED: Mutex<u8> = Mutex::new(0);",
    ),
    (
        "external",
        "url = \"https://bank.example/{a}\", method = put",
        "/// Doc.\npub async fn charge(a: String, b: u8) -> Result<u8, Failure>;",
    ),
    ("nondet", "", "fn random(a: u8) -> u8 { a }"),
    ("init", "", "static W: LazyLock<u8> = LazyLock::new(|| 1);"),
    (
        "state",
        "scope = key(format!(\"{a}-{}\", b.c.0)), was = [\"A\", \"B\"], migrate = [f, m::g]",
        "static M: Mutex<u8> = Mutex::new(0);",
    ),
    (
        "state",
        "scope = key(|a: A, b: u8| a.c() % b), was = \"Inn\"",
        "struct Hotel { #[skylark::state(migrate = f)] a: u8, #[skylark::init] b: Regex }",
    ),
    (
        "state",
        "scope = key(id), rename = \"inn\", default = Self::new(3)",
        "/// Doc.\n#[derive(Debug)] pub struct Hotel { #[skylark::state(rename = \"r\")] rooms: u32, #[cfg(unix)] pub names: Vec<String> }",
    ),
    ("state", "", "struct Pair(u8, Vec<(u8, String)>);"),
    (
        "service",
        "scope = key(id)",
        "/// Doc.\n#[cfg(unix)] impl crate::Hotel { const A: u8 = { 1 }; pub fn free(&self, _id: u8) -> u32 { self.rooms } #[skylark::chain(next = Self::free)] #[inline] fn add(&mut self, id: u8) -> u8 { self.rooms += 1; id } fn helper(&self) {} pub async fn quote(mut a: u8) -> Result<u8, E> { a += 1; Ok(a) } }",
    ),
    (
        "service",
        "name = \"desk\", client = Front",
        "impl Desk for Hotel { type Key = u8; fn open(&mut self, key: Self::Key) -> Self { self.clone() } }",
    ),
];

type Door = fn(TokenStream, TokenStream, &Ctx) -> TokenStream;

const DOORS: [(&str, Door); 7] = [
    ("chain", expand_chain),
    ("external", expand_external),
    ("function", expand_function),
    ("init", expand_init),
    ("nondet", expand_nondet),
    ("service", expand_service),
    ("state", expand_state),
];

fn macro_door(attribute: &str, arguments: &str, item: &str) -> String {
    let door = DOORS.iter().find(|(name, _)| *name == attribute);
    let (_, door) = door.unwrap_or_else(|| panic!("`{attribute}` has no door here"));
    let parse = |text: &str| text.parse::<TokenStream>().unwrap();
    door(parse(arguments), parse(item), &Ctx::default()).to_string()
}

fn file(text: String) -> SourceFile {
    SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text,
    }
}

fn command_door(text: String) -> Vec<String> {
    let tokens = expansions(&file(text), &Ctx::default()).unwrap();
    tokens.iter().map(ToString::to_string).collect()
}

#[test]
fn the_doors_agree() {
    for (attribute, arguments, item) in ITEMS {
        let wanted = macro_door(attribute, arguments, item);
        for text in [
            format!("#[skylark::{attribute}({arguments})]\n{item}"),
            // Other attributes around it, other modules, imported, in a body.
            format!(
                "mod a {{ pub mod b {{ #[allow(unused)]\n#[skylark::{attribute}({arguments})]\n#[must_use] {item} }} }}"
            ),
            format!(
                "use skylark::{{prelude::*, {attribute}}};\n#[{attribute}({arguments})]\n{item}"
            ),
            format!("fn outer() {{ let x = 1; #[skylark::{attribute}({arguments})]\n{item} }}"),
        ] {
            if text.contains("outer")
                && (item.starts_with("thread_local") || *attribute == "external")
            {
                continue; // Rust has no attribute macros on macro statements.
            }
            let wanted = if text.contains("must_use") {
                macro_door(
                    attribute,
                    arguments,
                    &format!("#[allow(unused)] #[must_use] {item}"),
                )
            } else {
                wanted.clone()
            };
            assert_eq!(command_door(text.clone()), [wanted], "{text}");
        }
    }
}

/// Every annotated item of the examples and of the macros' own tests: attribute, its
/// arguments, the item without it. What is added there is compared by itself.
fn written() -> Vec<(String, String, TokenStream, TokenStream)> {
    struct Find(String, Vec<(String, String, TokenStream, TokenStream)>);
    impl Find {
        fn take(&mut self, attrs: &[Attribute], item: impl Fn(Vec<Attribute>) -> TokenStream) {
            let is_ours = |attr: &Attribute| {
                let path: Vec<_> = attr.path().segments.iter().map(|s| &s.ident).collect();
                // `accept` is for the checks, and expands to nothing.
                path.len() == 2 && path[0] == "skylark" && path[1] != "accept"
            };
            let Some(at) = attrs.iter().position(is_ours) else {
                return;
            };
            let mut rest = attrs.to_vec();
            let attr = rest.remove(at);
            let arguments = match &attr.meta {
                Meta::List(list) => list.tokens.clone(),
                _ => TokenStream::new(),
            };
            let name = attr.path().segments[1].ident.to_string();
            self.1.push((self.0.clone(), name, arguments, item(rest)));
        }
    }
    macro_rules! items {
        ($($kind:ident)*) => {
            impl<'ast> Visit<'ast> for Find {
                fn visit_item(&mut self, item: &'ast Item) {
                    match item {
                        $(Item::$kind(found) => self.take(&found.attrs, |attrs| {
                            let mut found = found.clone();
                            found.attrs = attrs;
                            found.to_token_stream()
                        }),)*
                        Item::Verbatim(tokens) => {
                            let parser = |input: syn::parse::ParseStream<'_>| {
                                Ok((input.call(Attribute::parse_outer)?, input.parse()?))
                            };
                            let (attrs, rest): (Vec<Attribute>, TokenStream) =
                                parser.parse2(tokens.clone()).unwrap();
                            self.take(&attrs, |attrs| quote!(#(#attrs)* #rest));
                        }
                        _ => {}
                    }
                    let is_service = self.1.last().is_some_and(|found| found.1 == "service");
                    if !(is_service && matches!(item, Item::Impl(_) | Item::Struct(_))) {
                        syn::visit::visit_item(self, item);
                    }
                }
            }
        };
    }
    items!(Const Enum Fn Impl Macro Mod Static Struct Trait Type);
    let mut found = Vec::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories = vec![here.join("../examples"), here.join("ui/pass")];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => directories.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut find = Find(path.display().to_string(), Vec::new());
        find.visit_file(&syn::parse_file(&text).unwrap());
        found.extend(find.1);
    }
    found
}

#[test]
fn the_doors_agree_on_all_that_is_written() {
    let written = written();
    for (path, attribute, arguments, item) in &written {
        let (arguments, item) = (arguments.to_string(), item.to_string());
        let wanted = macro_door(attribute, &arguments, &item);
        let text = format!("#[skylark::{attribute}({arguments})] {item}");
        assert_eq!(command_door(text), [wanted], "{path}: {item}");
    }
    assert!(written.len() > 60, "{}", written.len());
    for (name, _) in DOORS {
        let seen = written.iter().any(|(_, attribute, ..)| attribute == name);
        assert!(
            seen,
            "no example and no fixture of tests/ui/pass has `{name}`"
        );
    }
}

#[test]
fn a_whole_file_reads_well_and_is_the_same_each_time() {
    let text = "#!/usr/bin/env run\n//! An app.\n\n".to_owned()
        + &ITEMS
            .iter()
            .map(|(attribute, arguments, item)| {
                format!("#[skylark::{attribute}({arguments})]\n{item}\n")
            })
            .collect::<String>();
    let expand = || expand_file(&file(text.clone()), &Ctx::default()).unwrap();
    let once = expand();
    assert_eq!(once, expand());
    assert!(
        once.starts_with("#!/usr/bin/env run\n//! An app."),
        "{once}"
    );
    assert!(!once.contains("skylark::function]"), "{once}");
    syn::parse_file(&once).unwrap();
}

#[test]
fn errors_of_a_file_come_all_at_once() {
    let text = "#[skylark::function] fn a(x: &str) {}\n#[skylark::state] static B: u8 = 0;";
    let error = expand_file(&file(text.into()), &Ctx::default()).unwrap_err();
    assert_eq!(error.into_iter().count(), 2);
}
