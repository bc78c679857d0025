//! The keys of a collection's entries, as text whose order, byte by byte, is
//! theirs.
//!
//! | key | text |
//! | --- | --- |
//! | `"ann"`, `'a'` | `ann`, `a` |
//! | `7`, `42`, `-42` | `A7`, `B42`, `?57`: the number of digits (from `A` up, below zero from `@` down), and the digits (below zero nine minus each) |
//! | `true` | `true` |
//! | `b"\x0f\xff"` | `0fff` |
//! | `("ann", 7)` | `ann`, [`SEPARATOR`], `A7` |
//!
//! The width of an integer does not matter: the same number is the same text.

use std::fmt::Write;

/// Between the parts of a tuple; in no part, as [`text`] writes another one there.
pub const SEPARATOR: char = '\0';

const ESCAPE: char = '\u{1}';

/// Writes a text: its own characters, but for two that are below all others.
pub fn text(out: &mut String, part: &str) {
    for c in part.chars() {
        match c {
            SEPARATOR => out.extend([ESCAPE, '\u{1}']),
            ESCAPE => out.extend([ESCAPE, '\u{2}']),
            c => out.push(c),
        }
    }
}

/// Undoes [`text`].
pub fn read_text(part: &str) -> Option<String> {
    let mut chars = part.chars();
    let mut read = String::with_capacity(part.len());
    while let Some(c) = chars.next() {
        read.push(match c {
            SEPARATOR => return None,
            ESCAPE => match chars.next()? {
                '\u{1}' => SEPARATOR,
                '\u{2}' => ESCAPE,
                _ => return None,
            },
            c => c,
        });
    }
    Some(read)
}

/// What stands before the digits of a number that is not negative, less their
/// number.
const UP: u8 = b'A' - 1;
/// The same below zero, plus their number.
const DOWN: u8 = b'@' + 1;
/// Digits of the largest number.
const MAX_DIGITS: usize = 39;

/// Writes a number.
pub fn unsigned(out: &mut String, number: u128) {
    let start = out.len();
    out.push(char::from(UP));
    // Writing to a string cannot fail.
    let _ = write!(out, "{number}");
    let digits = u8::try_from(out.len() - start - 1).unwrap_or_default();
    let head = char::from(UP + digits);
    out.replace_range(start..=start, head.encode_utf8(&mut [0; 4]));
}

/// Writes a number that may be negative.
pub fn signed(out: &mut String, number: i128) {
    if let Ok(number) = u128::try_from(number) {
        return unsigned(out, number);
    }
    let digits = number.unsigned_abs().to_string();
    let count = u8::try_from(digits.len()).unwrap_or_default();
    out.push(char::from(DOWN - count));
    out.extend(digits.bytes().map(|digit| char::from(b'0' + b'9' - digit)));
}

/// Undoes [`unsigned`].
pub fn read_unsigned(part: &str) -> Option<u128> {
    let (head, digits) = part.as_bytes().split_first()?;
    let count = usize::from(head.checked_sub(UP)?);
    let canonical = digits.len() == 1 || digits.first() != Some(&b'0');
    let fits = count == digits.len() && (1..=MAX_DIGITS).contains(&count);
    (fits && canonical && digits.iter().all(u8::is_ascii_digit))
        .then(|| part[1..].parse().ok())
        .flatten()
}

/// Undoes [`signed`].
pub fn read_signed(part: &str) -> Option<i128> {
    if let Some(number) = read_unsigned(part) {
        return i128::try_from(number).ok();
    }
    let (head, digits) = part.as_bytes().split_first()?;
    let count = usize::from(DOWN.checked_sub(*head)?);
    if count != digits.len() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let turned: String = digits
        .iter()
        .map(|digit| char::from(b'0' + b'9' - digit))
        .collect();
    let canonical = !turned.starts_with('0');
    canonical
        .then(|| format!("-{turned}").parse().ok())
        .flatten()
}

/// Writes bytes, hexadecimal.
pub fn bytes(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Undoes [`bytes`].
pub fn read_bytes(part: &str) -> Option<Vec<u8>> {
    let pairs = part.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T: Copy>(write: fn(&mut String, T), value: T) -> String {
        let mut out = String::new();
        write(&mut out, value);
        out
    }

    #[test]
    fn numbers_are_ordered_and_read_back() {
        let all = [
            i128::MIN,
            i128::from(i64::MIN),
            -1000,
            -999,
            -43,
            -42,
            -10,
            -9,
            -1,
            0,
            1,
            9,
            10,
            42,
            99,
            100,
            i128::from(u64::MAX),
            i128::MAX,
        ];
        let texts = all.map(|n| written(signed, n));
        assert!(texts.is_sorted(), "{texts:?}");
        for (number, text) in all.iter().zip(&texts) {
            assert_eq!(read_signed(text), Some(*number), "{text}");
            assert_eq!(read_unsigned(text), u128::try_from(*number).ok(), "{text}");
        }
        assert_eq!(
            read_unsigned(&written(unsigned, u128::MAX)),
            Some(u128::MAX)
        );
        assert_eq!(written(signed, -42), "?57");
        assert_eq!(written(signed, 42), "B42");
        for wrong in ["", "A", "B4", "A42", "B07", "Ax", "?5", "@9", "7"] {
            assert_eq!(read_signed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_are_ordered_and_read_back() {
        let all = [
            "", "\0", "\0\0", "\0a", "\u{1}", "\u{2}", " ", "a", "a\0", "aa", "ä",
        ];
        let texts = all.map(|t| written(text, t));
        assert!(texts.is_sorted(), "{texts:?}");
        for (one, text) in all.iter().zip(&texts) {
            assert_eq!(read_text(text).as_deref(), Some(*one));
            assert!(!text.contains(SEPARATOR));
        }
        // As the first part of a tuple.
        let tuples = texts.map(|t| t + "\0x");
        assert!(tuples.is_sorted(), "{tuples:?}");
        assert_eq!(read_text("\u{1}"), None);
        assert_eq!(read_text("a\0"), None);
    }

    #[test]
    fn bytes_are_read_back() {
        assert_eq!(written(bytes, &[0x0f, 0xff][..]), "0fff");
        assert_eq!(read_bytes("0fff"), Some(vec![0x0f, 0xff]));
        assert_eq!(read_bytes("0ff"), None);
        assert_eq!(read_bytes("0g"), None);
    }
}
