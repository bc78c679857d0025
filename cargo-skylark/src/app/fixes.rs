//! The edits that findings suggest, applied to the sources in memory.

use anyhow::{Result, bail};
use skylark_compiler::{
    Ctx, Diagnostic, Handlers, Level, Settings, SourceFile, Suggestion, check_app_with, read_crate,
};
use std::collections::BTreeMap;

/// How often the sources are checked and mended again: an edit may make room for
/// another one that overlapped with it.
const MAX_ROUNDS: usize = 8;

/// What came of mending.
#[derive(Debug)]
pub struct Fixed {
    /// The sources as they would be.
    pub files: Vec<SourceFile>,
    /// The findings that were mended.
    pub mended: Vec<Diagnostic>,
    /// What is found in the mended sources.
    pub left: Vec<Diagnostic>,
}

/// Mends what can be mended with certainty. Nothing is written.
///
/// # Errors
/// The mended sources would have an error that the sources had not: a fault of
/// Skylark's. The error names it.
pub fn fix(files: Vec<SourceFile>, ctx: &Ctx, settings: &Settings) -> Result<Fixed> {
    let check = |files: &[SourceFile]| {
        let model = read_crate(files.to_vec(), ctx);
        check_app_with(&model, settings, Handlers::Annotated)
    };
    let mut fixed = Fixed {
        left: check(&files),
        files,
        mended: Vec::new(),
    };
    let before = errors(&fixed.left);
    for _ in 0..MAX_ROUNDS {
        let chosen = choose(&fixed.left);
        if chosen.is_empty() {
            break;
        }
        for file in &mut fixed.files {
            apply(file, &chosen);
        }
        fixed.mended.extend(chosen.into_iter().cloned());
        fixed.left = check(&fixed.files);
        if errors(&fixed.left) > before {
            let new = fixed.left.iter().find(|d| d.level == Level::Error);
            let new = new.map_or_else(String::new, |d| {
                format!("{}:{}: {}", d.file, d.span.line, d.message)
            });
            bail!("the fixes would bring an error, so nothing is changed; {new}");
        }
    }
    Ok(fixed)
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|d| d.level == Level::Error).count()
}

/// The findings with certain edits, of which no two touch the same place: the
/// first of those that do. Two that ask for the same edit are one.
fn choose(found: &[Diagnostic]) -> Vec<&Diagnostic> {
    let certain = |d: &&Diagnostic| d.suggestion.as_ref().is_some_and(|s| s.certain);
    let mut by_file: BTreeMap<&str, Vec<(&Suggestion, &Diagnostic)>> = BTreeMap::new();
    for finding in found.iter().filter(certain) {
        if let Some(suggestion) = &finding.suggestion {
            let edits = by_file.entry(&suggestion.file).or_default();
            edits.push((suggestion, finding));
        }
    }
    let mut chosen = Vec::new();
    for edits in by_file.values_mut() {
        edits.sort_by_key(|(s, _)| (s.span.start, s.span.end));
        let mut end = None;
        for (suggestion, finding) in edits {
            // Two insertions at one place would be in no certain order.
            if end.is_none_or(|end| suggestion.span.start > end) {
                end = Some(suggestion.span.end);
                chosen.push(*finding);
            }
        }
    }
    chosen
}

/// Applies the edits of one file, from its end, so that places hold.
fn apply(file: &mut SourceFile, chosen: &[&Diagnostic]) {
    let edits = chosen.iter().filter_map(|d| d.suggestion.as_ref());
    let mut edits: Vec<_> = edits.filter(|edit| edit.file == file.path).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    for edit in edits {
        let range = edit.span.start..edit.span.end;
        if file.text.get(range.clone()).is_some() {
            file.text.replace_range(range, &edit.replacement);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_compiler::Code;

    const BEFORE: &str = include_str!("../../../tests/ui/fixes/shop.rs");
    /// rustc compiles it among the UI tests.
    const AFTER: &str = include_str!("../../../tests/ui/pass/fixed.rs");

    fn of(text: &str) -> Vec<SourceFile> {
        vec![SourceFile {
            path: "src/lib.rs".into(),
            module: "shop".into(),
            text: text.into(),
        }]
    }

    #[test]
    fn what_is_certain_is_mended_once() {
        let (ctx, settings) = (Ctx::default(), Settings::default());
        let fixed = fix(of(BEFORE), &ctx, &settings).unwrap();
        assert_eq!(fixed.files[0].text, AFTER);
        let mended: Vec<&str> = fixed.mended.iter().map(|d| d.code.name()).collect();
        assert_eq!(
            mended,
            [
                "unannotated_static",
                "unannotated_static",
                "guard_across_await",
                "blocking_sleep",
                "unannotated_function",
            ]
        );
        assert!(fixed.left.is_empty(), "{:?}", fixed.left);
        let again = fix(of(AFTER), &ctx, &settings).unwrap();
        assert!(again.mended.is_empty() && again.files[0].text == AFTER);
    }

    #[test]
    fn what_is_accepted_or_only_likely_stays() {
        let check = |text: &str, settings: &Settings| {
            let fixed = fix(of(text), &Ctx::default(), settings).unwrap();
            assert_eq!(fixed.files[0].text, text);
        };
        let allowed = |code| {
            let mut settings = Settings::default();
            settings.choose(code, skylark_compiler::Setting::Allow);
            settings
        };
        let lost = "use std::sync::atomic::*; static N: AtomicU8 = AtomicU8::new(0); #[skylark::function] fn f() { N.store(1, Relaxed); }";
        check(lost, &allowed(Code::UnannotatedStatic));
        // A name that was probably meant.
        let likely =
            "#[skylark::chain(next = detekt)] fn a() {}\n#[skylark::function] fn detect() {}";
        check(likely, &Settings::default());
    }
}
