//! Names of the user's that look like those of generated code.

#![allow(dead_code, non_camel_case_types)]

struct Option;
struct Result;
struct String;
struct Some;
mod std {}
mod core {}
mod serde {}
type u32 = ();
fn block_on() {}
fn follows() {}
const OUTPUT: u8 = 0;

mod skylark {}

#[::skylark::state]
static STATE: ::std::sync::atomic::AtomicU64 = ::std::sync::atomic::AtomicU64::new(0);

#[::skylark::chain(next = arg)]
async fn ok(x: u8) -> (u8, u8) {
    (x, x)
}

#[::skylark::function]
fn arg(a: u8, b: u8) -> u8 {
    STATE.fetch_add(1, ::std::sync::atomic::Ordering::SeqCst);
    a + b
}

fn main() {}
