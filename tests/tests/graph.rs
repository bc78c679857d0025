//! Graphs compared, and drawn.

use skylark_compiler::{Ctx, Graph, GraphDiff, Model, SourceFile, load, read_crate};
use std::path::Path;

fn graph(text: &str) -> Graph {
    let file = SourceFile {
        path: "src/lib.rs".into(),
        module: "app".into(),
        text: text.into(),
    };
    Graph::of(&read_crate(vec![file], &Ctx::default()))
}

/// Compares what becomes of a graph by lines.
#[track_caller]
fn check(before: &str, after: &str, wanted: &[&str]) -> GraphDiff {
    let diff = GraphDiff::between(&graph(before), &graph(after));
    assert_eq!(
        diff.text().lines().collect::<Vec<_>>(),
        wanted,
        "{before}\n{after}"
    );
    assert_eq!(diff.is_empty(), wanted.is_empty());
    diff
}

const BEFORE: &str = "
    #[skylark::state] static SEEN: AtomicU64 = AtomicU64::new(0);
    #[skylark::chain(next = b)] fn a(x: u8) -> u8 { x }
    #[skylark::function(timeout = \"1s\")] fn b(x: u8) -> u8 { SEEN.load(Relaxed); x }
    #[skylark::function] fn gone() {}
";

const AFTER: &str = "
    #[skylark::state] static SEEN: AtomicU32 = AtomicU32::new(0);
    #[skylark::chain(next = c)] fn a(x: u8) -> u8 { x }
    #[skylark::function(timeout = \"2s\")] fn b(x: u8) -> u8 { x }
    #[skylark::function] fn c(x: u8) {}
";

#[test]
fn what_is_other() {
    check(BEFORE, BEFORE, &[]);
    // Where something is, is no change; nor is what is no part of the graph.
    check(
        BEFORE,
        &format!("fn x() {{}}\n{}", BEFORE.replace('\n', "\n\n")),
        &[],
    );
    let diff = check(
        BEFORE,
        AFTER,
        &[
            "+ function c (u8) -> ()",
            "- function gone () -> ()",
            "~ function a: next (b) -> (c)",
            "~ function b: options.timeout_ms 1000 -> 2000",
            "~ state SEEN: cell AtomicU64 -> AtomicU32",
            "~ state SEEN: type u64 -> u32",
            "+ a goes to c",
            "- a goes to b",
            "- b reads SEEN",
        ],
    );
    check(
        "#[skylark::function] fn f(n: u8) {}",
        "#[skylark::function] async fn f(n: u16, s: String) {}",
        &[
            "~ function f: args (n: u8) -> (n: u16, s: String)",
            "~ function f: is_async false -> true",
        ],
    );
    let mermaid = diff.mermaid();
    for line in [
        "  class c added\n",
        "  class gone removed\n",
        "  class a,b,SEEN changed\n",
        "  linkStyle 1 stroke:#1a7f37",
        "  linkStyle 0,2 stroke:#cf222e",
    ] {
        assert!(mermaid.contains(line), "{line} in\n{mermaid}");
    }
    let dot = diff.dot();
    assert!(
        dot.contains("\"gone\" [shape=box, label=\"gone\\n() -> ()\", color=\"#cf222e\""),
        "{dot}"
    );
    let svg = diff.svg("other");
    for part in [
        "class=\"function added\"",
        "class=\"function removed\"",
        "class=\"state changed\"",
        "line next removed",
    ] {
        assert!(svg.contains(part), "{part} in\n{svg}");
    }
    assert_eq!(
        svg,
        GraphDiff::between(&graph(BEFORE), &graph(AFTER)).svg("other")
    );
}

/// What a function does with a state is told by what it does; `uses` where that cannot
/// be seen.
#[test]
fn what_is_done_with_state() {
    for (body, wanted) in [
        ("x", ""),
        ("A.lock().unwrap().len()", "reads"),
        ("let all = *A.lock().unwrap(); all", "reads"),
        ("*A.lock().unwrap() > x", "reads"),
        ("*A.lock().unwrap() = Vec::new()", "writes"),
        ("A.lock().unwrap().push(x)", "reads writes"),
        ("helper(x)", "reads writes"),
        // What is added looks at nothing; what is taken off does.
        ("L.push(x)", "writes"),
        ("L.pop()", "reads writes"),
        ("C.add(1)", "writes"),
        ("C.get()", "reads"),
        ("look(&A.lock().unwrap())", "reads"),
        ("give(A.lock().unwrap())", "uses"),
        (
            "let _ = A.lock().unwrap().len(); give(A.lock().unwrap())",
            "reads uses",
        ),
        ("unknown! { A }", "uses"),
        // Whether it is this one's method is not known.
        ("outside::thing().method_of_this_crate()", "uses"),
    ] {
        let graph = graph(&format!(
            "#[skylark::state] static A: Mutex<Vec<u8>> = Mutex::new(Vec::new());
             #[skylark::state] static L: skylark::List<u8> = skylark::List::new();
             #[skylark::state] static C: skylark::Counter = skylark::Counter::new(0);
             #[skylark::function] fn f(x: u8) {{ {body}; }}
             fn helper(x: u8) {{ A.lock().unwrap().push(x); }}
             fn look(a: &Vec<u8>) {{}}
             fn give<T>(t: T) {{}}
             struct S;
             impl S {{ fn method_of_this_crate(&self) {{ A.lock().unwrap().push(1); }} }}"
        ));
        let graph: serde_json::Value = serde_json::from_str(&graph.json()).unwrap();
        let edges = graph["edges"].as_array().unwrap();
        let kinds: Vec<&str> = edges.iter().map(|e| e["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.join(" "), wanted, "{body}");
    }
}

/// A new write is a change of the graph, in every form in which it is shown.
#[test]
fn what_is_other_with_state() {
    let app = |body: &str| {
        format!(
            "#[skylark::state] static SEEN: AtomicU64 = AtomicU64::new(0);
             #[skylark::function] fn f() {{ {body} }}"
        )
    };
    let [before, after] = ["SEEN.load(Relaxed);", "SEEN.fetch_add(1, Relaxed);"].map(app);
    let diff = check(&before, &after, &["+ f writes SEEN"]);
    assert!(
        diff.json().contains("\"kind\": \"writes\""),
        "{}",
        diff.json()
    );
    assert!(
        diff.svg("other").contains("line writes added"),
        "{}",
        diff.svg("other")
    );
    let drawn = diff.mermaid();
    assert!(
        drawn.contains("  SEEN -.-> f\n  f -.-> SEEN\n  linkStyle 1 "),
        "{drawn}"
    );
    let [dot, svg] = [graph(&after).dot(), graph(&after).svg("after")];
    assert!(dot.contains("[style=dotted, dir=both]"), "{dot}");
    assert!(svg.contains("line both"), "{svg}");
}

fn example(name: &str) -> Model {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name)
        .join("src/lib.rs");
    let (files, missing) = load(&root, name, |path| std::fs::read_to_string(path)).unwrap();
    assert_eq!(missing, []);
    read_crate(files, &Ctx::default())
}

/// The picture in the README is what the command draws.
#[test]
fn the_picture_in_the_documentation_is_current() {
    let drawn = Graph::of(&example("shop")).svg("The functions and states of shop");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/graph.svg");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&file, &drawn).unwrap();
    }
    let shown = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        drawn == shown,
        "docs/graph.svg is out of date; draw it with: cargo skylark graph -p shop --format svg -o docs/graph.svg \
         (or INSTA_UPDATE=always cargo test -p skylark-tests --test graph)"
    );
}

/// Whatever is drawn, no text leaves the picture and no two boxes overlap: each box has a
/// place of its own, inside.
#[test]
fn every_example_fits_its_picture() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("src/lib.rs").is_file() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let graph = Graph::of(&example(&name));
        // Not every example is an app: `lift` is for those that become one.
        if graph.functions.is_empty() {
            continue;
        }
        let svg = graph.svg(&name);
        let size = |name: &str| -> f64 {
            let at = svg.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            svg[at..].split('"').next().unwrap().parse().unwrap()
        };
        let (width, height) = (size("width"), size("height"));
        assert!(
            width > 100.0 && height > 100.0,
            "{name}: {width} x {height}"
        );
        assert!(
            !svg.contains("NaN") && !svg.contains("inf"),
            "{name}: {svg}"
        );
    }
}
