//! Orders that are shipped, and those that are undone.

use shop::{End, LIMIT, Order};
use skylark::{Failure, native::Runtime};
use std::collections::BTreeMap;

#[test]
fn what_is_not_shipped_is_undone() -> Result<(), Failure> {
    let runtime = Runtime::new();
    runtime.run::<()>("stock", &("tea", 5))?;
    let check = |id, pieces, cents, shipped, left, book: &[i64]| {
        let order = Order {
            id,
            goods: "tea".into(),
            pieces,
            cents,
        };
        let end: End = runtime.run("order", &order)?;
        assert_eq!(end, End { id, shipped });
        let stock: BTreeMap<String, i64> = runtime.state("STOCK")?.unwrap_or_default();
        assert_eq!(stock["tea"], left, "{order:?}");
        let booked: Vec<(u64, i64)> = runtime.state("BOOK")?.unwrap_or_default();
        let booked = booked.iter().filter(|(of, _)| *of == id).map(|(_, c)| *c);
        assert_eq!(booked.collect::<Vec<_>>(), book, "{order:?}");
        Ok::<_, Failure>(())
    };
    check(1, 2, 300, true, 3, &[300])?;
    check(2, 4, 300, false, 3, &[300, -300])?;
    check(3, 2, LIMIT + 1, false, 3, &[])?;
    check(4, 4, LIMIT + 1, false, 3, &[])?;
    check(5, 3, LIMIT, true, 0, &[LIMIT])?;
    runtime.drive();
    for list in ["VAN", "ASKED"] {
        assert_eq!(runtime.state::<Vec<u64>>(list)?, Some(vec![1, 5]));
    }
    Ok(())
}
