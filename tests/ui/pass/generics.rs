//! What is generic, or of traits, around what is annotated.

use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt::Display};

trait Priced {
    const TAX: u64;

    fn price(&self) -> u64;

    fn with_tax(&self) -> u64 {
        self.price() + self.price() * Self::TAX / 100
    }
}

#[skylark::state]
#[derive(Default)]
struct Shop {
    sold: BTreeMap<String, u64>,
}

impl Priced for Shop {
    const TAX: u64 = 20;

    fn price(&self) -> u64 {
        self.sold.values().sum()
    }
}

#[skylark::service]
impl Shop {
    const MOST: u64 = 1_000;

    pub fn earned(&self) -> u64 {
        self.with_tax().min(Self::MOST)
    }

    pub fn sell(&mut self, what: String, cents: u64) -> String {
        let sum = self.add(&what, cents);
        shown(&what, sum)
    }

    fn add<K: AsRef<str> + ?Sized>(&mut self, what: &K, cents: impl Into<u64>) -> u64 {
        let sum = self.sold.entry(what.as_ref().to_owned()).or_default();
        *sum += cents.into();
        *sum
    }
}

fn shown<'a, T: Display>(what: &'a str, value: T) -> String {
    longer(what, &format!("{what}: {value}")).to_owned()
}

fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.len() > other.len() { one } else { other }
}

fn copied<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    serde_json::from_value(serde_json::to_value(value).ok()?).ok()
}

fn all(tests: &[Box<dyn Fn(u32) -> bool>], of: u32) -> bool {
    tests.iter().all(|test| test(of))
}

#[skylark::function]
fn passes(of: u32) -> Option<bool> {
    let tests: [Box<dyn Fn(u32) -> bool>; 2] = [Box::new(|n| n > 1), Box::new(|n| n % 2 == 0)];
    copied(&all(&tests, of))
}

fn main() {}
