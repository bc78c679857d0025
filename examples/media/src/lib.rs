//! Reviews of films in the shape that the literature uses (DeathStarBench's media
//! service, as Beldi, OSDI 2020, evaluates it): nine services, called by each
//! other, each with state of its own.

pub mod services;

use serde::{Deserialize, Serialize};
use services::{compose, film, id, user};
use skylark::prelude::*;

/// What somebody writes of a film.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Who.
    pub user: String,
    /// Title of the film.
    pub film: String,
    /// What of it.
    pub text: String,
    /// 0 to 10.
    pub stars: u8,
}

/// A review as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its number, from 1, without gaps.
    pub id: u64,
    /// Number of who wrote it.
    pub user: u64,
    /// Number of the film.
    pub film: u64,
    /// Its text, with rude words starred out.
    pub text: String,
    /// 0 to 10.
    pub stars: u8,
}

/// The front door (service 1): asks four services at once, then composes.
#[skylark::function]
pub async fn review(draft: Draft) -> Result<Review, Failure> {
    let (user, film, text) = skylark::join!(
        skylark::call!(user::user_of(draft.user)),
        skylark::call!(film::film_of(draft.film)),
        skylark::call!(services::text::clean(draft.text)),
    )
    .await;
    let (user, film, text) = (user?, film?, text?);
    // Only what will be kept gets a number.
    let id = skylark::call!(id::next_id()).await?;
    let review = Review {
        id,
        user,
        film,
        text,
        stars: draft.stars.min(10),
    };
    skylark::call!(compose::compose(review.clone())).await?;
    Ok(review)
}
