//! Blocks with levels of their own, so that slow changes of the mean and of the depth of fading do not make runs of equal
//! bits. One bit a sample: its side of the block's mean, samples near it dropped. Several: the block's range from least to
//! greatest in equal parts, with Gray labels; how many bits its range bears Alice says for each block.
//!
//! Source: Jana, Premnath, Clark, Kasera, Patwari, Krishnamurthy, *On the effectiveness of secret key extraction from
//! wireless signal strength in real environments*, MobiCom 2009 (adaptive secret bit generation: levels
//! `mean ± alpha σ` of each block; `N ≤ ⌊log2 range⌋` bits over equal intervals).

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::cells::{Cell, Cells, gray};
use super::equiprobable::quantile;
use super::side::Shape;
use super::{LevelFrom, Quantized, Role, Theory, mean_and_deviation};
use crate::keygen::within;
use crate::{Error, Result};

/// The blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveBlock {
    /// Samples of a block, 8 to 65,536; what is left at a lane's end is dropped.
    pub block: usize,
    /// The most bits a sample, 1 to 4.
    pub bits: u8,
    /// With one bit: half the guard band in standard deviations of the block.
    pub alpha: f64,
    /// With several: the smallest interval. A block whose range holds fewer than two of them is dropped, one that holds
    /// `2^N` bears `N` bits. In the units of the series (1 dB for RSSI, in the paper); 0 lets every block bear them all.
    pub step: f64,
}

impl Default for AdaptiveBlock {
    fn default() -> Self {
        Self { block: 64, bits: 1, alpha: 0.3, step: 0.0 }
    }
}

/// What is charged for the number of bits of a block, of which there are at most five.
const BITS_PER_BLOCK: usize = 3;

impl AdaptiveBlock {
    pub(super) fn check(&self) -> Result<()> {
        within("bits", f64::from(self.bits), 1.0, 4.0, "within 1..=4")?;
        within("alpha", self.alpha, 0.0, 4.0, "within 0..=4")?;
        within("step", self.step, 0.0, 1e12, "within 0..=1e12")?;
        if (8..=65_536).contains(&self.block) {
            return Ok(());
        }
        let got = self.block.to_string();
        Err(Error::OutOfRange { field: "block", rule: "8 to 65536 samples", got })
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        let hears = role == Role::Bob && self.bits > 1;
        let blocks = series.nrows() * (series.ncols() / self.block);
        let need = if hears { blocks } else { 0 };
        if announced.len() != need {
            let (need, got) = (format!("[{need}]"), format!("[{}]", announced.len()));
            return Err(Error::Shape { what: "bits of the blocks", need, got });
        }
        let mut heard = announced.iter();
        let mut out = Quantized::with_capacity(series.len());
        for lane in series.rows() {
            for block in lane.axis_chunks_iter(ndarray::Axis(0), self.block) {
                if block.len() < self.block {
                    block.iter().for_each(|_| out.push(None, 1, 0));
                } else if self.bits == 1 {
                    self.sides(block, &mut out);
                } else {
                    let bits = match heard.next() {
                        Some(&bits) if bits <= u64::from(self.bits) => bits as u8,
                        Some(bits) => {
                            let (field, got) = ("bits of a block", bits.to_string());
                            return Err(Error::OutOfRange {
                                field,
                                rule: "at most those of the settings",
                                got,
                            });
                        }
                        None => self.bears(block),
                    };
                    if role == Role::Alice {
                        out.announced.push(u64::from(bits));
                    }
                    intervals(block, bits, &mut out);
                }
            }
        }
        if self.bits > 1 {
            out.announced_bits = BITS_PER_BLOCK * blocks;
        }
        Ok(out)
    }

    fn sides(&self, block: ArrayView1<'_, f64>, out: &mut Quantized) {
        let (mean, deviation) = mean_and_deviation(block);
        for &x in block {
            let clear = deviation > 0.0 && (x - mean).abs() >= self.alpha * deviation;
            out.push(clear.then_some(u8::from(x > mean)), 1, 0);
        }
    }

    /// How many bits the range of `block` bears.
    fn bears(&self, block: ArrayView1<'_, f64>) -> u8 {
        if mean_and_deviation(block).1 <= 0.0 {
            return 0;
        }
        let (least, most) = range(block);
        if self.step <= 0.0 {
            self.bits
        } else {
            ((most - least) / self.step).log2().clamp(0.0, f64::from(self.bits)) as u8
        }
    }

    fn shape(&self) -> Shape {
        Shape { alice: self.alpha, bob: self.alpha, level: LevelFrom::Own }
    }

    /// Equal intervals of a range of `±reach` standard deviations, the outer ones open.
    fn cells(bits: u8, reach: f64) -> Cells {
        let count = 1u8 << bits;
        let edge = |k: u8| match k {
            0 => f64::NEG_INFINITY,
            k if k == count => f64::INFINITY,
            k => reach * (2.0 * f64::from(k) / f64::from(count) - 1.0),
        };
        let cells: Vec<Cell> =
            (0..count).map(|k| Cell { from: edge(k), to: edge(k + 1), label: gray(k), class: 0 }).collect();
        Cells { width: bits, classes: 1, alice: cells.clone(), bob: cells }
    }

    /// For blocks so long that both ends' levels are at the same places; the range is the median one of a block of
    /// independent samples.
    pub(super) fn theory(&self, rho: f64) -> Theory {
        if self.bits == 1 {
            return self.shape().theory(rho);
        }
        // P(|x| < reach)^block = 1/2
        let reach = -quantile((1.0 - 0.5f64.powf(1.0 / self.block as f64)) / 2.0);
        Self::cells(self.bits, reach).theory(rho)
    }

    /// The wider the range, the more samples share the middle intervals: the range is taken that one block in a hundred
    /// exceeds. Blocks bear any number of bits up to the most: the least entropy a bit counts.
    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        if self.bits == 1 {
            return self.shape().min_entropy(rho);
        }
        let reach = -quantile(0.005 / self.block as f64);
        let least = if self.step > 0.0 { 1 } else { self.bits };
        (least..=self.bits)
            .map(|bits| -Self::cells(bits, reach).guess(rho).log2() / f64::from(bits))
            .fold(1.0, f64::min)
    }
}

fn range(block: ArrayView1<'_, f64>) -> (f64, f64) {
    block.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| (least.min(x), most.max(x)))
}

fn intervals(block: ArrayView1<'_, f64>, bits: u8, out: &mut Quantized) {
    let (least, most) = range(block);
    let count = 1u8 << bits;
    for &x in block {
        let part = (x - least) / (most - least);
        let usable = bits > 0 && part.is_finite();
        let index = (part * f64::from(count)).clamp(0.0, f64::from(count - 1)) as u8;
        out.push(usable.then_some(gray(index)), bits.max(1), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Range 7.5 in steps of 1: two bits; four steps of 2 make two bits, three of 2.5 one.
    #[test]
    fn the_range_says_how_many_bits() {
        let ramp = Array2::from_shape_fn((1, 16), |(_, k)| 0.5 * k as f64);
        for (step, bits) in [(1.0, 2), (0.5, 3), (3.0, 1), (8.0, 0), (0.0, 3)] {
            let method = AdaptiveBlock { block: 16, bits: 3, step, ..AdaptiveBlock::default() };
            let got = method.decide(Role::Alice, &ramp, &[]).unwrap();
            assert_eq!((got.announced.as_slice(), got.announced_bits), (&[bits][..], 3), "{step}");
            assert_eq!(got.kept.count_ones(), if bits > 0 { 16 } else { 0 });
            if bits == 2 {
                let want: Vec<u8> = [0, 1, 3, 2].into_iter().flat_map(|label| [label; 4]).collect();
                assert_eq!(got.symbols, want);
            }
        }
        let method = AdaptiveBlock { block: 16, bits: 2, ..AdaptiveBlock::default() };
        let err = method.decide(Role::Bob, &ramp, &[3]).unwrap_err();
        assert_eq!(err.to_string(), "bits of a block must be at most those of the settings, got 3");
    }

    /// A jump of the mean between blocks makes no run of ones.
    #[test]
    fn blocks_have_their_own_level() {
        let series =
            Array2::from_shape_fn((1, 128), |(_, k)| if k < 64 { 0.0 } else { 100.0 } + (k % 2) as f64);
        let got = AdaptiveBlock::default().decide(Role::Alice, &series, &[]).unwrap();
        assert_eq!(got.symbols.iter().filter(|bit| **bit == 1).count(), 64);
    }
}
