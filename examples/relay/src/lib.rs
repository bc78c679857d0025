//! A relay: runners hand a baton of any size on, over one to five legs, and may
//! write as much into the app's state on each.
//!
//! The work is next to none, so what a run costs is what handing on costs: with
//! fusion, legs on one node share an instance and a commit (`--fuse`).

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use skylark::prelude::*;
use std::sync::{LazyLock, Mutex};

/// What a race is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Race {
    /// Bytes that are handed on.
    #[serde(default)]
    pub baton: usize,
    /// Bytes of state that every leg writes.
    #[serde(default)]
    pub board: usize,
    /// The last runner stumbles, and nothing of that leg counts.
    #[serde(default)]
    pub stumbles: bool,
}

/// What is handed on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Baton {
    /// Legs so far.
    pub legs: u32,
    /// As it was asked for.
    pub race: Race,
    /// So many bytes.
    pub bytes: ByteBuf,
}

#[skylark::state]
static BOARD: LazyLock<Mutex<ByteBuf>> = LazyLock::new(Mutex::default);

#[skylark::state]
static LEGS: Mutex<u64> = Mutex::new(0);

impl Baton {
    fn new(race: Race) -> Self {
        let bytes = ByteBuf::from(vec![0; race.baton]);
        Self {
            legs: 0,
            race,
            bytes,
        }
    }

    fn run(mut self) -> Self {
        self.legs += 1;
        if let Some(last) = self.bytes.last_mut() {
            *last = last.wrapping_add(1);
        }
        if self.race.board > 0 {
            let mut board = BOARD.lock().expect("nobody panics with it");
            board.resize(self.race.board, 0);
            if let Some(last) = board.last_mut() {
                *last = last.wrapping_add(1);
            }
            *LEGS.lock().expect("nobody panics with it") += 1;
        }
        self
    }

    fn finish(self) -> u32 {
        let baton = self.run();
        assert!(!baton.race.stumbles, "the last runner stumbles");
        baton.legs
    }
}

/// One leg.
#[skylark::function]
pub fn one(race: Race) -> u32 {
    Baton::new(race).finish()
}

/// Two legs.
#[skylark::chain(next = last)]
pub fn two(race: Race) -> Baton {
    Baton::new(race).run()
}

/// Three legs.
#[skylark::chain(next = fourth)]
pub fn three(race: Race) -> Baton {
    Baton::new(race).run()
}

/// Four legs.
#[skylark::chain(next = third)]
pub fn four(race: Race) -> Baton {
    Baton::new(race).run()
}

/// Five legs.
#[skylark::chain(next = second)]
pub fn five(race: Race) -> Baton {
    Baton::new(race).run()
}

/// The second of five.
#[skylark::chain(next = third)]
pub fn second(baton: Baton) -> Baton {
    baton.run()
}

/// The third of five.
#[skylark::chain(next = fourth)]
pub fn third(baton: Baton) -> Baton {
    baton.run()
}

/// The fourth of five.
#[skylark::chain(next = last)]
pub fn fourth(baton: Baton) -> Baton {
    baton.run()
}

/// The last leg; the result of the run is the number of legs.
#[skylark::function]
pub fn last(baton: Baton) -> u32 {
    baton.finish()
}
