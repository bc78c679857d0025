//! Splices: what is not touched keeps its comments and its formatting.

use std::{collections::BTreeMap, ops::Range};

/// A replacement of some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    text: String,
    /// Takes everything inside of it along, edits too.
    whole: bool,
    /// A comment of whole lines, which nothing takes along: it stands before what would.
    stays: bool,
}

/// The edits of a crate, by file.
#[derive(Debug, Default)]
pub(super) struct Edits {
    files: BTreeMap<usize, Vec<Edit>>,
}

impl Edits {
    /// Replaces bytes of file number `file`.
    pub(super) fn replace(&mut self, file: usize, range: Range<usize>, text: impl Into<String>) {
        self.push(file, range, text.into(), false);
    }

    /// Inserts before byte `at`; after what was inserted there before.
    pub(super) fn insert(&mut self, file: usize, at: usize, text: impl Into<String>) {
        self.push(file, at..at, text.into(), false);
    }

    /// Inserts a comment of whole lines before the line that begins at byte `at`.
    pub(super) fn comment(&mut self, file: usize, at: usize, text: impl Into<String>) {
        self.push(file, at..at, text.into(), false);
        let edits = self.files.entry(file).or_default();
        if let Some(edit) = edits.last_mut() {
            edit.stays = true;
        }
    }

    /// Takes bytes out.
    pub(super) fn delete(&mut self, file: usize, range: Range<usize>) {
        self.push(file, range, String::new(), false);
    }

    /// Replaces bytes, and drops every edit inside of them.
    pub(super) fn supersede(&mut self, file: usize, range: Range<usize>, text: impl Into<String>) {
        self.push(file, range, text.into(), true);
    }

    fn push(&mut self, file: usize, range: Range<usize>, text: String, whole: bool) {
        let edits = self.files.entry(file).or_default();
        edits.push(Edit {
            range,
            text,
            whole,
            stays: false,
        });
    }

    /// File number `file` with its edits; `None` if there are none.
    pub(super) fn apply(&self, file: usize, text: &str) -> Option<String> {
        let placed = placed(self.files.get(&file)?, text);
        let mut edits: Vec<&Edit> = placed.iter().collect();
        let within = |inner: &Edit, outer: &Edit| {
            outer.whole
                && !std::ptr::eq(inner, outer)
                && outer.range.start <= inner.range.start
                && inner.range.end <= outer.range.end
                && (inner.range != outer.range || !inner.whole)
                // What is inserted before or after it stays.
                && !(inner.range.is_empty()
                    && (inner.range.start == outer.range.start || inner.range.end == outer.range.end))
        };
        let all = edits.clone();
        edits.retain(|edit| !all.iter().any(|outer| within(edit, outer)));
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            // Edits do not overlap but by a mistake of ours; the first stands then, and
            // rustc says what is wrong with the result.
            if edit.range.start < at {
                continue;
            }
            out.push_str(text.get(at..edit.range.start)?);
            out.push_str(&edit.text);
            at = edit.range.end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

/// Edits whose comments stand at lines that nothing takes out.
fn placed(edits: &[Edit], text: &str) -> Vec<Edit> {
    let mut placed = edits.to_vec();
    for edit in placed.iter_mut().filter(|edit| edit.stays) {
        let at = |at: usize| {
            let around = edits
                .iter()
                .filter(|other| other.range.start < at && at < other.range.end);
            around.map(|other| other.range.start).min()
        };
        while let Some(start) = at(edit.range.start) {
            let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
            edit.range = line..line;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_in_the_order_of_the_text() {
        let mut edits = Edits::default();
        edits.delete(0, 8..12);
        edits.insert(0, 4, "a");
        edits.insert(0, 4, "b");
        edits.replace(0, 0..3, "ONE");
        assert_eq!(edits.apply(0, "one two six ten").unwrap(), "ONE abtwo ten");
        assert_eq!(edits.apply(1, "one"), None);
        edits.supersede(0, 0..7, "-");
        edits.insert(0, 0, "x ");
        edits.insert(0, 7, " y");
        assert_eq!(edits.apply(0, "one two six ten").unwrap(), "x - y ten");
    }

    #[test]
    fn comments_stand_before_what_goes() {
        let mut edits = Edits::default();
        edits.delete(0, 5..12);
        edits.comment(0, 10, "// why\n");
        let done = edits.apply(0, "one\na, b,\n  c").unwrap();
        assert_eq!(done, "one\n// why\nac");
    }
}
