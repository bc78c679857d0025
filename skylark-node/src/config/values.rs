//! From texts to values, with all errors at once.

use super::options::{OPTIONS, OptionSpec};
use crate::node::Server;
use bytesize::ByteSize;
use skylark_abi::schema::nearest;
use std::{collections::BTreeMap, fmt, time::Duration};

/// Where a value came from, for errors and `--print-config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag,
    Variable(String),
    File(String),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => f.write_str(path),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

/// The texts of the options, the strongest source's for each.
#[derive(Debug, Default)]
pub(super) struct Values {
    given: BTreeMap<&'static str, (String, Origin)>,
    errors: Vec<String>,
}

impl Values {
    /// Sets an option, over what a weaker source said.
    pub(super) fn set(&mut self, spec: &'static OptionSpec, text: String, origin: Origin) {
        self.given.insert(spec.name, (text, origin));
    }

    /// Complains of a key that is no option.
    pub(super) fn unknown(&mut self, key: &str, file: &str) {
        let meant = nearest(key, OPTIONS.iter().map(|o| o.name));
        let meant = meant.map_or_else(String::new, |n| format!("; did you mean `{n}`?"));
        self.error(format!("{file}: `{key}` is no option{meant}"));
    }

    pub(super) fn error(&mut self, text: String) {
        self.errors.push(text);
    }

    pub(super) fn given(&self, name: &str) -> Option<&(String, Origin)> {
        self.given.get(name)
    }

    /// An option's value, if it has one; a wrong one is remembered as an error.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, origin) = self.given.get(name)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => {
                let from = match origin {
                    Origin::Flag | Origin::Default => String::new(),
                    other => format!(" (from {other})"),
                };
                self.errors.push(format!("--{name}{from}: {why}"));
                None
            }
        }
    }

    /// The value of an option that has a default. After an error it is a
    /// placeholder that nobody sees: [`Values::finish`] fails.
    pub(super) fn get<T: Default>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.optional(name, parse).unwrap_or_default()
    }

    /// # Errors
    /// All that were remembered.
    pub(super) fn finish(self) -> Result<(), ConfigErrors> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors(self.errors))
        }
    }
}

/// `16MiB`, `64 kB`, `1024`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>() {
        Ok(ByteSize(0)) => Err("a size of 0 lets nothing through; write at least 1B".into()),
        Ok(ByteSize(bytes)) => Ok(bytes),
        Err(_) => Err(format!(
            "`{text}` is no size; write for example 16MiB, 64kB or 1024"
        )),
    }
}

/// A [`size`] that fits the address space.
pub(super) fn length(text: &str) -> Result<usize, String> {
    usize::try_from(size(text)?)
        .map_err(|_| format!("`{text}` is more than this machine can address"))
}

/// `500ms`, `30s`, `24h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a time of 0 lets nothing through; write at least 1ms".into()),
        Ok(time) => Ok(time),
        Err(_) => Err(format!(
            "`{text}` is no time; write for example 500ms, 30s or 24h"
        )),
    }
}

/// Servers, separated by commas.
pub(super) fn servers(text: &str) -> Result<Vec<Server>, String> {
    text.split(',').map(|s| s.trim().parse()).collect()
}

/// A number of at least 1.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 lets nothing through; write at least 1".into()),
        Ok(count) => Ok(count),
        Err(_) => Err(format!("`{text}` is no whole number")),
    }
}

/// A [`count`] in 32 bits.
pub(super) fn count32(text: &str) -> Result<u32, String> {
    u32::try_from(count(text)?).map_err(|_| format!("`{text}` is more than {}", u32::MAX))
}

/// A finite number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is no number")),
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("`{text}` is none of: {}", all.join(", "))
    })
}
