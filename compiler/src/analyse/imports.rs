//! What a `use` brings into a module.

use super::{items::Collect, names::Name};
use crate::read::plain;
use syn::{ItemUse, UseTree};

impl<'m> Collect<'_, 'm> {
    pub(super) fn import(&mut self, item: &'m ItemUse) {
        let mut path = Vec::new();
        if item.leading_colon.is_some() {
            path.push(String::new());
        }
        self.tree(&item.tree, &mut path);
    }

    fn tree(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(inner) => {
                path.push(plain(&inner.ident));
                self.tree(&inner.tree, path);
                path.pop();
            }
            UseTree::Name(name) => self.imported(plain(&name.ident), None, path),
            UseTree::Rename(name) => {
                self.imported(plain(&name.ident), Some(name.rename.to_string()), path);
            }
            UseTree::Glob(_) => self.index.modules[self.module].globs.push(path.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, path)),
        }
    }

    fn imported(&mut self, own: String, rename: Option<String>, path: &[String]) {
        let mut full = path.to_vec();
        let name = match (own.as_str(), rename) {
            (_, Some(rename)) => rename,
            ("self", None) => path.last().cloned().unwrap_or_default(),
            _ => own.clone(),
        };
        if own != "self" {
            full.push(own);
        }
        // `use super::x as _`: only its methods.
        if name != "_" {
            self.name(name, Name::Use(full));
        }
    }
}
