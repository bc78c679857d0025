//! What becomes of findings: as the code says, as the crate decides, as an
//! annotation accepts.

use super::{Code, Diagnostic, Level};
use skylark_abi::schema::nearest;
use std::collections::BTreeMap;

/// What becomes of a code's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// An error that cannot be silenced: the app would not run.
    Error,
    /// An error.
    Deny,
    /// A warning.
    Warn,
    /// A note.
    Note,
    /// They are not shown.
    Allow,
}

impl Setting {
    /// What a crate may choose.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Note, Self::Warn, Self::Deny];

    /// As it is written in Skylark.toml.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error | Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Note => "note",
            Self::Allow => "allow",
        }
    }

    /// How bad a finding is under it; `None` if it is not shown.
    const fn level(self) -> Option<Level> {
        match self {
            Self::Error | Self::Deny => Some(Level::Error),
            Self::Warn => Some(Level::Warning),
            Self::Note => Some(Level::Note),
            Self::Allow => None,
        }
    }
}

/// What a crate decides about the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<Code, Setting>);

impl Settings {
    /// Sets one check, by its name or number.
    ///
    /// # Errors
    /// There is no such check, it cannot be set, or `setting` is no level: the text
    /// says which, and what may have been meant.
    pub fn set(&mut self, check: &str, setting: &str) -> Result<(), String> {
        let code = settable(check)?;
        let chosen = Setting::ALL.into_iter().find(|s| s.as_str() == setting);
        let chosen = chosen.ok_or_else(|| {
            format!("`{setting}` is no level; expected one of: allow, note, warn, deny")
        })?;
        self.0.insert(code, chosen);
        Ok(())
    }

    /// Sets what a check finds to `setting`, whatever was decided before.
    pub fn choose(&mut self, code: Code, setting: Setting) {
        self.0.insert(code, setting);
    }

    /// What becomes of a code's findings, if the crate decided.
    pub fn of(&self, code: Code) -> Setting {
        self.0.get(&code).copied().unwrap_or(code.setting())
    }

    /// Gives each finding the level that was decided, and drops what is allowed.
    pub(crate) fn apply(&self, found: &mut Vec<Diagnostic>) {
        found.retain_mut(|d| {
            let chosen = self.0.get(&d.code).filter(|_| d.code.can_be_set());
            match chosen {
                Some(chosen) => match chosen.level() {
                    Some(level) => d.level = level,
                    None => return false,
                },
                None if d.code.setting() == Setting::Allow => return false,
                None => {}
            }
            true
        });
    }
}

/// The check that people mean by a name or number, if it may be set.
pub(crate) fn settable(check: &str) -> Result<Code, String> {
    let Some(code) = Code::parse(check) else {
        let names = || Code::ALL.iter().filter(|c| c.can_be_set());
        let known = names().map(|c| c.name()).chain(names().map(|c| c.as_str()));
        let hint = nearest(&check.replace('-', "_"), known)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(format!("there is no check `{check}`{hint}"));
    };
    if code.can_be_set() {
        Ok(code)
    } else {
        Err(format!(
            "`{}` ({code}) cannot be set: an app with it would not run",
            code.name()
        ))
    }
}
