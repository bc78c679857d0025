//! Reports that are paid at once, after approval, or not at all.

use expenses::{Decision, Item, LIMIT};
use skylark::{Failure, native::Runtime};

fn item(what: &str, cents: u64) -> Item {
    Item {
        what: what.into(),
        cents,
    }
}

#[test]
fn reports_are_decided() -> Result<(), Failure> {
    let runtime = Runtime::new();
    let decided: Decision = runtime.run("submit", &[item("tea", 300), item("cake", 400)])?;
    assert_eq!((decided.cents, decided.by.as_str()), (700, "the limit"));
    let refused: Decision = runtime.run("submit", &[item("tea", 300), item("yacht", 1)])?;
    assert_eq!(refused.cents, 0);
    assert!(refused.by.contains("yacht is no expense"), "{refused:?}");
    let none: Decision = runtime.run("submit", &[] as &[Item])?;
    assert_eq!(none.cents, 0);

    let run = runtime.start("submit", &[item("train", LIMIT + 1)])?;
    runtime.drive();
    assert_eq!(runtime.result::<Decision>(&run), None);
    assert_eq!(runtime.state::<u64>("REMINDERS")?, Some(1));
    runtime.complete("approval", &"carol")?;
    runtime.drive();
    let decided = runtime.result::<Decision>(&run).expect("it has ended")?;
    assert_eq!((decided.cents, decided.by.as_str()), (LIMIT + 1, "carol"));
    assert_eq!(
        runtime.state::<Vec<u64>>("PAID")?,
        Some(vec![700, 0, LIMIT + 1])
    );
    Ok(())
}

#[test]
fn a_broken_printer_is_tried_three_times() -> Result<(), Failure> {
    let runtime = Runtime::new();
    runtime.run::<()>("break_printer", &true)?;
    let failed = runtime.run::<u32>("print", &7).unwrap_err();
    assert!(failed.message.contains("out of paper"), "{failed}");
    runtime.run::<()>("break_printer", &false)?;
    assert_eq!(runtime.run::<u32>("print", &7)?, 7);
    Ok(())
}
