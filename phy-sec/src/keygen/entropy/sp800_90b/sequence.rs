//! A sequence of noise samples as the estimators take it: bits, or symbols out of three or more.

use std::sync::{Arc, OnceLock};

use super::bit_string::BitString;
use super::suffix::suffix_array;
use super::tuple::Profile;

/// Which values occur; they are numbered in ascending order.
#[derive(Debug, Clone)]
pub(crate) struct Alphabet {
    number: [u8; 256],
    size: usize,
}

impl Alphabet {
    pub(crate) fn of(samples: &[u8]) -> Self {
        let mut occurs = [false; 256];
        samples.iter().for_each(|&sample| occurs[usize::from(sample)] = true);
        let (mut number, mut size) = ([0; 256], 0);
        for (value, _) in occurs.iter().enumerate().filter(|(_, occurs)| **occurs) {
            number[value] = size as u8;
            size += 1;
        }
        Self { number, size }
    }

    /// How many values occur.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The number of `value`.
    pub(crate) fn number(&self, value: u8) -> u8 {
        self.number[usize::from(value)]
    }
}

/// The samples.
#[derive(Debug, Clone)]
pub(crate) enum Samples {
    /// Out of two.
    Bits(BitString),
    /// Numbers below the given size of the alphabet, which is three or more.
    Symbols(Vec<u8>, usize),
}

/// A sequence, and what more than one estimator wants to know of it.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(super) samples: Samples,
    profile: OnceLock<Profile>,
    /// Places of the suffixes of the symbols, in ascending order: of these samples, or of those whose bits these are.
    order: Arc<OnceLock<Vec<u32>>>,
    /// Bits of a symbol; 1 where the samples are bits in their own right.
    width: u32,
}

impl Sequence {
    /// The samples by their numbers in `alphabet`.
    pub(crate) fn symbols(samples: &[u8], alphabet: &Alphabet) -> Self {
        let numbers = samples.iter().map(|&value| alphabet.number(value));
        let samples = match alphabet.size() {
            0..=2 => Samples::Bits(BitString::new(numbers, 1)),
            size => Samples::Symbols(numbers.collect(), size),
        };
        Self { samples, profile: OnceLock::new(), order: Arc::default(), width: 1 }
    }

    /// The samples' bits.
    pub(crate) fn bits(samples: &[u8], bits_per_symbol: u32) -> Self {
        let samples = Samples::Bits(BitString::new(samples.iter().copied(), bits_per_symbol));
        Self { samples, profile: OnceLock::new(), order: Arc::default(), width: bits_per_symbol }
    }

    /// The bits of the samples whose numbers `self` is: their suffixes are sorted once for both.
    pub(crate) fn beside(&self, samples: &[u8], bits_per_symbol: u32) -> Self {
        Self { order: Arc::clone(&self.order), ..Self::bits(samples, bits_per_symbol) }
    }

    /// Bits of a symbol; 1 where the samples are bits in their own right.
    pub(super) fn width(&self) -> u32 {
        self.width
    }

    /// Places of the suffixes of the symbols, in ascending order; worked out once.
    pub(super) fn order(&self) -> &[u32] {
        self.order.get_or_init(|| match &self.samples {
            Samples::Symbols(symbols, alphabet) => suffix_array(symbols, *alphabet),
            Samples::Bits(bits) => {
                let (width, count) = (self.width, bits.len() / self.width as usize);
                let symbol = |k: usize| (bits.window(k * width as usize) >> (64 - width)) as u8;
                suffix_array(&(0..count).map(symbol).collect::<Vec<u8>>(), 1 << width)
            }
        })
    }

    pub(crate) fn is_binary(&self) -> bool {
        matches!(self.samples, Samples::Bits(_))
    }

    /// How many samples.
    pub(crate) fn len(&self) -> usize {
        match &self.samples {
            Samples::Bits(bits) => bits.len(),
            Samples::Symbols(symbols, _) => symbols.len(),
        }
    }

    /// How its tuples repeat; worked out once.
    pub(crate) fn profile(&self) -> &Profile {
        self.profile.get_or_init(|| Profile::new(self))
    }

    /// The bits, for estimators that the table calls only with those.
    pub(super) fn as_bits(&self) -> Option<&BitString> {
        match &self.samples {
            Samples::Bits(bits) => Some(bits),
            Samples::Symbols(..) => None,
        }
    }
}
