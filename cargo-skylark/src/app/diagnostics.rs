//! Diagnostics, drawn as rustc draws them.

use crate::output::count;
use annotate_snippets::{
    AnnotationKind, Group, Level as Drawn, Patch, Renderer, Snippet, renderer::DecorStyle,
};
use skylark_compiler::{Diagnostic, Level, SourceFile, SourceSpan};
use std::ops::Range;

/// Draws one; `files` are the crate's. The text has colours; whoever prints it
/// takes them away where there are none.
pub fn render(diagnostic: &Diagnostic, files: &[SourceFile]) -> String {
    let level = match diagnostic.level {
        Level::Error => Drawn::ERROR,
        Level::Warning => Drawn::WARNING,
        Level::Note => Drawn::NOTE,
    };
    let title = level
        .primary_title(&diagnostic.message)
        .id(diagnostic.code.as_str());
    let mut group = Group::with_title(title);
    let mut paths = vec![&diagnostic.file];
    for label in &diagnostic.labels {
        if !paths.contains(&&label.file) {
            paths.push(&label.file);
        }
    }
    for path in paths {
        let text = text(files, path);
        let primary = (path == &diagnostic.file).then(|| {
            let label = (!diagnostic.label.is_empty()).then_some(diagnostic.label.as_str());
            AnnotationKind::Primary
                .span(within(diagnostic.span, text))
                .label(label)
        });
        let others = diagnostic
            .labels
            .iter()
            .filter(|label| &label.file == path)
            .map(|label| {
                AnnotationKind::Context
                    .span(within(label.span, text))
                    .label(label.text.as_str())
            });
        let annotations = primary.into_iter().chain(others);
        group = group.element(Snippet::source(text).path(path).annotations(annotations));
    }
    for help in &diagnostic.help {
        group = group.element(Drawn::HELP.message(help));
    }
    let mut report = vec![group];
    if let Some(suggestion) = &diagnostic.suggestion {
        let text = text(files, &suggestion.file);
        let patch = Patch::new(within(suggestion.span, text), &suggestion.replacement);
        report.push(
            Group::with_title(Drawn::HELP.secondary_title("write"))
                .element(Snippet::source(text).path(&suggestion.file).patch(patch)),
        );
    }
    Renderer::styled()
        .decor_style(DecorStyle::Ascii)
        .render(&report)
}

/// `2 errors, 1 warning`; empty if there is neither.
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let said = [(Level::Error, "error"), (Level::Warning, "warning")].map(|(level, what)| {
        let n = diagnostics.iter().filter(|d| d.level == level).count();
        (n > 0).then(|| count(n, what))
    });
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn text<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    files
        .iter()
        .find(|file| file.path == path)
        .map_or("", |file| &file.text)
}

/// A range inside the text, on character bounds.
fn within(span: SourceSpan, text: &str) -> Range<usize> {
    let end = text.floor_char_boundary(span.end.min(text.len()));
    text.floor_char_boundary(span.start.min(end))..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark_compiler::{Code, Label, Suggestion};

    const TEXT: &str =
        "// ä ö\n#[skylark::chain(next = alrm)]\nfn detect(f: Features) -> Detection { seen(f) }\n";

    fn span(of: &str) -> SourceSpan {
        let start = TEXT.find(of).unwrap();
        SourceSpan {
            start,
            end: start + of.len(),
            line: 0,
            column: 0,
        }
    }

    fn sample() -> Diagnostic {
        let main = "src/lib.rs".to_owned();
        Diagnostic {
            code: Code::UnknownSuccessor,
            level: Level::Error,
            message: "`detect` names the successor `alrm`, which is no annotated function".into(),
            file: main.clone(),
            span: span("alrm"),
            label: "no such function".into(),
            labels: vec![
                Label {
                    file: main.clone(),
                    span: span("detect"),
                    text: "in this function".into(),
                },
                Label {
                    file: "src/other.rs".into(),
                    span: SourceSpan {
                        start: 3,
                        end: 8,
                        line: 1,
                        column: 4,
                    },
                    text: "this is near".into(),
                },
            ],
            help: vec!["annotate the function that is meant".into()],
            suggestion: Some(Suggestion {
                file: main,
                span: span("alrm"),
                replacement: "alarm".into(),
                certain: false,
            }),
        }
    }

    fn files() -> [SourceFile; 2] {
        [("src/lib.rs", TEXT), ("src/other.rs", "fn alarm() {}\n")].map(|(path, text)| SourceFile {
            path: path.into(),
            module: "app".into(),
            text: text.into(),
        })
    }

    #[test]
    fn as_rustc_draws_them() {
        let drawn = render(&sample(), &files());
        insta::assert_snapshot!(anstream::adapter::strip_str(&drawn).to_string());
    }

    #[test]
    fn places_outside_the_text_are_no_panic() {
        let mut wild = sample();
        wild.span.end = 9_999;
        wild.labels[1].file = "/elsewhere.rs".into();
        let drawn = render(&wild, &files());
        assert!(drawn.contains("elsewhere.rs"));
    }

    #[test]
    fn tallies() {
        let of = |level| Diagnostic { level, ..sample() };
        let check = |all: &[Level], wanted: &str| {
            let all: Vec<Diagnostic> = all.iter().map(|level| of(*level)).collect();
            assert_eq!(tally(&all), wanted);
        };
        use Level::{Error, Note, Warning};
        check(&[Note], "");
        check(&[Error], "1 error");
        check(&[Error, Warning, Note, Error], "2 errors, 1 warning");
        check(&[Warning, Warning], "2 warnings");
    }
}
