//! Keys as texts, and a collection beside the one of the standard library.

use super::*;
use std::{collections::BTreeMap, fmt::Debug, ops::Bound};

/// What is in order is so as text, and read back.
fn check<K: Key + Ord + Debug>(keys: impl IntoIterator<Item = K>) {
    let keys: Vec<K> = keys.into_iter().collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let texts: Vec<KeyText> = keys.iter().map(KeyText::of).collect();
    let texts: Vec<&str> = texts.iter().map(KeyText::as_str).collect();
    assert!(texts.is_sorted(), "{texts:?}");
    for (key, text) in keys.iter().zip(texts) {
        assert_eq!(key::read::<K>(text).as_ref(), Some(key), "{text}");
    }
}

#[test]
fn keys_are_ordered_as_they_are() {
    check(0..=u8::MAX);
    check(i8::MIN..=i8::MAX);
    check([u64::MIN, 9, 10, 99, 100, u64::MAX]);
    check([i64::MIN, -100, -99, -10, -9, 0, 9, i64::MAX]);
    check([i128::MIN, -1, 0, i128::MAX]);
    check([0, usize::MAX]);
    check([false, true]);
    check(['\0', '\u{1}', 'a', 'ä', '𝄞']);
    check(["", "\0", "a", "a\0", "ab", "b", "ä"].map(str::to_owned));
    check([vec![], vec![0], vec![0, 0], vec![1], vec![255, 0]]);
    check([[0_u8, 255], [1, 0]]);
    let names = ["", "\0", "a", "a\0", "ab"];
    let pairs = names
        .iter()
        .flat_map(|name| [-5, 0, 7].map(|n| ((*name).to_owned(), n)));
    check(pairs);
    check([(true, 'a', vec![1_u8], 0_u8), (true, 'b', vec![], 0)]);
}

#[test]
fn a_key_of_another_type_is_none() {
    assert_eq!(key::read::<u8>("C300"), None);
    assert_eq!(key::read::<u8>("?57"), None);
    assert_eq!(key::read::<(u8, u8)>("A1"), None);
    assert_eq!(key::read::<u8>("A1\0A1"), None);
    assert_eq!(key::read::<char>("ab"), None);
    assert_eq!(key::read::<bool>("yes"), None);
    assert_eq!(key::read::<[u8; 2]>("00"), None);
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[test]
fn a_map_is_one() {
    for seed in 0..50 {
        let mut random = Random(seed);
        let mut ours = Map::<i16, u64>::new();
        let mut theirs = BTreeMap::new();
        for step in 0..100 {
            let key = random.below(40) as i16 - 20;
            match random.below(8) {
                0 => assert_eq!(ours.insert(key, step), theirs.insert(key, step)),
                1 => {
                    ours.set(key, step);
                    theirs.insert(key, step);
                }
                2 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                3 => {
                    ours.delete(&key);
                    theirs.remove(&key);
                }
                4 => {
                    ours.update(&key, |value| *value.get_or_insert(0) += 1);
                    *theirs.entry(key).or_insert(0) += 1;
                }
                5 => assert_eq!(ours.get(&key), theirs.get(&key).copied()),
                6 => assert_eq!(ours.len(), theirs.len() as u64),
                _ => {
                    let (from, to) = (key, key + random.below(20) as i16);
                    let range = (Bound::Excluded(from), Bound::Included(to + 1));
                    let found: Vec<_> = ours.range(range).collect();
                    let wanted = theirs.range(range).map(|(k, v)| (*k, *v));
                    assert_eq!(found, wanted.collect::<Vec<_>>(), "{seed}");
                    let back: Vec<_> = ours.range(from..to).rev().limit(3).keys().collect();
                    let wanted = theirs.range(from..to).rev().take(3).map(|(k, _)| *k);
                    assert_eq!(back, wanted.collect::<Vec<_>>(), "{seed}");
                }
            }
        }
        assert!(ours.iter().eq(theirs.iter().map(|(k, v)| (*k, *v))));
        let ends = theirs.iter().next().zip(theirs.iter().next_back());
        assert_eq!(
            ours.first().zip(ours.last()),
            ends.map(|(a, z)| ((*a.0, *a.1), (*z.0, *z.1)))
        );
        assert_eq!(ours.is_empty(), theirs.is_empty());
    }
}

#[test]
fn a_list_is_one() {
    for seed in 0..50 {
        let mut random = Random(seed);
        let mut ours = List::<u64>::new();
        let mut theirs = Vec::new();
        for step in 0..100 {
            let at = random.below(12);
            match random.below(5) {
                0 | 1 => {
                    ours.push(step);
                    theirs.push(step);
                }
                2 => assert_eq!(ours.pop(), theirs.pop()),
                3 => {
                    let place = theirs.get_mut(at as usize);
                    let before = place.map(|place| std::mem::replace(place, step));
                    assert_eq!(ours.set(at, step), before);
                }
                _ => assert_eq!(ours.get(at), theirs.get(at as usize).copied()),
            }
        }
        assert_eq!(ours.len(), theirs.len() as u64);
        assert_eq!(ours.last(), theirs.last().copied());
        assert_eq!(ours.is_empty(), theirs.is_empty());
        assert!(ours.iter().eq(theirs));
    }
}

#[test]
fn a_counter_ends_where_its_numbers_do() {
    let mut counter = Counter::new();
    counter.add(i64::MAX);
    counter.add(1);
    assert_eq!(counter.get(), i64::MAX);
    counter.sub(i64::MAX);
    counter.sub(1);
    assert_eq!(counter.get(), -1);
}
