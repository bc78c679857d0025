//! Skylark.toml: what a crate decides about the checks.

use crate::error::{environment, usage};
use anyhow::Result;
use skylark_compiler::Settings;
use std::path::Path;
use toml_edit::{Document, Item, Table};

/// Its name; it stands beside Cargo.toml.
pub const FILE: &str = "Skylark.toml";

/// What the file in `directory` says; nothing is decided if there is none.
///
/// # Errors
/// It cannot be read, or something in it cannot be meant; the error has the line.
pub fn read(directory: &Path) -> Result<Settings> {
    let path = directory.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text).map_err(|errors| usage(errors.join("\n"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(environment(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

/// Everything wrong with it, each with its line.
fn parse(text: &str) -> Result<Settings, Vec<String>> {
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![located(text, at, error.message())]
    })?;
    let mut settings = Settings::default();
    let mut errors = Vec::new();
    let mut wrong = |table: &Table, key: &str, why: String| {
        let at = table.key(key).and_then(toml_edit::Key::span);
        errors.push(located(text, at.map_or(0, |span| span.start), &why));
    };
    let root = document.as_table();
    for (key, item) in root {
        match item {
            Item::Table(checks) if key == "checks" => {
                for (check, level) in checks {
                    let set = match level.as_str() {
                        Some(level) => settings.set(check, level),
                        None => {
                            Err("a level is one of: \"allow\", \"note\", \"warn\", \"deny\"".into())
                        }
                    };
                    if let Err(why) = set {
                        wrong(checks, check, why);
                    }
                }
            }
            _ => wrong(
                root,
                key,
                format!("`{key}` is unknown here; expected `[checks]`"),
            ),
        }
    }
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(errors)
    }
}

fn located(text: &str, at: usize, why: &str) -> String {
    let line = text[..text.floor_char_boundary(at)].matches('\n').count() + 1;
    format!("{FILE}:{line}: {why}")
}

/// The checks that `--only` names.
///
/// # Errors
/// There is no such check.
pub fn only(names: &[String]) -> Result<Vec<skylark_compiler::Code>> {
    names
        .iter()
        .map(|name| {
            skylark_compiler::Code::parse(name).ok_or_else(|| {
                let known = skylark_compiler::Code::ALL.iter().map(|code| code.name());
                let hint = skylark_abi::schema::nearest(&name.replace('-', "_"), known)
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                usage(format!("there is no check `{name}`{hint}"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_compiler::{Code, Setting};

    #[test]
    fn levels_are_read() {
        let settings = parse("# ours\n[checks]\nunused-state = \"deny\"\nSKY0006 = \"allow\"\n");
        let settings = settings.unwrap();
        assert_eq!(settings.of(Code::UnusedState), Setting::Deny);
        assert_eq!(settings.of(Code::Unreached), Setting::Allow);
        assert_eq!(parse("").unwrap(), Settings::default());
    }

    #[test]
    fn what_cannot_be_meant_is_said_with_its_line() {
        let check = |text: &str, wanted: &[&str]| assert_eq!(parse(text).unwrap_err(), wanted);
        check(
            "[checks]\nunused_stat = \"warn\"\n\ncycle = \"allow\"\nunreached = \"loud\"\nunused_state = 1\n",
            &[
                "Skylark.toml:2: there is no check `unused_stat`; did you mean `unused_state`?",
                "Skylark.toml:4: `cycle` (SKY0003) cannot be set: an app with it would not run",
                "Skylark.toml:5: `loud` is no level; expected one of: allow, note, warn, deny",
                "Skylark.toml:6: a level is one of: \"allow\", \"note\", \"warn\", \"deny\"",
            ],
        );
        check(
            "[check]\nunreached = \"allow\"",
            &["Skylark.toml:1: `check` is unknown here; expected `[checks]`"],
        );
        assert!(parse("[checks]\nx = ").unwrap_err()[0].starts_with("Skylark.toml:2: "));
    }

    #[test]
    fn checks_are_chosen_by_name_or_number() {
        assert_eq!(
            only(&["SKY0007".into(), "unreached".into()]).unwrap(),
            [Code::UnusedState, Code::Unreached]
        );
        let error = only(&["unreachd".into()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no check `unreachd`; did you mean `unreached`?"
        );
    }
}
