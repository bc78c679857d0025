//! What a path means, as text: by the index of the whole crate.

use super::rules;
use crate::{
    analyse::{Index, Res, Space},
    read::{krate::Model, plain},
};
use std::collections::BTreeMap;
use syn::Path;

/// The names of a crate.
pub(super) struct Names<'m> {
    index: Index<'m>,
    /// Modules by their paths.
    modules: BTreeMap<String, usize>,
}

impl<'m> Names<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let index = Index::new(model);
        let modules = index.modules.iter().enumerate();
        let modules = modules
            .filter(|(_, module)| !module.block)
            .map(|(id, module)| (module.path.clone(), id))
            .collect();
        Self { index, modules }
    }

    /// Whether a module has an item or import of this name.
    pub(super) fn has(&self, module: &str, name: &str) -> bool {
        let id = self.modules.get(module);
        id.is_some_and(|id| self.index.modules[*id].names.contains_key(name))
    }

    /// Whether anything in the crate has this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        let mut modules = self.modules.keys();
        modules.any(|module| self.has(module, name))
    }

    /// The full path of what `path` means in `module`: of an item of this crate
    /// (`app::orders::place`), or as it is outside (`axum::Json`).
    pub(super) fn resolve(&self, module: &str, path: &Path) -> String {
        let last = path
            .segments
            .last()
            .map(|s| plain(&s.ident))
            .unwrap_or_default();
        let Some(id) = self.modules.get(module) else {
            return last;
        };
        // `Json` is looked for as a type first, `place` and `CONFIG` as values.
        let typed = last.starts_with(char::is_uppercase) && last.contains(char::is_lowercase);
        let spaces = if typed {
            [Space::Type, Space::Value]
        } else {
            [Space::Value, Space::Type]
        };
        let found = spaces.map(|space| self.index.resolve(*id, path, space));
        let known = found.iter().find(|res| !matches!(res, Res::Unknown(_)));
        let brought = || {
            // What `use axum::routing::*` has brought, as far as lift knows what is there.
            let globs = self.index.modules[*id].globs.iter();
            let paths = globs.map(|glob| format!("{}::{last}", glob.join("::")));
            paths.into_iter().find(|path| rules::knows(path))
        };
        if known.is_none()
            && path.segments.len() == 1
            && let Some(path) = brought()
        {
            return path;
        }
        self.index.path_of(known.unwrap_or(&found[0]))
    }
}
