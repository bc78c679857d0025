//! All or nothing, and never oversold.

use skylark::{Failure, native::Runtime};
use std::collections::BTreeMap;
use travel::Trip;

fn trip(user: u32, hotel: &str, flight: &str) -> Trip {
    Trip {
        user: format!("user{user}"),
        hotel: hotel.into(),
        flight: flight.into(),
    }
}

#[test]
fn trips_are_reserved_whole_or_not_at_all() -> Result<(), Failure> {
    for how in ["reserve", "reserve_by_calls"] {
        let runtime = Runtime::new();
        runtime.run::<()>("offer", &("inn", 3, "sky1", 2))?;
        let check = |trip: Trip, want: Result<u64, &str>| {
            let found = runtime.run::<u64>(how, &trip);
            match (found, want) {
                (Ok(found), Ok(want)) => assert_eq!(found, want, "{how} {trip:?}"),
                (Err(found), Err(want)) => assert!(found.message.contains(want), "{found}"),
                (found, want) => panic!("{how} {trip:?}: {found:?}, not {want:?}"),
            }
        };
        check(trip(1, "inn", "sky1"), Ok(1));
        check(trip(2, "inn", "sky2"), Err("no flight `sky2`"));
        check(trip(3, "none", "sky1"), Err("no hotel `none`"));
        check(trip(4, "inn", "sky1"), Ok(2));
        check(trip(5, "inn", "sky1"), Err("no seat is left"));
        let left = |name: &str| runtime.state::<BTreeMap<String, u32>>(name);
        assert_eq!(left("ROOMS")?.unwrap(), BTreeMap::from([("inn".into(), 1)]));
        assert_eq!(
            left("SEATS")?.unwrap(),
            BTreeMap::from([("sky1".into(), 0)])
        );
        let orders: Vec<(u64, Trip)> = runtime.entries("ORDERS")?;
        assert_eq!(orders.len(), 2);
    }
    Ok(())
}
