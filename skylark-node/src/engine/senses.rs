//! What a guest sees of the world outside itself: the time, and chance.

use sha2::{Digest, Sha256};
use skylark_abi::journal::Seen;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock and a source of random numbers. A function's come with its
/// invocation, so that every execution of it sees the same; a command's are the
/// machine's.
#[derive(Debug)]
pub(super) struct Senses(Option<Recorded>);

#[derive(Debug)]
struct Recorded {
    now_ns: u64,
    seed: (u64, u64),
    block: u64,
}

/// What each look at a recorded clock takes, so that time passes for whoever
/// waits for it: it stands still otherwise.
const TICK_NS: u64 = 1000;

impl Senses {
    pub(super) fn of_the_machine() -> Self {
        Self(None)
    }

    pub(super) fn recorded(seen: Seen) -> Self {
        Self(Some(Recorded {
            now_ns: seen.unix_us.saturating_mul(1000),
            seed: seen.seed,
            block: 0,
        }))
    }

    /// Nanoseconds since the Unix epoch, more at each look.
    pub(super) fn now_ns(&mut self) -> u64 {
        match &mut self.0 {
            Some(recorded) => {
                recorded.now_ns = recorded.now_ns.saturating_add(TICK_NS);
                recorded.now_ns
            }
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)),
        }
    }

    /// A recorded clock goes on from here, if that is later.
    pub(super) fn go_on_at(&mut self, unix_us: u64) {
        if let Some(recorded) = &mut self.0 {
            recorded.now_ns = recorded.now_ns.max(unix_us.saturating_mul(1000));
        }
    }

    /// Random bytes. Recorded ones are SHA-256 of the seed and a counter: whoever
    /// sees some of them learns nothing of the others.
    pub(super) fn random(&mut self, dst: &mut [u8]) -> wasmtime::Result<()> {
        let Some(recorded) = &mut self.0 else {
            return getrandom::fill(dst).map_err(|e| wasmtime::Error::msg(e.to_string()));
        };
        for chunk in dst.chunks_mut(32) {
            let mut hasher = Sha256::new();
            hasher.update(recorded.seed.0.to_le_bytes());
            hasher.update(recorded.seed.1.to_le_bytes());
            hasher.update(recorded.block.to_le_bytes());
            recorded.block += 1;
            chunk.copy_from_slice(&hasher.finalize()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: (u64, u64)) -> [u8; 40] {
        let mut bytes = [0; 40];
        let seen = Seen { unix_us: 1, seed };
        Senses::recorded(seen).random(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn recorded_senses_are_the_same_again() {
        assert_eq!(drawn((1, 2)), drawn((1, 2)));
        assert_ne!(drawn((1, 2)), drawn((2, 2)));
        let mut senses = Senses::recorded(Seen::default());
        let (a, b) = (senses.now_ns(), senses.now_ns());
        assert!(a < b);
        senses.go_on_at(5);
        assert!(senses.now_ns() > 5000);
    }
}
