//! What the scripts answer.

use super::{
    super::{StoreError, cancelled, kept_run, options::begin_text},
    RedisStore,
    connection::Items,
};
use redis::Value;
use skylark_abi::{
    keys::{self, Bundle, Part},
    protocol::{Begin, Begun, BundleField, Commit, Committed, OutboxEntry, Versioned},
    span::{Entry, Scanned},
};
use std::time::Duration;

impl RedisStore {
    /// Reads the answer to `commit`.
    pub(super) fn committed(
        &self,
        commit: &Commit,
        answer: Value,
    ) -> Option<Result<Committed, StoreError>> {
        let mut items = Items::of(answer)?;
        match items.signed()? {
            0 => {
                let begun = match &commit.then {
                    // The commit stands; a begin that failed is tried again alone.
                    Some(begin) => self.begun(begin, items)?.ok(),
                    None => None,
                };
                Some(Ok(Committed::Done { begun }))
            }
            -1 => Some(Ok(Committed::Fenced)),
            -2 => {
                let nth = usize::try_from(items.number()?.checked_sub(1)?).ok()?;
                let (field, _) = commit.writes.get(nth)?;
                Some(Ok(Committed::Unfit(field.clone())))
            }
            nth => {
                let nth = usize::try_from(nth - 1).ok()?;
                let (field, _) = commit.checks.get(nth)?;
                Some(Ok(Committed::Conflict(field.clone())))
            }
        }
    }

    /// Reads the answer to `begin` and `snapshot`.
    pub(super) fn begun(
        &self,
        begin: &Begin,
        mut items: Items,
    ) -> Option<Result<Begun, StoreError>> {
        let kind = items.text()?;
        Some(Ok(match kind.as_str() {
            "fields" => Begun::Leased {
                epoch: 0,
                fields: fields(&begin.reads, items)?,
                run: None,
            },
            "leased" => {
                let run = items.bytes()?.map(|kept| kept_run::unpack(kept).1);
                Begun::Leased {
                    run,
                    epoch: items.number()?,
                    fields: fields(&begin.reads, items)?,
                }
            }
            "over" => Begun::Over {
                run: kept_run::unpack(items.bytes()??).1,
            },
            "recorded" => match skylark_abi::decode(&items.bytes()??) {
                Ok(outcome) => Begun::Recorded(outcome),
                Err(e) => return Some(Err(self.connection.unexpected(&format!("outcome: {e}")))),
            },
            "cancelled" => Begun::Recorded(cancelled()),
            "busy" => Begun::Busy {
                remaining: Duration::from_millis(items.number()?),
            },
            "too_large" => {
                let size = usize::try_from(items.number()?).unwrap_or(usize::MAX);
                return Some(Err(self.options.refuse_read(size, &begin_text(begin))));
            }
            _ => return None,
        }))
    }
}

/// Versions and values, in the order asked for.
fn fields(reads: &[BundleField], mut items: Items) -> Option<Vec<Versioned>> {
    reads
        .iter()
        .map(|field| {
            let is_range = matches!(field.bundle, Bundle::Part(_, Part::Range));
            let version = match items.bytes()? {
                Some(digits) => {
                    let radix = if is_range { 16 } else { 10 };
                    u64::from_str_radix(std::str::from_utf8(&digits).ok()?, radix).ok()?
                }
                None => 0,
            };
            let value = match is_range {
                true => Some(scanned(items.items()?)?),
                false => items.bytes()?,
            };
            Some(Versioned {
                field: field.clone(),
                version,
                value,
            })
        })
        .collect()
}

/// Keys and values, as those who scan get them.
fn scanned(mut items: Items) -> Option<Vec<u8>> {
    let mut scanned = Scanned::default();
    while !items.is_empty() {
        scanned.entries.push(Entry {
            key: items.text()?,
            value: items.bytes()??,
        });
    }
    Some(skylark_abi::encode(&scanned))
}

/// The answer of `overdue.lua`.
pub(super) fn messages(answer: Value, claim: Duration) -> Option<Vec<OutboxEntry>> {
    let mut items = Items::of(answer)?;
    let mut entries = Vec::new();
    while !items.is_empty() {
        entries.push(OutboxEntry {
            id: items.text()?,
            payload: items.bytes()??,
            claim,
        });
    }
    Some(entries)
}

/// The answer of `states.lua`.
pub(super) fn listed(app: &str, answer: Value) -> Option<Vec<Versioned>> {
    let mut items = Items::of(answer)?;
    let mut page = Vec::new();
    while !items.is_empty() {
        let bundle = keys::bundle_of(app, &items.text()?)?;
        let name = items.text()?;
        page.push(Versioned {
            field: BundleField { bundle, name },
            version: items.number()?,
            value: items.bytes()?,
        });
    }
    Some(page)
}
