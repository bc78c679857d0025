//! What lift knows of crates outside, as data.

/// What a type or function of a framework is to a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `State<S>`: what all handlers share.
    State,
    /// `Json<T>`, `Path<T>`, `Query<T>`, `Form<T>`: an argument of type `T`.
    Argument,
    /// A status code.
    Status,
    /// `impl IntoResponse`
    Response,
    /// The router.
    Router,
    /// What a request has besides its arguments, which a function does not get.
    Request,
}

const ROLES: &[(&str, Role)] = &[
    ("axum::Form", Role::Argument),
    ("axum::Json", Role::Argument),
    ("axum::Router", Role::Router),
    ("axum::body::Bytes", Role::Request),
    ("axum::extract::ConnectInfo", Role::Request),
    ("axum::extract::Extension", Role::Request),
    ("axum::extract::Form", Role::Argument),
    ("axum::extract::Json", Role::Argument),
    ("axum::extract::Multipart", Role::Request),
    ("axum::extract::Path", Role::Argument),
    ("axum::extract::Query", Role::Argument),
    ("axum::extract::RawQuery", Role::Request),
    ("axum::extract::Request", Role::Request),
    ("axum::extract::State", Role::State),
    ("axum::Extension", Role::Request),
    ("axum::http::HeaderMap", Role::Request),
    ("axum::http::Method", Role::Request),
    ("axum::http::StatusCode", Role::Status),
    ("axum::http::Uri", Role::Request),
    ("axum::http::status::StatusCode", Role::Status),
    ("axum::response::IntoResponse", Role::Response),
    ("axum::response::Json", Role::Argument),
    ("axum::response::Response", Role::Request),
    ("axum::routing::Router", Role::Router),
    ("http::StatusCode", Role::Status),
];

/// What `path` is.
pub(super) fn role(path: &str) -> Option<Role> {
    let found = ROLES.iter().find(|(known, _)| *known == path);
    found.map(|(_, role)| *role)
}

/// Methods of `axum::routing` that take a handler, and the HTTP method.
pub(super) const METHODS: &[(&str, &str)] = &[
    ("any", "ANY"),
    ("delete", "DELETE"),
    ("get", "GET"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("post", "POST"),
    ("put", "PUT"),
];

/// Whether lift knows what is at this path.
pub(super) fn knows(path: &str) -> bool {
    let method = path.strip_prefix("axum::routing::");
    role(path).is_some()
        || method.is_some_and(|name| METHODS.iter().any(|(known, _)| *known == name))
        || cell_of(path).is_some()
        || atomic(path).is_some()
        || is_lazy(path)
        || OUTSIDE.iter().any(|(known, _)| *known == path)
}

/// The number of a status code, by its constant.
pub(super) fn status(constant: &str) -> Option<u16> {
    let found = STATUS.iter().find(|(name, _)| *name == constant);
    found.map(|(_, number)| *number)
}

const STATUS: &[(&str, u16)] = &[
    ("ACCEPTED", 202),
    ("BAD_GATEWAY", 502),
    ("BAD_REQUEST", 400),
    ("CONFLICT", 409),
    ("CREATED", 201),
    ("EXPECTATION_FAILED", 417),
    ("FAILED_DEPENDENCY", 424),
    ("FORBIDDEN", 403),
    ("GATEWAY_TIMEOUT", 504),
    ("GONE", 410),
    ("IM_A_TEAPOT", 418),
    ("INSUFFICIENT_STORAGE", 507),
    ("INTERNAL_SERVER_ERROR", 500),
    ("LENGTH_REQUIRED", 411),
    ("LOCKED", 423),
    ("METHOD_NOT_ALLOWED", 405),
    ("NOT_ACCEPTABLE", 406),
    ("NOT_FOUND", 404),
    ("NOT_IMPLEMENTED", 501),
    ("NO_CONTENT", 204),
    ("OK", 200),
    ("PAYLOAD_TOO_LARGE", 413),
    ("PAYMENT_REQUIRED", 402),
    ("PRECONDITION_FAILED", 412),
    ("PRECONDITION_REQUIRED", 428),
    ("REQUEST_TIMEOUT", 408),
    ("RESET_CONTENT", 205),
    ("SERVICE_UNAVAILABLE", 503),
    ("TOO_MANY_REQUESTS", 429),
    ("UNAUTHORIZED", 401),
    ("UNAVAILABLE_FOR_LEGAL_REASONS", 451),
    ("UNPROCESSABLE_ENTITY", 422),
    ("UNSUPPORTED_MEDIA_TYPE", 415),
    ("UPGRADE_REQUIRED", 426),
];

/// A cell that may hold state, and what Skylark wants in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Its full path.
    pub(super) path: &'static str,
    /// The standard library's.
    pub(super) std: &'static str,
    /// What its locks give.
    pub(super) lock: Lock,
}

/// What locking a cell gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// As of the standard library: a result.
    Tried,
    /// A future.
    Awaited,
    /// The guard.
    Guard,
}

const fn cell(path: &'static str, std: &'static str, lock: Lock) -> Cell {
    Cell { path, std, lock }
}

const CELLS: &[Cell] = &[
    cell("parking_lot::Mutex", "std::sync::Mutex", Lock::Guard),
    cell("parking_lot::RwLock", "std::sync::RwLock", Lock::Guard),
    cell("std::sync::Mutex", "std::sync::Mutex", Lock::Tried),
    cell("std::sync::RwLock", "std::sync::RwLock", Lock::Tried),
    cell("tokio::sync::Mutex", "std::sync::Mutex", Lock::Awaited),
    cell("tokio::sync::RwLock", "std::sync::RwLock", Lock::Awaited),
];

/// The cell of this path. Atomics are theirs.
pub(super) fn cell_of(path: &str) -> Option<Cell> {
    CELLS.iter().copied().find(|cell| cell.path == path)
}

/// What an atomic holds, at first.
pub(super) fn atomic(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("std::sync::atomic::")?;
    match name {
        "AtomicBool" => Some("false"),
        "AtomicPtr" => None,
        _ if name.starts_with("Atomic") => Some("0"),
        _ => None,
    }
}

/// Lazy wrappers: built at the first use.
pub(super) fn is_lazy(path: &str) -> bool {
    const LAZY: &[&str] = &["once_cell::sync::Lazy", "std::sync::LazyLock"];
    LAZY.contains(&path)
}

/// Types that mean nothing in another process.
pub(super) fn is_unstorable(path: &str) -> bool {
    const UNSTORABLE: &[&str] = &[
        "regex::Regex",
        "regex_lite::Regex",
        "reqwest::Client",
        "std::fs::File",
        "std::net::TcpListener",
        "std::net::TcpStream",
        "std::sync::mpsc::Receiver",
        "std::sync::mpsc::Sender",
        "std::thread::JoinHandle",
        "std::time::Instant",
        "tokio::net::TcpStream",
        "tokio::sync::broadcast::Sender",
        "tokio::sync::mpsc::Receiver",
        "tokio::sync::mpsc::Sender",
        "tokio::task::JoinHandle",
        "tokio::time::Instant",
    ];
    UNSTORABLE.contains(&path)
}

/// Empty values that a `static` may begin with, by the type's name.
pub(super) const EMPTY: &[(&str, &str)] = &[
    ("BTreeMap", "BTreeMap::new()"),
    ("BTreeSet", "BTreeSet::new()"),
    ("Option", "None"),
    ("String", "String::new()"),
    ("Vec", "Vec::new()"),
    ("VecDeque", "VecDeque::new()"),
    ("bool", "false"),
    ("i32", "0"),
    ("i64", "0"),
    ("u32", "0"),
    ("u64", "0"),
    ("usize", "0"),
];

/// A call of something outside, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// The same, recorded, by this path.
    Instead(&'static str),
    /// Starts something beside the handler.
    Spawn,
    /// Waits for several.
    Join,
    /// Asks a server outside.
    Request,
    /// Time or chance, which Skylark records by itself.
    Recorded(&'static str),
    /// Not there in a guest.
    Absent(&'static str),
}

const OUTSIDE: &[(&str, Outside)] = &[
    ("chrono::Utc::now", Outside::Recorded("the clock")),
    ("fastrand::", Outside::Recorded("chance")),
    ("rand::", Outside::Recorded("chance")),
    ("reqwest::", Outside::Request),
    ("std::env::", Outside::Absent("the environment")),
    ("std::fs::", Outside::Absent("files")),
    ("std::net::", Outside::Absent("sockets")),
    ("std::thread::sleep", Outside::Absent("sleeping threads")),
    ("std::thread::spawn", Outside::Spawn),
    ("std::time::Instant::now", Outside::Recorded("the clock")),
    ("std::time::SystemTime::now", Outside::Recorded("the clock")),
    ("tokio::fs::", Outside::Absent("files")),
    ("tokio::net::", Outside::Absent("sockets")),
    ("tokio::spawn", Outside::Spawn),
    ("tokio::task::spawn", Outside::Spawn),
    ("tokio::task::spawn_blocking", Outside::Spawn),
    ("tokio::time::sleep", Outside::Instead("skylark::sleep")),
    ("tokio::join", Outside::Join),
    ("ureq::", Outside::Request),
    ("uuid::Uuid::new_v4", Outside::Recorded("chance")),
    ("uuid::Uuid::now_v7", Outside::Recorded("the clock")),
];

/// What a call of `path` is. Rows that end in `::` stand for all that is in there.
pub(super) fn outside(path: &str) -> Option<Outside> {
    let is = |known: &str| known == path || (known.ends_with("::") && path.starts_with(known));
    let found = OUTSIDE.iter().find(|(known, _)| is(known));
    found.map(|(_, outside)| *outside)
}

/// Whether a path is of a crate that a function of Skylark has no use for: its imports
/// go where nothing names them any more.
pub(super) fn is_server(path: &[String]) -> bool {
    const SERVERS: &[&str] = &[
        "axum",
        "http",
        "hyper",
        "once_cell",
        "thrift::server",
        "thrift::transport",
        "tokio",
        "tower",
        "tower_http",
    ];
    let path = path.join("::");
    SERVERS.iter().any(|server| {
        let rest = path.strip_prefix(server);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// Attributes of handlers that mean nothing without a router.
pub(super) const HANDLER_ATTRIBUTES: &[&str] = &["debug_handler", "axum::debug_handler"];
