//! Packed bit strings: 64 to a word, least significant bit first.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::{Error, Result};

/// A string of bits. Bits past the end of the last word are zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(try_from = "Packed", into = "Packed")]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// No bits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `len` zeros.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// The first `len` bits of `bytes`, least significant bit of each byte first.
    ///
    /// # Errors
    /// [`Error::TooShort`] if `bytes` holds fewer.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Result<Self> {
        if bytes.len() < len.div_ceil(8) {
            let got = bytes.len() * 8;
            return Err(Error::TooShort { what: "bit string", need: len, unit: "bits", got });
        }
        let words = bytes[..len.div_ceil(8)]
            .chunks(8)
            .map(|chunk| chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)))
            .collect();
        let mut bits = Self { words, len };
        bits.clear_tail();
        Ok(bits)
    }

    /// `len` bits from packed words.
    ///
    /// # Errors
    /// [`Error::TooShort`] if `words` holds fewer.
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Result<Self> {
        let need = len.div_ceil(64);
        if words.len() < need {
            let got = words.len() * 64;
            return Err(Error::TooShort { what: "bit string", need: len, unit: "bits", got });
        }
        words.truncate(need);
        let mut bits = Self { words, len };
        bits.clear_tail();
        Ok(bits)
    }

    /// `⌈len / 8⌉` bytes, least significant bit of each byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Of the final length from the start: a vector that grows or shrinks may leave a copy of a key behind.
        let mut bytes = vec![0; self.len.div_ceil(8)];
        for (bytes, word) in bytes.chunks_mut(8).zip(&self.words) {
            bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
        }
        bytes
    }

    /// The packed words.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends one bit.
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words[self.len / 64] |= u64::from(bit) << (self.len % 64);
        self.len += 1;
    }

    /// Bit `index`, `None` past the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<bool> {
        (index < self.len).then(|| self.words[index / 64] >> (index % 64) & 1 == 1)
    }

    /// Sets bit `index`; past the end nothing happens.
    pub fn set(&mut self, index: usize, bit: bool) {
        if index < self.len {
            let (word, shift) = (&mut self.words[index / 64], index % 64);
            *word = *word & !(1 << shift) | u64::from(bit) << shift;
        }
    }

    /// Inverts bit `index`; past the end nothing happens.
    pub fn flip(&mut self, index: usize) {
        if index < self.len {
            self.words[index / 64] ^= 1 << (index % 64);
        }
    }

    /// The bits, first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        (0..self.len).map(|index| self.words[index / 64] >> (index % 64) & 1 == 1)
    }

    /// How many ones.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Exclusive or of the bits of `range`, cut to the string.
    #[must_use]
    pub fn parity(&self, range: Range<usize>) -> bool {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        if start == end {
            return false;
        }
        let (first, last) = (start / 64, (end - 1) / 64);
        let low = !0u64 << (start % 64);
        let high = !0u64 >> (63 - (end - 1) % 64);
        let folded = if first == last {
            self.words[first] & low & high
        } else {
            let middle = self.words[first + 1..last].iter().fold(0, |a, b| a ^ b);
            self.words[first] & low ^ middle ^ self.words[last] & high
        };
        folded.count_ones() % 2 == 1
    }

    /// Bitwise exclusive or.
    ///
    /// # Errors
    /// [`Error::Shape`] if the lengths differ.
    pub fn xor(&self, other: &Self) -> Result<Self> {
        if self.len != other.len {
            let (need, got) = (format!("[{}]", self.len), format!("[{}]", other.len));
            return Err(Error::Shape { what: "second bit string", need, got });
        }
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a ^ b).collect();
        Ok(Self { words, len: self.len })
    }

    /// Whether both are the same string, in a time that depends on their lengths only.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.len == other.len && bool::from(self.words.ct_eq(&other.words))
    }

    fn clear_tail(&mut self) {
        if !self.len.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= !0 >> (64 - self.len % 64);
        }
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<T: IntoIterator<Item = bool>>(bits: T) -> Self {
        let mut packed = Self::new();
        packed.extend(bits);
        packed
    }
}

impl Extend<bool> for Bits {
    fn extend<T: IntoIterator<Item = bool>>(&mut self, bits: T) {
        let bits = bits.into_iter();
        // A vector that grows leaves copies of its content behind; secrets come with their length known.
        self.words.reserve((self.len + bits.size_hint().0).div_ceil(64).saturating_sub(self.words.len()));
        for bit in bits {
            self.push(bit);
        }
    }
}

impl Zeroize for Bits {
    fn zeroize(&mut self) {
        self.words.zeroize();
        self.len = 0;
    }
}

/// The form on the wire: the length, and two hexadecimal digits a byte.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    bits: usize,
    hex: String,
}

impl From<Bits> for Packed {
    fn from(bits: Bits) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(2 * bits.len.div_ceil(8));
        for byte in bits.to_bytes() {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Packed { bits: bits.len, hex }
    }
}

impl TryFrom<Packed> for Bits {
    type Error = Error;

    /// Accepts exactly what `Packed::from` makes: the right number of lower-case digits, no bit past the end.
    fn try_from(packed: Packed) -> Result<Self> {
        let malformed = |place: String, reason: &str| {
            Err(Error::Malformed { what: "bit string", place, reason: reason.into() })
        };
        // Compared this way round, a claimed length costs no memory.
        if !packed.hex.len().is_multiple_of(2) || packed.hex.len() / 2 != packed.bits.div_ceil(8) {
            return malformed(format!("{} bits", packed.bits), "the number of digits does not fit");
        }
        let mut bytes = Vec::with_capacity(packed.hex.len() / 2);
        for (index, pair) in packed.hex.as_bytes().chunks_exact(2).enumerate() {
            let digit = |c: u8| match c {
                b'0'..=b'9' => Some(c - b'0'),
                b'a'..=b'f' => Some(c - b'a' + 10),
                _ => None,
            };
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return malformed(format!("digit {}", 2 * index), "not a hexadecimal digit"),
            }
        }
        let bits = Self::from_bytes(&bytes, packed.bits)?;
        if bits.to_bytes() != bytes {
            return malformed(format!("bit {}", packed.bits), "bits past the end are set");
        }
        Ok(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn behaves_as_a_vector_of_bools(
            a in prop::collection::vec(any::<bool>(), 0..=200),
            cut in (0usize..=210, 0usize..=210),
        ) {
            let mut bits: Bits = a.iter().copied().collect();
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), a.clone());
            prop_assert_eq!(bits.count_ones(), a.iter().filter(|&&b| b).count());
            let (start, end) = (cut.0.min(a.len()), cut.1.min(a.len()));
            let want = if start < end { a[start..end].iter().fold(false, |p, &b| p ^ b) } else { false };
            prop_assert_eq!(bits.parity(cut.0..cut.1), want);
            prop_assert_eq!(&Bits::from_bytes(&bits.to_bytes(), a.len()).unwrap(), &bits);
            prop_assert_eq!(&Bits::from_words(bits.words().to_vec(), a.len()).unwrap(), &bits);
            let text = serde_json::to_string(&bits).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Bits>(&text).unwrap(), &bits);
            prop_assert_eq!(bits.xor(&bits).unwrap().count_ones(), 0);
            let before = bits.clone();
            bits.flip(cut.0);
            prop_assert_eq!(bits.matches(&before), cut.0 >= a.len());
            bits.set(cut.0, before.get(cut.0).unwrap_or(false));
            prop_assert!(bits.matches(&before));
        }
    }

    #[test]
    fn hostile_text_is_refused() {
        for (text, says) in [
            (r#"{"bits":9,"hex":"00"}"#, "number of digits"),
            (r#"{"bits":18446744073709551615,"hex":""}"#, "number of digits"),
            (r#"{"bits":8,"hex":"0g"}"#, "hexadecimal"),
            (r#"{"bits":3,"hex":"08"}"#, "past the end"),
            (r#"{"bits":3,"hex":"01","more":1}"#, "unknown field"),
        ] {
            let err = serde_json::from_str::<Bits>(text).unwrap_err().to_string();
            assert!(err.contains(says), "{text}: {err}");
        }
        let err = Bits::from_bytes(&[1], 9).unwrap_err();
        assert_eq!(err.to_string(), "bit string needs at least 9 bits, got 8");
    }
}
