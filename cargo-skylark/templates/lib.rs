//! A chain of two functions that greets people and remembers whom it has seen.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Mutex};

/// How often each guest came. An ordinary static, kept in the node's store.
#[skylark::state]
static VISITS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Someone at the door.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guest {
    pub name: String,
    pub visits: u32,
}

/// Counts the guest's visit; `welcome` goes on, on the node elected for it.
#[skylark::chain(next = welcome)]
pub fn greet(name: String) -> Guest {
    let mut all = VISITS.lock().unwrap();
    let visits = all.entry(name.clone()).or_default();
    *visits += 1;
    Guest {
        visits: *visits,
        name,
    }
}

/// The last link: what it returns is the run's result.
#[skylark::function]
pub fn welcome(guest: Guest) -> String {
    match guest.visits {
        1 => format!("Welcome, {}!", guest.name),
        n => format!("Welcome back, {}: visit number {n}.", guest.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skylark::native::Runtime;

    #[test]
    fn guests_are_remembered() {
        let runtime = Runtime::new();
        let greet = |name: &str| runtime.run::<String>("greet", name).unwrap();
        assert_eq!(greet("Ada"), "Welcome, Ada!");
        assert_eq!(greet("Ada"), "Welcome back, Ada: visit number 2.");
        assert_eq!(greet("Grace"), "Welcome, Grace!");
    }

    #[test]
    fn functions_are_functions() {
        let guest = Guest {
            name: "Ada".into(),
            visits: 1,
        };
        assert_eq!(welcome(guest), "Welcome, Ada!");
    }
}
