//! How long a shift register makes each block? Section 2.10.

use serde::{Deserialize, Serialize};

use super::{
    Config, Measured, Value, blocks, chi_squared,
    sequence::{Sequence, windows},
    special::igamc,
    within_range,
};
use crate::Result;

/// The block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearComplexity {
    /// Bits of a block, 500 to 5000.
    pub block: usize,
}

impl Default for LinearComplexity {
    fn default() -> Self {
        Self { block: 500 }
    }
}

impl LinearComplexity {
    pub(super) fn check(self) -> Result<()> {
        within_range("linear_complexity.block", self.block, 500..=5000, "within 500..=5000")
    }
}

/// Section 3.10, for long blocks.
const EXACT: [f64; 7] = [1.0 / 96.0, 1.0 / 32.0, 1.0 / 8.0, 1.0 / 2.0, 1.0 / 4.0, 1.0 / 16.0, 1.0 / 48.0];
/// The same as the standard's tool and example 2.10.8 have them; the first one is misprinted there for 0.010417.
const STANDARD: [f64; 7] = [0.01047, 0.03125, 0.125, 0.5, 0.25, 0.0625, 0.020833];

pub(super) fn need(_: &Config) -> usize {
    1_000_000
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let m = config.linear_complexity.block;
    let odd = if m.is_multiple_of(2) { 1.0 } else { -1.0 };
    let mean = m as f64 / 2.0 + (9.0 - odd) / 36.0 - (m as f64 / 3.0 + 2.0 / 9.0) * 2f64.powi(-(m as i32));
    let mut counts = [0; 7];
    let (mut q, mut p) = (Vec::new(), Vec::new());
    for block in blocks(sequence.len(), m) {
        q.clear();
        q.extend(windows(sequence.words(), block).map(|(word, _)| word));
        let t = odd * (complexity(&mut q, &mut p, m) as f64 - mean) + 2.0 / 9.0;
        // Up to -2.5, -1.5, ..., 2.5, and above.
        counts[(t + 3.5).ceil().clamp(1.0, 7.0) as usize - 1] += 1;
    }
    let statistic = chi_squared(&counts, if config.exact { &EXACT } else { &STANDARD });
    Ok(vec![Value::only(statistic, igamc(3.0, statistic / 2.0))])
}

/// Length of the shortest linear feedback shift register that makes the `n` bits of `q` (Massey, IEEE Trans. Inf.
/// Theory 15, 1969), which is overwritten; `p` is scratch.
///
/// Massey's algorithm in terms of products: of the sequence and the present register's polynomial (`q`), and of the
/// sequence and the polynomial before its last change of length (`p`). The discrepancy is the next bit of the first
/// product, so nothing is multiplied; both are kept shifted so that the next discrepancy is bit 0.
fn complexity(q: &mut [u64], p: &mut Vec<u64>, n: usize) -> usize {
    // Before the first one: as if a discrepancy had been just before the sequence.
    p.clear();
    let mut carry = 1;
    p.extend(q.iter().map(|word| {
        let shifted = word << 1 | carry;
        carry = word >> 63;
        shifted
    }));
    let (mut at, mut length) = (0, 0);
    loop {
        // On to the next discrepancy.
        let whole = q.iter().take_while(|word| **word == 0).count();
        if whole == q.len() {
            return length;
        }
        let shift = q[whole].trailing_zeros();
        at += whole * 64 + shift as usize;
        if at >= n {
            return length;
        }
        if whole > 0 {
            q.copy_within(whole.., 0);
            let rest = q.len() - whole;
            q[rest..].fill(0);
        }
        let grows = 2 * length <= at;
        let keep = if grows { u64::MAX } else { 0 };
        if grows {
            length = at + 1 - length;
        }
        // What is past the sequence's end is of no interest, and not kept right.
        for k in 0..(n - at).div_ceil(64) {
            let next = q.get(k + 1).map_or(0, |next| next << 1 << (63 - shift));
            let shifted = q[k] >> shift | next;
            q[k] = shifted ^ p[k];
            p[k] ^= (p[k] ^ shifted) & keep;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Massey's algorithm as it is written in the paper.
    fn definition(s: &[bool]) -> usize {
        let n = s.len();
        let (mut c, mut b) = (vec![false; n + 1], vec![false; n + 1]);
        (c[0], b[0]) = (true, true);
        let (mut length, mut since) = (0, 1);
        for at in 0..n {
            let wrong = (0..=length).fold(false, |sum, k| sum ^ (c[k] & s[at - k]));
            if !wrong {
                since += 1;
                continue;
            }
            let before = c.clone();
            for k in since..=n {
                c[k] ^= b[k - since];
            }
            if 2 * length <= at {
                (length, b, since) = (at + 1 - length, before, 1);
            } else {
                since += 1;
            }
        }
        length
    }

    fn packed(s: &[bool]) -> usize {
        let bits: crate::bits::Bits = s.iter().copied().collect();
        let mut q = bits.words().to_vec();
        complexity(&mut q, &mut Vec::new(), s.len())
    }

    proptest! {
        #[test]
        fn is_massey(s in prop::collection::vec(any::<bool>(), 0..=300), zeros in 0usize..=200) {
            prop_assert_eq!(packed(&s), definition(&s));
            let late = [vec![false; zeros], s].concat();
            prop_assert_eq!(packed(&late), definition(&late));
        }
    }

    #[test]
    fn known_registers() {
        let parse = |text: &str| text.chars().map(|c| c == '1').collect::<Vec<_>>();
        // Section 2.10.4.
        assert_eq!(packed(&parse("1101011110001")), 4);
        assert_eq!(packed(&[false; 200]), 0);
        assert_eq!(packed(&[true; 200]), 1);
        let mut last = vec![false; 199];
        last.push(true);
        assert_eq!(packed(&last), 200);
        // x^31 + x^28 + 1
        let mut s = vec![true; 31];
        for k in 31..1000 {
            s.push(s[k - 31] ^ s[k - 28]);
        }
        assert_eq!(packed(&s), 31);
    }
}
