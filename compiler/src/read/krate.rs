//! A whole crate: its files, every annotated item in them, and who mentions what.

pub(crate) mod collect;
mod files;
mod syntax;

pub(crate) use files::is_test;
pub(crate) use syntax::Syntax;

pub use files::{SourceFile, SourceSpan, load};

use crate::{
    Ctx,
    check::{Key, code::Diagnostic},
};
use skylark_abi::schema;
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// What is known of a crate.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Its files.
    pub files: Vec<SourceFile>,
    /// Its functions, in the order of the source.
    pub functions: Vec<FunctionItem>,
    /// Its state variables, in the order of the source.
    pub states: Vec<StateItem>,
    /// Its functions that ask servers outside, in the order of the source.
    pub externals: Vec<ExternalItem>,
    /// Names of the types that the crate defines, and how many of it there are.
    pub types: BTreeMap<String, usize>,
    /// What was wrong with single files and items.
    pub diagnostics: Vec<Diagnostic>,
    /// The syntax of each file, in the order of `files`; `None` of one that is no Rust.
    pub(crate) syntax: Vec<Option<Rc<Syntax>>>,
    /// What the crate calls the runtime.
    pub(crate) ctx: Ctx,
    /// The annotated impls.
    pub(crate) services: Vec<ServiceItem>,
    /// Every identifier outside `use` items and outside what it declares.
    pub(crate) mentions: BTreeSet<String>,
    /// What each function body mentions.
    pub(crate) bodies: Vec<Body>,
    /// Names given by `use … as name`, and what they rename.
    pub(crate) aliases: BTreeMap<String, String>,
}

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Index of its file in [`Model::files`].
    pub file: usize,
    /// Its Rust module, with the crate's name: `app::billing`.
    pub module: String,
    /// Its name, in the file.
    pub ident: SourceSpan,
}

/// A function of the app.
#[derive(Debug, Clone)]
pub struct FunctionItem {
    /// Where it is.
    pub place: Place,
    /// What the module's schema will say of it.
    pub schema: schema::Function,
    /// Where its successors are written; as long as `schema.next`.
    pub next: Vec<SourceSpan>,
    /// Where the function that joins its branches is written.
    pub join: Option<SourceSpan>,
    /// Where the handler of its failures is written.
    pub on_error: Option<SourceSpan>,
    /// Whether it is `pub` in any way.
    pub public: bool,
    /// When it is compiled: the text of its `#[cfg]`s, or nothing.
    pub(crate) cfg: String,
    /// The `self` of a method, and the fields that its tokens touch.
    pub(crate) receiver: Option<crate::read::Receiver>,
}

/// A state variable of the app.
#[derive(Debug, Clone)]
pub struct StateItem {
    /// Where it is.
    pub place: Place,
    /// What the module's schema will say of it.
    pub schema: schema::State,
    /// When it is compiled: the text of its `#[cfg]`s, or nothing.
    pub(crate) cfg: String,
    /// What its key is made of, if it has one.
    pub(crate) key: Option<Key>,
    /// The functions that bring old values up to date, as the annotation names them.
    pub(crate) migrate: Vec<syn::Path>,
}

/// An annotated impl and its client.
#[derive(Debug, Clone)]
pub(crate) struct ServiceItem {
    /// Its file.
    pub(crate) file: usize,
    /// Where its type is written there, in bytes of what the parser was shown.
    pub(crate) start: usize,
    /// The name of its client, in the same module.
    pub(crate) client: String,
}

/// A function that asks a server outside.
#[derive(Debug, Clone)]
pub struct ExternalItem {
    /// Its Rust name.
    pub name: String,
    /// `POST`, …
    pub method: &'static str,
    /// Where to, with `{argument}`s.
    pub url: String,
}

/// A function body and what it mentions.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// The function's name.
    pub(crate) name: String,
    /// The type that it is a method of.
    pub(crate) owner: Option<String>,
    /// Identifiers in its signature and body.
    pub(crate) mentions: BTreeSet<String>,
}

impl Model {
    /// The schema that the crate's module will carry, without checks.
    pub fn schema(&self) -> schema::Schema {
        let functions = self.functions.iter().map(|f| {
            let entry = schema::FunctionEntry {
                module: f.place.module.clone(),
                function: f.schema.clone(),
                successors: Vec::new(),
                join_to: None,
                handler: None,
            };
            (f.schema.name.clone(), entry)
        });
        let states = self.states.iter().map(|s| {
            let entry = schema::StateEntry {
                module: s.place.module.clone(),
                state: s.schema.clone(),
            };
            (s.schema.name.clone(), entry)
        });
        schema::Schema {
            functions: functions.collect(),
            states: states.collect(),
        }
    }

    /// The path of file number `index`.
    pub(crate) fn path(&self, index: usize) -> &str {
        self.files.get(index).map_or("", |file| &file.path)
    }
}

/// Reads a crate. What is wrong with a file or an item is in
/// [`Model::diagnostics`]; the rest is read all the same.
pub fn read(files: Vec<SourceFile>, ctx: &Ctx) -> Model {
    let mut model = Model {
        ctx: ctx.clone(),
        ..Model::default()
    };
    for (index, file) in files.iter().enumerate() {
        let syntax = collect::file(index, file, ctx, &mut model);
        model.syntax.push(syntax.map(Rc::new));
    }
    model.files = files;
    model
}
