//! What a key of a [`super::Map`] may be.

use skylark_abi::key;

/// A key as it is written: text whose order is that of the keys.
///
/// A type of one's own writes what it is made of, part by part, in the order in
/// which it compares; [`Key`] shows one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyText {
    text: String,
    parts: usize,
}

impl KeyText {
    /// The text of a key.
    pub fn of<Q: AsKey + ?Sized>(key: &Q) -> Self {
        let mut text = Self::default();
        key.write(&mut text);
        text
    }

    /// The text, as it is in the store.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(&mut self) -> &mut String {
        if self.parts > 0 {
            self.text.push(key::SEPARATOR);
        }
        self.parts += 1;
        &mut self.text
    }
}

/// What a key is looked up by: a [`Key`], or what one borrows as (`str` for a
/// `String`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key of a `skylark::Map`",
    label = "has no order that a store can keep",
    note = "keys are integers, `bool`, `char`, `String`, bytes (`Vec<u8>`, `[u8; N]`) and tuples of these",
    note = "for a type of your own, implement `skylark::AsKey` and `skylark::Key` by those of its fields"
)]
pub trait AsKey {
    /// Writes its parts.
    fn write(&self, text: &mut KeyText);
}

/// A key of a [`super::Map`].
///
/// The store orders keys by their text, as `Ord` orders them.
///
/// ```
/// use skylark::{AsKey, Key, KeyText};
///
/// struct Seat { row: u8, number: u16 }
///
/// impl AsKey for Seat {
///     fn write(&self, text: &mut KeyText) {
///         (self.row, self.number).write(text);
///     }
/// }
///
/// impl Key for Seat {
///     fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
///         let (row, number) = Key::read(parts)?;
///         Some(Self { row, number })
///     }
/// }
///
/// let back = KeyText::of(&Seat { row: 2, number: 10 });
/// assert!(KeyText::of(&Seat { row: 2, number: 9 }).as_str() < back.as_str());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a `skylark::Map`",
    label = "has no order that a store can keep",
    note = "keys are integers, `bool`, `char`, `String`, bytes (`Vec<u8>`, `[u8; N]`) and tuples of these",
    note = "for a type of your own, implement `skylark::AsKey` and `skylark::Key` by those of its fields"
)]
pub trait Key: AsKey + Sized + 'static {
    /// Undoes [`AsKey::write`]; `None` if the parts are not those of such a key.
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self>;
}

/// The key that has this text.
pub(crate) fn read<K: Key>(text: &str) -> Option<K> {
    let mut parts = text.split(key::SEPARATOR);
    let key = K::read(&mut parts)?;
    parts.next().is_none().then_some(key)
}

macro_rules! numbers {
    ($($number:ty),* => $write:ident, $read:ident, $wide:ty) => {$(
        impl AsKey for $number {
            fn write(&self, text: &mut KeyText) {
                // Lossless: the wide one holds all of them, `usize` too.
                key::$write(text.part(), *self as $wide);
            }
        }

        impl Key for $number {
            fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
                Self::try_from(key::$read(parts.next()?)?).ok()
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, usize => unsigned, read_unsigned, u128);
numbers!(i8, i16, i32, i64, i128, isize => signed, read_signed, i128);

impl AsKey for str {
    fn write(&self, text: &mut KeyText) {
        key::text(text.part(), self);
    }
}

impl AsKey for String {
    fn write(&self, text: &mut KeyText) {
        self.as_str().write(text);
    }
}

impl Key for String {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        key::read_text(parts.next()?)
    }
}

impl AsKey for char {
    fn write(&self, text: &mut KeyText) {
        self.encode_utf8(&mut [0; 4]).write(text);
    }
}

impl Key for char {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        String::read(parts)?.parse().ok()
    }
}

impl AsKey for bool {
    fn write(&self, text: &mut KeyText) {
        // In this order as texts, too.
        let word = if *self { "true" } else { "false" };
        word.write(text);
    }
}

impl Key for bool {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        parts.next()?.parse().ok()
    }
}

impl AsKey for [u8] {
    fn write(&self, text: &mut KeyText) {
        key::bytes(text.part(), self);
    }
}

impl AsKey for Vec<u8> {
    fn write(&self, text: &mut KeyText) {
        self.as_slice().write(text);
    }
}

impl Key for Vec<u8> {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        key::read_bytes(parts.next()?)
    }
}

impl<const N: usize> AsKey for [u8; N] {
    fn write(&self, text: &mut KeyText) {
        self.as_slice().write(text);
    }
}

impl<const N: usize> Key for [u8; N] {
    fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Vec::read(parts)?.try_into().ok()
    }
}

impl<Q: AsKey + ?Sized> AsKey for &Q {
    fn write(&self, text: &mut KeyText) {
        (**self).write(text);
    }
}

macro_rules! tuples {
    ($(($($part:ident),+))*) => {$(
        impl<$($part: AsKey),+> AsKey for ($($part,)+) {
            #[allow(non_snake_case)]
            fn write(&self, text: &mut KeyText) {
                let ($($part,)+) = self;
                $($part.write(text);)+
            }
        }

        impl<$($part: Key),+> Key for ($($part,)+) {
            fn read<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
                Some(($($part::read(parts)?,)+))
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }
