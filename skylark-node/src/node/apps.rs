//! The apps that are loaded, and their modules on disk.

use super::{
    Node, NodeError,
    fuse::Fallen,
    keyed::{Arguments, PartHint, Told},
    quick::Quick,
};
use crate::{
    engine::{Engine, Module},
    store::Lane,
};
use bytes::Bytes;
use serde::Serialize;
use skylark_abi::{
    Schema,
    call::{Scope, Variable},
    hints::FunctionHints,
    keys::Part,
    names,
    run::Invocation,
    schema::nearest,
    shape::Shapes,
    value::Codec,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

/// What is shown of an app.
#[derive(Debug, Clone, Serialize)]
pub struct AppView {
    /// Its name.
    pub app: String,
    /// SHA-256 of the module.
    pub hash: String,
    /// Size of the module.
    pub bytes: u64,
    /// Functions and states.
    #[serde(flatten)]
    pub schema: Schema,
}

/// Most entries that are known of one function.
const MAX_HINTS: usize = 64;

/// A loaded app.
pub(super) struct App {
    pub(super) name: String,
    pub(super) module: Module,
    pub(super) schema: Arc<Schema>,
    functions: BTreeMap<String, Known>,
    /// Whether any of its state has entries.
    has_entries: bool,
    /// What the node has learned of each function's state.
    learned: RwLock<BTreeMap<String, Learned>>,
    /// One lane per variable: invocations on this node that write the same
    /// variable go one after the other instead of into each other's conflict.
    lanes: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
    /// Functions that are not fused for now.
    pub(super) fallen: Fallen,
}

/// A function of a loaded app.
pub(super) struct Known {
    pub(super) names: Arc<Names>,
    pub(super) quick: Quick,
    /// How its result is encoded.
    pub(super) result: Codec,
}

/// A function and its app.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) app: String,
    pub(super) function: String,
}

/// The app-scoped variables that executions of a function have touched so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Learned {
    pub(super) touched: Arc<BTreeSet<String>>,
    pub(super) written: Arc<BTreeSet<String>>,
    /// Those of a key.
    pub(super) keyed: Arc<BTreeSet<String>>,
    /// Lengths of collections, and entries whose keys were among the arguments, and
    /// whether they have been read each time.
    pub(super) parts: Arc<BTreeMap<PartHint, bool>>,
}

impl Learned {
    /// The parts that are worth being read ahead.
    pub(super) fn parts(&self) -> impl Iterator<Item = &PartHint> {
        let held = self.parts.iter().filter(|(_, holds)| **holds);
        held.map(|(hint, _)| hint)
    }
}

impl App {
    fn new(name: &str, module: Module) -> Self {
        let schema = module.schema();
        let functions = schema
            .functions
            .iter()
            .map(|(function, entry)| {
                let names = Names {
                    app: name.to_owned(),
                    function: function.clone(),
                };
                let known = Known {
                    names: Arc::new(names),
                    quick: Quick::new(
                        !entry.successors.is_empty() || entry.function.may_wait(),
                        !schema.states.is_empty(),
                    ),
                    result: entry.function.result_codec(),
                };
                (function.clone(), known)
            })
            .collect();
        let lanes = schema
            .states
            .keys()
            .map(|name| (name.clone(), Arc::default()))
            .collect();
        let has_entries = schema.states.values().any(|e| !e.state.is_whole());
        let app = Self {
            name: name.to_owned(),
            has_entries,
            schema: Arc::new(module.schema().clone()),
            functions,
            learned: RwLock::default(),
            lanes,
            module,
            fallen: Fallen::default(),
        };
        app.take_hints();
        app
    }

    /// Begins with what the build has seen, as if it had been learned: the first call
    /// fetches what it needs ahead. Hints that are wrong cost what wrong guesses cost; what
    /// is not declared is no hint.
    fn take_hints(&self) {
        for (function, hints) in &self.module.hints().functions {
            if self.known(function).is_none() {
                continue;
            }
            // Who adds to a counter must not wait, nor go by what it was.
            let is_plain = |name: &str| {
                let entry = self.schema.state(name);
                entry.is_some_and(|e| e.state.collection().is_none())
            };
            let is_read = |name: &&str| match is_plain(name) {
                true => hints.reads.contains(*name),
                false => hints.sizes.contains(*name),
            };
            let declared = |scope| -> BTreeSet<String> {
                let of_scope = self.schema.states_in(scope);
                of_scope.filter(is_read).map(str::to_owned).collect()
            };
            let (touched, keyed) = (declared(Scope::App), declared(Scope::Key));
            let written = hints.writes.intersection(&touched);
            let written = written.filter(|name| is_plain(name)).cloned().collect();
            self.take_parts(function, hints);
            let nothing = touched.is_empty() && keyed.is_empty();
            // Only one of which all was seen is taken for one without state.
            if !nothing || (hints.complete && hints.reads.is_empty()) {
                self.learn(function, &touched, &written, &keyed);
            }
        }
    }

    /// Takes lengths, and entries by their places, for read, until a call does not.
    fn take_parts(&self, function: &str, hints: &FunctionHints) {
        let part = |state: &String, part| PartHint {
            state: state.clone(),
            part,
        };
        let lens = hints.sizes.iter().map(|state| part(state, Told::Len));
        let places = hints.entries.iter().flat_map(|(state, paths)| {
            let of = |path: &String| part(state, Told::Entry(path.clone()));
            paths.iter().map(of)
        });
        let has_entries = |hint: &PartHint| {
            let entry = self.schema.states.get(&hint.state);
            entry.is_some_and(|e| !e.state.is_whole() && e.state.scope != Scope::Chain)
        };
        let parts: BTreeMap<PartHint, bool> = lens
            .chain(places)
            .filter(has_entries)
            .take(MAX_HINTS)
            .map(|hint| (hint, true))
            .collect();
        if !parts.is_empty() {
            let mut learned = self.learned.write().unwrap_or_else(|e| e.into_inner());
            learned.entry(function.to_owned()).or_default().parts = Arc::new(parts);
        }
    }

    /// A function; `None` if the app has none of that name.
    pub(super) fn known(&self, function: &str) -> Option<&Known> {
        self.functions.get(function)
    }

    /// What is known of a function's state; nothing at first.
    pub(super) fn learned(&self, function: &str) -> Learned {
        let learned = self.learned.read().unwrap_or_else(|e| e.into_inner());
        learned.get(function).cloned().unwrap_or_default()
    }

    /// Adds what an execution touched. The sets only grow, up to the number of
    /// declared variables.
    pub(super) fn learn(
        &self,
        function: &str,
        touched: &BTreeSet<String>,
        written: &BTreeSet<String>,
        keyed: &BTreeSet<String>,
    ) {
        if touched.is_empty()
            && written.is_empty()
            && keyed.is_empty()
            && let Some(known) = self.known(function)
        {
            known.quick.touched_none();
        }
        let known = self.learned(function);
        if touched.is_subset(&known.touched)
            && written.is_subset(&known.written)
            && keyed.is_subset(&known.keyed)
        {
            return;
        }
        let mut learned = self.learned.write().unwrap_or_else(|e| e.into_inner());
        let entry = learned.entry(function.to_owned()).or_default();
        entry.touched = Arc::new(entry.touched.union(touched).cloned().collect());
        entry.written = Arc::new(entry.written.union(written).cloned().collect());
        entry.keyed = Arc::new(entry.keyed.union(keyed).cloned().collect());
    }

    /// Learns from the parts of collections that an execution read which of them could have
    /// been told. One that was told and not read is not looked at again.
    pub(super) fn learn_parts(&self, invocation: &Invocation, touched: &[Variable]) {
        if !self.has_entries {
            return;
        }
        let read: BTreeSet<(&str, Part, &str)> = touched
            .iter()
            .filter_map(|v| Some((v.name.as_str(), v.part?, v.at.as_str())))
            .filter(|(_, part, _)| matches!(part, Part::Entry | Part::Len))
            .collect();
        let function = &invocation.function;
        let known = self.learned(function).parts;
        if read.is_empty() && known.is_empty() {
            return;
        }
        let Some(arguments) = Arguments::of(&self.schema, invocation) else {
            return;
        };
        let mut parts = BTreeMap::new();
        for (hint, holds) in &*known {
            let told = hint.part(&arguments);
            let is_read = |(part, at): (Part, String)| {
                read.contains(&(hint.state.as_str(), part, at.as_str()))
            };
            if *holds && !told.is_some_and(is_read) {
                parts.insert(hint.clone(), false);
            }
        }
        let mut learn = |state: &str, part: Told| {
            let state = state.to_owned();
            let hint = PartHint { state, part };
            if !known.contains_key(&hint) && known.len() + parts.len() < MAX_HINTS {
                parts.insert(hint, true);
            }
        };
        for (state, part, _) in &read {
            if *part == Part::Len {
                learn(state, Told::Len);
            }
        }
        for (path, scalar) in arguments.scalars() {
            let Some(key) = scalar.entry_key() else {
                continue;
            };
            let is_it = |(_, part, at): &&(&str, Part, &str)| *part == Part::Entry && *at == key;
            for (state, ..) in read.iter().filter(is_it) {
                learn(state, Told::Entry(path.clone()));
            }
        }
        if !parts.is_empty() {
            let mut learned = self.learned.write().unwrap_or_else(|e| e.into_inner());
            let entry = learned.entry(function.to_owned()).or_default();
            let mut all = (*entry.parts).clone();
            all.extend(parts);
            entry.parts = Arc::new(all);
        }
    }

    /// Adds what another node knows of a function that runs there.
    pub(super) fn learn_of(&self, function: &str, touched: &[String], keyed: &[String]) {
        let declared = |scope, names: &[String]| -> BTreeSet<String> {
            let of_scope: BTreeSet<_> = self.schema.states_in(scope).collect();
            let known = names.iter().filter(|n| of_scope.contains(n.as_str()));
            known.cloned().collect()
        };
        let touched = declared(Scope::App, touched);
        let keyed = declared(Scope::Key, keyed);
        if !touched.is_empty() || !keyed.is_empty() {
            self.learn(function, &touched, &BTreeSet::new(), &keyed);
        }
    }

    /// Waits for the lanes of these variables, in the order of their names, so
    /// that two waits cannot deadlock.
    pub(super) async fn lanes(&self, variables: &BTreeSet<String>) -> Vec<Lane> {
        let mut guards = Vec::with_capacity(variables.len());
        for name in variables {
            if let Some(lane) = self.lanes.get(name) {
                guards.push(lane.clone().lock_owned().await);
            }
        }
        guards
    }

    /// The same, if they are all free.
    pub(super) fn free_lanes(&self, variables: &BTreeSet<String>) -> Option<Vec<Lane>> {
        let lanes = variables.iter().filter_map(|name| self.lanes.get(name));
        lanes
            .map(|lane| lane.clone().try_lock_owned().ok())
            .collect()
    }

    pub(super) fn view(&self) -> AppView {
        AppView {
            app: self.name.clone(),
            hash: self.module.hash().to_owned(),
            bytes: self.module.size(),
            schema: self.module.schema().clone(),
        }
    }

    /// The function's own time limit, if it has one.
    pub(super) fn timeout(&self, function: &str) -> Option<Duration> {
        let functions = &self.module.schema().functions;
        functions.get(function)?.function.options.timeout
    }
}

/// The apps by name.
pub(super) struct Apps {
    dir: PathBuf,
    loaded: RwLock<BTreeMap<String, Arc<App>>>,
}

impl Apps {
    /// Loads what `data/apps` holds.
    pub(super) async fn open(data: &Path, engine: &Engine) -> Result<Self, NodeError> {
        let dir = data.join("apps");
        let apps = Self {
            loaded: RwLock::default(),
            dir,
        };
        std::fs::create_dir_all(&apps.dir).map_err(|e| io("creating", &apps.dir, e))?;
        let entries = std::fs::read_dir(&apps.dir).map_err(|e| io("listing", &apps.dir, e))?;
        for entry in entries {
            let path = entry.map_err(|e| io("listing", &apps.dir, e))?.path();
            let name = path.file_stem().and_then(|s| s.to_str());
            let (Some(name), Some("wasm")) = (name, path.extension().and_then(|e| e.to_str()))
            else {
                continue;
            };
            let wasm = std::fs::read(&path).map_err(|e| io("reading", &path, e))?;
            match engine.load(wasm.into()).await {
                Ok(module) => apps.insert(App::new(name, module)),
                // One module that an update of the node no longer takes must
                // not keep the others from being served.
                Err(error) => {
                    tracing::error!(app = name, %error, "a kept module does not load; upload it again")
                }
            }
        }
        Ok(apps)
    }

    fn insert(&self, app: App) {
        let mut loaded = self.loaded.write().unwrap_or_else(|e| e.into_inner());
        loaded.insert(app.name.clone(), Arc::new(app));
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<App>> {
        let loaded = self.loaded.read().unwrap_or_else(|e| e.into_inner());
        loaded.get(name).cloned()
    }

    fn all(&self) -> Vec<Arc<App>> {
        let loaded = self.loaded.read().unwrap_or_else(|e| e.into_inner());
        loaded.values().cloned().collect()
    }
}

impl Node {
    /// Loads a module as an app, in place of an earlier one of that name, and
    /// keeps it on disk. Calls under way finish on the module they began with.
    ///
    /// `force` takes a module that does not read, or would lose, what the store
    /// holds; without it such a module is refused.
    ///
    /// # Errors
    /// The name cannot be one, the module is refused, or the disk is.
    pub async fn upload(&self, app: &str, wasm: Bytes, force: bool) -> Result<AppView, NodeError> {
        self.accepting()?;
        if !names::is_valid_name(app) {
            return Err(NodeError::InvalidName {
                name: app.to_owned(),
            });
        }
        let module = self.0.engine.load(wasm.clone()).await?;
        if !force {
            self.refuse_broken_state(app, &module).await?;
        }
        let path = self.0.apps.dir.join(format!("{app}.wasm"));
        let written = path.clone();
        tokio::task::spawn_blocking(move || write_atomically(&written, &wasm))
            .await
            .map_err(|e| io("writing", &path, std::io::Error::other(e)))?
            .map_err(|e| io("writing", &path, e))?;
        let loaded = App::new(app, module);
        let view = loaded.view();
        tracing::info!(app, hash = view.hash, bytes = view.bytes, "app loaded");
        self.0.apps.insert(loaded);
        Ok(view)
    }

    /// What is loaded.
    pub fn apps(&self) -> Vec<AppView> {
        self.0.apps.all().iter().map(|a| a.view()).collect()
    }

    /// One app.
    ///
    /// # Errors
    /// It is not loaded.
    pub fn app(&self, name: &str) -> Result<AppView, NodeError> {
        Ok(self.loaded(name)?.view())
    }

    /// The structure of an app's state, if its module shows it.
    ///
    /// # Errors
    /// It is not loaded.
    pub fn shapes(&self, name: &str) -> Result<Option<Shapes>, NodeError> {
        Ok(self.loaded(name)?.module.shapes().cloned())
    }

    pub(super) fn loaded(&self, name: &str) -> Result<Arc<App>, NodeError> {
        self.0.apps.get(name).ok_or_else(|| {
            let all = self.0.apps.all();
            NodeError::UnknownApp {
                app: name.to_owned(),
                node: self.name().to_owned(),
                nearest: nearest(name, all.iter().map(|a| a.name.as_str())).map(str::to_owned),
            }
        })
    }

    pub(super) fn function(&self, app: &str, function: &str) -> Result<Arc<App>, NodeError> {
        let loaded = self.loaded(app)?;
        let functions = &loaded.module.schema().functions;
        if functions.contains_key(function) {
            return Ok(loaded);
        }
        Err(NodeError::UnknownFunction {
            app: app.to_owned(),
            function: function.to_owned(),
            nearest: nearest(function, functions.keys().map(String::as_str)).map(str::to_owned),
        })
    }
}

fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", uuid::Uuid::new_v4().simple()));
    let result = (|| {
        use std::io::Write;
        let mut file = std::fs::File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if result.is_err() {
        // The error that matters is the one above.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

fn io(what: &str, path: &Path, source: std::io::Error) -> NodeError {
    NodeError::Io {
        what: format!("{what} {}", path.display()),
        source,
    }
}
