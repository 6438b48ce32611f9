//! Reed-Solomon codes over `GF(2^m)`: symbols of `m` bits, of which it does not matter how many are wrong.
//!
//! Reed and Solomon, J. SIAM 8(2), 1960.

use zeroize::Zeroizing;

use super::Code;
use super::decode::{locator, roots, values};
use super::field::Field;
use crate::{Error, Result};

/// The code of length `2^m - 1` that corrects `t` symbols, its zeros `α^1` to `α^2t`.
#[derive(Debug, Clone)]
pub struct ReedSolomon {
    field: Field,
    t: usize,
    /// Without its leading term, highest term first.
    generator: Vec<u16>,
}

impl ReedSolomon {
    /// # Errors
    /// [`Error::OutOfRange`] for `m` outside 2 to 14, and for a `t` that leaves no message symbol.
    pub fn new(m: u32, t: usize) -> Result<Self> {
        let field = Field::new(m)?;
        if t == 0 || 2 * t >= field.order() {
            let got = format!("{t} at m = {m}");
            return Err(Error::OutOfRange {
                field: "t",
                rule: "at least 1, and leave a message symbol",
                got,
            });
        }
        let mut product = vec![1u16];
        for e in 1..=2 * t {
            let root = field.power(e);
            product.push(0);
            for i in (1..product.len()).rev() {
                product[i] ^= field.mul(product[i - 1], root);
            }
        }
        product.remove(0);
        Ok(Self { field, t, generator: product })
    }
}

impl Code for ReedSolomon {
    fn symbol_bits(&self) -> u32 {
        self.field.m
    }

    fn length(&self) -> usize {
        self.field.order()
    }

    fn checks(&self) -> usize {
        2 * self.t
    }

    fn corrects(&self) -> usize {
        self.t
    }

    /// The word as a polynomial, its last symbol the lowest term, at the generator's zeros.
    fn syndrome(&self, word: &[u16]) -> Zeroizing<Vec<u16>> {
        let at = |e: usize| {
            let x = self.field.power(e);
            word.iter().take(self.length()).fold(0, |sum, &symbol| self.field.mul(sum, x) ^ symbol)
        };
        Zeroizing::new((1..=2 * self.t).map(at).collect())
    }

    fn errors(&self, syndrome: &[u16], length: usize) -> Option<Vec<(usize, u16)>> {
        if syndrome.iter().all(|&symbol| symbol == 0) {
            return Some(Vec::new());
        }
        let length = length.min(self.length());
        let locator = locator(&self.field, syndrome)?;
        let powers = roots(&self.field, &locator, length)?;
        let values = values(&self.field, syndrome, &locator, &powers);
        Some(powers.iter().map(|power| length - 1 - power).zip(values).collect())
    }

    fn parity(&self, word: &[u16]) -> Zeroizing<Vec<u16>> {
        // The remainder by the generator: a register as long as it is.
        let mut rest = Zeroizing::new(vec![0u16; self.generator.len()]);
        let data = word.len().min(self.length()).saturating_sub(self.checks());
        for &symbol in &word[..data] {
            let carry = rest[0] ^ symbol;
            rest.rotate_left(1);
            if let Some(last) = rest.last_mut() {
                *last = 0;
            }
            rest.iter_mut().zip(&self.generator).for_each(|(rest, &g)| *rest ^= self.field.mul(carry, g));
        }
        rest
    }
}
