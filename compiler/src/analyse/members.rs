//! What belongs to a type or a trait.

use super::{
    Index, ItemId, Res, Space,
    items::{Kind, Owner},
    known::canonical,
};

impl Index<'_> {
    pub(super) fn variant(&self, item: ItemId, name: &str) -> Option<Res> {
        match &self.items[item].kind {
            Kind::Enum(of) if of.variants.iter().any(|v| v.ident == name) => {
                Some(Res::Member(item, name.to_owned()))
            }
            _ => None,
        }
    }

    /// What `name` is of a type or a trait.
    pub(crate) fn member(&self, item: ItemId, name: &str) -> Res {
        if let Some(variant) = self.variant(item, name) {
            return variant;
        }
        if let Kind::Alias(alias) = &self.items[item].kind
            && let syn::Type::Path(path) = &*alias.ty
        {
            return match self.resolve(self.items[item].module, &path.path, Space::Type) {
                Res::Item(of) => {
                    let found = self.deeper(|| self.member(of, name));
                    found.unwrap_or_else(|| Res::Member(item, name.to_owned()))
                }
                Res::Foreign(path) => Res::Foreign(canonical(format!("{path}::{name}"))),
                other => other,
            };
        }
        let found = self.associated(item, name);
        match found.first() {
            Some(found) => Res::Item(*found),
            None => Res::Member(item, name.to_owned()),
        }
    }

    /// The functions and constants named `name` of a type: its own before those of its
    /// traits, then what its traits give all. Of a trait: its own, then those of its impls.
    pub(crate) fn associated(&self, item: ItemId, name: &str) -> Vec<ItemId> {
        let named = |id: &ItemId| self.items[*id].name == name;
        let mut own = Vec::new();
        let mut of_traits = Vec::new();
        for id in self.impls_of.get(&item).into_iter().flatten() {
            let of = &self.impls[*id];
            let found = of.functions.iter().copied().filter(|id| named(id));
            match &of.of_trait {
                None => own.extend(found),
                Some(of_trait) => {
                    let before = of_traits.len();
                    of_traits.extend(found);
                    if before == of_traits.len()
                        && let Res::Item(of_trait) = of_trait
                    {
                        let given = self.traits.get(of_trait).into_iter().flatten();
                        of_traits.extend(given.copied().filter(|id| named(id)));
                    }
                }
            }
        }
        if own.is_empty() {
            own = of_traits;
        }
        if let Some(declared) = self.traits.get(&item) {
            own.extend(declared.iter().copied().filter(|id| named(id)));
            let all = self.by_method.get(name).into_iter().flatten();
            own.extend(all.copied().filter(|id| self.implements(*id, item)));
        }
        own
    }

    /// Whether a function is in an impl of a trait.
    fn implements(&self, function: ItemId, of_trait: ItemId) -> bool {
        match &self.items[function].kind {
            Kind::Fn(f) => matches!(f.owner, Some(Owner::Impl(id))
                if self.impls[id].of_trait == Some(Res::Item(of_trait))),
            _ => false,
        }
    }
}
