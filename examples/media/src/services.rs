//! The services behind the front door.

/// Service 2: numbers.
pub mod id {
    use skylark::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[skylark::state]
    static LAST_ID: AtomicU64 = AtomicU64::new(0);

    /// The next number.
    #[skylark::function]
    pub fn next_id() -> u64 {
        LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Service 3: who is who.
pub mod user {
    use skylark::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    #[skylark::state]
    static USERS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

    /// The number of a user; a new one gets the next.
    #[skylark::function]
    pub fn user_of(name: String) -> u64 {
        let mut users = USERS.lock().unwrap();
        let next = users.len() as u64 + 1;
        *users.entry(name).or_insert(next)
    }
}

/// Service 4: films and their numbers.
pub mod film {
    use skylark::prelude::*;

    const FILMS: [&str; 3] = ["Metropolis", "Nosferatu", "Faust"];

    /// The number of a film.
    #[skylark::function]
    pub fn film_of(title: String) -> Result<u64, String> {
        let found = FILMS.iter().position(|film| *film == title);
        found
            .map(|at| at as u64 + 1)
            .ok_or_else(|| format!("there is no film `{title}`"))
    }
}

/// Service 5: texts.
pub mod text {
    use skylark::prelude::*;

    /// Stars rude words out.
    #[skylark::function]
    pub fn clean(text: String) -> String {
        text.replace("damn", "****")
    }
}

/// Service 6: puts a review where it belongs.
pub mod compose {
    use super::{of_film, of_user, rating, store};
    use crate::Review;
    use skylark::prelude::*;

    /// Keeps a review, in all places at once.
    #[skylark::function]
    pub async fn compose(review: Review) -> Result<(), Failure> {
        let (id, user, film, stars) = (review.id, review.user, review.film, review.stars);
        let (kept, by_user, by_film, rated) = skylark::join!(
            skylark::call!(store::keep(review)),
            skylark::call!(of_user::add_to_user(user, id)),
            skylark::call!(of_film::add_to_film(film, id)),
            skylark::call!(rating::rate(film, stars)),
        )
        .await;
        kept.and(by_user).and(by_film).and(rated)
    }
}

/// Service 7: all reviews.
pub mod store {
    use crate::Review;
    use skylark::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    #[skylark::state]
    static REVIEWS: Mutex<BTreeMap<u64, Review>> = Mutex::new(BTreeMap::new());

    /// Keeps a review.
    #[skylark::function]
    pub fn keep(review: Review) {
        REVIEWS.lock().unwrap().insert(review.id, review);
    }
}

/// Service 8: reviews by who wrote them.
pub mod of_user {
    use skylark::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    #[skylark::state]
    static BY_USER: Mutex<BTreeMap<u64, Vec<u64>>> = Mutex::new(BTreeMap::new());

    /// Notes a review.
    #[skylark::function]
    pub fn add_to_user(user: u64, review: u64) {
        BY_USER
            .lock()
            .unwrap()
            .entry(user)
            .or_default()
            .push(review);
    }
}

/// Service 9: reviews by film.
pub mod of_film {
    use skylark::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    #[skylark::state]
    static BY_FILM: Mutex<BTreeMap<u64, Vec<u64>>> = Mutex::new(BTreeMap::new());

    /// Notes a review.
    #[skylark::function]
    pub fn add_to_film(film: u64, review: u64) {
        BY_FILM
            .lock()
            .unwrap()
            .entry(film)
            .or_default()
            .push(review);
    }
}

/// Beside them: how a film is liked.
pub mod rating {
    use skylark::prelude::*;
    use std::{collections::BTreeMap, sync::Mutex};

    /// Number of ratings and sum of their stars, by film.
    #[skylark::state]
    static RATINGS: Mutex<BTreeMap<u64, (u64, u64)>> = Mutex::new(BTreeMap::new());

    /// Adds a rating.
    #[skylark::function]
    pub fn rate(film: u64, stars: u8) {
        let mut ratings = RATINGS.lock().unwrap();
        let (count, sum) = ratings.entry(film).or_default();
        *count += 1;
        *sum += u64::from(stars);
    }
}
