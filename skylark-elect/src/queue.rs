//! The search's priority queue.

/// A radix heap: a queue for searches, whose keys never fall below the last
/// one taken. Entries lie in the bucket of the highest bit in which they
/// differ from that key, so each moves at most 64 times, and rarely twice;
/// no comparisons of neighbours as in a binary heap.
#[derive(Debug)]
pub(crate) struct RadixQueue {
    /// Bucket 0 holds keys equal to `last`; bucket `b` those whose highest
    /// differing bit is bit `b - 1`.
    buckets: [Vec<(u64, u32)>; 65],
    /// Which buckets from 1 on hold something: bit `b - 1`.
    filled: u64,
    last: u64,
}

impl RadixQueue {
    pub(crate) fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| Vec::new()),
            filled: 0,
            last: 0,
        }
    }

    /// Empties it, and allows any key again.
    pub(crate) fn restart(&mut self) {
        self.buckets[0].clear();
        while self.filled != 0 {
            self.buckets[self.filled.trailing_zeros() as usize + 1].clear();
            self.filled &= self.filled - 1;
        }
        self.last = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, key: u64, node: u32) {
        debug_assert!(key >= self.last);
        let bucket = bucket(key, self.last);
        if bucket > 0 {
            self.filled |= 1 << (bucket - 1);
        }
        self.buckets[bucket].push((key, node));
    }

    /// Takes an entry of the smallest key.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(u64, u32)> {
        if let Some(entry) = self.buckets[0].pop() {
            return Some(entry);
        }
        if self.filled == 0 {
            return None;
        }
        let lowest = self.filled.trailing_zeros() as usize + 1;
        self.filled &= self.filled - 1;
        let mut entries = std::mem::take(&mut self.buckets[lowest]);
        self.last = entries.iter().map(|e| e.0).min().unwrap_or(self.last);
        for &(key, node) in &entries {
            self.push(key, node);
        }
        // The bucket keeps its memory for what comes.
        entries.clear();
        self.buckets[lowest] = entries;
        self.buckets[0].pop()
    }
}

#[inline]
fn bucket(key: u64, last: u64) -> usize {
    (u64::BITS - (key ^ last).leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{cmp::Reverse, collections::BinaryHeap};

    proptest! {
        /// Pops as a binary heap does, if keys do not fall below what was taken.
        #[test]
        fn pops_in_order(steps in prop::collection::vec((0u64..1 << 40, 0u8..4), 1..200)) {
            let (mut queue, mut reference) = (RadixQueue::new(), BinaryHeap::new());
            let mut last = 0;
            for (n, (ahead, pops)) in steps.into_iter().enumerate() {
                queue.push(last + ahead, n as u32);
                reference.push(Reverse(last + ahead));
                for _ in 0..pops {
                    let expected = reference.pop().map(|Reverse(key)| key);
                    prop_assert_eq!(queue.pop().map(|e| e.0), expected);
                    last = expected.unwrap_or(last);
                }
            }
            while let Some(Reverse(key)) = reference.pop() {
                prop_assert_eq!(queue.pop().map(|e| e.0), Some(key));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
