//! Units: bytes, Mbit/s and milliseconds, each its own type, never mixed.
//!
//! Inside, everything is a whole number (bytes, bit/s, microseconds), so that
//! sums are exact and costs compare without rounding surprises. In JSON they
//! are spelled as the published files spell them: bandwidth in Mbit/s, delays
//! in milliseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// A number of bytes. In JSON: a whole number.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A bandwidth, above zero. In JSON: a number of Mbit/s (10⁶ bit/s).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

/// A span of time: a latency, a cost, an objective. In JSON: a number of
/// milliseconds. Kept in whole microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(u64);

/// A point in time: microseconds since the Unix epoch. This crate has no
/// clock; whoever asks says when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub u64);

/// A number that is not of its unit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// A bandwidth must be a finite number above zero.
    #[error(
        "{0} is no bandwidth: expected Mbit/s between {min} and {max}",
        min = Bandwidth::MIN.mbps(), max = Bandwidth::MAX.mbps()
    )]
    Bandwidth(f64),
    /// A delay must be a finite number, not below zero.
    #[error("{0} is no delay: expected milliseconds between 0 and {max}", max = Delay::MAX.ms())]
    Delay(f64),
}

impl Bytes {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    /// In words, decimal multiples: `47 kB`, `1.5 MB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        match n {
            0..1_000 => write!(f, "{n} B"),
            1_000..1_000_000 => short(f, n as f64 / 1e3, "kB"),
            1_000_000..1_000_000_000 => short(f, n as f64 / 1e6, "MB"),
            _ => short(f, n as f64 / 1e9, "GB"),
        }
    }
}

impl Bandwidth {
    /// The least: one bit per second.
    pub const MIN: Self = Self(1);
    /// The most: 10⁹ Mbit/s.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// 90 Mbit/s: the published links between satellites.
    pub const SATELLITE: Self = Self(90_000_000);

    /// 80 Mbit/s: the mean that the published rule was deployed with.
    pub const PUBLISHED_MEAN: Self = Self(80_000_000);

    /// From Mbit/s, to the nearest bit per second.
    ///
    /// # Errors
    /// [`UnitError::Bandwidth`] unless it lies between [`Self::MIN`] and
    /// [`Self::MAX`]; so zero, negative numbers and NaN are refused.
    pub fn from_mbps(mbps: f64) -> Result<Self, UnitError> {
        let bits = (mbps * 1e6).round();
        if bits >= Self::MIN.0 as f64 && bits <= Self::MAX.0 as f64 {
            Ok(Self(bits as u64))
        } else {
            Err(UnitError::Bandwidth(mbps))
        }
    }

    /// In Mbit/s.
    pub const fn mbps(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// In bit/s.
    pub const fn bits_per_second(self) -> u64 {
        self.0
    }

    /// How long `size` takes to pass: `8 · size / bandwidth`, rounded up to a
    /// microsecond.
    pub fn transfer(self, size: Bytes) -> Delay {
        // 8 bits to a byte, 10⁶ µs to a second; in 64 bits up to 2 TB.
        let micros = match size.0.checked_mul(8_000_000) {
            Some(scaled) => scaled.div_ceil(self.0),
            None => {
                let scaled = u128::from(size.0) * 8_000_000;
                u64::try_from(scaled.div_ceil(u128::from(self.0))).unwrap_or(u64::MAX)
            }
        };
        Delay(micros)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mbit/s", self.mbps())
    }
}

impl Serialize for Bandwidth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(serializer, self.0, 1_000_000)
    }
}

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_mbps(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Delay {
    /// None at all.
    pub const ZERO: Self = Self(0);
    /// The longest that is read from JSON or [`Self::from_ms`]: ten years.
    pub const MAX: Self = Self(315_360_000_000_000);

    /// From milliseconds, to the nearest microsecond.
    ///
    /// # Errors
    /// [`UnitError::Delay`] unless it lies between 0 and [`Self::MAX`].
    pub fn from_ms(ms: f64) -> Result<Self, UnitError> {
        let micros = (ms * 1e3).round();
        if ms >= 0.0 && micros <= Self::MAX.0 as f64 {
            Ok(Self(micros as u64))
        } else {
            Err(UnitError::Delay(ms))
        }
    }

    /// From microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In microseconds.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// In milliseconds.
    pub const fn ms(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// The sum, or the largest number there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other`; `None` if that is more.
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(left) => Some(Self(left)),
            None => None,
        }
    }
}

impl fmt::Display for Delay {
    /// `4.2 ms`; below ten microseconds `7 µs`, from ten seconds on `12.5 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0 ms"),
            1..10 => write!(f, "{} µs", self.0),
            10..10_000_000 => short(f, self.ms(), "ms"),
            _ => short(f, self.ms() / 1e3, "s"),
        }
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(serializer, self.0, 1_000)
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_ms(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl UnixMicros {
    /// This long after.
    #[must_use]
    pub const fn after(self, delay: Delay) -> Self {
        Self(self.0.saturating_add(delay.0))
    }

    /// The minute within its hour, 0 to 59.
    pub const fn minute(self) -> u64 {
        self.0 / 60_000_000 % 60
    }
}

/// A whole number where it is one, as the published files write them.
fn number<S: Serializer>(serializer: S, value: u64, unit: u64) -> Result<S::Ok, S::Error> {
    if value.is_multiple_of(unit) {
        serializer.serialize_u64(value / unit)
    } else {
        serializer.serialize_f64(value as f64 / unit as f64)
    }
}

/// At most two digits after the point below 10, else at most one.
fn short(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    let scale = if value < 10.0 { 100.0 } else { 10.0 };
    write!(f, "{} {unit}", (value * scale).round() / scale)
}
