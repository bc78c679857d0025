//! Skylark's attribute macros. What they do is in `skylark-compiler`; users
//! reach them through the crate `skylark`.

use proc_macro::TokenStream;
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span};
use skylark_compiler::Ctx;

/// Makes a `static` (or the statics of a `thread_local!`) state: kept in the
/// store between calls, wherever they run.
///
/// The static holds a `Mutex<T>`, an `RwLock<T>`, an atomic, or a `LazyLock` around
/// one of them; in `thread_local!`, a `Cell<T>` or a `RefCell<T>`. Its uses stay
/// as they are. `T` needs serde's traits.
///
/// | option | default | meaning |
/// | --- | --- | --- |
/// | `scope = app`, `chain` or `key(…)` | `app` | shared by all runs, belonging to one, or one per key |
/// | `rename = "…"` | the Rust name | its name in the store |
/// | `default = <expression>` | the initializer | the value while the store has none |
/// | `ttl = "24h"` | it lasts | how long after it was last written it is as if it never had been, by the store's clock; of a `Map`, each entry for itself. In `ms`, `s`, `m`, `h` or `d`. Not for scope `chain`, nor for a `List` |
/// | `was = "…"` or `["…", "…"]` | none | earlier names, under which it is looked for while there is none under its own |
/// | `migrate = f` or `[f, g]` | none | functions from what was stored to what is now, the oldest first, each `fn(Old) -> New` or `-> Result<New, E>` |
///
/// A key is an argument of the function that runs, or an expression over its arguments:
/// `key(station)`, `key(order.from)`, `key((user, day))`, `key(format!("{user}-{year}"))`.
/// An argument stands for its value as it was sent, a text or what can be written as
/// one; a closure names the types: `key(|order: Order| order.total() / 100)`.
///
/// On a struct, it makes each field a state variable, `Hotel-rooms`, for the methods
/// of a [`macro@service`] and for `skylark::with`. `default` is then the struct's first
/// value, `Default::default()` unless it is given; `rename` is what stands before `-`;
/// and `#[skylark::state(rename = "…")]` on a field names that one alone. A field takes
/// `was`, `migrate` and `ttl`, too; without one of its own it has the struct's `ttl`.
///
/// What a call leaves as it was is not written, so that it does not last any longer; an
/// entry that is set, and what is added to a counter, always is.
#[proc_macro_attribute]
pub fn state(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_state(attr.into(), item.into(), &ctx()).into()
}

/// Makes a `fn` or an `async fn` callable from outside.
///
/// Its arguments are owned and given by name; it returns `T` or `Result<T, E>`.
///
/// | option | default | meaning |
/// | --- | --- | --- |
/// | `name = "…"` | the Rust name | its name in URLs |
/// | `memory = "64MiB"` | the node's | linear memory; a number alone is bytes |
/// | `timeout = "2s"` | the node's | run time of one execution; units ms, s, m, h |
/// | `on = cloud`, `edge` or `sat` | any | the type of node it must run on |
/// | `retries = 3` | none | how often it is executed again after a trap, or when it ran out of time or memory |
/// | `backoff = "200ms"` | the node's | pause before the first of them; twice as long before each further one |
/// | `on_error = f` | none | gets its `skylark::Failure` instead of the run's end |
#[proc_macro_attribute]
pub fn function(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_function(attr.into(), item.into(), &ctx()).into()
}

/// A [`macro@function`] whose result goes to successors.
///
/// | option | meaning |
/// | --- | --- |
/// | `next = f` | `f` comes next |
/// | `next = [f, g]` | both come, at once; the run's result is the list of theirs |
/// | `next = each(f)` | `f` comes once for each element of the result, all at once |
/// | `join = h` | after `[f, g]` or `each(f)`: gets their results, once all have ended |
///
/// With `next = [f, g]`, a result of `skylark::Next<(A, B)>` chooses one of them.
///
/// rustc checks that a successor takes what comes. A tuple may be spread over
/// several arguments.
#[proc_macro_attribute]
pub fn chain(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_chain(attr.into(), item.into(), &ctx()).into()
}

/// Makes a declaration the typed client of a server that is no Skylark function.
///
/// ```text
/// #[skylark::external(url = "https://bank.example/accounts/{account}/charges")]
/// async fn charge(account: String, cents: u32) -> Result<Receipt, skylark::Failure>;
/// ```
///
/// Arguments that the address names go there; the others are a JSON object by their
/// names, in the body, or in the query for `get` and `delete`. The answer is JSON.
/// Where the function returns no `Result`, a failure ends the function that awaits it.
/// A failure's message begins with the name of the function that was asked.
///
/// The server may be asked more than once for one call, each time with the same
/// `Idempotency-Key`.
///
/// | option | default | meaning |
/// | --- | --- | --- |
/// | `url = "https://…"` | | where to, with `{argument}`s |
/// | `method = get`, … | `post` | how |
#[proc_macro_attribute]
pub fn external(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_external(attr.into(), item.into(), &ctx()).into()
}

/// Makes a `static` an init object: built, not remembered, as a compiled regular
/// expression, a table or a client.
///
/// ```text
/// #[skylark::init]
/// static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\w+").unwrap());
/// ```
///
/// Every call has an instance of its own, which builds it at its first use; it is never
/// stored. So nothing in it may change: a `Mutex`, a `RwLock`, a cell or an atomic in
/// its type is refused. On a field of a struct that is [`macro@state`], it leaves
/// that field as the struct begins with it.
#[proc_macro_attribute]
pub fn init(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_init(attr.into(), item.into(), &ctx()).into()
}

/// Has a function's value recorded: executed again after a wait, the function that
/// calls it sees the recorded one, and its body is not run.
#[proc_macro_attribute]
pub fn nondet(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_nondet(attr.into(), item.into(), &ctx()).into()
}

/// Makes the methods of a struct with `#[skylark::state]` functions, and a typed
/// client of them.
///
/// Every `pub` method is a function, and so is every one with `#[skylark::function]`
/// or `#[skylark::chain]`, which give it options; in `impl Trait for Struct`, every
/// method is. The others stay ordinary methods. `&self` only reads: whatever happens,
/// nothing is written. `&mut self` reads and writes; without `self`, a function has no
/// state. `Hotel::reserve` is the function `Hotel-reserve` in URLs, and
/// `HotelClient.reserve(…)` or `skylark::call!(Hotel::reserve(…))` calls it.
///
/// A method with `self` does not wait, since state is read anew after each wait: what
/// waits is an `async fn` without `self`.
///
/// | option | default | meaning |
/// | --- | --- | --- |
/// | `scope = key(…)` | one for all | what the struct's `#[skylark::state]` says: every method with `self` takes the key, and so does the client: `HotelClient::at(key)` |
/// | `name = "…"` | the struct's | what stands before `-` in the names of its functions |
/// | `client = Name` | `HotelClient` | the client's name, for a second `impl` |
#[proc_macro_attribute]
pub fn service(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_service(attr.into(), item.into(), &ctx()).into()
}

/// Accepts what the named checks find in an item: `#[skylark::accept(hash_iteration)]`,
/// by name or number, several with commas, and at the end perhaps `reason = "…"`.
///
/// It goes on functions, methods, impls, statics, structs and inline modules, and leaves
/// them as they are: `cargo skylark check` looks for it. Levels for the whole crate are in
/// Skylark.toml, beside Cargo.toml. `cargo skylark explain` tells what a check is about.
#[proc_macro_attribute]
pub fn accept(attr: TokenStream, item: TokenStream) -> TokenStream {
    skylark_compiler::expand_accept(attr.into(), item.into()).into()
}

/// How the crate being compiled calls the runtime: what Cargo.toml renamed it
/// to, else its library name.
fn ctx() -> Ctx {
    match crate_name("skylark-rt") {
        Ok(FoundCrate::Name(name)) if name != "skylark_rt" => {
            let name = Ident::new(&name, Span::call_site());
            Ctx::new(syn::parse_quote!(::#name))
        }
        _ => Ctx::default(),
    }
}
