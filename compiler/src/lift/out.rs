//! What lift writes: edits, imports, questions, the report.

use super::{
    edit::Edits,
    krate::{Krate, Place},
    plan::{Asked, Plan},
    report::{Kind, Report},
};
use proc_macro2::Span;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};
use syn::spanned::Spanned;

/// How wide a comment is.
const WIDTH: usize = 92;

/// What the type of refusals is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) module: &'static str,
    pub(super) name: &'static str,
}

impl Refusal {
    /// A name that the crate does not have.
    fn of(krate: &Krate<'_>) -> Self {
        const NAMES: [Refusal; 3] = [
            Refusal {
                module: "refused",
                name: "Refused",
            },
            Refusal {
                module: "refused_status",
                name: "RefusedStatus",
            },
            Refusal {
                module: "skylark_refused",
                name: "SkylarkRefused",
            },
        ];
        let free = |refusal: &&Self| {
            !krate.names.knows(refusal.module) && !krate.names.knows(refusal.name)
        };
        NAMES.iter().find(free).copied().unwrap_or(NAMES[2])
    }
}

pub(super) struct Out<'a, 'k> {
    pub(super) krate: &'a Krate<'k>,
    pub(super) plan: &'a Plan<'k>,
    pub(super) edits: Edits,
    pub(super) report: Report,
    pub(super) asked: Vec<Asked>,
    /// Paths that files must import.
    pub(super) imports: BTreeMap<usize, BTreeSet<String>>,
    /// Paths that nothing imports any more.
    pub(super) gone: BTreeSet<String>,
    /// Ranges that go as a whole.
    removed: Vec<(usize, Range<usize>)>,
    /// Ranges whose questions stand where what they have become does.
    placed: Vec<(usize, Range<usize>)>,
    /// Types that are stored or passed, by their paths, and the traits that they need.
    pub(super) values: BTreeMap<String, BTreeSet<&'static str>>,
    /// Those of them that are written and read again.
    pub(super) stored: BTreeSet<String>,
    /// Whether a function refuses with a status.
    pub(super) refuses: bool,
    /// By what.
    pub(super) refusal: Refusal,
}

impl<'a, 'k> Out<'a, 'k> {
    pub(super) fn new(krate: &'a Krate<'k>, plan: &'a Plan<'k>, asked: Vec<Asked>) -> Self {
        Self {
            krate,
            plan,
            edits: Edits::default(),
            report: Report::default(),
            asked,
            imports: BTreeMap::new(),
            gone: BTreeSet::new(),
            removed: Vec::new(),
            placed: Vec::new(),
            values: BTreeMap::new(),
            stored: BTreeSet::new(),
            refuses: false,
            refusal: Refusal::of(krate),
        }
    }

    pub(super) fn range(&self, file: usize, of: impl Spanned) -> Range<usize> {
        self.krate.range(file, of.span())
    }

    pub(super) fn text(&self, file: usize, of: impl Spanned) -> &'k str {
        self.krate.text(file, of.span())
    }

    pub(super) fn ask(&mut self, place: &Place, span: Span, question: impl Into<String>) {
        self.asked.push(Asked::at(place, span, question));
    }

    pub(super) fn decide(
        &mut self,
        kind: Kind,
        (place, span): (&Place, Span),
        what: impl Into<String>,
        became: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.report
            .decide(kind, (self.krate, place, span), what, became, why);
    }

    /// Inserts an attribute on a line of its own before byte `at`.
    pub(super) fn annotate(&mut self, file: usize, at: usize, attribute: &str) {
        let source = self.krate.source(file);
        let line = source[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &source[line..at];
        let text = if before.trim().is_empty() {
            format!("{attribute}\n{before}")
        } else {
            format!("{attribute} ")
        };
        self.edits.insert(file, at, text);
    }

    /// Has a file import a path, unless the module has it.
    pub(super) fn import(&mut self, file: usize, module: &str, path: &str) {
        let (home, name) = path.rsplit_once("::").unwrap_or(("", path));
        let known = home == module
            || syn::parse_str::<syn::Path>(name)
                .is_ok_and(|short| self.krate.names.resolve(module, &short) == path);
        if !known {
            self.imports
                .entry(file)
                .or_default()
                .insert(path.to_owned());
        }
    }

    /// Leaves out elements of a list that ends with a bracket at `close`.
    pub(super) fn drop_elements(
        &mut self,
        file: usize,
        elements: &[Range<usize>],
        dropped: &BTreeSet<usize>,
        close: usize,
    ) {
        if let (true, Some(first)) = (dropped.len() == elements.len(), elements.first()) {
            return self.edits.delete(file, first.start..close);
        }
        let mut kept: Option<usize> = None;
        for (index, element) in elements.iter().enumerate() {
            if !dropped.contains(&index) {
                kept = Some(index);
                continue;
            }
            match (elements.get(index + 1), kept) {
                (Some(next), _) if (index + 1..elements.len()).any(|i| !dropped.contains(&i)) => {
                    self.edits.delete(file, element.start..next.start);
                }
                (_, Some(kept)) if kept + 1 == index => {
                    let end = elements.last().map_or(element.end, |last| last.end);
                    self.edits.delete(file, elements[kept].end..end);
                }
                _ => {}
            }
        }
    }

    /// The questions about some bytes, as comments that are written with what those
    /// become.
    pub(super) fn place_questions(&mut self, file: usize, range: Range<usize>) -> String {
        let within = |asked: &&Asked| {
            asked.file == file && range.contains(&self.krate.locate(file, asked.span).start)
        };
        let text = self
            .asked
            .iter()
            .filter(within)
            .fold(String::new(), |text, asked| {
                text + &comment(&asked.question, "")
            });
        self.placed.push((file, range));
        text
    }

    /// Takes an item out, with the blank lines before it.
    pub(super) fn remove(&mut self, file: usize, range: Range<usize>) {
        self.removed.push((file, range));
    }

    /// Writes questions as comments, and takes out what goes.
    pub(super) fn finish(&mut self) {
        self.asked.sort_by_key(|asked| {
            let at = self.krate.locate(asked.file, asked.span);
            (asked.file, at.start, asked.question.clone())
        });
        let mut seen = BTreeSet::new();
        let krate = self.krate;
        self.asked.retain(|asked| {
            let line = krate.locate(asked.file, asked.span).line;
            seen.insert((asked.file, line, asked.question.clone()))
        });
        let mut kept: BTreeMap<usize, String> = BTreeMap::new();
        for asked in std::mem::take(&mut self.asked) {
            let at = self.krate.locate(asked.file, asked.span);
            let source = self.krate.source(asked.file);
            self.report.questions.push(super::report::Question {
                file: self.krate.files[asked.file].source.path.clone(),
                line: at.line,
                question: asked.question.clone(),
            });
            let inside = |(file, range): &(usize, Range<usize>)| {
                *file == asked.file && range.contains(&at.start)
            };
            if self.placed.iter().any(inside) {
                continue;
            }
            let gone = self.removed.iter().position(inside);
            match gone {
                Some(index) => kept
                    .entry(index)
                    .or_default()
                    .push_str(&comment(&asked.question, "")),
                None => {
                    let line = source[..at.start]
                        .rfind('\n')
                        .map_or(0, |newline| newline + 1);
                    let indent: String = source[line..].chars().take_while(|c| *c == ' ').collect();
                    self.edits
                        .comment(asked.file, line, comment(&asked.question, &indent));
                }
            }
        }
        for (index, (file, range)) in std::mem::take(&mut self.removed).into_iter().enumerate() {
            let source = self.krate.source(file);
            let text = kept.remove(&index).unwrap_or_default();
            // The line goes with it, and one of the blank lines around it.
            let mut end = range.end;
            if source[end..].starts_with('\n') {
                end += 1;
            }
            let blank_before = source[..range.start]
                .trim_end_matches(' ')
                .ends_with("\n\n");
            if text.is_empty() && blank_before && source[end..].starts_with('\n') {
                end += 1;
            }
            self.edits.supersede(file, range.start..end, text);
        }
    }
}

/// A question as a comment of whole lines.
fn comment(question: &str, indent: &str) -> String {
    let mut lines = vec![String::from("skylark:")];
    for word in question.split_whitespace() {
        let width = WIDTH.saturating_sub(indent.len());
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().fold(String::new(), |out, line| {
        format!("{out}{indent}// {line}\n")
    })
}
