//! What the command prints: results on standard output, everything else on
//! standard error; with `--json`, results are JSON and errors too.

use crate::client::ClientError;
use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};
use serde::Serialize;
use std::io::Write as _;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal that can.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where results, progress and errors go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
/// Colours that tell nodes apart in their log lines.
const NODES: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Green,
];

impl Output {
    /// Sets the colour for the whole process.
    pub fn new(json: bool, color: Color) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self { json }
    }

    /// Whether results are to be JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints a result: `human` of it, or itself as one line of JSON.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn result<T: Serialize + ?Sized>(
        &self,
        value: &T,
        human: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(value)?);
        } else {
            self.text(&human(value));
        }
        Ok(())
    }

    /// Prints bytes as a result, as they are.
    ///
    /// # Errors
    /// Nobody takes them.
    pub fn bytes(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Prints text as a result, whatever `--json` says.
    pub fn text(&self, text: &str) {
        println!("{}", text.trim_end_matches('\n'));
    }

    /// Prints a line of a comparison, begun by `+`, `-` or `~`, as a result.
    pub fn change(&self, line: &str) {
        let style = match line.chars().next() {
            Some('+') => GOOD,
            Some('-') => BAD,
            _ => WARN,
        };
        println!("{style}{line}{style:#}");
    }

    /// Prints an aside on standard error.
    pub fn aside(&self, text: &str) {
        if !self.json {
            eprintln!("{}", text.trim_end_matches('\n'));
        }
    }

    /// One line of progress, as cargo prints them.
    pub fn status(&self, verb: &str, text: &str) {
        if !self.json {
            eprintln!("{GOOD}{verb:>12}{GOOD:#} {text}");
        }
    }

    /// Something the user should know, which stops nothing.
    pub fn warning(&self, text: &str) {
        eprintln!("{WARN}warning{WARN:#}: {text}");
    }

    /// One line of the log of the `index`-th node.
    pub fn log_line(&self, index: usize, node: &str, width: usize, line: &str) {
        let style = Style::new().fg_color(Some(NODES[index % NODES.len()].into()));
        eprintln!("{style}{node:<width$} |{style:#} {line}");
    }

    /// An error with all its causes; with `--json` one object on standard error.
    pub fn error(&self, error: &anyhow::Error) {
        if self.json {
            let problem = error
                .downcast_ref::<ClientError>()
                .and_then(ClientError::problem);
            let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
            let document = serde_json::json!({
                "error": error.to_string(),
                "causes": causes,
                "problem": problem,
                "exit_code": crate::error::Exit::of(error).code(),
            });
            eprintln!("{document}");
            return;
        }
        eprintln!("{BAD}error{BAD:#}: {}", indent(&error.to_string()));
        let mut said = error.to_string();
        for cause in error.chain().skip(1) {
            let text = cause.to_string();
            // Some libraries repeat their source in their own text.
            if !said.contains(&text) {
                eprintln!("  {FAINT}because{FAINT:#}: {}", indent(&text));
            }
            said.push_str(&text);
        }
    }
}

/// Lines after the first stand under it.
fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

/// A table without lines: a header and rows, as wide as what is in it.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// How a file would change, as `diff -u` and git show it.
pub fn diff(path: &str, old: &str, new: &str) -> String {
    let lines = similar::TextDiff::from_lines(old, new);
    let mut unified = lines.unified_diff();
    let text = unified
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string();
    let coloured = text.lines().map(|line| {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") => Style::new().bold(),
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            _ => return format!("{line}\n"),
        };
        format!("{style}{line}{style:#}\n")
    });
    coloured.collect()
}

/// `1 error`, `2 errors`
pub fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

/// A number of bytes for people: `812 B`, `47.1 kB`, `3.2 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    #[allow(clippy::cast_precision_loss)]
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number of microseconds for people: `812 µs`, `4.2 ms`, `1.5 s`.
pub fn micros(us: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let value = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..100_000 => format!("{:.1} ms", value / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", value / 1e3),
        _ => format!("{:.1} s", value / 1e6),
    }
}

/// Standard JSON text, indented, its keys in the order in which they came.
pub fn pretty_json(json: &str) -> String {
    let mut out = Vec::new();
    let mut from = serde_json::Deserializer::from_str(json);
    let mut to = serde_json::Serializer::pretty(&mut out);
    match serde_transcode::transcode(&mut from, &mut to) {
        Ok(()) => String::from_utf8(out).unwrap_or_else(|_| json.to_owned()),
        Err(_) => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let check = |got: String, wanted: &str| assert_eq!(got, wanted);
        check(bytes(0), "0 B");
        check(bytes(999), "999 B");
        check(bytes(1000), "1.0 kB");
        check(bytes(999_949), "999.9 kB");
        check(bytes(999_950), "1.0 MB");
        check(bytes(3_200_000), "3.2 MB");
        check(micros(999), "999 µs");
        check(micros(4_200), "4.2 ms");
        check(micros(123_456), "123 ms");
        check(micros(1_500_000), "1.5 s");
    }

    #[test]
    fn json_keeps_its_order() {
        assert_eq!(
            pretty_json(r#"{"b":1,"a":[2]}"#),
            "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}"
        );
        assert_eq!(pretty_json("no json"), "no json");
    }

    #[test]
    fn tables_align() {
        let rows = [["a".into(), "1".into()], ["long".into(), "2".into()]];
        assert_eq!(table(["NAME", "N"], rows), "NAME  N\na     1\nlong  2");
    }
}
