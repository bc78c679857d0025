//! Whether what callers were told can have happened one after the other: strict
//! serializability of transactions that tell the balances that they left.

use petgraph::{
    algo::{kosaraju_scc, toposort},
    graph::{DiGraph, NodeIndex},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A transaction, as its caller saw it.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// For people.
    pub name: String,
    /// When it was sent, and when its answer had come.
    pub sent: Duration,
    pub answered: Duration,
    /// What it did, at once.
    pub moves: Vec<Move>,
}

/// What a transaction did to one account.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub account: String,
    /// What was added to it; nothing, if it was only read.
    pub amount: i64,
    /// The balance that it left, or read.
    pub after: i64,
}

/// Transactions named in one message.
const NAMED: usize = 8;

/// Finds an order in which the transactions, done one after the other on these
/// balances, tell what was told, and in which whatever was answered before
/// another was sent comes before it.
///
/// An account must only grow or only shrink: so each balance is left once, and
/// says who came before whom.
///
/// # Errors
/// Why there is none.
pub(super) fn serial_order(
    opening: &BTreeMap<String, i64>,
    transactions: &[Transaction],
) -> Result<Vec<usize>, Vec<String>> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = transactions.iter().map(|_| graph.add_node(())).collect();
    let mut wrong = Vec::new();
    for (account, moves) in by_account(transactions) {
        let Some(opening) = opening.get(account) else {
            wrong.push(format!("{account}: there is no such account"));
            continue;
        };
        match chain(*opening, &moves, transactions) {
            Ok(edges) => graph.extend_with_edges(edges.iter().map(|(a, b)| (nodes[*a], nodes[*b]))),
            Err(why) => wrong.push(format!("{account}: {why}")),
        }
    }
    if wrong.is_empty() {
        wrong.extend(cycles(&graph, transactions, "come before each other"));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    real_time(&mut graph, &nodes, transactions);
    toposort(&graph, None)
        .map(|order| order.into_iter().map(NodeIndex::index))
        .map(|order| order.filter(|nth| *nth < transactions.len()).collect())
        .map_err(|_| {
            let what = "come before each other in real time or by what they told";
            cycles(&graph, transactions, what)
        })
}

type Moves<'a> = Vec<(usize, &'a Move)>;

fn by_account(transactions: &[Transaction]) -> BTreeMap<&str, Moves<'_>> {
    let mut accounts: BTreeMap<&str, Moves<'_>> = BTreeMap::new();
    for (nth, transaction) in transactions.iter().enumerate() {
        for one in &transaction.moves {
            accounts.entry(&one.account).or_default().push((nth, one));
        }
    }
    accounts
}

/// Who comes before whom, by the balances of one account.
fn chain(
    opening: i64,
    moves: &Moves<'_>,
    transactions: &[Transaction],
) -> Result<Vec<(usize, usize)>, String> {
    let name = |nth: usize| transactions[nth].name.as_str();
    let signs: BTreeSet<i64> = moves.iter().map(|(_, one)| one.amount.signum()).collect();
    if signs.contains(&1) && signs.contains(&-1) {
        return Err("it grows and shrinks, so that its balances tell no order".into());
    }
    // By the balance that they found.
    let mut readers: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut writers: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    for (nth, one) in moves {
        if one.after < 0 {
            return Err(format!("{} left {}", name(*nth), one.after));
        }
        let Some(found) = one.after.checked_sub(one.amount) else {
            return Err(format!("{} is out of range", name(*nth)));
        };
        if one.amount == 0 {
            readers.entry(found).or_default().push(*nth);
        } else if let Some((other, _)) = writers.insert(found, (*nth, one.after)) {
            let (other, own) = (name(other), name(*nth));
            return Err(format!("{other} and {own} both changed {found}"));
        }
    }
    let mut edges = Vec::new();
    let (mut balance, mut last) = (opening, None);
    loop {
        let read = readers.remove(&balance).unwrap_or_default();
        edges.extend(
            last.iter()
                .flat_map(|last| read.iter().map(|r| (*last, *r))),
        );
        let Some((writer, after)) = writers.remove(&balance) else {
            break;
        };
        edges.extend(last.into_iter().chain(read).map(|before| (before, writer)));
        balance = after;
        last = Some(writer);
    }
    let writers = writers
        .into_iter()
        .map(|(found, (nth, _))| (found, vec![nth]));
    match writers.chain(readers).next() {
        Some((found, who)) => {
            let who: Vec<&str> = who.into_iter().map(name).collect();
            Err(format!("{who:?} found {found}, which nobody left"))
        }
        None => Ok(edges),
    }
}

/// Transactions that all come before each other.
fn cycles(graph: &DiGraph<(), ()>, transactions: &[Transaction], what: &str) -> Vec<String> {
    let groups = kosaraju_scc(graph);
    let cycles = groups.into_iter().filter(|group| group.len() > 1);
    let named = cycles.map(|mut group| {
        group.sort();
        let all = group.iter().filter_map(|n| transactions.get(n.index()));
        let names: Vec<&str> = all.map(|t| t.name.as_str()).collect();
        match names.len().checked_sub(NAMED) {
            None | Some(0) => format!("{names:?} {what}"),
            Some(more) => format!("{:?} and {more} more {what}", &names[..NAMED]),
        }
    });
    named.collect()
}

/// Adds what real time says. Not an edge for each pair: a line of moments, one
/// for each answer, which the answered lead to and the later sent come from.
fn real_time(graph: &mut DiGraph<(), ()>, nodes: &[NodeIndex], transactions: &[Transaction]) {
    let mut answers: Vec<(Duration, NodeIndex)> = transactions
        .iter()
        .zip(nodes)
        .map(|(t, node)| (t.answered, *node))
        .collect();
    answers.sort();
    let moments: Vec<NodeIndex> = answers.iter().map(|_| graph.add_node(())).collect();
    for ((_, node), moment) in answers.iter().zip(&moments) {
        graph.add_edge(*node, *moment, ());
    }
    for pair in moments.windows(2) {
        graph.add_edge(pair[0], pair[1], ());
    }
    for (transaction, node) in transactions.iter().zip(nodes) {
        let before = answers.partition_point(|(at, _)| *at < transaction.sent);
        if let Some(last) = before.checked_sub(1) {
            graph.add_edge(moments[last], *node, ());
        }
    }
}

/// Numbers that were drawn one after the other, each with who drew it: the first
/// pair of which the later number was drawn, and told, before the other was
/// asked for.
pub(super) fn out_of_time(drawn: &BTreeMap<u64, (u64, Duration, Duration)>) -> Option<(u64, u64)> {
    let mut earliest: Option<(Duration, u64)> = None;
    for (key, sent, answered) in drawn.values().rev() {
        if let Some((told, later)) = earliest
            && told < *sent
        {
            return Some((*key, later));
        }
        if earliest.is_none_or(|(told, _)| *answered < told) {
            earliest = Some((*answered, *key));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = (u64, u64, &'a [(&'a str, i64, i64)]);

    fn transactions(rows: &[Row<'_>]) -> Vec<Transaction> {
        let all = rows
            .iter()
            .enumerate()
            .map(|(nth, (sent, answered, moves))| Transaction {
                name: format!("t{nth}"),
                sent: Duration::from_secs(*sent),
                answered: Duration::from_secs(*answered),
                moves: moves
                    .iter()
                    .map(|(account, amount, after)| Move {
                        account: (*account).to_owned(),
                        amount: *amount,
                        after: *after,
                    })
                    .collect(),
            });
        all.collect()
    }

    fn opening() -> BTreeMap<String, i64> {
        ["x", "y"].map(|name| (name.to_owned(), 100)).into()
    }

    /// The order does what was told, and no answer comes before a later request.
    fn holds(order: &[usize], all: &[Transaction]) {
        let mut balances = opening();
        let mut sent = Duration::ZERO;
        for nth in order {
            for one in &all[*nth].moves {
                let balance = balances.get_mut(&one.account).unwrap();
                *balance += one.amount;
                assert_eq!(*balance, one.after, "{order:?}");
            }
            assert!(all[*nth].answered >= sent, "{order:?}");
            sent = sent.max(all[*nth].sent);
        }
        assert_eq!(order.len(), all.len());
    }

    #[test]
    fn histories_that_can_be_and_that_cannot() {
        let check = |what: &str, rows: &[Row<'_>], wrong: Option<&str>| {
            let all = transactions(rows);
            match (serial_order(&opening(), &all), wrong) {
                (Ok(order), None) => holds(&order, &all),
                (Err(why), Some(part)) => {
                    assert!(why.iter().any(|w| w.contains(part)), "{what}: {why:?}");
                }
                (got, _) => panic!("{what}: {got:?}"),
            }
        };
        check("nothing", &[], None);
        check(
            "one after the other, told in another order",
            &[
                (0, 9, &[("x", -20, 70), ("y", 20, 130)]),
                (0, 9, &[("x", -10, 90), ("y", 10, 110)]),
            ],
            None,
        );
        check(
            "all at once, with reads between",
            &[
                (0, 9, &[("x", 0, 90), ("y", 0, 100)]),
                (0, 9, &[("x", -10, 90)]),
                (0, 9, &[("y", 5, 105)]),
                (0, 9, &[("x", 0, 90), ("y", 0, 105)]),
                (0, 9, &[("x", 0, 100), ("y", 0, 100)]),
            ],
            None,
        );
        check(
            "an answer at the moment at which the other is sent",
            &[(5, 9, &[("x", -1, 99)]), (0, 5, &[("x", -1, 98)])],
            None,
        );
        check(
            "lost update",
            &[(0, 9, &[("x", -10, 90)]), (0, 9, &[("x", -20, 80)])],
            Some("x: t0 and t1 both changed 100"),
        );
        check(
            "the same told twice",
            &[(0, 9, &[("x", -10, 90)]), (0, 9, &[("x", -10, 90)])],
            Some("x: t0 and t1 both changed 100"),
        );
        check(
            "more than there is",
            &[(0, 9, &[("x", -60, 40)]), (0, 9, &[("x", -60, -20)])],
            Some("x: t1 left -20"),
        );
        check(
            "an effect that was told to nobody",
            &[(0, 9, &[("x", -10, 90)]), (0, 9, &[("x", -10, 70)])],
            Some("x: [\"t1\"] found 80, which nobody left"),
        );
        check(
            "a read of what was never there",
            &[(0, 9, &[("x", 0, 95)])],
            Some("x: [\"t0\"] found 95, which nobody left"),
        );
        check(
            "two orders on two accounts",
            &[
                (0, 9, &[("x", -10, 90), ("y", 10, 120)]),
                (0, 9, &[("x", -10, 80), ("y", 10, 110)]),
            ],
            Some("[\"t0\", \"t1\"] come before each other"),
        );
        check(
            "write skew: each read what the other then changed",
            &[
                (0, 9, &[("x", 0, 100), ("y", 10, 110)]),
                (0, 9, &[("y", 0, 100), ("x", -10, 90)]),
            ],
            Some("[\"t0\", \"t1\"] come before each other"),
        );
        check(
            "half of another transaction is seen",
            &[
                (0, 9, &[("x", -10, 90), ("y", 10, 110)]),
                (0, 9, &[("x", 0, 90), ("y", 0, 100)]),
            ],
            Some("[\"t0\", \"t1\"] come before each other"),
        );
        check(
            "two readers see two writers in two orders",
            &[
                (0, 9, &[("x", -10, 90)]),
                (0, 9, &[("y", 10, 110)]),
                (0, 9, &[("x", 0, 90), ("y", 0, 100)]),
                (0, 9, &[("x", 0, 100), ("y", 0, 110)]),
            ],
            Some("[\"t0\", \"t1\", \"t2\", \"t3\"] come before each other"),
        );
        check(
            "a stale read: serial, but not in real time",
            &[(0, 1, &[("x", -10, 90)]), (2, 3, &[("x", 0, 100)])],
            Some("[\"t0\", \"t1\"] come before each other in real time"),
        );
        check(
            "a later one was first",
            &[(2, 3, &[("x", -10, 90)]), (0, 1, &[("x", -10, 80)])],
            Some("[\"t0\", \"t1\"] come before each other in real time"),
        );
        check(
            "real time through a third, on another account",
            &[
                (5, 6, &[("x", -10, 90)]),
                (2, 3, &[("y", 10, 120)]),
                (0, 9, &[("x", -10, 80), ("y", 10, 110)]),
            ],
            Some("come before each other in real time"),
        );
        check(
            "both ways",
            &[(0, 9, &[("x", -10, 90)]), (0, 9, &[("x", 10, 100)])],
            Some("it grows and shrinks"),
        );
        check(
            "an unknown account",
            &[(0, 9, &[("z", 1, 1)])],
            Some("no such account"),
        );
    }

    #[test]
    fn numbers_that_were_drawn_too_late() {
        let check = |rows: &[(u64, u64)], wrong: Option<(u64, u64)>| {
            let drawn = (1..).zip(rows).map(|(number, (sent, answered))| {
                let at = Duration::from_secs;
                (number, (number * 10, at(*sent), at(*answered)))
            });
            assert_eq!(out_of_time(&drawn.collect()), wrong, "{rows:?}");
        };
        check(&[], None);
        check(&[(0, 1), (2, 3)], None);
        check(&[(0, 9), (0, 9)], None);
        check(&[(2, 3), (0, 1)], Some((10, 20)));
        check(&[(1, 9), (0, 9), (0, 1)], None);
        check(&[(2, 9), (0, 9), (0, 1)], Some((10, 30)));
    }
}
