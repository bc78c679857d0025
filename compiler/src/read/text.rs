//! Source text of types and paths, the same from rustc's tokens and from a file.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The text of `tokens` with conventional spaces, whatever they were written
/// with: it goes into the schema, where equal types must read equal.
pub(crate) fn text(tokens: impl ToTokens) -> String {
    let mut printer = Printer::default();
    printer.stream(tokens.into_token_stream());
    printer.out
}

/// What was printed last, as far as spacing cares.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing, or what wants no space after it.
    #[default]
    Open,
    /// An identifier or literal.
    Word,
    /// A keyword that is set apart from what follows.
    Keyword,
    /// A closing bracket of any kind.
    Close,
    /// A separator or binary operator: a space is due.
    Due,
}

#[derive(Default)]
struct Printer {
    out: String,
    last: Last,
}

impl Printer {
    fn put(&mut self, space: bool, text: &str, last: Last) {
        if !self.out.is_empty() && (space || self.last == Last::Due) {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.last = last;
    }

    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    let next = match tokens.peek() {
                        Some(TokenTree::Punct(p)) if punct.spacing() == Spacing::Joint => {
                            Some(p.as_char())
                        }
                        _ => None,
                    };
                    let pair = match (punct.as_char(), next) {
                        (':', Some(':')) => "::",
                        ('-', Some('>')) => "->",
                        ('=', Some('>')) => "=>",
                        ('.', Some('.')) => "..",
                        _ => "",
                    };
                    if pair.is_empty() {
                        self.punct(punct.as_char());
                    } else {
                        tokens.next();
                        self.pair(pair);
                    }
                }
            }
        }
    }

    fn word(&mut self, word: &str) {
        let space = matches!(self.last, Last::Word | Last::Keyword | Last::Close);
        let keyword = matches!(word, "as" | "const" | "dyn" | "for" | "impl" | "in" | "mut");
        self.put(
            space,
            word,
            if keyword { Last::Keyword } else { Last::Word },
        );
    }

    fn group(&mut self, delimiter: Delimiter, stream: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::None => return self.stream(stream),
        };
        let brace = delimiter == Delimiter::Brace;
        let padded = brace && !stream.is_empty();
        self.put(
            self.last == Last::Keyword || (brace && self.last != Last::Open),
            open,
            if padded { Last::Due } else { Last::Open },
        );
        self.stream(stream);
        if self.last == Last::Due && !padded {
            self.last = Last::Open; // no space after a trailing comma
        }
        self.put(padded, close, Last::Close);
    }

    fn pair(&mut self, pair: &str) {
        match pair {
            "::" | ".." => self.put(self.last == Last::Keyword, pair, Last::Open),
            _ => self.put(true, pair, Last::Due),
        }
    }

    fn punct(&mut self, punct: char) {
        let mut buffer = [0; 4];
        let text = &*punct.encode_utf8(&mut buffer);
        match punct {
            ',' | ';' | ':' => self.put(false, text, Last::Due),
            '<' => self.put(false, text, Last::Open),
            '>' => {
                if self.last == Last::Due {
                    self.last = Last::Open;
                }
                self.put(false, text, Last::Close);
            }
            '=' | '+' | '/' | '%' | '^' => self.put(true, text, Last::Due),
            '&' | '*' | '\'' | '#' | '$' => self.put(
                matches!(self.last, Last::Word | Last::Keyword),
                text,
                Last::Open,
            ),
            _ => self.put(self.last == Last::Keyword, text, Last::Open),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_as_people_write_them() {
        for (source, wanted) in [
            ("u32", "u32"),
            ("BTreeMap < Station , u32 >", "BTreeMap<Station, u32>"),
            (
                "std :: collections::HashMap<String,Vec<Vec<u8>>>",
                "std::collections::HashMap<String, Vec<Vec<u8>>>",
            ),
            ("( A,B , )", "(A, B,)"),
            ("()", "()"),
            ("&'static   str", "&'static str"),
            ("& mut [u8]", "&mut [u8]"),
            ("[u8 ; 4]", "[u8; 4]"),
            ("Box<dyn Fn(A,B)->C+Send>", "Box<dyn Fn(A, B) -> C + Send>"),
            ("<T as Iterator>::Item", "<T as Iterator>::Item"),
            ("for<'a> fn(&'a str)->u8", "for<'a> fn(&'a str) -> u8"),
            ("Foo<{ N + 1 }>", "Foo<{ N + 1 }>"),
            ("crate::alarm::r#move", "crate::alarm::r#move"),
            ("* const u8", "*const u8"),
        ] {
            let tokens: TokenStream = source.parse().unwrap();
            assert_eq!(text(tokens), wanted, "from `{source}`");
        }
    }
}
