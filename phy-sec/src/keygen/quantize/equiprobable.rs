//! Several bits a sample: equally likely cells with Gray labels.
//!
//! Two ways to keep samples near a boundary from becoming errors: a guard band drops them; an offset says in public where
//! *within its cell* Alice's sample lies, so that Bob looks at cells that are centred on hers. Two offsets are the second
//! codebook of multi-bit adaptive quantization in Patwari, Croft, Jana, Kasera, *High-rate uncorrelated bit extraction*,
//! IEEE Trans. Mobile Comput. 9(1), 2010, without its wrapping from the top cell to the bottom one, which a
//! real amplitude does not do; more than two refine it. An offset is as likely in every cell, so it says nothing of the
//! symbol by itself; what it tells an eavesdropper with a measurement of her own, and what it tells about neighbours in
//! time, is conditioned on (`Quantizer::min_entropy` and the symbol estimate of the ledger).

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc_inv;

use super::cells::{Cell, Cells, gray};
use super::{Quantized, Role, Sides, Theory, mean_and_deviation};
use crate::keygen::gaussian::phi;
use crate::keygen::within;
use crate::{Error, Result};

/// Where the boundaries of equally likely cells come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// The lane's own ranks, whatever the distribution.
    #[default]
    Ranks,
    /// The normal distribution with the lane's mean and standard deviation.
    Normal,
}

/// The cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Equiprobable {
    /// Bits a sample, 1 to 4.
    pub bits: u8,
    /// Share of a cell's probability that is dropped around each inner boundary, 0 to 0.9.
    pub guard: f64,
    /// Who drops samples.
    pub sides: Sides,
    /// How many places within a cell Alice tells apart in public: 1 (nothing is said), 2, 4 or 8.
    pub offsets: u8,
    /// Where the boundaries come from.
    pub distribution: Distribution,
}

impl Default for Equiprobable {
    fn default() -> Self {
        Self { bits: 2, guard: 0.0, sides: Sides::Both, offsets: 2, distribution: Distribution::Ranks }
    }
}

impl Equiprobable {
    pub(super) fn check(&self) -> Result<()> {
        within("bits", f64::from(self.bits), 1.0, 4.0, "within 1..=4")?;
        within("guard", self.guard, 0.0, 0.9, "within 0..=0.9")?;
        if ![1, 2, 4, 8].contains(&self.offsets) {
            let got = self.offsets.to_string();
            return Err(Error::OutOfRange { field: "offsets", rule: "1, 2, 4 or 8", got });
        }
        if self.offsets > 1 && self.guard > 0.0 {
            let got = format!("{} offsets and a guard of {}", self.offsets, self.guard);
            return Err(Error::OutOfRange { field: "offsets", rule: "1 where there is a guard band", got });
        }
        Ok(())
    }

    /// The cells in standard deviations of a normal distribution.
    pub(super) fn cells(&self) -> Cells {
        let count = 1u8 << self.bits;
        let edge = |share: f64| quantile(share / f64::from(count));
        let (mut alice, mut bob) = (Vec::new(), Vec::new());
        for k in 0..count {
            let (first, last, at) = (k == 0, k + 1 == count, f64::from(k));
            let low = |share: f64| if first { f64::NEG_INFINITY } else { edge(share) };
            let high = |share: f64| if last { f64::INFINITY } else { edge(share) };
            let label = gray(k);
            let half = self.guard / 2.0;
            let clear = Cell { from: low(at + half), to: high(at + 1.0 - half), label, class: 0 };
            let whole = Cell { from: low(at), to: high(at + 1.0), label, class: 0 };
            if self.offsets == 1 {
                alice.push(clear);
                bob.push(if self.sides == Sides::Both { clear } else { whole });
            }
            let parts = f64::from(self.offsets);
            for class in (0..self.offsets).filter(|_| self.offsets > 1) {
                let part = f64::from(class) / parts;
                alice.push(Cell { from: edge(at + part), to: edge(at + part + 1.0 / parts), label, class });
                let shift = part + 0.5 / parts - 0.5;
                bob.push(Cell { from: low(at + shift), to: high(at + 1.0 + shift), label, class });
            }
        }
        Cells { width: self.bits, classes: self.offsets, alice, bob }
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        let offset_bits = self.offsets.trailing_zeros();
        let hears = role == Role::Bob && self.offsets > 1;
        // So many offsets to a word, whatever their number.
        let per_word = 16;
        let need = if hears { series.len().div_ceil(per_word) } else { 0 };
        if announced.len() != need {
            let (need, got) = (format!("[{need}]"), format!("[{}]", announced.len()));
            return Err(Error::Shape { what: "offsets", need, got });
        }
        let cells = self.cells();
        let mine = if role == Role::Alice { &cells.alice } else { &cells.bob };
        let mut out = Quantized::with_capacity(series.len());
        let mut place = 0;
        for lane in series.rows() {
            let scaled = self.scale(lane, mine);
            for &x in lane {
                let heard = hears.then(|| {
                    let word = announced[place / per_word] >> (place % per_word * 4);
                    (word & ((1 << offset_bits) - 1)) as u8
                });
                match scaled.as_ref().and_then(|cells| Cells::find(cells, heard, x)) {
                    Some(cell) => out.push(Some(cell.label), self.bits, cell.class),
                    None => out.push(None, self.bits, heard.unwrap_or(0)),
                }
                place += 1;
            }
        }
        if role == Role::Alice && self.offsets > 1 {
            let pack =
                |classes: &[u8]| classes.iter().rev().fold(0, |word, &class| word << 4 | u64::from(class));
            out.announced = out.classes.chunks(per_word).map(pack).collect();
        }
        Ok(out)
    }

    /// The cells in the units of `lane`; `None` for a constant one.
    fn scale(&self, lane: ArrayView1<'_, f64>, cells: &[Cell]) -> Option<Vec<Cell>> {
        let (mean, deviation) = mean_and_deviation(lane);
        if deviation <= 0.0 {
            return None;
        }
        let sorted = match self.distribution {
            Distribution::Normal => Vec::new(),
            Distribution::Ranks => {
                let mut sorted = lane.to_vec();
                sorted.sort_by(f64::total_cmp);
                sorted
            }
        };
        let edge = |z: f64| {
            if z.is_infinite() {
                z
            } else if sorted.is_empty() {
                mean + z * deviation
            } else {
                let at = phi(z) * (sorted.len() - 1) as f64;
                let (below, rest) = (at.floor(), at.fract());
                let (low, high) = (sorted[below as usize], sorted[at.ceil() as usize]);
                low + rest * (high - low)
            }
        };
        Some(cells.iter().map(|cell| Cell { from: edge(cell.from), to: edge(cell.to), ..*cell }).collect())
    }

    pub(super) fn theory(&self, rho: f64) -> Theory {
        self.cells().theory(rho)
    }

    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        -self.cells().guess(rho).log2() / f64::from(self.bits)
    }
}

/// The standard normal quantile of `p`.
pub(super) fn quantile(p: f64) -> f64 {
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else {
        -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn plain(bits: u8) -> Equiprobable {
        Equiprobable { bits, offsets: 1, ..Equiprobable::default() }
    }

    /// The reference table, section 5.4: disagreement of 1 to 4 bits with Gray labels, and what the symbols have in common.
    #[test]
    fn table_of_equiprobable_cells() {
        for (rho, kdr, information) in [
            (0.7, [0.253183, 0.314868, 0.366164, 0.396888], [0.1837, 0.3441, 0.4246, 0.4597]),
            (0.8, [0.204833, 0.261143, 0.323085, 0.362715], [0.2685, 0.5082, 0.6361, 0.6936]),
            (0.9, [0.143566, 0.185560, 0.250588, 0.303545], [0.4065, 0.7790, 1.0059, 1.1139]),
            (0.95, [0.101083, 0.130903, 0.184144, 0.245047], [0.5276, 1.0139, 1.3587, 1.5363]),
            (0.99, [0.045053, 0.058400, 0.082961, 0.125909], [0.7350, 1.4143, 2.0010, 2.4219]),
            (0.999, [0.014236, 0.018458, 0.026223, 0.040011], [0.8923, 1.7509, 2.5432, 3.2362]),
        ] {
            for bits in 1..=4 {
                let got = plain(bits).theory(rho);
                let (kdr, information) = (kdr[usize::from(bits) - 1], information[usize::from(bits) - 1]);
                assert!((got.kdr - kdr).abs() < 1e-6, "{rho} {bits}: {got:?}, table {kdr}");
                assert!((got.kept - 1.0).abs() < 1e-6, "{rho} {bits}: {got:?}");
                assert!(
                    (got.mutual_information - information).abs() < 6e-5,
                    "{rho} {bits}: {got:?}, {information}"
                );
                // Never more than the samples have: -1/2 log2(1 - rho²).
                assert!(got.mutual_information < -0.5 * (1.0 - rho * rho).log2());
            }
        }
    }

    /// A uniform symbol that Eve knows nothing of is worth its bits, offsets or not.
    #[test]
    fn offsets_and_guards_alone_tell_nothing() {
        for bits in 1..=4 {
            for offsets in [1, 2, 4, 8] {
                let method = Equiprobable { bits, offsets, ..Equiprobable::default() };
                let got = method.min_entropy(0.0);
                assert!((got - 1.0).abs() < 1e-5, "{bits} {offsets}: {got}");
                assert!(method.min_entropy(0.5) < plain(bits).min_entropy(0.5) + 1e-6);
            }
            assert!(plain(bits).min_entropy(1.0) < 0.01);
        }
    }

    #[test]
    fn rules_are_named() {
        let err = |method: Equiprobable| method.check().unwrap_err().to_string();
        assert_eq!(err(plain(5)), "bits must be within 1..=4, got 5");
        assert_eq!(err(Equiprobable { offsets: 3, ..plain(2) }), "offsets must be 1, 2, 4 or 8, got 3");
        assert_eq!(
            err(Equiprobable { guard: 0.1, ..Equiprobable::default() }),
            "offsets must be 1 where there is a guard band, got 2 offsets and a guard of 0.1"
        );
    }
}
