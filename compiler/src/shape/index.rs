//! The types and functions of a crate by module, and what paths mean there.

use crate::read::{
    krate::{SourceFile, is_test},
    plain,
};
use std::collections::BTreeMap;
use syn::{Item, ItemEnum, ItemStruct, ItemType, Signature, UseTree};

/// What a crate defines.
#[derive(Default)]
pub(super) struct Index {
    root: String,
    modules: BTreeMap<String, Module>,
}

#[derive(Default)]
struct Module {
    /// `None` for a name that is defined twice, as under opposite `cfg`s.
    items: BTreeMap<String, Option<Def>>,
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// An item that a type's structure depends on.
pub(super) enum Def {
    Struct(ItemStruct),
    Enum(ItemEnum),
    Alias(ItemType),
    Function(Signature),
}

/// How many names are followed to find one: `use`s of `use`s.
const HOPS: u32 = 16;
/// How many of these one glob counts for: each is a guess.
const GLOB: u32 = 5;

impl Index {
    pub(super) fn of(files: &[SourceFile]) -> Self {
        let mut index = Self::default();
        for file in files {
            // What does not parse is reported by others.
            let Ok(parsed) = file.parse() else { continue };
            if index.root.is_empty() {
                index.root = file.module.clone();
            }
            index.add(&file.module, parsed.items);
        }
        index
    }

    fn add(&mut self, path: &str, items: Vec<Item>) {
        self.modules.entry(path.to_owned()).or_default();
        for item in items {
            let (ident, def) = match item {
                Item::Struct(item) if !is_test(&item.attrs) => {
                    (item.ident.clone(), Def::Struct(item))
                }
                Item::Enum(item) if !is_test(&item.attrs) => (item.ident.clone(), Def::Enum(item)),
                Item::Type(item) if !is_test(&item.attrs) => (item.ident.clone(), Def::Alias(item)),
                Item::Fn(item) if !is_test(&item.attrs) => {
                    (item.sig.ident.clone(), Def::Function(item.sig))
                }
                Item::Mod(item) => {
                    if let (false, Some((_, items))) = (is_test(&item.attrs), item.content) {
                        self.add(&format!("{path}::{}", plain(&item.ident)), items);
                    }
                    continue;
                }
                Item::Use(item) => {
                    if item.leading_colon.is_none() {
                        self.module(path).import(&item.tree, &mut Vec::new());
                    }
                    continue;
                }
                _ => continue,
            };
            let items = &mut self.module(path).items;
            items
                .entry(plain(&ident))
                .and_modify(|known| *known = None)
                .or_insert(Some(def));
        }
    }

    fn module(&mut self, path: &str) -> &mut Module {
        self.modules.entry(path.to_owned()).or_default()
    }

    /// The item that a path means in a module, and the module that it is in.
    pub(super) fn find(&self, module: &str, path: &[String]) -> Option<(String, &Def)> {
        self.follow(module, path, HOPS)
    }

    fn follow(&self, module: &str, path: &[String], hops: u32) -> Option<(String, &Def)> {
        let (first, rest) = path.split_first()?;
        let here = self.modules.get(module)?;
        match first.as_str() {
            "crate" => return self.follow(&self.root, rest, hops),
            "self" => return self.follow(module, rest, hops),
            "super" => return self.follow(module.rsplit_once("::")?.0, rest, hops),
            _ => {}
        }
        if rest.is_empty() {
            if let Some(def) = here.items.get(first) {
                return def.as_ref().map(|def| (module.to_owned(), def));
            }
        } else {
            let child = format!("{module}::{first}");
            if self.modules.contains_key(&child) {
                return self.follow(&child, rest, hops);
            }
        }
        if let Some(target) = here.uses.get(first) {
            // `use x;` of another crate means itself.
            if target.first() == Some(first) && target.len() == 1 {
                return None;
            }
            let longer = [target.as_slice(), rest].concat();
            return self.follow(module, &longer, hops.checked_sub(1)?);
        }
        let hops = hops.checked_sub(GLOB)?;
        here.globs.iter().find_map(|glob| {
            // A glob of the module itself finds nothing more.
            let longer = [glob.as_slice(), path].concat();
            self.follow(module, &longer, hops)
        })
    }

    /// A path that is none of the crate's, with the `use` of its first name
    /// written out: `chrono::DateTime`.
    pub(super) fn foreign(&self, module: &str, path: &[String]) -> Vec<String> {
        let used = path.first().and_then(|first| {
            let target = self.modules.get(module)?.uses.get(first)?;
            Some([target.as_slice(), &path[1..]].concat())
        });
        used.unwrap_or_else(|| path.to_vec())
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(plain(&path.ident));
                self.import(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Name(name) => {
                let (ident, target) = named(&plain(&name.ident), prefix);
                self.uses.insert(ident, target);
            }
            UseTree::Rename(rename) => {
                let (_, target) = named(&plain(&rename.ident), prefix);
                self.uses.insert(plain(&rename.rename), target);
            }
            UseTree::Glob(_) => self.globs.push(prefix.clone()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, prefix);
                }
            }
        }
    }
}

/// What `name` at the end of a `use` of `prefix` is called, and what it means:
/// `self` is the prefix.
fn named(name: &str, prefix: &[String]) -> (String, Vec<String>) {
    match (name, prefix.last()) {
        ("self", Some(last)) => (last.clone(), prefix.to_vec()),
        _ => {
            let target = prefix.iter().cloned().chain([name.to_owned()]);
            (name.to_owned(), target.collect())
        }
    }
}
