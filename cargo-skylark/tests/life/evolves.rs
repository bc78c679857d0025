//! An app whose state evolves, on a node that is killed in between.

use crate::{make, node::Node, skylark};
use std::{fs, path::Path};

/// What is stored at first.
const FIRST: &str = r#"//! A shop.

use serde::{Deserialize, Serialize};
use skylark::{List, Map, prelude::*};
use std::{collections::BTreeMap, sync::Mutex};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub item: String,
    pub note: String,
}

#[skylark::state]
static ORDERS: Mutex<BTreeMap<u64, Order>> = Mutex::new(BTreeMap::new());

#[skylark::state]
static VISITS: Mutex<u64> = Mutex::new(0);

#[skylark::state]
static PRICES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

#[skylark::state]
static STOCK: Map<String, u32> = Map::new();

#[skylark::state]
static LOG: List<String> = List::new();

#[skylark::state]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shelf {
    marks: Vec<String>,
}

#[skylark::service]
impl Shelf {
    pub fn mark(&mut self, text: String) -> Vec<String> {
        self.marks.push(text);
        self.marks.clone()
    }
}

#[skylark::function]
pub fn order(id: u64, item: String, note: String, cents: u64) -> u64 {
    *VISITS.lock().unwrap() += 1;
    ORDERS.lock().unwrap().insert(id, Order { item: item.clone(), note });
    PRICES.lock().unwrap().insert(item.clone(), cents);
    STOCK.update(&item, |left| *left = Some(left.unwrap_or(10) - 1));
    LOG.push(item);
    *VISITS.lock().unwrap()
}
"#;

/// The same of the next release, and what it sees.
const SECOND: &str = r#"//! A shop.

use serde::{Deserialize, Serialize};
use skylark::{List, Map, prelude::*};
use std::{collections::BTreeMap, sync::Mutex};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub item: String,
    pub note: String,
    #[serde(default)]
    pub paid: bool,
}

#[skylark::state]
static ORDERS: Mutex<BTreeMap<u64, Order>> = Mutex::new(BTreeMap::new());

#[skylark::state(was = "VISITS")]
static CALLS: Mutex<u64> = Mutex::new(0);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Price {
    pub cents: u64,
    pub currency: String,
}

#[skylark::state(migrate = [in_euros])]
static PRICES: Mutex<BTreeMap<String, Price>> = Mutex::new(BTreeMap::new());

fn in_euros(old: BTreeMap<String, u64>) -> BTreeMap<String, Price> {
    let price = |cents| Price { cents, currency: "EUR".into() };
    old.into_iter().map(|(item, cents)| (item, price(cents))).collect()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub left: u32,
    pub of: u32,
}

#[skylark::state(migrate = [batch])]
static STOCK: Map<String, Batch> = Map::new();

fn batch(left: u32) -> Batch {
    Batch { left, of: 10 }
}

#[skylark::state(migrate = entry)]
static LOG: List<(String, u32)> = List::new();

fn entry(old: String) -> (String, u32) {
    (old, 1)
}

#[skylark::state]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shelf {
    marks: Vec<String>,
    height: u32,
}

#[skylark::service]
impl Shelf {
    pub fn mark(&mut self, text: String) -> Vec<String> {
        self.height += 1;
        self.marks.push(format!("{text} at {}", self.height));
        self.marks.clone()
    }
}

#[skylark::function]
pub fn sell(item: String) -> u32 {
    *CALLS.lock().unwrap() += 1;
    PRICES.lock().unwrap().get_mut(&item).unwrap().cents += 1;
    LOG.push((item.clone(), 2));
    STOCK.update(&item, |batch| {
        let batch = batch.as_mut().unwrap();
        batch.left -= 1;
        batch.left
    })
}

#[skylark::function]
pub fn tell() -> String {
    let orders = ORDERS.lock().unwrap();
    let orders: Vec<String> = orders.values().map(|o| format!("{} {} {}", o.item, o.note, o.paid)).collect();
    let prices = PRICES.lock().unwrap();
    let prices: Vec<String> = prices.iter().map(|(i, p)| format!("{i} {} {}", p.cents, p.currency)).collect();
    let stock: Vec<String> = STOCK.iter().map(|(item, b)| format!("{item} {}/{}", b.left, b.of)).collect();
    let log: Vec<String> = LOG.iter().map(|(item, n)| format!("{item} {n}")).collect();
    let calls = *CALLS.lock().unwrap();
    format!("{calls} calls; {orders:?}; {prices:?}; {stock:?}; {log:?}")
}
"#;

fn write(app: &Path, source: &str) {
    fs::write(app.join("src/lib.rs"), source).unwrap();
}

/// A release of `SECOND` in which this became that.
fn changed(from: &str, to: &str) -> String {
    assert!(SECOND.contains(from), "{from}");
    SECOND.replace(from, to)
}

#[test]
fn state_evolves_over_releases_and_crashes() {
    let here = tempfile::tempdir().unwrap();
    let app = make(here.path(), "evolves");
    let mut node = Node::start(&here.path().join("node"));
    let check = |node: &Node, arguments: &[&str], code: i32, wanted: &[&str]| {
        let (got, out, error) = node.skylark(&app, arguments);
        assert_eq!(got, code, "{arguments:?}: {out}{error}");
        for wanted in wanted {
            assert!(
                out.contains(wanted) || error.contains(wanted),
                "{arguments:?}: no {wanted:?} in {out}{error}"
            );
        }
    };
    write(&app, FIRST);
    check(&node, &["deploy"], 0, &["evolves"]);
    let order = |id: u64, item: &str| {
        format!(
            r#"{{"id":{id},"item":"{item}","note":"for {id}","cents":{}}}"#,
            100 * id
        )
    };
    for (id, item) in [(1, "tea"), (2, "rice")] {
        check(
            &node,
            &["invoke", "order", &order(id, item)],
            0,
            &[&id.to_string()],
        );
    }
    check(&node, &["invoke", "Shelf-mark", "\"first\""], 0, &["first"]);

    node = node.restart();
    let against = |source: &str, code: i32, wanted: &[&str]| {
        write(&app, source);
        let (got, out, error) = skylark(&app, &["check", "--against", &node.url]);
        assert_eq!(got, code, "{out}{error}");
        for wanted in wanted {
            assert!(
                out.contains(wanted) || error.contains(wanted),
                "no {wanted:?} in {out}{error}"
            );
        }
    };
    let unmigrated = changed("#[skylark::state(migrate = [batch])]", "#[skylark::state]");
    let loses = changed("    pub note: String,\n", "").replace("o.note", "o.item");
    against(
        SECOND,
        0,
        &[
            "migrated by `batch`",
            "migrated by `in_euros`",
            "`CALLS`",
            "all compatible",
        ],
    );
    against(&unmigrated, 1, &["STOCK", "1 variable needs a migration"]);
    against(
        &loses,
        1,
        &["field `note` is gone", "1 variable would lose data"],
    );
    check(
        &node,
        &["deploy"],
        1,
        &["ORDERS", "would lose data", "breaks-state"],
    );
    check(&node, &["invoke", "order", &order(3, "tea")], 0, &["3"]);

    write(&app, SECOND);
    check(&node, &["deploy"], 0, &["evolves"]);
    let old = [
        "3 calls",
        "tea for 1 false",
        "rice for 2 false",
        "tea 300 EUR",
        "rice 200 EUR",
        "rice 9/10",
        "tea 8/10",
        r#"[\"tea 1\", \"rice 1\", \"tea 1\"]"#,
    ];
    check(&node, &["invoke", "tell"], 0, &old);
    check(&node, &["invoke", "sell", "\"tea\""], 0, &["7"]);
    check(
        &node,
        &["invoke", "Shelf-mark", "\"second\""],
        0,
        &["first", "second at 1"],
    );
    node = node.restart();
    // One entry was written anew, the other is as old as it was.
    let both = [
        "4 calls",
        "tea 301 EUR",
        "rice 200 EUR",
        "rice 9/10",
        "tea 7/10",
        r#"[\"tea 1\", \"rice 1\", \"tea 1\", \"tea 2\"]"#,
    ];
    check(&node, &["invoke", "tell"], 0, &both);
    check(
        &node,
        &["invoke", "Shelf-mark", "\"third\""],
        0,
        &["first", "second at 1", "third at 2"],
    );

    write(&app, &loses);
    check(
        &node,
        &["deploy"],
        1,
        &["ORDERS", "would lose data", "breaks-state"],
    );
    check(&node, &["deploy", "--force"], 0, &["evolves"]);
    check(&node, &["invoke", "tell"], 0, &["tea tea false"]);
}
