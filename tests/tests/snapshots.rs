//! What each shape of item expands to, as a person would read it.

use proc_macro2::TokenStream;
use skylark_compiler::{
    Ctx, expand_chain, expand_external, expand_function, expand_init, expand_nondet,
    expand_service, expand_state, format_expansion,
};

const BLESS: &str = "accept with: INSTA_UPDATE=always cargo test -p skylark-tests --test snapshots";

type Door = fn(TokenStream, TokenStream, &Ctx) -> TokenStream;

/// Compares the expansion of `#[door(attr)] item` with the accepted one.
#[track_caller]
fn check(name: &str, door: Door, attr: &str, item: &str) {
    let tokens = door(
        attr.parse().unwrap(),
        item.parse().unwrap(),
        &Ctx::default(),
    );
    let text =
        format_expansion(tokens).unwrap_or_else(|e| panic!("{name} expands to no Rust: {e}"));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(format!("of ({attr}) {item}\n{BLESS}"));
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn functions() {
    let rows: &[(&str, Door, &str, &str)] = &[
        (
            "function_plain",
            expand_function,
            "",
            "fn alarm(d: Detection) -> Alarm { Alarm(d) }",
        ),
        (
            "function_no_arguments",
            expand_function,
            "",
            "pub fn tick() {}",
        ),
        (
            "function_several_arguments",
            expand_function,
            "",
            "fn add(a: u32, mut b: Vec<(u8, String)>) -> u32 { a }",
        ),
        (
            "function_bytes",
            expand_function,
            "",
            "fn turned(photo: skylark::Bytes) -> skylark::Bytes { photo }",
        ),
        (
            "function_bytes_result",
            expand_function,
            "",
            "async fn fetch(id: u64) -> Result<Bytes, ReadError> { todo!() }",
        ),
        (
            "function_result",
            expand_function,
            "",
            "fn read(id: u64) -> Result<Photo, ReadError> { todo!() }",
        ),
        (
            "function_result_alias",
            expand_function,
            "",
            "fn read(id: u64) -> std::io::Result<Photo> { todo!() }",
        ),
        (
            "function_result_nothing",
            expand_function,
            "",
            "fn store(p: Photo) -> Result<(), String> { Ok(()) }",
        ),
        (
            "function_async",
            expand_function,
            "",
            "pub async fn fetch(id: u64) -> Photo { load(id).await }",
        ),
        (
            "function_async_result",
            expand_function,
            "",
            "async fn fetch(id: u64) -> Result<Photo, String> { Ok(load(id).await?) }",
        ),
        (
            "function_options",
            expand_function,
            r#"name = "raise-alarm", memory = "64MiB", timeout = "1.5s", on = sat"#,
            "/// Raises the alarm.\n///\n/// At once.\nfn alarm(d: Detection) -> Alarm { Alarm(d) }",
        ),
        (
            "function_under_cfg",
            expand_function,
            "",
            "#[cfg(feature = \"extra\")] #[inline] fn extra(x: u8) -> u8 { x }",
        ),
        (
            "function_raw_identifiers",
            expand_function,
            "",
            "fn r#match(r#type: String) -> bool { true }",
        ),
        (
            "chain_value",
            expand_chain,
            "next = detect",
            "fn preprocess(photo: Photo) -> Features { todo!() }",
        ),
        (
            "chain_path",
            expand_chain,
            "next = crate::alarm::raise, timeout = \"250ms\"",
            "fn detect(f: Features) -> Result<Detection, Error> { todo!() }",
        ),
        (
            "chain_tuple",
            expand_chain,
            "next = add",
            "fn split(x: u64) -> (u32, u32) { todo!() }",
        ),
        (
            "chain_nothing",
            expand_chain,
            "next = tick",
            "fn tock(x: u64) {}",
        ),
        (
            "chain_async",
            expand_chain,
            "next = detect",
            "async fn preprocess(photo: Photo) -> Features { todo!() }",
        ),
        (
            "chain_list",
            expand_chain,
            "next = [add, inner::count], join = sum",
            "fn split(x: u64) -> Result<(u32, u32), Error> { todo!() }",
        ),
        (
            "chain_each",
            expand_chain,
            "next = each(resize)",
            "fn cut(photo: Photo) -> Vec<Tile> { todo!() }",
        ),
        (
            "chain_each_result",
            expand_chain,
            "next = each(resize), join = stitch",
            "async fn cut(photo: Photo) -> Result<Vec<Tile>> { todo!() }",
        ),
        (
            "chain_choice",
            expand_chain,
            "next = [alarm, add], on_error = mend",
            "fn decide(x: u64) -> Next<(Alarm, (u32, u32))> { todo!() }",
        ),
        (
            "function_retries",
            expand_function,
            r#"retries = 3, backoff = "200ms", on_error = crate::mend"#,
            "fn alarm(d: Detection) -> Alarm { Alarm(d) }",
        ),
        (
            "external_post",
            expand_external,
            r#"url = "https://bank.example/{account}""#,
            "/// Charges.\npub async fn charge(account: String, cents: u32) -> Result<Receipt, Failure>;",
        ),
        (
            "external_get",
            expand_external,
            r#"url = "https://bank.example", method = get"#,
            "async fn rates() -> Rates;",
        ),
        (
            "nondet",
            expand_nondet,
            "",
            "fn drawn(names: &[String]) -> Option<String> { names.first().cloned() }",
        ),
    ];
    for (name, door, attr, item) in rows {
        check(name, *door, attr, item);
    }
}

#[test]
fn init_objects() {
    let table = "pub static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(\"x\").unwrap());";
    check("init", expand_init, "", table);
    check(
        "state_struct_with_init",
        expand_state,
        "default = Shelf::new()",
        "struct Shelf { things: Vec<u8>, #[skylark::init] word: Regex }",
    );
    check(
        "error_in_init",
        expand_init,
        "",
        "static SEEN: LazyLock<Vec<Mutex<u32>>> = LazyLock::new(Vec::new);",
    );
}

#[test]
fn states() {
    for (name, attr, item) in [
        (
            "state_mutex",
            "",
            "static SEEN: Mutex<BTreeMap<Station, u32>> = Mutex::new(BTreeMap::new());",
        ),
        (
            "state_rwlock",
            "",
            "/// Names.\npub static NAMES: std::sync::RwLock<Vec<String>> = std::sync::RwLock::new(Vec::new());",
        ),
        (
            "state_atomic",
            "",
            "static HITS: AtomicU64 = AtomicU64::new(0);",
        ),
        (
            "state_lazy",
            "",
            "static LAZY: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(|| Mutex::new(HashMap::new()));",
        ),
        (
            "state_options",
            "scope = chain, rename = \"seen\", default = vec![1, 2]",
            "pub(crate) static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());",
        ),
        (
            "state_key",
            "scope = key(station)",
            "static SEEN: Mutex<u32> = Mutex::new(0);",
        ),
        (
            "state_key_of_field",
            "scope = key(order.from)",
            "static SEEN: Mutex<u32> = Mutex::new(0);",
        ),
        (
            "state_key_calculated",
            "scope = key(format!(\"{user}-{}\", order.day.to_lowercase()))",
            "static SEEN: Mutex<u32> = Mutex::new(0);",
        ),
        (
            "state_key_typed",
            "scope = key(|order: Order, n: u32| (order.total() / 100, n % 16))",
            "static SEEN: Mutex<u32> = Mutex::new(0);",
        ),
        (
            "state_migrated",
            "was = [\"OLD\", \"OLDER\"], migrate = [priced, m::owed]",
            "static DEBT: Mutex<Debt> = Mutex::new(Debt::none());",
        ),
        (
            "state_ttl",
            "scope = key(user), ttl = \"1.5h\"",
            "static TRIES: Mutex<u32> = Mutex::new(0);",
        ),
        (
            "state_map",
            "scope = key(city)",
            "/// Stock.\npub static STOCK: skylark::Map<(u8, String), Vec<u32>> = skylark::Map::new();",
        ),
        (
            "state_counter",
            "",
            "static VISITS: Counter = Counter::new();",
        ),
        (
            "state_under_cfg",
            "",
            "#[cfg(unix)] static HITS: AtomicBool = AtomicBool::new(true);",
        ),
        (
            "state_thread_local",
            "",
            "thread_local! { static HITS: RefCell<Vec<u32>> = RefCell::new(vec![1]); }",
        ),
        (
            "state_thread_local_several",
            "scope = chain",
            "thread_local! { /// Hits.\n pub static HITS: Cell<u32> = const { Cell::new(0) }; static LOG: RefCell<String> = const { RefCell::new(String::new()) } }",
        ),
    ] {
        check(name, expand_state, attr, item);
    }
}

#[test]
fn services() {
    let rows: &[(&str, Door, &str, &str)] = &[
        (
            "state_struct",
            expand_state,
            "",
            "/// Hotels.\n#[derive(Default)] pub struct Hotel { rooms: u32, #[cfg(unix)] #[skylark::state(rename = \"BOOKED\", migrate = by_name)] bookings: BTreeMap<String, u32> }",
        ),
        (
            "state_struct_of_collections",
            expand_state,
            "",
            "struct Shop { stock: Map<String, u32>, #[cfg(unix)] sold: skylark::Counter, other: serde_json::Map<String, u32> }",
        ),
        (
            "state_struct_of_ttl",
            expand_state,
            "ttl = \"1h\"",
            "struct Cart { goods: Map<String, u32>, discount: u32, #[skylark::state(ttl = \"30d\")] owner: String }",
        ),
        (
            "state_struct_of_key",
            expand_state,
            "scope = key(id), default = Self::new()",
            "struct Pair(u8, Vec<u8>);",
        ),
        (
            "service",
            expand_service,
            "",
            "impl Hotel { /// Free rooms.\n pub fn free(&self) -> u32 { self.rooms } pub fn reserve(&mut self, guest: String) -> Result<u32, Full> { self.check()?; take(self, guest) } pub fn quote(nights: u32) -> u32 { nights * 80 } fn check(&self) -> Result<(), Full> { Ok(()) } }",
        ),
        (
            "service_of_key",
            expand_service,
            "scope = key(id)",
            "impl Hotel { pub fn free(&self, _id: String) -> u32 { self.rooms } #[skylark::function(retries = 2, name = \"open\")] fn opens(&mut self, id: String, rooms: u32) { self.rooms = rooms; self.names.push(id); } pub async fn ask(x: u8) -> u8 { x } }",
        ),
        (
            "service_of_trait",
            expand_service,
            "name = \"inn\"",
            "#[cfg(unix)] impl inns::Booking for Hotel { type Guest = String; #[skylark::chain(next = Self::confirm, on_error = mend)] fn book(&mut self, guest: Self::Guest) -> Result<Self::Guest, Full> { self.guests.push(guest.clone()); Ok(guest) } fn confirm(&self, guest: String) {} }",
        ),
    ];
    for (name, door, attr, item) in rows {
        check(name, *door, attr, item);
    }
}

/// The item is there as it was, and every error beside it.
#[test]
fn errors_keep_the_item() {
    for (name, door, attr, item) in [
        (
            "error_in_function",
            expand_function as Door,
            "timeuot = \"2s\", memory = 0",
            "#[inline] fn alarm(d: &str) -> Alarm { d.into() }",
        ),
        (
            "error_in_chain",
            expand_chain,
            "",
            "fn detect(d: Detection) -> Alarm { d.into() }",
        ),
        (
            "error_in_state",
            expand_state,
            "scope = global",
            "static mut HITS: u32 = 0;",
        ),
        (
            "error_both_annotations",
            expand_function,
            "",
            "#[skylark::chain(next = b)] fn a(x: u8) -> u8 { x }",
        ),
        (
            "error_in_service",
            expand_service,
            "scope = app",
            "impl Hotel { #[skylark::function(timeout = 2)] fn free(self) -> u32 { self.rooms } const A: u8 = 1; }",
        ),
        (
            "error_in_struct",
            expand_state,
            "",
            "#[derive(Default)] struct Shelf<T> { #[skylark::state(name = \"x\")] things: Vec<T> }",
        ),
        (
            "error_in_thread_local",
            expand_state,
            "rename = \"x\"",
            "thread_local! { static A: Cell<u8> = Cell::new(0); static B: u8 = 0; }",
        ),
    ] {
        check(name, door, attr, item);
    }
}

/// A renamed runtime is the only name that changes.
#[test]
fn the_runtime_may_be_renamed() {
    let expand = |runtime: &str| {
        let ctx = Ctx::new(syn::parse_str(runtime).unwrap());
        let item = "fn a(x: u8) -> u8 { x }".parse().unwrap();
        expand_chain("next = b".parse().unwrap(), item, &ctx).to_string()
    };
    let renamed = expand("::bird");
    assert!(renamed.contains(":: bird :: __private"), "{renamed}");
    assert_eq!(renamed.replace("bird", "skylark"), expand("::skylark"));
}
