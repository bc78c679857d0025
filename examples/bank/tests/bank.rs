//! Transfers, at once and by calls, and what is refused.

use bank::{Accounts, Balances, Transfer};
use skylark::{Failure, native::Runtime};

fn order(from: &str, to: &str, cents: i64) -> Transfer {
    Transfer {
        from: from.into(),
        to: to.into(),
        cents,
    }
}

#[test]
fn money_moves_or_stays() -> Result<(), Failure> {
    for how in ["transfer", "wire"] {
        let runtime = Runtime::new();
        runtime.run::<()>("open", &("ann", 100))?;
        runtime.run::<()>("open", &("bob", 50))?;
        let check = |order: Transfer, want: Result<(i64, i64), &str>| {
            let found = runtime.run::<Balances>(how, &order);
            match (found, want) {
                (Ok(found), Ok((from, to))) => assert_eq!(found, Balances { from, to }),
                (Err(found), Err(want)) => assert!(found.message.contains(want), "{found}"),
                (found, want) => panic!("{how} {order:?}: {found:?}, not {want:?}"),
            }
            let total: i64 = runtime.run("total_money", &()).unwrap();
            assert_eq!(total, 300, "{how} {order:?}");
        };
        check(order("ann", "bob", 30), Ok((70, 80)));
        check(order("ann", "bob", 71), Err("less than 71"));
        check(order("ann", "nobody", 10), Err("no account `nobody`"));
        check(order("nobody", "bob", 10), Err("no account `nobody`"));
        check(order("ann", "ann", 70), Ok((0, 170)));
        let west: Accounts = runtime.state("WEST")?.unwrap();
        assert_eq!(
            west,
            Accounts::from([("ann".into(), 0), ("bob".into(), 50)])
        );
    }
    Ok(())
}
