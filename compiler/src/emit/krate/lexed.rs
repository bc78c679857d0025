//! The tokens of a file in a row, each with its place.

use crate::read::krate::SourceFile;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::ops::Range;

/// A token; a bracket is one, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Its bytes in the file, after the prefix. Those that a documentation comment
    /// stands for share its bytes.
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// A file as tokens.
pub(super) struct Lexed<'f> {
    /// The file without its prefix.
    pub(super) text: &'f str,
    /// The bytes before it: a byte order mark, a `#!` line.
    pub(super) prefix: usize,
    /// Its tokens, in order.
    pub(super) tokens: Vec<Token>,
    /// How its lines end.
    pub(super) line_end: &'static str,
}

impl<'f> Lexed<'f> {
    pub(super) fn of(file: &'f SourceFile) -> syn::Result<Self> {
        let prefix = file.prefix();
        let text = &file.text[prefix..];
        let tokens: TokenStream = text
            .parse()
            .map_err(|error: proc_macro2::LexError| syn::Error::new(error.span(), error))?;
        Ok(Self {
            text,
            prefix,
            tokens: flat(tokens),
            line_end: if text.contains("\r\n") { "\r\n" } else { "\n" },
        })
    }

    /// What stands on the line of byte `at` before it, as far as that is white.
    pub(super) fn indent(&self, at: usize) -> &'f str {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = &self.text[line..at];
        &line[..line.len() - line.trim_start().len()]
    }
}

/// The tokens of a stream in a row.
pub(super) fn flat(tokens: TokenStream) -> Vec<Token> {
    let mut out = Vec::new();
    add(tokens, &mut out);
    out
}

fn add(tokens: TokenStream, out: &mut Vec<Token>) {
    for tree in tokens {
        let group = match tree {
            TokenTree::Group(group) => group,
            other => {
                out.push(Token {
                    range: other.span().byte_range(),
                    text: other.to_string(),
                });
                continue;
            }
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => {
                add(group.stream(), out);
                continue;
            }
        };
        out.push(Token {
            range: group.span_open().byte_range(),
            text: open.into(),
        });
        add(group.stream(), out);
        out.push(Token {
            range: group.span_close().byte_range(),
            text: close.into(),
        });
    }
}
