//! Reviews of films, by nine services: each is in all its places once.

use super::{ANYWHERE, Answer, App, NEAREST, StoreEnd, by_time, read, refused};
use crate::torture::history::out_of_time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `review`: calls of services that call services.
pub(super) struct Reviews;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Review {
    id: u64,
    user: u64,
    film: u64,
    text: String,
    stars: u64,
}

/// The last of them is none that the services know.
const FILMS: [&str; 4] = ["Metropolis", "Nosferatu", "Faust", "Jaws"];
const USERS: u64 = 5;

fn film(key: u64) -> u64 {
    key / 2 % (FILMS.len() as u64)
}

fn known(key: u64) -> bool {
    film(key) + 1 < FILMS.len() as u64
}

impl App for Reviews {
    fn name(&self) -> &'static str {
        "media"
    }

    /// Each store has its own numbers.
    fn policy(&self, shared: bool) -> &'static str {
        if shared { ANYWHERE } else { NEAREST }
    }

    fn request(&self, key: u64) -> (&'static str, Value) {
        let film = usize::try_from(film(key)).map_or("", |nth| FILMS[nth]);
        let draft = json!({
            "user": format!("user{}", key % USERS),
            "film": film,
            "text": format!("damn good {key}"),
            "stars": key % 11,
        });
        ("review", draft)
    }

    fn check(&self, key: u64, answer: &Answer) -> Result<(), String> {
        let review: Review = match answer {
            Ok(value) => read(value)?,
            Err(failure) if by_time(failure) => return Ok(()),
            Err(failure) => return refused(failure, !known(key), "there is no film"),
        };
        let right = known(key)
            && review.film == film(key) + 1
            && review.text == format!("**** good {key}")
            && review.stars == key % 11;
        match right {
            true => Ok(()),
            false => Err(format!("{review:?} is not what was written")),
        }
    }

    fn check_end(&self, stores: &[StoreEnd]) -> Vec<String> {
        let check = |store: &StoreEnd| {
            let wrong = places(store).unwrap_or_else(|why| vec![why]);
            let named = wrong
                .into_iter()
                .map(|why| format!("{}: {why}", store.name));
            named.collect::<Vec<_>>()
        };
        stores.iter().flat_map(check).collect()
    }
}

/// What is wrong with the places that a store's reviews are in.
fn places(store: &StoreEnd) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut told: BTreeMap<u64, Review> = BTreeMap::new();
    let mut drawn = BTreeMap::new();
    for (key, review, times) in store.results::<Review>() {
        drawn.insert(review.id, (key, times.sent, times.answered));
        if let Some(other) = told.insert(review.id, review.clone()) {
            wrong.push(format!("{other:?} and {review:?} have one number"));
        }
    }
    if let Some((before, after)) = out_of_time(&drawn) {
        wrong.push(format!(
            "{after} was answered before {before} was sent, and has the greater number"
        ));
    }
    // Of these, any may be anywhere, once.
    let half = store.half_done().len();
    let kept: BTreeMap<u64, Review> = store.state("REVIEWS")?;
    let differ = |id: &u64| kept.get(id) != told.get(id);
    let lost: Vec<u64> = told.keys().copied().filter(differ).collect();
    if !lost.is_empty() {
        wrong.push(format!(
            "{lost:?} are told, and kept otherwise or not at all"
        ));
    }
    let more = kept.keys().filter(|id| !told.contains_key(id)).count();
    if more > half {
        wrong.push(format!(
            "{more} are kept that were told to nobody, of {half} unknown"
        ));
    }
    let last: u64 = store.state("LAST_ID")?;
    let all = told.len() as u64;
    if !(all..=all + half as u64).contains(&last) {
        wrong.push(format!(
            "{last} numbers were drawn for {all} reviews and {half} unknown"
        ));
    }
    for (place, of) in [
        ("BY_USER", (|r| r.user) as fn(&Review) -> u64),
        ("BY_FILM", |r| r.film),
    ] {
        let lists: BTreeMap<u64, Vec<u64>> = store.state(place)?;
        let pairs = lists
            .iter()
            .flat_map(|(own, ids)| ids.iter().map(|id| (*id, *own)));
        let mut noted: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        pairs.for_each(|(id, own)| noted.entry(id).or_default().push(own));
        for review in told.values() {
            match noted.remove(&review.id).as_deref() {
                Some([own]) if *own == of(review) => {}
                other => wrong.push(format!("{place}: {review:?} is with {other:?}")),
            }
        }
        if noted.len() > half || noted.values().any(|own| own.len() > 1) {
            wrong.push(format!(
                "{place}: there is also {noted:?}, of {half} unknown"
            ));
        }
    }
    wrong.extend(ratings(store, &told, half as u64)?);
    Ok(wrong)
}

fn ratings(
    store: &StoreEnd,
    told: &BTreeMap<u64, Review>,
    half: u64,
) -> Result<Option<String>, String> {
    let ratings: BTreeMap<u64, (u64, u64)> = store.state("RATINGS")?;
    let count: u64 = ratings.values().map(|(count, _)| count).sum();
    let stars: u64 = ratings.values().map(|(_, stars)| stars).sum();
    let (all, given) = (
        told.len() as u64,
        told.values().map(|r| r.stars).sum::<u64>(),
    );
    let right = (all..=all + half).contains(&count) && (given..=given + 10 * half).contains(&stars);
    Ok((!right).then(|| {
        format!("{count} ratings with {stars} stars of {all} with {given} and {half} unknown")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torture::apps::tests::{end, found, late};

    #[test]
    fn reviews_that_are_wrong_are_found() {
        let review = |id: u64| {
            let text = format!("**** good {id}");
            json!({"id": id, "user": 1, "film": 1, "text": text, "stars": id})
        };
        let check = |answers: Vec<(u64, Answer)>,
                     kept: &[u64],
                     by_user: Value,
                     rated: (u64, u64),
                     parts: &[&str]| {
            let kept: BTreeMap<_, _> = kept
                .iter()
                .map(|id| (id.to_string(), review(*id)))
                .collect();
            let last = kept.len();
            let left = json!({
                "REVIEWS": kept, "LAST_ID": last, "BY_USER": {"1": by_user},
                "BY_FILM": {"1": kept.values().map(|r| r["id"].clone()).collect::<Vec<_>>()},
                "RATINGS": {"1": rated},
            });
            found(&Reviews, end(answers, left), parts);
        };
        let ok = |id: u64| Ok(review(id));
        check(vec![], &[], json!([]), (0, 0), &[]);
        check(
            vec![(1, ok(1)), (2, ok(2))],
            &[1, 2],
            json!([2, 1]),
            (2, 3),
            &[],
        );
        check(
            vec![(1, ok(1)), (2, late())],
            &[1, 2],
            json!([1]),
            (2, 3),
            &[],
        );
        check(
            vec![(1, ok(1)), (2, late())],
            &[1],
            json!([1]),
            (3, 3),
            &["3 ratings"],
        );
        check(
            vec![(1, ok(2)), (2, ok(1))],
            &[1, 2],
            json!([2, 1]),
            (2, 3),
            &["greater number"],
        );
        check(vec![(1, ok(1))], &[1], json!([1, 1]), (1, 1), &["BY_USER"]);
        check(vec![(1, ok(1))], &[1], json!([]), (1, 1), &["BY_USER"]);
        check(vec![(1, ok(1))], &[1], json!([1]), (2, 2), &["2 ratings"]);
        check(
            vec![],
            &[1],
            json!([1]),
            (1, 1),
            &["told to nobody", "numbers", "BY_USER", "BY_FILM", "ratings"],
        );
    }
}
