//! What is printed of a code: for `cargo skylark explain SKY0001`, and for the book.

use super::{Code, Setting};

impl Code {
    /// Everything there is to say about the code, as Markdown: its explanation
    /// under a heading, what becomes of it and how to change that.
    pub fn page(self) -> String {
        let (number, name, title) = (self.as_str(), self.name(), self.title());
        let text = self.explain().trim_end();
        let text = text.replace("```rust,bad\n", "Found:\n\n```rust\n");
        let text = text.replace("```rust,good\n", "Not found:\n\n```rust\n");
        let level = match self.setting() {
            Setting::Error => {
                "It is an error that cannot be silenced: the app would not run.".to_owned()
            }
            setting => format!(
                "It is {}. `#[skylark::accept({name})]` on the function, impl, static or inline module around the \
                 place accepts it there; in Skylark.toml, beside Cargo.toml, for the whole crate:\n\n\
                 ```toml\n[checks]\n{name} = \"{}\"\n```",
                match setting {
                    Setting::Allow => "silent unless it is asked for",
                    Setting::Note => "a note",
                    Setting::Warn => "a warning",
                    Setting::Deny | Setting::Error => "an error",
                },
                match setting {
                    Setting::Allow => "warn",
                    _ => "allow",
                },
            ),
        };
        format!("## {number} `{name}`: {title}\n\n{text}\n\n{level}\n")
    }

    /// The sources of its examples: what is found, and what is not.
    pub fn examples(self) -> [String; 2] {
        ["```rust,bad\n", "```rust,good\n"].map(|fence| {
            let (_, rest) = self.explain().split_once(fence).unwrap_or_default();
            rest.split("```").next().unwrap_or_default().to_owned()
        })
    }
}
