//! Every kind of state, used as in any Rust program.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::*;
use std::sync::{LazyLock, Mutex, RwLock};

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Seen {
    count: u32,
}

#[skylark::state]
static MUTEX: Mutex<BTreeMap<String, Seen>> = Mutex::new(BTreeMap::new());
#[skylark::state(scope = chain, rename = "rw-lock", default = vec![1])]
pub static RW_LOCK: RwLock<Vec<u8>> = RwLock::new(Vec::new());
#[skylark::state(scope = app)]
static LAZY: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(|| Mutex::new(HashMap::new()));
#[skylark::state(ttl = "1.5 d")]
static FORGOTTEN: Mutex<String> = Mutex::new(String::new());
#[skylark::state]
static LAZY_RW: LazyLock<RwLock<Seen>> = LazyLock::new(Default::default);
#[skylark::state]
static BOOL: AtomicBool = AtomicBool::new(false);
#[skylark::state]
static I8: AtomicI8 = AtomicI8::new(0);
#[skylark::state]
static I16: AtomicI16 = AtomicI16::new(0);
#[skylark::state]
static I32: AtomicI32 = AtomicI32::new(0);
#[skylark::state]
static I64: AtomicI64 = AtomicI64::new(0);
#[skylark::state]
static ISIZE: AtomicIsize = AtomicIsize::new(0);
#[skylark::state]
static U8: AtomicU8 = AtomicU8::new(0);
#[skylark::state]
static U16: AtomicU16 = AtomicU16::new(0);
#[skylark::state]
static U32: AtomicU32 = AtomicU32::new(0);
#[skylark::state]
static U64: AtomicU64 = AtomicU64::new(0);
#[skylark::state(default = 7)]
static USIZE: AtomicUsize = AtomicUsize::new(0);

/// What an earlier build stored, and what it is now.
fn counted(old: Vec<u8>) -> Result<u64, std::num::TryFromIntError> {
    old.len().try_into()
}
fn seen(count: u64) -> Seen {
    Seen { count: u32::try_from(count).unwrap_or(u32::MAX) }
}
#[skylark::state(was = "BEFORE", migrate = seen)]
static MIGRATED: Mutex<Seen> = Mutex::new(Seen { count: 0 });
#[skylark::state(was = ["BEFORE_THAT", "LONG_BEFORE"], migrate = [counted, self::seen])]
static TWICE: RwLock<Seen> = RwLock::new(Seen { count: 0 });

#[skylark::state(scope = key(order.from))]
static BY_FIELD: AtomicU32 = AtomicU32::new(0);
#[skylark::state(scope = key((user, order.day.0)))]
static BY_SEVERAL: AtomicU32 = AtomicU32::new(0);
#[skylark::state(scope = key(format!("{user}-{}", &order.day[..2])))]
static BY_TEXT: AtomicU32 = AtomicU32::new(0);
#[skylark::state(scope = key(|seen: Seen| { let tens = seen.count / 10; tens % 16 }))]
static BY_TYPE: AtomicU32 = AtomicU32::new(0);

#[skylark::state(scope = chain)]
thread_local! {
    /// Documented.
    pub static CELL: Cell<u32> = const { Cell::new(3) };
    static REF_CELL: RefCell<Vec<String>> = RefCell::new(vec!["a".to_owned()]);
}

#[skylark::state(default = 9)]
thread_local! {
    static ALONE: Cell<u32> = Cell::new(0)
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn main() {
    MUTEX.lock().unwrap().entry("a".to_owned()).or_default().count += 1;
    RW_LOCK.write().unwrap().push(1);
    *LAZY.lock().unwrap().entry("a".to_owned()).or_default() += 1;
    LAZY_RW.write().unwrap().count += 1;
    BOOL.store(true, Ordering::SeqCst);
    add(&U64);
    CELL.set(CELL.get() + 1);
    CELL.with(|cell| cell.set(cell.get() + 1));
    REF_CELL.with_borrow_mut(|list| list.push("b".to_owned()));
    REF_CELL.with(|list| list.borrow_mut().clear());
    ALONE.set(1);
}
