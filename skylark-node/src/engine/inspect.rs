//! Looks at a module before anything is spent on compiling it.

use super::{
    LoadError, constructors,
    host::{MEMORY, WASI},
};
use skylark_abi::{
    hints::Hints,
    names,
    schema::{Schema, SchemaError},
    shape::Shapes,
};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef,
    ValType,
};

/// What a host offers to import: `(module, name)`.
pub(super) type Offer = BTreeSet<(String, String)>;

/// Bounds that are checked here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// `max-module`, in bytes.
    pub(super) module: u64,
    /// `max-memory`, in bytes.
    pub(super) memory: u64,
}

/// What an app's module says of itself.
#[derive(Debug)]
pub(super) struct App {
    pub(super) schema: Schema,
    /// The structure of its state, if it was built by what sees it.
    pub(super) shapes: Option<Shapes>,
    /// What its build has seen of its functions.
    pub(super) hints: Hints,
    /// Whether it imports [`names::STATE_FETCH`].
    pub(super) stateful: bool,
    /// Whether a fresh instance has anything to construct.
    pub(super) constructs: bool,
}

/// Entry of a plain WASI command.
pub(super) const START: &str = "_start";

/// Checks an app's module: schema, exports, imports, memory.
pub(super) fn app(wasm: &[u8], bounds: Bounds, offer: &Offer) -> Result<App, LoadError> {
    let outline = Outline::read(wasm, bounds.module)?;
    let schema =
        Schema::from_sections(outline.schema.iter().copied()).map_err(LoadError::Schema)?;
    let shapes = outline
        .shapes
        .map(Shapes::read)
        .transpose()
        .map_err(|why| {
            let why = format!("`{}`, beside it: {why}", names::SHAPES);
            LoadError::Schema(vec![SchemaError::Malformed(why)])
        })?;
    let misnamed: Vec<SchemaError> = schema
        .functions
        .keys()
        .chain(schema.states.keys())
        .filter(|name| !names::is_valid_name(name))
        .map(|name| SchemaError::Malformed(format!("`{name}` is no valid name")))
        .collect();
    if !misnamed.is_empty() {
        return Err(LoadError::Schema(misnamed));
    }
    outline.check_imports(offer, "an app")?;
    outline.check_memory(bounds.memory, REBUILD)?;
    outline.check_function(names::ALLOC, "(i32) -> i32", REBUILD)?;
    for name in schema.functions.keys() {
        outline.check_function(&names::function_export(name), "(i32, i32) -> i64", REBUILD)?;
    }
    for (name, expected) in [
        (names::INITIALIZE, "() -> ()"),
        (names::FAILURE, "() -> i64"),
        (names::SUSPENDED, "() -> i64"),
    ] {
        if outline.exports.contains_key(name) {
            outline.check_function(name, expected, REBUILD)?;
        }
    }
    let fetches = [
        names::STATE_FETCH,
        names::STATE_FETCH_KEY,
        names::STATE_FETCH_PARTS,
    ];
    Ok(App {
        constructs: constructors::does_something(wasm, names::INITIALIZE).map_err(malformed)?,
        hints: outline.hints.map(Hints::from_section).unwrap_or_default(),
        schema,
        shapes,
        stateful: fetches
            .iter()
            .any(|f| outline.imports.contains(&(names::IMPORT_MODULE, *f))),
    })
}

/// Checks a plain WASI command.
pub(super) fn command(wasm: &[u8], bounds: Bounds, offer: &Offer) -> Result<(), LoadError> {
    let outline = Outline::read(wasm, bounds.module)?;
    let of_wasi: Offer = offer.iter().filter(|(m, _)| m == WASI).cloned().collect();
    outline.check_function(START, "() -> ()", NO_COMMAND)?;
    outline.check_imports(&of_wasi, "a plain command")?;
    outline.check_memory(bounds.memory, NO_COMMAND)
}

const REBUILD: &str =
    "build it with the `skylark-rt` of this release, as `crate-type = [\"cdylib\"]`";
const NO_COMMAND: &str = "a plain command is a program with `main`, built for wasm32-wasip1; an app goes to `PUT /f/{app}`";

/// What was found in a module, signatures as text: `(i32, i32) -> i64`.
#[derive(Debug, Default)]
struct Outline<'a> {
    imports: Vec<(&'a str, &'a str)>,
    exports: BTreeMap<&'a str, String>,
    schema: Vec<&'a [u8]>,
    shapes: Option<&'a [u8]>,
    hints: Option<&'a [u8]>,
    /// Initial size of the largest memory, in bytes.
    memory: u64,
}

impl<'a> Outline<'a> {
    fn read(wasm: &'a [u8], limit: u64) -> Result<Self, LoadError> {
        let size = wasm.len() as u64;
        if size > limit {
            return Err(LoadError::TooLarge { size, limit });
        }
        sniff(wasm)?;
        Self::parse(wasm).map_err(malformed)
    }

    fn parse(wasm: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut outline = Self::default();
        let mut types: Vec<Option<String>> = Vec::new();
        let mut functions: Vec<u32> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                            CompositeInnerType::Func(f) => Some(signature(&f)),
                            _ => None,
                        }));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        outline.imports.push((import.module, import.name));
                        match import.ty {
                            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => functions.push(ty),
                            TypeRef::Memory(_)
                            | TypeRef::Table(_)
                            | TypeRef::Global(_)
                            | TypeRef::Tag(_) => {}
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty?);
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        let memory = memory?;
                        let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                        outline.memory = outline.memory.max(memory.initial.saturating_mul(page));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let what = match export.kind {
                            ExternalKind::Func | ExternalKind::FuncExact => functions
                                .get(export.index as usize)
                                .and_then(|ty| types.get(*ty as usize)?.clone())
                                .unwrap_or_else(|| "a function of no known type".into()),
                            ExternalKind::Memory => "a memory".into(),
                            ExternalKind::Table => "a table".into(),
                            ExternalKind::Global => "a global".into(),
                            ExternalKind::Tag => "a tag".into(),
                        };
                        outline.exports.insert(export.name, what);
                    }
                }
                Payload::CustomSection(section) if section.name() == names::SECTION => {
                    outline.schema.push(section.data());
                }
                Payload::CustomSection(section) if section.name() == names::SHAPES => {
                    outline.shapes = Some(section.data());
                }
                Payload::CustomSection(section) if section.name() == names::HINTS => {
                    outline.hints = Some(section.data());
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    fn check_function(
        &self,
        name: &str,
        expected: &'static str,
        mend: &'static str,
    ) -> Result<(), LoadError> {
        let found = match self.exports.get(name) {
            Some(found) if found == expected => return Ok(()),
            Some(found) => format!("there is {found}"),
            None => "there is none".into(),
        };
        Err(LoadError::Export {
            name: name.to_owned(),
            expected,
            found,
            mend,
        })
    }

    fn check_memory(&self, limit: u64, mend: &'static str) -> Result<(), LoadError> {
        self.check_function(MEMORY, "a memory", mend)?;
        if self.memory > limit {
            return Err(LoadError::Memory {
                initial: self.memory,
                limit,
            });
        }
        Ok(())
    }

    fn check_imports(&self, offer: &Offer, what: &str) -> Result<(), LoadError> {
        let unknown = self
            .imports
            .iter()
            .find(|(m, n)| !offer.contains(&((*m).to_owned(), (*n).to_owned())));
        match unknown {
            None => Ok(()),
            Some((module, name)) => Err(LoadError::UnknownImport {
                module: (*module).to_owned(),
                name: (*name).to_owned(),
                hint: hint(module, name, what),
            }),
        }
    }
}

fn malformed(error: BinaryReaderError) -> LoadError {
    LoadError::Malformed {
        offset: error.offset(),
        why: error.message().to_owned(),
    }
}

fn signature(f: &FuncType) -> String {
    let list = |types: &[ValType]| {
        let names: Vec<String> = types.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    match f.results() {
        [one] => format!("({}) -> {one}", list(f.params())),
        several => format!("({}) -> ({})", list(f.params()), list(several)),
    }
}

/// Tells a core module from what else people send.
fn sniff(bytes: &[u8]) -> Result<(), LoadError> {
    const TARGET: &str = "send the `.wasm` file that `cargo skylark build` or \
                          `cargo build --target wasm32-wasip1` makes";
    let no_wasm = |found, mend| Err(LoadError::NotWasm { found, mend });
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => no_wasm(
            "a component",
            "build for wasm32-wasip1, not wasip2, and leave out `wasm-tools component new`",
        ),
        [b'\0', b'a', b's', b'm', ..] => no_wasm("WebAssembly of an unknown version", TARGET),
        [] => no_wasm("empty", TARGET),
        [0x7f, b'E', b'L', b'F', ..] => no_wasm(
            "an ELF file (a native program or a compiled module)",
            TARGET,
        ),
        [b'M', b'Z', ..] => no_wasm("a Windows program", TARGET),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => no_wasm("a macOS program", TARGET),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => no_wasm(
            "a static library",
            "build with `crate-type = [\"cdylib\"]` and send the `.wasm` file",
        ),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'P', b'K', 3, 4, ..] => no_wasm(
            "a compressed file",
            "unpack it and send the `.wasm` file in it",
        ),
        _ => match std::str::from_utf8(&bytes[..bytes.len().min(512)]) {
            Ok(text) if text.trim_start().starts_with("(module") => no_wasm(
                "WebAssembly text",
                "turn it into binary form first, with `wasm-tools parse` or `wat2wasm`",
            ),
            // A text cut within a character is text, too.
            Ok(_) => no_wasm("a text", TARGET),
            Err(e) if e.error_len().is_none() => no_wasm("a text", TARGET),
            Err(_) => no_wasm("something unknown", TARGET),
        },
    }
}

/// WASI preview 1 has these four socket functions; WasmEdge has more.
const WASI_SOCKETS: [&str; 4] = ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"];

fn hint(module: &str, name: &str, what: &str) -> String {
    match module {
        WASI if name.starts_with("sock_") && !WASI_SOCKETS.contains(&name) => {
            "it is one of WasmEdge's socket functions, so the module was built for WasmEdge; build it for \
             the node, without the WasmEdge target or a crate like `wasmedge_wasi_socket`"
                .into()
        }
        WASI => "WASI preview 1 has no such function; build for wasm32-wasip1".into(),
        "wasi_unstable" => "it was built for WASI preview 0; build for wasm32-wasip1".into(),
        "env" => "it is a symbol that the linker did not find, often of a C library or an `extern` block; \
                  link what defines it, or leave out what needs it"
            .into(),
        names::IMPORT_MODULE if what == "an app" => {
            "this release has no such host function; build with the `skylark-rt` of this release".into()
        }
        names::IMPORT_MODULE => {
            format!("{what} has no Skylark host functions; an app goes to `PUT /f/{{app}}`")
        }
        other if other.starts_with("skylark_v") => format!(
            "it was built for another version of the contract, this node has `{}`; build with the \
             `skylark-rt` of this release, or update the node",
            names::IMPORT_MODULE
        ),
        other if other.starts_with("__wbindgen") || other == "wbg" => {
            "it was built for a browser; turn off the dependency feature that brings in wasm-bindgen \
             (`js`, `wasmbind`, `wasm-bindgen`)"
                .into()
        }
        other if other.starts_with("wasmedge") || other.starts_with("wasi_nn") => {
            "it is an extension of WasmEdge; build the module for the node".into()
        }
        other if other.contains(':') => {
            "it is an interface of the component model; build for wasm32-wasip1, not wasip2".into()
        }
        _ => format!(
            "{what} imports from `{}` and `{WASI}` only; leave out what needs more",
            names::IMPORT_MODULE
        ),
    }
}
