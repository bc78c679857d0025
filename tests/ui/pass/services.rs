//! Every shape of a service.

#![deny(warnings)]
#![allow(dead_code)]

use skylark::{Next, prelude::*};
use std::{collections::BTreeMap, fmt::Display};

/// Fields with names, conditions, options and other attributes.
#[skylark::state(rename = "hotel", default = Self::new())]
#[derive(Debug, Clone)]
pub struct Hotel {
    rooms: u32,
    #[skylark::state(rename = "booked-rooms")]
    pub(crate) bookings: BTreeMap<String, u32>,
    #[cfg(target_os = "none")]
    elsewhere: Nothing,
    #[cfg(not(target_os = "none"))]
    r#type: Option<(u8, [u8; 4])>,
}

impl Hotel {
    fn new() -> Self {
        Self {
            rooms: 1,
            bookings: BTreeMap::new(),
            r#type: None,
        }
    }
}

#[skylark::service(name = "hotel", client = Desk)]
#[allow(clippy::unused_self)]
impl Hotel {
    pub const RATE: u32 = { 80 };

    pub fn r#match(&self, r#type: String, mut more: u32) -> bool {
        more += 1;
        self.r#type.is_some() && self.rooms > more && r#type.is_empty()
    }

    pub fn twice(&mut self, other: [Option<u8>; 2]) -> Result<Vec<u8>, impls::Error> {
        let _ = self.bookings.insert(format!("{other:?}"), self.rooms);
        Err(impls::Error)
    }

    /// Documented.
    #[must_use]
    #[inline]
    #[skylark::function(on = cloud, timeout = "2s", retries = 1, backoff = "1s", on_error = Self::mend)]
    pub fn shown(&self) -> String {
        shown(self)
    }

    #[deprecated = "call `shown`"]
    pub fn old(&self) {}

    #[cfg(target_os = "none")]
    pub fn elsewhere(&self, nothing: Nothing) -> Nothing {
        self.elsewhere
    }

    pub fn mend(&mut self, failure: Failure) -> String {
        failure.message
    }

    #[skylark::chain(next = [Hotel::add, crate::Hotel::count], join = Self::sum)]
    pub fn fans(&self, x: u32) -> (u32, u32) {
        (x, x)
    }

    #[skylark::chain(next = each(Self::count_one), join = Self::all)]
    pub fn cuts(x: u32) -> Vec<u32> {
        vec![x]
    }

    #[skylark::chain(next = [Self::count_one, Self::add])]
    pub fn chooses(&self, x: u32) -> Next<(u32, (u32, u32))> {
        Next::first(x)
    }

    #[skylark::function]
    pub(crate) async fn add(x: u32, y: u32) -> Result<u32, Failure> {
        let one = skylark::call!(Hotel::count_one(x));
        let (one, two) = skylark::join!(one, Desk.count_one(y)).await;
        Ok(one? + two?)
    }

    pub fn count(&self, x: u32, y: u32) -> u32 {
        x + y + self.rooms
    }

    pub fn count_one(&mut self, x: u32) -> u32 {
        x
    }

    pub fn sum(&self, x: u32, y: u32) -> u32 {
        x + y
    }

    pub fn all(&self, x: Vec<u32>) -> usize {
        x.len()
    }

    pub(crate) fn not_a_function<'a, T: Display>(&'a self, of: &'a T) -> (&'a u32, String) {
        (&self.rooms, of.to_string())
    }
}

fn shown(hotel: &Hotel) -> String {
    format!("{hotel:?}")
}

mod impls {
    #[derive(Debug)]
    pub struct Error;

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no")
        }
    }

    /// In another module; a second `impl`.
    #[skylark::service(client = Other)]
    impl super::Hotel {
        pub fn close(&mut self) {
            *self = Self::new();
        }
    }
}

/// One per key, in a tuple; a trait's methods; types that only this module knows.
#[skylark::state(scope = key(of))]
#[derive(Default)]
struct Page(String, u32);

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Name(String);

trait Book {
    type Line;
    fn write(&mut self, of: Name, line: Self::Line) -> Self::Line;
    fn read(&self, _of: Name) -> String;
    fn title() -> String {
        String::new()
    }
    fn lines(n: u32) -> u32;
}

#[skylark::service(scope = key(of))]
impl Book for Page {
    type Line = String;

    fn write(&mut self, _of: Name, line: Self::Line) -> Self::Line {
        self.0.push_str(&line);
        line
    }

    fn read(&self, _of: Name) -> String {
        self.0.clone()
    }

    fn lines(n: u32) -> u32 {
        n
    }
}

/// A generic trait of a concrete type: a constant, a default method, a condition, one
/// that waits. A field that is built.
trait Ledger<T> {
    const LIMIT: usize = 3;
    fn enter(&mut self, entry: T) -> usize
    where
        T: Clone;
    async fn close(of: u32) -> u32;
    fn limit() -> usize {
        Self::LIMIT
    }
}

#[skylark::state]
#[derive(Default)]
struct Lines {
    kept: Vec<(u8, String)>,
    #[skylark::init]
    words: std::collections::HashSet<&'static str>,
}

#[skylark::service]
impl Ledger<(u8, String)> for Lines {
    fn enter(&mut self, entry: (u8, String)) -> usize {
        if !self.words.contains(entry.1.as_str()) {
            self.kept.push(entry);
        }
        self.kept.len().min(Self::limit())
    }

    async fn close(of: u32) -> u32 {
        of
    }
}

/// Built, not remembered.
#[skylark::init]
static VOWELS: std::sync::LazyLock<Vec<char>> = std::sync::LazyLock::new(|| vec!['a', 'e']);

/// Without state.
struct Text;

#[skylark::service]
impl Text {
    pub fn clean(text: String) -> String {
        text.replace(VOWELS.as_slice(), "")
    }
}

/// Of a run.
#[skylark::state(scope = chain)]
#[derive(Default)]
struct Trail {
    steps: u32,
}

#[skylark::function]
async fn calls() -> Result<String, Failure> {
    let page = PageBookClient::at(Name("a".into()));
    page.write("b".into()).after(std::time::Duration::from_secs(1)).send()?;
    skylark::with_mut(|trail: &mut Trail| trail.steps += 1);
    TextClient::clean(page.read().await?).await
}

fn main() {}
