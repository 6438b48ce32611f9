//! Narrow-sense primitive binary BCH codes.
//!
//! Hocquenghem, Chiffres 2, 1959; Bose and Ray-Chaudhuri, Information and Control 3, 1960.

use zeroize::Zeroizing;

use super::Code;
use super::decode::{locator, roots};
use super::field::Field;
use crate::{Error, Result};

/// The code of length `2^m - 1` that corrects `t` errors.
#[derive(Debug, Clone)]
pub struct Bch {
    field: Field,
    t: usize,
    /// The generator without its leading term, highest term first, packed: the first bit of the first word is the highest.
    generator: Vec<u64>,
    checks: usize,
}

impl Bch {
    /// # Errors
    /// [`Error::OutOfRange`] for `m` outside 2 to 14, and for a `t` that leaves no message bit.
    pub fn new(m: u32, t: usize) -> Result<Self> {
        let field = Field::new(m)?;
        let exponents = Self::zeros(&field, t);
        if t == 0 || exponents.len() >= field.order() {
            let got = format!("{t} at m = {m}");
            return Err(Error::OutOfRange { field: "t", rule: "at least 1, and leave a message bit", got });
        }
        // The product of (x + α^e), lowest term first; its coefficients come out 0 or 1.
        let mut product = vec![1u16];
        for &e in &exponents {
            let root = field.power(e);
            product.push(0);
            for i in (0..product.len()).rev() {
                let shifted = if i > 0 { product[i - 1] } else { 0 };
                product[i] = field.mul(product[i], root) ^ shifted;
            }
        }
        let checks = exponents.len();
        let mut generator = vec![0u64; checks.div_ceil(64)];
        for (place, &c) in product[..checks].iter().rev().enumerate() {
            generator[place / 64] |= u64::from(c & 1) << (63 - place % 64);
        }
        Ok(Self { field, t, generator, checks })
    }

    /// The code of the greatest `t` up to `most` that leaves a message bit.
    pub(in super::super) fn up_to(m: u32, most: usize) -> Result<Self> {
        let field = Field::new(m)?;
        let fits = |t: usize| Self::zeros(&field, t).len() < field.order();
        // More errors want more zeros: the last that fits is found by halves.
        let (mut low, mut high) = (1, most.max(1).min(field.order() / 2) + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        Self::new(m, low)
    }

    /// The powers of α that are zeros of the generator: `1..=2t` and their conjugates.
    fn zeros(field: &Field, t: usize) -> Vec<usize> {
        let order = field.order();
        let mut taken = vec![false; order];
        let mut zeros = Vec::new();
        for first in (1..=(2 * t).min(order)).step_by(2) {
            let mut e = first % order;
            while !taken[e] {
                taken[e] = true;
                zeros.push(e);
                e = 2 * e % order;
            }
        }
        zeros
    }

    /// The syndromes `e(α), e(α²), …, e(α^2t)` of errors with this remainder.
    fn powers(&self, remainder: &[u16]) -> Vec<u16> {
        let mut sums = vec![0u16; 2 * self.t];
        let degrees: Vec<usize> = remainder
            .iter()
            .rev()
            .enumerate()
            .filter(|(_, bit)| **bit == 1)
            .map(|(degree, _)| degree)
            .collect();
        for j in 1..=2 * self.t {
            // Squares come for free.
            sums[j - 1] = if j % 2 == 0 {
                self.field.mul(sums[j / 2 - 1], sums[j / 2 - 1])
            } else {
                degrees.iter().fold(0, |sum, &degree| sum ^ self.field.power(degree * j))
            };
        }
        sums
    }
}

impl Code for Bch {
    fn symbol_bits(&self) -> u32 {
        1
    }

    fn length(&self) -> usize {
        self.field.order()
    }

    fn checks(&self) -> usize {
        self.checks
    }

    fn corrects(&self) -> usize {
        self.t
    }

    /// The word as a polynomial, its last bit the lowest term, modulo the generator.
    fn syndrome(&self, word: &[u16]) -> Zeroizing<Vec<u16>> {
        let words = self.generator.len();
        let mut rest = Zeroizing::new(vec![0u64; words]);
        let last = (self.checks - 1) % 64;
        for &bit in word.iter().take(self.length()) {
            let carry = rest[0] >> 63;
            for index in 0..words {
                let next = if index + 1 < words { rest[index + 1] >> 63 } else { 0 };
                rest[index] = rest[index] << 1 | next;
            }
            rest[words - 1] |= u64::from(bit & 1) << (63 - last);
            if carry == 1 {
                rest.iter_mut().zip(&self.generator).for_each(|(rest, g)| *rest ^= g);
            }
        }
        Zeroizing::new(
            (0..self.checks).map(|place| (rest[place / 64] >> (63 - place % 64) & 1) as u16).collect(),
        )
    }

    fn errors(&self, syndrome: &[u16], length: usize) -> Option<Vec<(usize, u16)>> {
        if syndrome.iter().all(|&bit| bit == 0) {
            return Some(Vec::new());
        }
        let length = length.min(self.length());
        let locator = locator(&self.field, &self.powers(syndrome))?;
        let powers = roots(&self.field, &locator, length)?;
        Some(powers.into_iter().map(|power| (length - 1 - power, 1)).collect())
    }

    fn parity(&self, word: &[u16]) -> Zeroizing<Vec<u16>> {
        // Zeros stand where the parity goes: the remainder is what makes it a multiple of the generator.
        self.syndrome(word)
    }
}
