//! The order of hash maps and sets.

use super::check;

/// In a handler with the arguments `m: HashMap<String, u8>` and `s: HashSet<String>`.
fn of(body: &str, wanted: &[&str]) {
    let text = format!(
        "use std::collections::*; #[skylark::function]\nasync fn f(m: HashMap<String, u8>, s: HashSet<String>) -> Vec<u8> {{ {body} }}\n#[skylark::function] fn g(x: u8) {{}}"
    );
    check(&text, wanted);
}

#[test]
fn order_that_is_seen() {
    for (body, wanted) in [
        (
            "let mut v = vec![]; for x in &m { v.push(1); } v",
            "hash_iteration note 2:",
        ),
        (
            "let mut v = vec![]; for (k, x) in m.iter() { v.push(*x); } v",
            "hash_iteration note",
        ),
        (
            "m.values().copied().collect::<Vec<u8>>()",
            "hash_iteration note",
        ),
        (
            "let v: Vec<u8> = m.into_values().collect(); v",
            "hash_iteration note",
        ),
        (
            "for k in s.iter() { println!(\"{k}\"); } vec![]",
            "hash_iteration note",
        ),
        ("let first = s.iter().next(); vec![]", "hash_iteration note"),
        ("m.into_values().collect()", "hash_iteration note"),
        (
            "for x in m.values() { if *x > 1 { return vec![*x]; } } vec![]",
            "hash_iteration note",
        ),
        (
            "for x in m.values() { skylark::call!(g(*x)).await; } vec![]",
            "hash_iteration warning",
        ),
        (
            "let mut t = String::new(); s.iter().for_each(|k| t.push_str(k)); vec![]",
            "hash_iteration note",
        ),
    ] {
        of(body, &[wanted]);
    }
}

#[test]
fn order_that_is_not() {
    for body in [
        "m.values().sum::<u8>(); vec![]",
        "m.values().copied().max(); vec![m.len() as u8]",
        "m.keys().any(|k| k == \"a\"); vec![]",
        "let b: BTreeMap<String, u8> = m.into_iter().collect(); vec![]",
        "m.into_iter().collect::<HashMap<_, _>>(); vec![]",
        "let mut v: Vec<u8> = m.into_values().collect(); v.sort_unstable(); v",
        "let mut v = vec![]; for x in m.values() { v.push(*x); } v.sort_by(|a, b| b.cmp(a)); v",
        "let mut v = V::new(); for x in m.values() { v.list.push(*x); } v.list.sort(); v.list",
        "let mut n = 0; for x in m.values() { n += x; } vec![n]",
        "let mut b = BTreeSet::new(); for k in &s { b.insert(k.clone()); } vec![]",
        "let mut b = BTreeMap::new(); for (k, x) in &m { b.entry(*x).or_insert_with(Vec::new).push(k); } vec![]",
        "m.get(\"a\").copied().into_iter().collect::<Vec<u8>>()",
        "let b = BTreeMap::from([(1, 2)]); for x in b.values() { println!(\"{x}\"); } vec![]",
        "skylark::nondet(|| m.values().copied().collect::<Vec<u8>>())",
    ] {
        of(body, &[]);
    }
}
