//! Codes that are decoded by algebra, and what reconcilers make of them: a secure sketch.
//!
//! What Alice says of a word is its syndrome, `n - k` symbols that are zero for codewords. The difference to that of Bob's copy is the
//! syndrome of the errors alone. The *code-offset* construction says the word plus a random codeword instead: `n` symbols that
//! tell as much, for its syndrome is the word's, and what is left of them is random ([`Code::offset`]). A session takes the syndrome:
//! it needs no secret randomness.
//!
//! Sources: Juels and Wattenberg, A fuzzy commitment scheme, ACM CCS 1999; Dodis, Ostrovsky, Reyzin and Smith, Fuzzy
//! extractors, SIAM J. Comput. 38(1), 2008, sections 4 and 5.

mod bch;
mod decode;
mod field;
mod reed_solomon;
pub(super) mod side;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

pub use bch::Bch;
pub use reed_solomon::ReedSolomon;

use super::frames::Frames;
use crate::keygen::within;
use crate::{Error, Result};

/// A systematic code of words of `n` symbols, of which the first may be left out (shortening): they are zero then.
pub trait Code {
    /// Bits of a symbol.
    fn symbol_bits(&self) -> u32;

    /// Symbols of a word, at most.
    fn length(&self) -> usize;

    /// Symbols of a syndrome: `n - k`.
    fn checks(&self) -> usize;

    /// Wrong symbols that are corrected for certain.
    fn corrects(&self) -> usize;

    /// What a word (at most [`Self::length`] symbols; more are passed over) lacks to a codeword: [`Self::checks`] symbols.
    fn syndrome(&self, word: &[u16]) -> Zeroizing<Vec<u16>>;

    /// The places where a word whose syndrome is `syndrome` differs from the nearest codeword of `length` symbols, and by
    /// what. `None` where none is within [`Self::corrects`]. More errors than that can look like fewer others: whether the
    /// result is right is for a hash to find out.
    fn errors(&self, syndrome: &[u16], length: usize) -> Option<Vec<(usize, u16)>>;

    /// The code-offset sketch of `word`: the word plus the codeword of the secret `message`, `word.len() - checks` uniform
    /// symbols that nobody else knows and that are used once. Whatever is missing of them counts as zero, and then the sketch tells more.
    fn offset(&self, word: &[u16], message: &[u16]) -> Zeroizing<Vec<u16>> {
        let data = word.len().saturating_sub(self.checks());
        let mut sketch = Zeroizing::new(vec![0; word.len()]);
        sketch.iter_mut().take(data).zip(message).for_each(|(sketch, symbol)| *sketch = *symbol);
        // Systematic: the last symbols make the syndrome of the word zero.
        let parity = self.parity(&sketch);
        sketch.iter_mut().skip(data).zip(parity.iter()).for_each(|(sketch, symbol)| *sketch = *symbol);
        sketch.iter_mut().zip(word).for_each(|(sketch, symbol)| *sketch ^= symbol);
        sketch
    }

    /// The word that a code-offset sketch was made of, from a copy with at most [`Self::corrects`] wrong symbols.
    fn recover(&self, copy: &[u16], sketch: &[u16]) -> Option<Zeroizing<Vec<u16>>> {
        if copy.len() != sketch.len() {
            return None;
        }
        let shifted: Zeroizing<Vec<u16>> =
            Zeroizing::new(copy.iter().zip(sketch).map(|(a, b)| a ^ b).collect());
        let mut word = Zeroizing::new(copy.to_vec());
        for (place, by) in self.errors(&self.syndrome(&shifted), copy.len())? {
            word[place] ^= by;
        }
        Some(word)
    }

    /// The last [`Self::checks`] symbols that make a codeword of `word`, which has zeros there.
    fn parity(&self, word: &[u16]) -> Zeroizing<Vec<u16>>;
}

/// The smallest number of wrong symbols that more than are among `n` with a probability of at most `failure`, where each is
/// wrong with probability `rate`: the binomial law's quantile. Both ends come to the same, on any platform.
pub(super) fn needed(n: usize, rate: f64, failure: f64) -> usize {
    if rate <= 0.0 {
        return 0;
    }
    let odds = libm::log(rate) - libm::log1p(-rate);
    let (mut term, mut below) = (n as f64 * libm::log1p(-rate), 0.0);
    for count in 0..n {
        below += libm::exp(term);
        if 1.0 - below <= failure {
            return count;
        }
        term += odds + libm::log((n - count) as f64 / (count + 1) as f64);
    }
    n
}

/// Checks the fields that the sketches' configurations share.
pub(super) fn check(m: u32, errors: Option<u32>, failure: f64) -> Result<()> {
    within("failure", failure, 1e-12, 0.5, "within 1e-12..=0.5")?;
    match errors.filter(|errors| !(1..(1u32 << m) / 2).contains(errors)) {
        None => Ok(()),
        Some(errors) => Err(Error::OutOfRange {
            field: "errors",
            rule: "at least 1 and below half of the length",
            got: errors.to_string(),
        }),
    }
}

/// What both ends of a sketch derive from what both know.
pub(super) struct Plan<C> {
    code: C,
    /// Of symbols.
    frames: Frames,
}

pub(super) fn plan<C: Code>(
    bits: usize,
    seed: [u8; 32],
    most: usize,
    symbol_bits: u32,
    code: impl FnOnce(usize, usize) -> Result<C>,
) -> Result<Plan<C>> {
    let frames = Frames::new(bits.div_ceil(symbol_bits as usize), most, seed);
    Ok(Plan { code: code(frames.payload, frames.count)?, frames })
}
