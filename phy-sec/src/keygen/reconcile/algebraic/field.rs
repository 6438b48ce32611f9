//! Arithmetic in `GF(2^m)` by logarithms.

use crate::{Error, Result};

/// Primitive polynomials of degree 2 to 14, the leading term included: the one with the fewest terms, of those the smallest
/// (Lidl and Niederreiter, Finite Fields, table D, lists the same for most). 0x11D is the one that Reed-Solomon codes over bytes use.
const PRIMITIVE: [u32; 13] =
    [0x7, 0xB, 0x13, 0x25, 0x43, 0x89, 0x11D, 0x211, 0x409, 0x805, 0x1053, 0x201B, 0x4443];

/// The field, with `α` the root of its polynomial.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) m: u32,
    /// `α^i`, twice around, so that sums of two logarithms need no reduction.
    exp: Vec<u16>,
    log: Vec<u16>,
}

impl Field {
    /// # Errors
    /// [`Error::OutOfRange`] for `m` outside 2 to 14.
    pub(super) fn new(m: u32) -> Result<Self> {
        let Some(&polynomial) = m.checked_sub(2).and_then(|index| PRIMITIVE.get(index as usize)) else {
            return Err(Error::OutOfRange { field: "m", rule: "within 2..=14", got: m.to_string() });
        };
        let order = (1usize << m) - 1;
        let (mut exp, mut log) = (vec![0u16; 2 * order], vec![0u16; order + 1]);
        let mut power = 1u32;
        for i in 0..order {
            (exp[i], exp[i + order]) = (power as u16, power as u16);
            log[power as usize] = i as u16;
            power <<= 1;
            if power >> m & 1 == 1 {
                power ^= polynomial;
            }
        }
        Ok(Self { m, exp, log })
    }

    /// `2^m - 1`.
    pub(super) fn order(&self) -> usize {
        self.log.len() - 1
    }

    /// `α^i`.
    pub(super) fn power(&self, i: usize) -> u16 {
        self.exp[i % self.order()]
    }

    /// Of symbols; what has more bits than one loses them.
    pub(super) fn mul(&self, a: u16, b: u16) -> u16 {
        let symbol = |x: u16| x as usize & self.order();
        let (a, b) = (symbol(a), symbol(b));
        if a == 0 || b == 0 { 0 } else { self.exp[self.log[a] as usize + self.log[b] as usize] }
    }

    /// `a / b`; 0 for `b = 0`, which no caller asks for.
    pub(super) fn div(&self, a: u16, b: u16) -> u16 {
        if a == 0 || b == 0 {
            return 0;
        }
        self.exp[self.log[a as usize] as usize + self.order() - self.log[b as usize] as usize]
    }

    /// The polynomial `p` (lowest term first) at `x`.
    pub(super) fn at(&self, p: &[u16], x: u16) -> u16 {
        p.iter().rev().fold(0, |sum, &c| self.mul(sum, x) ^ c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The polynomials are primitive: the powers of `α` are all elements but 0. Division undoes multiplication.
    #[test]
    fn the_powers_are_the_field() {
        for m in 2..=14 {
            let field = Field::new(m).unwrap();
            let mut seen = vec![false; 1 << m];
            (0..field.order()).for_each(|i| seen[field.power(i) as usize] = true);
            assert_eq!(seen.iter().filter(|seen| !**seen).count(), 1, "{m}");
            assert!(!seen[0]);
        }
        let field = Field::new(8).unwrap();
        for a in 0..256u16 {
            for b in 1..256u16 {
                assert_eq!(field.div(field.mul(a, b), b), a);
                // Distributive, which a table of logarithms alone does not make it.
                assert_eq!(field.mul(a ^ 0x53, b), field.mul(a, b) ^ field.mul(0x53, b));
            }
        }
        assert_eq!(Field::new(15).unwrap_err().to_string(), "m must be within 2..=14, got 15");
    }
}
