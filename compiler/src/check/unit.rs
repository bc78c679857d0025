//! `"64MiB"` and `"1.5s"`: amounts with their unit.

use std::time::Duration;

/// A unit of memory and its bytes.
const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// A unit of time and its milliseconds.
const MILLIS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The same for what lasts longer than a call.
const LONG_MILLIS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// One page of wasm memory: there is none smaller.
pub(super) const MIN_MEMORY: u64 = 64 << 10;
/// What a 32-bit module can address.
pub(super) const MAX_MEMORY: u64 = 4 << 30;
/// Longest run time that can be asked for: a day. What takes longer is no call.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Longest time that state can be told to last: what shall last longer lasts.
pub(super) const MAX_TTL: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Reads an amount of memory.
///
/// # Errors
/// What is wrong and what is allowed, without the option's name.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    bytes_in_range(amount(text, BYTES, "64MiB")?)
}

/// Checks an amount of memory.
///
/// # Errors
/// It is less than a page, or more than a module can address.
pub(super) fn bytes_in_range(bytes: u64) -> Result<u64, String> {
    match bytes {
        0 => Err("is zero: no function runs in no memory".into()),
        _ if bytes < MIN_MEMORY => Err(format!(
            "is {bytes} bytes, less than one page of wasm memory (64KiB)"
        )),
        _ if bytes > MAX_MEMORY => Err(format!(
            "is {bytes} bytes, more than a 32-bit module can address (4GiB)"
        )),
        _ => Ok(bytes),
    }
}

/// Reads an amount of time, to the millisecond; `zero` says why none is none.
///
/// # Errors
/// What is wrong and what is allowed, without the option's name.
pub(super) fn time(text: &str, zero: &str) -> Result<Duration, String> {
    match Duration::from_millis(amount(text, MILLIS, "2s")?) {
        Duration::ZERO => Err(format!("is zero: {zero}")),
        time if time > MAX_TIMEOUT => Err("is longer than a day (24h)".into()),
        time => Ok(time),
    }
}

/// Reads how long something lasts, to the millisecond.
///
/// # Errors
/// What is wrong and what is allowed, without the option's name.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    match Duration::from_millis(amount(text, LONG_MILLIS, "24h")?) {
        Duration::ZERO => {
            Err("is zero: what nobody finds again need not be state; leave it out".into())
        }
        time if time > MAX_TTL => {
            Err("is longer than ten years (3650d); leave it out for what lasts".into())
        }
        time => Ok(time),
    }
}

/// `number unit`, where the number may have decimals, in units of one.
fn amount(text: &str, units: &[(&str, u64)], example: &str) -> Result<u64, String> {
    let allowed = || {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        format!(
            "use a number and one of {}, like \"{example}\"",
            names.join(", ")
        )
    };
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (number, unit) = (number.replace('_', ""), unit.trim());
    if number.is_empty() {
        return Err(format!("has no number; {}", allowed()));
    }
    if unit.is_empty() {
        return Err(format!("has no unit; {}", allowed()));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("has an unknown unit `{unit}`; {}", allowed()));
    };
    let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
    let overflow = || "is too large a number".to_owned();
    let digit_value = |digits: &str| -> Result<u128, String> {
        match digits {
            "" => Ok(0),
            _ => digits.parse().map_err(|_| overflow()),
        }
    };
    if part.contains('.') || (whole.is_empty() && part.is_empty()) {
        return Err(format!("is no number; {}", allowed()));
    }
    let scale = 10u128
        .checked_pow(u32::try_from(part.len()).map_err(|_| overflow())?)
        .ok_or_else(overflow)?;
    let factor = u128::from(*factor);
    let whole = digit_value(whole)?
        .checked_mul(factor)
        .ok_or_else(overflow)?;
    let part = digit_value(part)?
        .checked_mul(factor)
        .ok_or_else(overflow)?;
    if part % scale != 0 {
        return Err(format!("is finer than one {}", units[0].0));
    }
    whole
        .checked_add(part / scale)
        .and_then(|total| u64::try_from(total).ok())
        .ok_or_else(overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(got: &Result<T, String>, wanted: Result<T, &str>) {
        match (got, wanted) {
            (Ok(got), Ok(wanted)) => assert_eq!(*got, wanted),
            (Err(got), Err(wanted)) => assert!(got.contains(wanted), "{got}"),
            (got, wanted) => panic!("{got:?}, wanted {wanted:?}"),
        }
    }

    #[test]
    fn memory_is_bytes() {
        for (text, wanted) in [
            ("64MiB", Ok(64 << 20)),
            ("64 MiB", Ok(64 << 20)),
            ("1GB", Ok(1_000_000_000)),
            ("0.5MiB", Ok(1 << 19)),
            ("100_000B", Ok(100_000)),
            ("4GiB", Ok(4 << 30)),
            ("4.1GiB", Err("finer")),
            ("5GiB", Err("4GiB")),
            ("1KiB", Err("64KiB")),
            ("0B", Err("zero")),
            ("64", Err("no unit")),
            ("MiB", Err("no number")),
            (
                "64 parsecs",
                Err("unknown unit `parsecs`; use a number and one of B, kB"),
            ),
            ("64mib", Err("unknown unit")),
            ("1.2.3MiB", Err("no number")),
            (".MiB", Err("no number")),
            ("-1MiB", Err("no number")),
            (
                "99999999999999999999999999999999999999999GiB",
                Err("too large"),
            ),
            (
                "340282366920938463463374607431768211455GiB",
                Err("too large"),
            ),
            (
                "0.00000000000000000000000000000000000000001GiB",
                Err("too large"),
            ),
        ] {
            check(&memory(text), wanted);
        }
    }

    #[test]
    fn time_is_a_duration() {
        let ms = Duration::from_millis;
        for (text, wanted) in [
            ("2s", Ok(ms(2_000))),
            ("1.5s", Ok(ms(1_500))),
            ("250ms", Ok(ms(250))),
            ("2m", Ok(ms(120_000))),
            ("24h", Ok(MAX_TIMEOUT)),
            ("25h", Err("a day")),
            ("0s", Err("zero")),
            ("0.5ms", Err("finer than one ms")),
            (
                "2 parsecs",
                Err("unknown unit `parsecs`; use a number and one of ms, s, m, h"),
            ),
            ("", Err("no number")),
        ] {
            check(&time(text, "no time"), wanted);
        }
    }

    #[test]
    fn lifetimes_are_milliseconds() {
        let ms = Duration::from_millis;
        for (text, wanted) in [
            ("24h", Ok(ms(86_400_000))),
            ("1.5 d", Ok(ms(129_600_000))),
            ("1ms", Ok(ms(1))),
            ("3650d", Ok(MAX_TTL)),
            ("3650.1d", Err("ten years")),
            ("0d", Err("zero")),
            ("0.5ms", Err("finer than one ms")),
            ("7", Err("no unit")),
            ("1w", Err("one of ms, s, m, h, d")),
        ] {
            check(&lifetime(text), wanted);
        }
    }
}
