//! `cargo skylark explain`

use crate::{
    app::project::Project,
    cli::Explain,
    error::usage,
    output::{Output, count, table},
};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use serde::Serialize;
use skylark_abi::schema::nearest;
use skylark_compiler::{Analysis, Code, Explanation, Model};
use std::{collections::BTreeSet, fmt::Write as _};

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const COST: Style = AnsiColor::Cyan.on_default();
const WARN: Style = AnsiColor::Yellow.on_default();

/// What a code means.
#[derive(Debug, Serialize)]
struct Meaning {
    code: Code,
    level: skylark_compiler::Level,
    title: &'static str,
    explanation: &'static str,
}

/// What there is to explain.
#[derive(Debug, Serialize)]
struct Overview {
    functions: Vec<Explanation>,
    codes: Vec<Meaning>,
}

pub(super) fn run(args: &Explain, output: &Output) -> Result<()> {
    match &args.what {
        Some(what) if is_code(what) => code(what, output),
        Some(name) => function(name, args, output),
        None => overview(args, output),
    }
}

/// `SKY0007`, in any case: no function of Rust is called so by custom.
fn is_code(what: &str) -> bool {
    let rest = what
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("sky"));
    rest.is_some() && what.len() > 3 && what[3..].bytes().all(|b| b.is_ascii_digit())
}

fn meaning(code: Code) -> Meaning {
    Meaning {
        code,
        level: code.level(),
        title: code.title(),
        explanation: code.explain(),
    }
}

fn code(what: &str, output: &Output) -> Result<()> {
    let Some(code) = Code::parse(what) else {
        let all = Code::ALL.iter().map(|code| code.as_str());
        let near = nearest(&what.to_ascii_uppercase(), all);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(usage(format!("there is no code `{what}`{hint}")));
    };
    output.result(&meaning(code), |_| code.page())
}

fn function(name: &str, args: &Explain, output: &Output) -> Result<()> {
    let model = Project::find(&args.project)?.model()?;
    let analysis = Analysis::new(&model);
    let Some(explanation) = analysis.explain(name) else {
        return Err(unknown(name, &model));
    };
    output.result(&explanation, rendered)
}

fn unknown(name: &str, model: &Model) -> anyhow::Error {
    let functions = model.functions.iter();
    let names = functions.flat_map(|f| [f.schema.ident.as_str(), f.schema.name.as_str()]);
    let hint = nearest(name, names).map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
    usage(format!("no annotated function `{name}` in this app{hint}"))
}

fn overview(args: &Explain, output: &Output) -> Result<()> {
    let model = Project::find(&args.project)?.model()?;
    let analysis = Analysis::new(&model);
    let functions = model.functions.iter();
    let overview = Overview {
        functions: functions
            .filter_map(|f| analysis.explain(&f.schema.name))
            .collect(),
        codes: Code::ALL.iter().map(|code| meaning(*code)).collect(),
    };
    output.result(&overview, |overview| {
        let functions = overview.functions.iter().map(|f| {
            let totals = &f.totals;
            // What was not seen may cost more.
            let more = if f.complete { "" } else { " or more" };
            [
                f.function.clone(),
                f.class.as_str().to_owned(),
                format!("{}{more}", totals.round_trips),
                listed(&totals.fetched),
                listed(&totals.written),
            ]
        });
        let functions = table(
            ["FUNCTION", "CLASS", "ROUND TRIPS", "FETCHES", "MAY WRITE"],
            functions,
        );
        let codes = overview.codes.iter();
        let codes = codes.map(|m| [m.code.to_string(), m.title.to_owned()]);
        format!("{functions}\n\n{}", table(["CODE", "ABOUT"], codes))
    })
}

fn listed(names: &BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "-".to_owned(),
        false => names
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn rendered(e: &Explanation) -> String {
    let mut out = String::new();
    let at = format!("{}:{}:{}", e.file, e.span.line, e.span.column);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{STRONG}{}{STRONG:#}  {FAINT}{at}{FAINT:#}",
        e.function
    );
    let because = e.because.as_ref().map_or_else(String::new, |because| {
        let at = because
            .place
            .as_ref()
            .map(|place| format!(" (line {} of {})", place.span.line, place.file));
        format!(": {}{}", because.text, at.unwrap_or_default())
    });
    let _ = writeln!(out, "{}{because}\n", e.class.as_str());
    let width = e
        .lines
        .iter()
        .map(|line| line.place.span.line.to_string().len())
        .max();
    let width = width.unwrap_or(1);
    let mut file = "";
    let mut way: &[String] = &[];
    for line in &e.lines {
        if line.place.file != file || line.way != way {
            let shown = line.way.join(" → ");
            let _ = writeln!(out, "{FAINT}{}, {shown}{FAINT:#}", line.place.file);
        }
        (file, way) = (&line.place.file, &line.way);
        let again = if line.repeated {
            ", for each turn of the loop"
        } else {
            ""
        };
        let _ = writeln!(out, "{:>width$} | {}", line.place.span.line, line.source);
        for cost in &line.costs {
            let style = if cost.starts_with("not seen") {
                WARN
            } else {
                COST
            };
            let _ = writeln!(out, "{:>width$} | {style}  {cost}{again}{style:#}", "");
        }
    }
    if e.lines.is_empty() {
        let _ = writeln!(out, "it costs its own work, and nothing more");
    }
    let _ = write!(out, "\n{}", totals(e));
    out
}

fn totals(e: &Explanation) -> String {
    let t = &e.totals;
    let none = BTreeSet::new();
    let rows = [
        (
            t.fetched.len(),
            "field fetched",
            "fields fetched",
            &t.fetched,
        ),
        (
            t.written.len(),
            "field that may be written",
            "fields that may be written",
            &t.written,
        ),
        (
            t.entries.len(),
            "entry known from the arguments",
            "entries known from the arguments",
            &t.entries,
        ),
        (
            t.calls.len(),
            "function called",
            "functions called",
            &t.calls,
        ),
        (
            t.starts.len(),
            "function started",
            "functions started",
            &t.starts,
        ),
        (t.waits, "wait", "waits", &none),
        (t.recorded, "recorded value", "recorded values", &none),
        (t.requests, "request outside", "requests outside", &none),
    ];
    let mut out = String::new();
    let trips = trips(e);
    let of = if trips.is_empty() { "" } else { ": " };
    let n = count(t.round_trips, "round trip");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{STRONG}{n}{STRONG:#}{of}{trips}");
    for (n, one, many, names) in rows.into_iter().filter(|(n, ..)| *n > 0) {
        let what = if n == 1 { one } else { many };
        let _ = match names.is_empty() {
            true => writeln!(out, "{STRONG}{n} {what}{STRONG:#}"),
            false => writeln!(out, "{STRONG}{n} {what}{STRONG:#}: {}", listed(names)),
        };
    }
    if !e.complete {
        let _ = writeln!(out, "{WARN}what was not seen may cost more{WARN:#}");
    }
    out
}

fn trips(e: &Explanation) -> String {
    let t = &e.totals;
    let mut parts = Vec::new();
    if t.begin {
        parts.push("begin".to_owned());
    }
    if t.late > 0 {
        parts.push(format!("{} while it runs", t.late));
    }
    if t.waits > 0 {
        parts.push(format!("{} for {}", 2 * t.waits, count(t.waits, "wait")));
    }
    if t.commit {
        parts.push("commit".to_owned());
    }
    parts.join(" + ")
}
