//! A loaded app.

use super::{
    Engine,
    host::{Guest, MEMORY},
    inspect::App,
};
use sha2::{Digest, Sha256};
use skylark_abi::{
    Schema,
    call::{Failure, FailureKind},
    hints::Hints,
    names,
    schema::nearest,
    shape::{Shapes, Side},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use wasmtime::{InstancePre, ModuleExport};

/// A compiled app, ready to be called. A clone is the same module.
#[derive(Clone)]
pub struct Module {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) pre: InstancePre<Guest>,
    schema: Schema,
    shapes: Option<Shapes>,
    hints: Hints,
    name: Name,
    /// Whether it can ask for state.
    pub(super) stateful: bool,
    pub(super) memory: ModuleExport,
    pub(super) alloc: ModuleExport,
    /// Constructs what a fresh instance needs, if it has anything to.
    pub(super) initialize: Option<ModuleExport>,
    /// Tells after a trap what the guest ended itself with.
    pub(super) failure: Option<ModuleExport>,
    /// Tells the wait that an instance has ended itself with.
    pub(super) suspended: Option<ModuleExport>,
    functions: BTreeMap<String, Function>,
}

/// A function of an app, looked up once.
pub(super) struct Function {
    pub(super) entry: ModuleExport,
    /// Its `memory` option, in bytes.
    pub(super) memory: Option<u64>,
    /// Its `timeout` option.
    pub(super) timeout: Option<Duration>,
}

/// What identifies a module: its contents.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) sha256: [u8; 32],
    pub(super) hex: String,
    size: u64,
}

impl Name {
    pub(super) fn of(wasm: &[u8]) -> Self {
        let sha256: [u8; 32] = Sha256::digest(wasm).into();
        Self {
            hex: hex(&sha256),
            sha256,
            size: wasm.len() as u64,
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("hash", &self.inner.name.hex)
            .field("functions", &self.inner.functions.keys())
            .finish_non_exhaustive()
    }
}

impl Module {
    /// `app` was read from the very module that `code` was compiled from, so
    /// its exports are there.
    pub(super) fn new(
        engine: Engine,
        code: &wasmtime::Module,
        pre: InstancePre<Guest>,
        app: App,
        name: Name,
    ) -> Option<Self> {
        let functions = app
            .schema
            .functions
            .iter()
            .map(|(name, entry)| {
                let options = &entry.function.options;
                let function = Function {
                    entry: code.get_export_index(&names::function_export(name))?,
                    memory: options.memory,
                    timeout: options.timeout,
                };
                Some((name.clone(), function))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            inner: Arc::new(Inner {
                engine,
                pre,
                stateful: app.stateful,
                memory: code.get_export_index(MEMORY)?,
                alloc: code.get_export_index(names::ALLOC)?,
                initialize: code
                    .get_export_index(names::INITIALIZE)
                    .filter(|_| app.constructs),
                failure: code.get_export_index(names::FAILURE),
                suspended: code.get_export_index(names::SUSPENDED),
                functions,
                schema: app.schema,
                shapes: app.shapes,
                hints: app.hints,
                name,
            }),
        })
    }

    /// Its functions, states and chain edges.
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// The structure of its state, if `cargo skylark build` made it.
    pub fn shapes(&self) -> Option<&Shapes> {
        self.inner.shapes.as_ref()
    }

    /// What it says of its state, to be compared with another's.
    pub fn side(&self) -> Side<'_> {
        Side {
            schema: self.schema(),
            shapes: self.shapes(),
        }
    }

    /// What its build has seen of its functions; it may be wrong.
    pub fn hints(&self) -> &Hints {
        &self.inner.hints
    }

    /// SHA-256 of the module as uploaded, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.inner.name.hex
    }

    /// Size of the module as uploaded, in bytes.
    pub fn size(&self) -> u64 {
        self.inner.name.size
    }
}

impl Inner {
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn function(&self, name: &str) -> Result<&Function, Failure> {
        self.functions.get(name).ok_or_else(|| {
            let known = self.functions.keys().map(String::as_str);
            let hint = nearest(name, known).map(|n| format!("; did you mean `{n}`?"));
            Failure::new(
                FailureKind::NotFound,
                format!(
                    "the app has no function `{name}`{}",
                    hint.unwrap_or_default()
                ),
            )
        })
    }
}
