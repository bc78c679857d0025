//! What a body may run.

use super::{
    BodyId, Index, ItemId, Mode, Res, What,
    items::{Kind, Owner},
};
use crate::read::krate::FunctionItem;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An annotated function and its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handler<'m> {
    /// Its number in [`crate::Model::functions`].
    pub(crate) number: usize,
    pub(crate) function: &'m FunctionItem,
    pub(crate) body: BodyId,
}

/// The bodies that one may run, in the same instance: not what it calls by a message.
#[derive(Debug)]
pub(crate) struct Reach {
    from: BodyId,
    /// By body: the one that leads there, and the number of the fact in it.
    to: BTreeMap<BodyId, Option<(BodyId, Option<usize>)>>,
    order: Vec<BodyId>,
    /// By body: every fact that runs it, by the body that it is in and its number there.
    callers: BTreeMap<BodyId, Vec<(BodyId, usize)>>,
}

impl Reach {
    /// All of them, the first itself.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = BodyId> + '_ {
        self.to.keys().copied()
    }

    /// All of them, the first first, then the nearest.
    pub(crate) fn in_order(&self) -> Vec<BodyId> {
        self.order.clone()
    }

    pub(crate) fn contains(&self, body: BodyId) -> bool {
        self.to.contains_key(&body)
    }

    /// The names of the functions on the shortest way to a body, both ends included.
    pub(crate) fn way(&self, index: &Index<'_>, body: BodyId) -> Vec<String> {
        let name = |body: BodyId| index.name_of(index.bodies[body].item);
        let mut way = vec![name(body)];
        let mut at = body;
        while let Some(Some((before, _))) = self.to.get(&at) {
            way.push(name(*before));
            at = *before;
        }
        way.reverse();
        way
    }

    /// The facts that run a body, by the body that each is in and its number there; none of
    /// an impl that is run because its type is there.
    pub(crate) fn callers(&self, body: BodyId) -> &[(BodyId, usize)] {
        self.callers.get(&body).map_or(&[], Vec::as_slice)
    }

    /// The body that it is the reach of.
    pub(crate) fn from(&self) -> BodyId {
        self.from
    }
}

impl<'m> Index<'m> {
    /// The annotated functions that have a body.
    pub(crate) fn handlers(&self) -> Vec<Handler<'m>> {
        // By file and by where the name is.
        let mut places = BTreeMap::new();
        for (id, body) in self.bodies.iter().enumerate() {
            let site = self.items[body.item].site;
            places.insert((site.file, self.locate(site).start), id);
        }
        let functions = self.model.functions.iter().enumerate();
        let handlers = functions.filter_map(|(number, function)| {
            let place = (function.place.file, function.place.ident.start);
            let body = *places.get(&place)?;
            Some(Handler {
                number,
                function,
                body,
            })
        });
        handlers.collect()
    }

    /// A function's name as people say it: `settle`, `Hotel::reserve`.
    pub(crate) fn name_of(&self, item: ItemId) -> String {
        let of = &self.items[item];
        match &of.kind {
            Kind::Fn(f) if f.owner.is_some() => {
                let mut parts = of.path.rsplit("::");
                let own = parts.next().unwrap_or_default();
                format!("{}::{own}", parts.next().unwrap_or_default())
            }
            _ => of.name.clone(),
        }
    }

    /// The items whose bodies a fact may run, here.
    pub(crate) fn runs(&self, what: &What<'_>) -> Vec<ItemId> {
        match what {
            What::Call {
                target: Res::Item(item),
                mode: Mode::Here,
                ..
            }
            | What::Path {
                target: Res::Item(item),
            } => self.or_impls(*item),
            // What the annotations of its fields run.
            What::Lent { object } => vec![*object],
            What::Method {
                targets,
                mode: Mode::Here,
                ..
            } => targets
                .iter()
                .flat_map(|item| self.or_impls(*item))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A function, and if a trait declares it, those of the trait's impls.
    fn or_impls(&self, item: ItemId) -> Vec<ItemId> {
        match &self.items[item].kind {
            Kind::Fn(f) => match f.owner {
                Some(Owner::Trait(of)) => self.associated(of, &self.items[item].name),
                _ => vec![item],
            },
            _ => vec![item],
        }
    }

    /// The bodies that `from` may run.
    ///
    /// What implements a trait of another crate for a type (`Display`, `Drop`) is run by
    /// that crate's code: it counts as reached where the type is named.
    pub(crate) fn reach(&self, from: BodyId) -> Reach {
        let mut to = BTreeMap::from([(from, None)]);
        let mut types = BTreeSet::new();
        let mut queue = VecDeque::from([from]);
        let mut order = Vec::new();
        let mut callers = BTreeMap::<_, Vec<_>>::new();
        while let Some(at) = queue.pop_front() {
            order.push(at);
            let mut found = |item: ItemId, fact: Option<usize>| {
                if let Some(body) = self.body_of.get(&item)
                    && !to.contains_key(body)
                {
                    to.insert(*body, Some((at, fact)));
                    queue.push_back(*body);
                }
            };
            for (number, fact) in self.bodies[at].facts.iter().enumerate() {
                for item in self.runs(&fact.what) {
                    found(item, Some(number));
                    if let Some(body) = self.body_of.get(&item) {
                        callers.entry(*body).or_default().push((at, number));
                    }
                }
            }
            let mut named: Vec<ItemId> = self.bodies[at].types.iter().copied().collect();
            while let Some(ty) = named.pop() {
                if !types.insert(ty) {
                    continue;
                }
                named.extend(self.made_of(ty));
                for id in self.impls_of.get(&ty).into_iter().flatten() {
                    let of = &self.impls[*id];
                    if matches!(of.of_trait, Some(Res::Foreign(_) | Res::Unknown(_))) {
                        of.functions.iter().for_each(|item| found(*item, None));
                    }
                }
            }
        }
        Reach {
            from,
            to,
            order,
            callers,
        }
    }

    /// The bodies that `from` may run, but for methods of values of unknown type.
    pub(crate) fn surely(&self, from: BodyId) -> BTreeSet<BodyId> {
        let mut reached = BTreeSet::from([from]);
        let mut queue = vec![from];
        while let Some(at) = queue.pop() {
            for fact in &self.bodies[at].facts {
                if matches!(fact.what, What::Method { certain: false, .. }) {
                    continue;
                }
                for item in self.runs(&fact.what) {
                    if let Some(body) = self.body_of.get(&item)
                        && reached.insert(*body)
                    {
                        queue.push(*body);
                    }
                }
            }
        }
        reached
    }

    /// The bodies that `from` runs whichever way it goes, unless it returns before: what
    /// is called in no branch and no loop, and is known to be that very function. A
    /// closure counts as called.
    pub(crate) fn always(&self, from: BodyId) -> BTreeSet<BodyId> {
        let mut reached = BTreeSet::from([from]);
        let mut queue = vec![from];
        while let Some(at) = queue.pop() {
            for fact in self.bodies[at]
                .facts
                .iter()
                .filter(|f| f.context.is_always())
            {
                // A function that is only named may never be called; a static that is named
                // is built.
                let is_value = match &fact.what {
                    What::Path {
                        target: Res::Item(item),
                    } => matches!(self.items[*item].kind, Kind::Fn(_)),
                    What::Method { certain, .. } => !certain,
                    _ => false,
                };
                if is_value {
                    continue;
                }
                if let [item] = self.runs(&fact.what).as_slice()
                    && let Some(body) = self.body_of.get(item)
                    && reached.insert(*body)
                {
                    queue.push(*body);
                }
            }
        }
        reached
    }

    /// The types of the crate in a type's fields.
    fn made_of(&self, item: ItemId) -> Vec<ItemId> {
        let mut found = Vec::new();
        let scope = super::Scope {
            module: self.items[item].module,
            ..Default::default()
        };
        let mut add = |ty: &syn::Type| items_in(&self.ty(ty, &scope), &mut found);
        match &self.items[item].kind {
            Kind::Struct(of) => of.fields.iter().for_each(|field| add(&field.ty)),
            Kind::Enum(of) => {
                let fields = of.variants.iter().flat_map(|variant| &variant.fields);
                fields.for_each(|field| add(&field.ty));
            }
            Kind::Alias(of) => add(&of.ty),
            _ => {}
        }
        found
    }
}

fn items_in(ty: &super::Ty, found: &mut Vec<ItemId>) {
    use super::Ty;
    match ty {
        Ty::Named(res, arguments) => {
            found.extend(res.item());
            arguments.iter().for_each(|ty| items_in(ty, found));
        }
        Ty::Ref(inner) | Ty::List(inner) | Ty::Fn(inner) => items_in(inner, found),
        Ty::Tuple(types) => types.iter().for_each(|ty| items_in(ty, found)),
        Ty::Unknown | Ty::Param(_) | Ty::Dyn(_) => {}
    }
}
