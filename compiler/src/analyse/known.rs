//! What the analysis knows of std by heart: it sees the source of the crate only.

use super::names::Space;

/// The path at which people know what is in two places.
pub(super) fn canonical(path: String) -> String {
    const PLACES: &[(&str, &str)] = &[
        (
            "std::collections::hash_map::HashMap",
            "std::collections::HashMap",
        ),
        (
            "std::collections::hash_set::HashSet",
            "std::collections::HashSet",
        ),
        (
            "std::collections::btree_map::BTreeMap",
            "std::collections::BTreeMap",
        ),
        (
            "std::collections::btree_set::BTreeSet",
            "std::collections::BTreeSet",
        ),
        // The prelude has the crate itself.
        ("skylark::prelude::skylark", "skylark"),
    ];
    let place = PLACES.iter().find(|(from, _)| {
        path.strip_prefix(from)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    match place {
        Some((from, to)) => format!("{to}{}", &path[from.len()..]),
        None => path,
    }
}

/// What is in a module of std that people import all of; `None` of one that is not known.
pub(super) fn contents(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "skylark::prelude" => &["skylark", "Failure", "FailureKind"],
        "std::collections" => &[
            "BTreeMap",
            "BTreeSet",
            "BinaryHeap",
            "HashMap",
            "HashSet",
            "LinkedList",
            "VecDeque",
            "btree_map",
            "btree_set",
            "hash_map",
            "hash_set",
        ],
        "std::sync" => &[
            "Arc",
            "Barrier",
            "Condvar",
            "LazyLock",
            "Mutex",
            "MutexGuard",
            "Once",
            "OnceLock",
            "RwLock",
            "RwLockReadGuard",
            "RwLockWriteGuard",
            "Weak",
            "atomic",
            "mpsc",
        ],
        "std::sync::atomic" => &[
            "AtomicBool",
            "AtomicI8",
            "AtomicI16",
            "AtomicI32",
            "AtomicI64",
            "AtomicIsize",
            "AtomicPtr",
            "AtomicU8",
            "AtomicU16",
            "AtomicU32",
            "AtomicU64",
            "AtomicUsize",
            "Ordering",
            "fence",
        ],
        "std::cell" => &[
            "Cell",
            "LazyCell",
            "OnceCell",
            "Ref",
            "RefCell",
            "RefMut",
            "UnsafeCell",
        ],
        "std::time" => &["Duration", "Instant", "SystemTime", "UNIX_EPOCH"],
        "std::rc" => &["Rc", "Weak"],
        "std::io" => &[
            "Read",
            "Write",
            "BufRead",
            "Seek",
            "Error",
            "ErrorKind",
            "Result",
        ],
        "std::io::prelude" => &["Read", "Write", "BufRead", "Seek"],
        "std::env" => &[
            "args",
            "var",
            "vars",
            "current_dir",
            "temp_dir",
            "set_var",
            "var_os",
        ],
        "std::thread" => &["spawn", "sleep", "current", "scope", "JoinHandle", "Thread"],
        "std::fs" => &[
            "File",
            "OpenOptions",
            "read",
            "read_to_string",
            "write",
            "read_dir",
        ],
        "std::net" => &[
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "IpAddr",
            "SocketAddr",
        ],
        "std::fmt" => &["Debug", "Display", "Formatter", "Write", "Arguments"],
        "std::mem" => &["replace", "swap", "take", "drop", "size_of"],
        "std::process" => &["Command", "Child", "Stdio", "exit", "abort"],
        _ => return None,
    })
}

/// Where what needs no import is.
pub(super) fn of_prelude(name: &str, space: Space) -> Option<&'static str> {
    Some(match (name, space) {
        ("Box", Space::Type) => "std::boxed::Box",
        ("Option", Space::Type) => "std::option::Option",
        ("Result", Space::Type) => "std::result::Result",
        ("String", Space::Type) => "std::string::String",
        ("Vec", Space::Type) => "std::vec::Vec",
        ("Clone", Space::Type) => "std::clone::Clone",
        ("Copy", Space::Type) => "std::marker::Copy",
        ("Send", Space::Type) => "std::marker::Send",
        ("Sync", Space::Type) => "std::marker::Sync",
        ("Default", Space::Type) => "std::default::Default",
        ("Drop", Space::Type) => "std::ops::Drop",
        ("Fn", Space::Type) => "std::ops::Fn",
        ("FnMut", Space::Type) => "std::ops::FnMut",
        ("FnOnce", Space::Type) => "std::ops::FnOnce",
        ("From", Space::Type) => "std::convert::From",
        ("Into", Space::Type) => "std::convert::Into",
        ("Iterator", Space::Type) => "std::iter::Iterator",
        ("IntoIterator", Space::Type) => "std::iter::IntoIterator",
        ("ToString", Space::Type) => "std::string::ToString",
        ("Some", Space::Value) => "std::option::Option::Some",
        ("None", Space::Value) => "std::option::Option::None",
        ("Ok", Space::Value) => "std::result::Result::Ok",
        ("Err", Space::Value) => "std::result::Result::Err",
        ("drop", Space::Value) => "std::mem::drop",
        (
            "bool" | "char" | "str" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8"
            | "i16" | "i32" | "i64" | "i128" | "isize" | "f32" | "f64",
            Space::Type,
        ) => return PRIMITIVES.iter().copied().find(|p| *p == name),
        (name, Space::Macro) => {
            let of_std = |path: &&str| path.strip_prefix("std::") == Some(name);
            return MACROS.iter().copied().find(of_std);
        }
        _ => return None,
    })
}

const PRIMITIVES: &[&str] = &[
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
    "i128", "isize", "f32", "f64",
];

/// Macros that need no import.
pub(crate) const MACROS: &[&str] = &[
    "std::assert",
    "std::assert_eq",
    "std::assert_ne",
    "std::cfg",
    "std::column",
    "std::compile_error",
    "std::concat",
    "std::dbg",
    "std::debug_assert",
    "std::debug_assert_eq",
    "std::debug_assert_ne",
    "std::env",
    "std::eprint",
    "std::eprintln",
    "std::file",
    "std::format",
    "std::format_args",
    "std::include",
    "std::include_bytes",
    "std::include_str",
    "std::line",
    "std::matches",
    "std::module_path",
    "std::option_env",
    "std::panic",
    "std::print",
    "std::println",
    "std::stringify",
    "std::thread_local",
    "std::todo",
    "std::unimplemented",
    "std::unreachable",
    "std::vec",
    "std::write",
    "std::writeln",
];
