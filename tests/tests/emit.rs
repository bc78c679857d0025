//! Expanded source: what the user wrote stays as it was, comments and all; what the
//! annotations make is the macros' tokens.

use proc_macro2::{TokenStream, TokenTree};
use skylark_compiler::{
    Ctx, SourceFile, annotations_in_macros, expand_file, expand_items, expansions, format_expansion,
};
use std::path::{Path, PathBuf};

const BLESS: &str = "accept with: INSTA_UPDATE=always cargo test -p skylark-tests --test emit";

fn file(text: &str) -> SourceFile {
    SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text: text.into(),
    }
}

#[track_caller]
fn expand(text: &str) -> String {
    let ctx = Ctx::default();
    let out = expand_file(&file(text), &ctx).unwrap_or_else(|e| panic!("{e} in\n{text}"));
    // The same again, and nothing left to expand.
    assert_eq!(expand_file(&file(text), &ctx).unwrap(), out);
    assert_eq!(expand_file(&file(&out), &ctx).unwrap(), out);
    out
}

/// What is between the tokens, without white space.
fn comments(text: &str) -> Vec<String> {
    fn spans(tokens: TokenStream, out: &mut Vec<std::ops::Range<usize>>) {
        for tree in tokens {
            if let TokenTree::Group(group) = &tree {
                out.push(group.span_open().byte_range());
                spans(group.stream(), out);
                out.push(group.span_close().byte_range());
            } else {
                out.push(tree.span().byte_range());
            }
        }
    }
    let text = text.trim_start_matches('\u{feff}');
    let mut all = Vec::new();
    spans(text.parse().unwrap(), &mut all);
    all.push(text.len()..text.len());
    let (mut out, mut end) = (Vec::new(), 0);
    for range in all {
        if range.start > end {
            let lines = text[end..range.start].lines().map(str::trim);
            out.extend(lines.filter(|l| !l.is_empty()).map(str::to_owned));
        }
        end = end.max(range.end);
    }
    out
}

const APP: &str = r##"//! An app.

// Before everything.
use skylark::prelude::*; // of the runtime

/* how often */
#[skylark::state(
    // not shared
    scope = chain,
)] // on the line of the annotation
// between annotation and item
/// How often.
#[cfg(all())]
static SEEN: Mutex<BTreeMap<String, u32>> = // the type is long
    Mutex::new(BTreeMap::from([
        ("none".into(),   0), // odd spaces
        // the last
    ])); // after the static

// Two paths.
#[inline] // quick
#[skylark::chain(next = [a,
    b], join = c)]
pub   fn  split ( x:u64 , /* why not */ y : String)->(u32,u32){
    // Nothing is done.
    let text = "
  kept // no comment
";
    ( x as u32 ,/*second*/ y.len()as u32) // done
} // end of split
fn plain() { let  odd=1; } // as it was

#[skylark::state]
/// A hotel.
struct Hotel {
    // rooms
    #[skylark::state(rename = "r")] // short
    rooms: u32, // free ones
    /* names */ names: Vec<String>,
}

#[skylark::service] // its functions
impl Hotel {
    // Not public.
    fn helper(&self) -> u32 { self.rooms } // helps

    /// Takes one.
    // For a guest.
    #[skylark::function(
        // twice
        retries = 2
    )]
    // Not for free.
    pub fn take(&mut self, guest: String) -> u32 {
        self.rooms -= 1; // one less
        self.names.push(guest);
        self.helper()
    }
}

mod inner {
    thread_local! {
        // untouched
        static LOCAL: u8 = 1;
    }

    #[skylark::state] thread_local! {
        // counts
        static HITS: Cell<u8> = const { Cell::new(0 /* at first */) }; // after
    }

    // Draws.
    #[skylark::nondet]
    fn draw(/* from */ names: &[String]) -> Option<String> {
        // The first.
        names.first().cloned()
    }

    #[skylark::external(url = "http://bank.internal/{account}")]
    // Charges.
    pub async fn charge(account: String, /* of them */ cents: u32) -> Result<(), Failure>; // no body
}
"##;

#[test]
fn comments_and_text_stay() {
    let out = expand(APP);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(BLESS);
    settings.bind(|| insta::assert_snapshot!("emit_app", out));
    let kept = comments(&out);
    for comment in comments(APP) {
        let times = |all: &[String]| all.iter().filter(|c| c.contains(&comment)).count();
        assert_eq!(times(&kept), times(&comments(APP)), "{comment}\nin\n{out}");
    }
}

/// Source, and what of it must be there again.
#[test]
fn what_an_annotation_does_not_change_stays() {
    for (text, wanted) in [
        // Windows' line ends, a byte order mark, a `#!` line.
        (
            "\u{feff}// a\r\n#[skylark::function]\r\nfn a() {\r\n    // b\r\n}\r\n\r\nfn b() {}\r\n",
            vec![
                "\u{feff}// a\r\nfn a() {\r\n    // b\r\n}\r\n\r\n// Generated",
                "\r\n\r\nfn b() {}\r\n",
            ],
        ),
        (
            "#!/usr/bin/env größer\n// ä\n#[skylark::function] fn a() { 'ä'; }\n",
            vec!["#!/usr/bin/env größer\n// ä\nfn a() { 'ä'; }\n\n// Generated"],
        ),
        // Raw names.
        (
            "mod r#mod { #[skylark::function] fn r#match(r#type :u8) { r#type ; } }",
            vec![
                "mod r#mod { fn r#match(r#type :u8) { r#type ; }\n\n// Generated",
                "\n }",
            ],
        ),
        // In a function, and in another annotated one.
        (
            "fn f() {\n    #[skylark::function]\n    fn g() {\n        #[skylark::function] fn h() { 1; }\n    }\n    g()\n}",
            vec![
                "fn f() {\n    fn g() {\n        fn h() { 1; }\n\n        // Generated",
                "    g()\n}",
            ],
        ),
        // Several on a line; nothing at all.
        (
            "#[skylark::function] fn a() {} #[skylark::function] fn b() {}",
            vec!["fn a() {}\n\n// Generated", "\n fn b() {}\n\n// Generated"],
        ),
        ("fn  a(){}//x", vec!["fn  a(){}//x"]),
        // What only the checks look at goes, on whatever it is.
        (
            "#[skylark::accept(clock)] // why\n#[skylark::function]\nfn a() {}\nimpl S {\n    #[skylark::accept(secret)]\n    fn b() {}\n}",
            vec![
                "// why\nfn a() {}\n\n// Generated",
                "\nimpl S {\n    fn b() {}\n}",
            ],
        ),
        // A literal of several lines keeps them.
        (
            "mod m {\n    #[skylark::external(url = \"http://x/{a}\")]\n    #[doc = \"one\n  two\"]\n    async fn a(a: u8) -> u8;\n}",
            vec!["one\n  two"],
        ),
        // Other modules' files are found as before.
        (
            "#[path = \"x/y.rs\"] mod z; // there",
            vec!["#[path = \"x/y.rs\"] mod z; // there"],
        ),
    ] {
        let out = expand(text);
        let mut rest = out.as_str();
        for part in wanted {
            let at = rest
                .find(part)
                .unwrap_or_else(|| panic!("{part:?} is not in\n{out:?}"));
            rest = &rest[at + part.len()..];
        }
        if text.contains("\r\n") {
            assert_eq!(
                out.matches('\n').count(),
                out.matches("\r\n").count(),
                "{out:?}"
            );
        }
    }
}

#[test]
fn annotations_in_macros_are_told() {
    let text = "macro_rules! make { ($n:ident) => { #[skylark::function] fn $n() {} } }\nmake!(a);\n#[skylark::function] fn b() {}";
    let out = expand(text);
    let left = annotations_in_macros(&file(&out), &Ctx::default());
    assert_eq!(left.len(), 1);
    assert_eq!(&out[left[0].start..left[0].end], "#[skylark::function]");
    assert_eq!(
        annotations_in_macros(&file(&expand(APP)), &Ctx::default()),
        []
    );
}

/// The examples' files, and those that the macros' own tests are about.
fn sources() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut directories = vec![
        here.join("../examples"),
        here.join("ui/pass"),
        here.join("renamed"),
    ];
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn expanded_sources_are_the_macros_tokens_and_keep_every_comment() {
    let mut seen = 0;
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let ctx = match path.to_str().unwrap().contains("renamed") {
            true => Ctx::new(syn::parse_quote!(::bird)),
            false => Ctx::default(),
        };
        let source = file(&text);
        let tokens = expansions(&source, &ctx).unwrap();
        for (expansion, tokens) in expand_items(&source, &ctx).unwrap().iter().zip(tokens) {
            let read: TokenStream = expansion.text.parse().unwrap();
            assert_eq!(
                format_expansion(read).unwrap(),
                format_expansion(tokens).unwrap(),
                "{}: {}",
                path.display(),
                expansion.text
            );
            seen += 1;
        }
        let out = expand_file(&source, &ctx).unwrap();
        assert_eq!(expand_file(&source, &ctx).unwrap(), out);
        syn::parse_file(&out).unwrap();
        let kept = comments(&out).join("\n");
        for comment in comments(&text) {
            assert!(
                kept.contains(&comment),
                "{comment} is lost of {}",
                path.display()
            );
        }
    }
    assert!(seen > 60, "{seen}");
}
