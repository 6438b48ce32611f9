//! Could the sequence be compressed? Section 2.9 (Maurer's universal test).

use std::f64::consts::SQRT_2;

use serde::{Deserialize, Serialize};

use super::{
    Config, Measured, Value,
    sequence::{Sequence, low_mask, window},
    special::erfc,
    within_range,
};
use crate::Result;

/// The block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Universal {
    /// Bits of a block, 6 to 16; without it, what section 2.9.7 has for the length of the sequence.
    pub length: Option<usize>,
}

impl Universal {
    pub(super) fn check(self) -> Result<()> {
        self.length.map_or(Ok(()), |length| within_range("universal.length", length, 6..=16, "within 6..=16"))
    }
}

/// Mean and variance of the statistic for blocks of 6 bits and more (section 2.9.4, table).
const EXPECTED: [(f64, f64); 11] = [
    (5.2177052, 2.954),
    (6.1962507, 3.125),
    (7.1836656, 3.238),
    (8.1764248, 3.311),
    (9.1723243, 3.356),
    (10.170032, 3.384),
    (11.168765, 3.401),
    (12.168070, 3.410),
    (13.167693, 3.416),
    (14.167488, 3.419),
    (15.167379, 3.421),
];

/// Least length of a sequence for blocks of `length` bits: 1010 blocks for each of their values.
fn least(length: usize) -> usize {
    (1010 * length) << length
}

pub(super) fn need(config: &Config) -> usize {
    least(config.universal.length.unwrap_or(6))
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let n = sequence.len();
    let fits = || (6..=16).rev().find(|&length| n >= least(length));
    let length = config.universal.length.or_else(fits).unwrap_or(6);
    let statistic = mean_distance(sequence.words(), n, length, 10 << length);
    let (expected, variance) = EXPECTED[length - 6];
    let tested = (n / length - (10 << length)) as f64;
    let l = length as f64;
    let c = 0.7 - 0.8 / l + (4.0 + 32.0 / l) * tested.powf(-3.0 / l) / 15.0;
    let sigma = c * (variance / tested).sqrt();
    let p = erfc((statistic - expected).abs() / (SQRT_2 * sigma));
    Ok(vec![Value::only(statistic, p)])
}

/// Mean of log2 of the distance of each block to the last one that is like it, after `warm_up` blocks.
fn mean_distance(words: &[u64], n: usize, length: usize, warm_up: usize) -> f64 {
    let mask = low_mask(length as u32);
    let mut last = vec![0u32; 1 << length];
    // Distances are geometric with mean 2^length: nearly all are in the table.
    let logs: Vec<f64> = (0..16 << length).map(f64::from).map(f64::log2).collect();
    let mut sum = 0.0;
    let count = n / length;
    for block in 0..count {
        let value = (window(words, block * length) & mask) as usize;
        let distance = block as u32 + 1 - last[value];
        last[value] = block as u32 + 1;
        if block >= warm_up {
            sum += logs.get(distance as usize).copied().unwrap_or_else(|| f64::from(distance).log2());
        }
    }
    sum / (count - warm_up) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Bits;

    /// Section 2.9.4's example: 20 bits, blocks of 2, 4 of them to warm up.
    #[test]
    fn worked_example() {
        let bits: Bits = "01011010011101010111".chars().map(|c| c == '1').collect();
        let got = mean_distance(bits.words(), 20, 2, 4);
        assert!((got - 1.1949875).abs() < 5e-8, "{got}");
    }

    /// `E = 2^-L Σ (1 - 2^-L)^(i-1) log2 i`, and the second moment.
    #[test]
    fn moments() {
        for (index, (mean, variance)) in EXPECTED.into_iter().enumerate() {
            let p = 2f64.powi(-(index as i32 + 6));
            let (mut weight, mut first, mut second) = (p, 0.0, 0.0);
            for i in 1..60 << (index + 6) {
                let log = f64::from(i).log2();
                first += weight * log;
                second += weight * log * log;
                weight *= 1.0 - p;
            }
            assert!((first - mean).abs() < 2e-6, "{index}: {first} {mean}");
            assert!((second - first * first - variance).abs() < 2e-3, "{index}: {}", second - first * first);
        }
    }

    /// The lengths of the table in section 2.9.7.
    #[test]
    fn lengths() {
        let table = [387_840, 904_960, 2_068_480, 4_654_080, 10_342_400, 22_753_280, 49_643_520, 107_560_960];
        assert!(table.into_iter().eq((6..14).map(least)));
        assert_eq!(least(16), 1_059_061_760);
    }
}
