//! A review is kept in all its places.

use media::{Draft, Review};
use skylark::{Failure, native::Runtime};
use std::collections::BTreeMap;

#[test]
fn a_review_goes_everywhere() -> Result<(), Failure> {
    let runtime = Runtime::new();
    let draft = |user: &str, film: &str| Draft {
        user: user.into(),
        film: film.into(),
        text: "damn good".into(),
        stars: 9,
    };
    let first: Review = runtime.run("review", &draft("ann", "Faust"))?;
    assert_eq!((first.id, first.user, first.film), (1, 1, 3));
    assert_eq!(first.text, "**** good");
    let refused = runtime.run::<Review>("review", &draft("bob", "Jaws"));
    assert!(refused.unwrap_err().message.contains("no film `Jaws`"));
    let second: Review = runtime.run("review", &draft("ann", "Metropolis"))?;
    let kept: BTreeMap<u64, Review> = runtime.state("REVIEWS")?.unwrap();
    assert_eq!(kept, BTreeMap::from([(1, first), (2, second)]));
    let by_user: BTreeMap<u64, Vec<u64>> = runtime.state("BY_USER")?.unwrap();
    assert_eq!(by_user, BTreeMap::from([(1, vec![1, 2])]));
    let ratings: BTreeMap<u64, (u64, u64)> = runtime.state("RATINGS")?.unwrap();
    assert_eq!(ratings, BTreeMap::from([(1, (1, 9)), (3, (1, 9))]));
    Ok(())
}
