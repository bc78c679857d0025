//! Items that other macros wrote, and attributes that come along.

#![deny(warnings)]

use std::sync::Mutex;

macro_rules! app {
    ($state:ident: $held:ty = $init:expr; $first:ident, $last:ident: $value:ty) => {
        #[skylark::state(default = $init)]
        static $state: Mutex<$held> = Mutex::new($init);

        #[skylark::chain(next = $last)]
        fn $first(value: $value) -> Result<$value, String> {
            $state.lock().map(|_| value).map_err(|e| e.to_string())
        }

        #[skylark::function]
        fn $last(value: $value) -> $value {
            value
        }
    };
}

app!(SEEN: Option<u8> = None; first, last: (u32, String));

#[skylark::function]
#[deprecated = "call `last`"]
#[inline]
#[must_use]
pub fn old(x: u8) -> u8 {
    x
}

#[skylark::function]
#[cfg(target_os = "none")]
fn elsewhere(x: Nothing) -> Nothing {
    x
}

#[cfg_attr(all(), skylark::function)]
fn conditional(x: u8) -> u8 {
    x
}

fn main() {}
