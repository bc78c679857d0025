//! What only the whole crate shows: what handlers run, however deep, and what the
//! crate does to its state.
//!
//! A check here would rather miss something than cry where nothing is wrong: it
//! follows calls whose target is certain, and says nothing where it cannot see.

mod address;
mod chain;
mod cycles;
mod fan_out;
mod forgotten;
mod growth;
mod guards;
mod hash;
mod look;
mod outside;
mod secrets;
mod statics;
mod stored;

use super::code::{Code, Diagnostic, Label, Suggestion};
use crate::{
    analyse::{BodyId, Index, ItemId, Kind, Mode, Res, Site, What},
    read::{Annotation, krate::SourceSpan},
};
use proc_macro2::Span;
use std::collections::{BTreeSet, VecDeque};

/// Which functions count as handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handlers {
    /// Those that are annotated.
    #[default]
    Annotated,
    /// Every public function and method: to look at a crate that is no app yet.
    AllPublic,
}

/// Adds what is found.
pub(super) fn check(index: &Index<'_>, handlers: Handlers, found: &mut Vec<Diagnostic>) {
    let lints = Lints::new(index, handlers);
    outside::check(&lints, found);
    address::check(&lints, found);
    hash::check(&lints, found);
    statics::check(&lints, found);
    guards::check(&lints, found);
    stored::check(&lints, found);
    secrets::check(&lints, found);
    growth::check(&lints, found);
    forgotten::check(&lints, found);
    cycles::check(&lints, found);
    fan_out::check(&lints, found);
    chain::check(index.model, found);
}

/// How a body is reached: from whom, and where that calls it.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: BodyId,
    site: Site,
}

/// How handlers come to a body.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It is a handler's own.
    Handler,
    /// From another that is reached.
    Called(Step),
}

/// A crate and what its handlers run.
struct Lints<'a, 'm> {
    index: &'a Index<'m>,
    /// By body: what it certainly runs, and where it says so.
    runs: Vec<Vec<(BodyId, Site)>>,
    /// By body: the shortest way there, if a handler runs it.
    ways: Vec<Option<Way>>,
    /// The handlers' bodies.
    handlers: Vec<BodyId>,
}

impl<'a, 'm> Lints<'a, 'm> {
    fn new(index: &'a Index<'m>, handlers: Handlers) -> Self {
        let handlers: Vec<BodyId> = match handlers {
            Handlers::Annotated => index
                .handlers()
                .iter()
                .map(|handler| handler.body)
                .collect(),
            Handlers::AllPublic => {
                let public = |id: &ItemId| {
                    let item = &index.items[*id];
                    item.public && matches!(item.kind, Kind::Fn(_))
                };
                let items = (0..index.items.len()).filter(public);
                items
                    .filter_map(|id| index.body_of.get(&id).copied())
                    .collect()
            }
        };
        let bodies = 0..index.bodies.len();
        let all: Vec<Vec<(BodyId, Site)>> = bodies.map(|body| runs(index, body)).collect();
        let mut ways = vec![None; index.bodies.len()];
        let mut queue = VecDeque::new();
        for handler in &handlers {
            ways[*handler] = Some(Way::Handler);
            queue.push_back(*handler);
        }
        // Breadth first: the first way found is a shortest.
        while let Some(from) = queue.pop_front() {
            for (to, site) in &all[from] {
                if ways[*to].is_none() {
                    ways[*to] = Some(Way::Called(Step { from, site: *site }));
                    queue.push_back(*to);
                }
            }
        }
        Self {
            index,
            runs: all,
            ways,
            handlers,
        }
    }

    /// The bodies that handlers run.
    fn reached(&self) -> impl Iterator<Item = BodyId> + '_ {
        (0..self.ways.len()).filter(|body| self.ways[*body].is_some())
    }

    /// A finding at a place, with nothing but a message yet.
    fn finding(&self, code: Code, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            code,
            level: code.level(),
            message,
            file: self.index.file(site).to_owned(),
            span: self.index.locate(site),
            label: String::new(),
            labels: Vec::new(),
            help: Vec::new(),
            suggestion: None,
        }
    }

    /// A finding in a body that handlers run, with the way there: a label at the
    /// handler and one at each call between.
    fn on_the_way(&self, code: Code, body: BodyId, site: Site, message: String) -> Diagnostic {
        let mut d = self.finding(code, site, message);
        let mut at = body;
        while let Some(Way::Called(step)) = &self.ways[at] {
            let called = &self.item(at).name;
            d.labels
                .push(self.label(step.site, format!("which runs `{called}` here")));
            at = step.from;
        }
        let handler = self.item(at);
        let what = if at == body {
            "in this function".to_owned()
        } else {
            "it is run by this function".to_owned()
        };
        d.labels.push(self.label(handler.site, what));
        d.labels.reverse();
        d
    }

    fn label(&self, site: Site, text: impl Into<String>) -> Label {
        Label {
            file: self.index.file(site).to_owned(),
            span: self.index.locate(site),
            text: text.into(),
        }
    }

    /// Whose body it is.
    fn item(&self, body: BodyId) -> &crate::analyse::Item<'m> {
        &self.index.items[self.index.bodies[body].item]
    }

    /// The handler from which a body is reached, by its name.
    fn handler_of(&self, mut body: BodyId) -> &str {
        while let Some(Way::Called(step)) = &self.ways[body] {
            body = step.from;
        }
        &self.item(body).name
    }

    /// What people call a function: `place`, `Hotel::reserve`.
    fn name(&self, item: ItemId) -> String {
        let path = &self.index.items[item].path;
        let mut last = path.rsplit("::");
        match (last.next(), last.next()) {
            (Some(own), Some(of)) if of.starts_with(|c: char| c.is_ascii_uppercase()) => {
                format!("{of}::{own}")
            }
            (Some(own), _) => own.to_owned(),
            _ => path.clone(),
        }
    }

    /// Whether an item has this annotation.
    fn is(&self, item: ItemId, annotation: Annotation) -> bool {
        let own = &self.index.items[item].annotation;
        own.is_some_and(|(own, _)| own == annotation)
    }

    /// The crate's name for the runtime.
    fn runtime(&self) -> String {
        self.index.model.ctx.name()
    }

    /// An annotation put before the item whose name is at `site`: at the beginning
    /// of its line, if nothing but its keywords stands there. `keyword` is what the
    /// name follows.
    fn annotate(&self, site: Site, keyword: &str, annotation: &str) -> Option<Suggestion> {
        let file = self.index.model.files.get(site.file)?;
        let name = self.index.locate(site);
        let line = file.text[..name.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &file.text[line..name.start];
        let words = before.trim_start();
        let fits = words.split_whitespace().all(|word| {
            word == keyword || matches!(word, "pub" | "async" | "mut") || word.starts_with("pub(")
        });
        let indent = &before[..before.len() - words.len()];
        let start = line + indent.len();
        fits.then(|| Suggestion {
            file: file.path.clone(),
            span: file.span(start..start),
            replacement: format!("#[{}::{annotation}]\n{indent}", self.runtime()),
            certain: false,
        })
    }

    /// The source text of a place.
    fn source(&self, file: usize, span: Span) -> &str {
        let SourceSpan { start, end, .. } = self.index.locate(Site { file, span });
        let text = self
            .index
            .model
            .files
            .get(file)
            .map(|file| file.text.as_str());
        text.and_then(|text| text.get(start..end))
            .unwrap_or_default()
    }
}

/// What a body certainly runs, and where it says so.
fn runs(index: &Index<'_>, body: BodyId) -> Vec<(BodyId, Site)> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for fact in &index.bodies[body].facts {
        let mut add = |item: ItemId| {
            if let Some(to) = index.body_of.get(&item)
                && seen.insert(*to)
            {
                all.push((*to, fact.site));
            }
        };
        match &fact.what {
            What::Call {
                target: Res::Item(item),
                mode: Mode::Here,
                ..
            }
            | What::Path {
                target: Res::Item(item),
            } => add(*item),
            What::Lent { object } => add(*object),
            What::Method {
                targets,
                certain: true,
                mode: Mode::Here,
                ..
            } => targets.iter().for_each(|item| add(*item)),
            _ => {}
        }
    }
    all
}
