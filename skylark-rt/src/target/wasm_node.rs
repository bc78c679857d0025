//! A module on a Skylark node: exports, and imports from the host.
//!
//! One call runs at a time, and the node gives every call memory that no other
//! call has seen.

use crate::{
    call::{self, Body, FunctionDef, Kept},
    log::Level,
};
use skylark_abi::{
    call::{CallRequest, CallResponse, Failure, FailureKind, Field, Outcome, Scope, Variable},
    names::{ABSENT, IMPORT_MODULE, pack},
};
use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    cell::RefCell,
    mem::ManuallyDrop,
};

#[link(wasm_import_module = "skylark_v1")]
unsafe extern "C" {
    fn state_fetch(scope: i32, name: *const u8, name_len: usize) -> i64;
    fn state_fetch_key(name: *const u8, name_len: usize, key: *const u8, key_len: usize) -> i64;
    fn state_fetch_parts(list: *const u8, list_len: usize) -> i64;
    fn state_take(dst: *mut u8, len: usize);
    #[link_name = "resumed"]
    safe fn host_resumed(unix_us: i64);
    #[link_name = "log"]
    fn host_log(level: i32, text: *const u8, len: usize);
}

// Attributes take literals only.
const _: () = assert!(matches!(IMPORT_MODULE.as_bytes(), b"skylark_v1"));

/// Reads state through the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetch;

impl Fetch {
    /// The stored value; `None` if the variable was never written. The host
    /// ends the call if it cannot be read.
    pub(crate) fn fetch(self, variable: &Variable) -> Result<Option<Vec<u8>>, Failure> {
        let name = variable.name.as_bytes();
        let key = variable.key.as_bytes();
        let len = match variable.scope {
            // SAFETY: the host reads `name.len()` bytes at `name`, and `key.len()`
            // at `key`; both live.
            Scope::Key => unsafe {
                state_fetch_key(name.as_ptr(), name.len(), key.as_ptr(), key.len())
            },
            // SAFETY: the host reads `name.len()` bytes at `name`, which live.
            scope => unsafe { state_fetch(scope.to_wire(), name.as_ptr(), name.len()) },
        };
        if len == ABSENT {
            return Ok(None);
        }
        taken(len).map(Some)
    }

    /// The stored values of several variables or parts, read in one step.
    pub(crate) fn fetch_all(self, variables: &[Variable]) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        let list = skylark_abi::encode(&variables);
        // SAFETY: the host reads `list.len()` bytes at `list`, which lives.
        let len = unsafe { state_fetch_parts(list.as_ptr(), list.len()) };
        let fields = skylark_abi::decode::<Vec<Field>>(&taken(len)?)
            .map_err(|e| Failure::new(FailureKind::Contract, e.to_string()))?;
        Ok(fields.into_iter().map(|field| field.value).collect())
    }
}

/// Takes the bytes that the host announced.
fn taken(len: i64) -> Result<Vec<u8>, Failure> {
    let Ok(len) = usize::try_from(len) else {
        return Err(Failure::new(
            FailureKind::Contract,
            format!("the host announced {len} bytes of state"),
        ));
    };
    let mut value = vec![0; len];
    // SAFETY: the host writes exactly the `len` bytes that it announced.
    unsafe { state_take(value.as_mut_ptr(), value.len()) };
    Ok(value)
}

/// Sets the clock to when what was waited for was made.
pub(crate) fn resumed(unix_us: u64) {
    host_resumed(i64::try_from(unix_us).unwrap_or(i64::MAX));
}

/// Hands one line to the host's log.
pub(crate) fn log(level: Level, line: &str) {
    // SAFETY: the host reads `line.len()` bytes at `line`, which lives.
    unsafe { host_log(level as i32, line.as_ptr(), line.len()) };
}

thread_local! {
    /// What [`abort`] ended the call with, encoded.
    static LAST_WORDS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What [`suspend`] ended the stretch with, encoded.
    #[cfg(feature = "thrift")]
    static SUSPENDED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Ends the call: leaves `failure` for the host to ask for, and traps.
#[cold]
pub(crate) fn abort(failure: Failure) -> ! {
    eprintln!("{failure}");
    LAST_WORDS.with_borrow_mut(|words| *words = skylark_abi::encode(&failure));
    std::process::abort()
}

/// Ends the stretch where its code cannot be left by returning: leaves `response`
/// for the host to ask for, and traps. Nothing of the instance is used any more.
#[cfg(feature = "thrift")]
pub(crate) fn suspend(response: CallResponse) -> ! {
    SUSPENDED.with_borrow_mut(|suspended| *suspended = skylark_abi::encode(&response));
    std::process::abort()
}

/// The failure that this instance ended itself with, packed; 0 if there is none.
#[unsafe(no_mangle)]
extern "C" fn skylark_failure() -> i64 {
    LAST_WORDS.with_borrow(|words| told(words))
}

/// The wait that this instance ended itself with, packed; 0 if there is none.
#[cfg(feature = "thrift")]
#[unsafe(no_mangle)]
extern "C" fn skylark_suspended() -> i64 {
    SUSPENDED.with_borrow(|suspended| told(suspended))
}

fn told(words: &[u8]) -> i64 {
    match words {
        [] => 0,
        words => packed(words),
    }
}

unsafe extern "C" {
    /// Made by the linker: runs the constructors of what is linked in.
    fn __wasm_call_ctors();
}

/// Makes the module a WASI reactor. Without it the linker takes the module for
/// a command, and runs constructors and destructors around every export.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the host calls this once, before anything else.
    unsafe { __wasm_call_ctors() };
}

const ALIGN: usize = 8;

/// Makes room for what the host hands to the next call entry, which frees it.
#[unsafe(no_mangle)]
extern "C" fn skylark_alloc(len: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(len.max(1), ALIGN) else {
        std::process::abort();
    };
    // SAFETY: the size is not zero.
    let room = unsafe { alloc(layout) };
    if room.is_null() {
        handle_alloc_error(layout);
    }
    room
}

/// A call entry: decodes the request at `ptr`, runs the function, and gives
/// back its response, packed.
///
/// # Safety
/// `ptr` was returned by `skylark_alloc(len)`, its `len` bytes have been
/// written, and nobody uses them any more.
pub unsafe fn entry(ptr: *mut u8, len: usize, def: &'static FunctionDef, body: Body) -> i64 {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(ptr, len) };
    let request = skylark_abi::decode::<CallRequest>(bytes);
    if let Ok(layout) = Layout::from_size_align(len.max(1), ALIGN) {
        // SAFETY: allocated with this layout by the caller's promise; the
        // decoded request owns copies of all that it needs.
        unsafe { dealloc(ptr, layout) };
    }
    let response = match request {
        Ok(request) => answer(def, body, request),
        Err(e) => CallResponse::ended(Outcome::Err(Failure::new(
            FailureKind::Contract,
            e.to_string(),
        ))),
    };
    ANSWER.with_borrow_mut(|answer| {
        *answer = ManuallyDrop::new(skylark_abi::encode(&response));
        packed(answer)
    })
}

thread_local! {
    /// The last response: the host reads it before the next call, if there is
    /// one. Never dropped by itself, so that nothing need be run at the end.
    static ANSWER: RefCell<ManuallyDrop<Vec<u8>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
    /// What the last call kept for the next one.
    static KEPT: RefCell<ManuallyDrop<Option<Kept>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

fn answer(def: &'static FunctionDef, body: Body, request: CallRequest) -> CallResponse {
    let kept = match request.kept {
        true => KEPT.with_borrow_mut(|kept| kept.take()),
        false => None,
    };
    if kept.is_some() {
        // Another call came before this one: its response has been read.
        drop(ANSWER.with_borrow_mut(|answer| std::mem::take(&mut **answer)));
    }
    let (response, kept) = call::run(def, body, request, Fetch, kept);
    if kept.is_some() {
        KEPT.with_borrow_mut(|last| **last = kept);
    }
    response
}

/// Address and length of `bytes`.
fn packed(bytes: &[u8]) -> i64 {
    pack(bytes.as_ptr().addr() as u32, bytes.len() as u32)
}
