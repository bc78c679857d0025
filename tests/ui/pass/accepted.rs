//! `#[skylark::accept]` leaves every kind of item as it is, before and after other annotations.

#![allow(dead_code)]

use std::cell::Cell;
use std::sync::Mutex;

#[skylark::accept(growing_state, reason = "a few")]
#[skylark::state]
static BEFORE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[skylark::state]
#[skylark::accept(SKY0007)]
static AFTER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[skylark::accept(unused_state)]
#[skylark::state]
thread_local! { static LOCAL: Cell<u8> = Cell::new(0); }

#[skylark::accept(secret, growing_state)]
#[skylark::state]
#[derive(Default)]
struct Hotel {
    rooms: u32,
}

#[skylark::accept(secret)]
#[skylark::service]
impl Hotel {
    #[skylark::accept(hash_iteration)]
    pub fn free(&self) -> u32 {
        self.rooms
    }

    #[skylark::function(retries = 1)]
    #[skylark::accept(hash_iteration)]
    fn reserve(&mut self) {
        self.rooms -= 1;
    }
}

#[skylark::accept(clock)]
mod inside {
    #[skylark::function]
    #[skylark::accept(hash_iteration,)]
    pub fn function() -> u8 {
        7
    }
}

#[skylark::accept(hash_iteration)]
impl Hotel {
    fn helper(&self) {}
}

#[skylark::accept(hash_iteration)]
fn main() {
    AFTER.lock().unwrap().push(1);
    BEFORE.lock().unwrap().push(inside::function());
    LOCAL.with(|local| local.set(1));
}
