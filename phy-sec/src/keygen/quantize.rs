//! From real series to bits. Which samples a quantizer keeps is said in public, and conditioned on in the ledger.
//!
//! A quantizer is a file with a serde struct, its `mod` line, and its row in the table.

mod guard_band;
mod threshold;

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

pub use guard_band::{GuardBand, Sides};
pub use threshold::{Centre, Threshold};

use super::gaussian;
use crate::bits::Bits;
use crate::{Error, Result};

/// Which end is quantizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one whose bits become the key.
    Alice,
    /// The one who corrects his bits.
    Bob,
}

/// Where Bob's decision level comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelFrom {
    /// From his own series: nothing is said.
    #[default]
    Own,
    /// From Alice, who says hers in public, 64 bits a lane.
    Alice,
}

/// One decision per sample, `[lane, time]`, lanes one after another.
#[derive(Debug)]
pub struct Quantized {
    /// The bit of each sample; meaningless where it is not kept.
    pub bits: Bits,
    /// Whether the sample counts.
    pub kept: Bits,
}

impl Drop for Quantized {
    fn drop(&mut self) {
        self.bits.zeroize();
    }
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $method:ident,)*) => {
        /// A quantizer, chosen by `method`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Quantizer {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Quantizer {
            /// The name of every method, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            /// # Errors
            /// [`Error::OutOfRange`], naming the field.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$method(method) => method.check(),)* }
            }

            /// The rule of one lane.
            fn rule(&self, lane: ArrayView1<'_, f64>) -> Rule {
                match self { $(Self::$method(method) => method.rule(lane),)* }
            }

            /// Half the guard band in standard deviations at Alice and at Bob, and whose level counts.
            fn shape(&self) -> Shape {
                match self { $(Self::$method(method) => method.shape(),)* }
            }
        }
    };
}

table! {
    /// The side of the mean or the median, every sample kept.
    "threshold" Threshold,
    /// The side of the mean; samples too close to it are dropped.
    "guard_band" GuardBand,
}

/// A lane's decision level, and the scale that the guard band is measured in.
struct Rule {
    level: f64,
    scale: f64,
}

struct Shape {
    alice: f64,
    bob: f64,
    level: LevelFrom,
}

impl Quantizer {
    /// The levels that Alice says in public, one a lane; none if each end takes its own.
    #[must_use]
    pub fn levels(&self, series: &Array2<f64>) -> Vec<f64> {
        match self.shape().level {
            LevelFrom::Own => Vec::new(),
            LevelFrom::Alice => series.rows().into_iter().map(|lane| self.rule(lane).level).collect(),
        }
    }

    /// Quantizes `series`, `[lane, time]`. A constant lane is dropped whole: it holds no decision.
    ///
    /// - `levels`: what Alice announced, for Bob
    ///
    /// # Errors
    /// [`Error::Shape`] if `levels` are not one for each lane where the method wants them; [`Error::NotFinite`].
    pub fn quantize(&self, role: Role, series: &Array2<f64>, levels: &[f64]) -> Result<Quantized> {
        self.check()?;
        let shape = self.shape();
        let announced = shape.level == LevelFrom::Alice && role == Role::Bob;
        let need = if announced { series.nrows() } else { 0 };
        if announced && levels.len() != need {
            let (need, got) = (format!("[{need}]"), format!("[{}]", levels.len()));
            return Err(Error::Shape { what: "levels", need, got });
        }
        if let Some(index) = levels.iter().chain(series).position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "series to quantize", index });
        }
        let alpha = if role == Role::Alice { shape.alice } else { shape.bob };
        let (mut bits, mut kept) = (Bits::new(), Bits::new());
        for (index, lane) in series.rows().into_iter().enumerate() {
            let mut rule = self.rule(lane);
            if announced {
                rule.level = levels[index];
            }
            bits.extend(lane.iter().map(|&x| x > rule.level));
            kept.extend(
                lane.iter().map(|&x| rule.scale > 0.0 && (x - rule.level).abs() >= alpha * rule.scale),
            );
        }
        Ok(Quantized { bits, kept })
    }

    /// Key disagreement rate and share of kept samples for jointly Gaussian ends with correlation `rho`.
    #[must_use]
    pub fn theory(&self, rho: f64) -> (f64, f64) {
        let shape = self.shape();
        gaussian::disagreement(rho, shape.alice, shape.bob)
    }

    /// With what probability an eavesdropper with correlation `rho` guesses one kept bit from her unquantized
    /// measurement: see the guide to key generation for the model.
    #[must_use]
    pub fn guess(&self, rho: f64) -> f64 {
        let shape = self.shape();
        gaussian::guess(rho, shape.alice, shape.bob)
    }
}

/// Mean and standard deviation (of the population).
fn mean_and_deviation(lane: ArrayView1<'_, f64>) -> (f64, f64) {
    let mean = lane.mean().unwrap_or(0.0);
    let variance = lane.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / lane.len().max(1) as f64;
    // Rounding leaves a constant lane with a variance of some 1e-32 of its mean's square.
    let deviation = variance.sqrt();
    (mean, if deviation > 1e-12 * mean.abs() { deviation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// Unit normal pairs with correlation `rho`, `[1, n]` each.
    fn pairs(rho: f64, n: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
        let a = Array2::from_shape_simple_fn((1, n), &mut draw);
        let b = a.mapv(|a| rho * a + (1.0 - rho * rho).sqrt() * draw());
        (a, b)
    }

    fn measure(quantizer: &Quantizer, a: &Array2<f64>, b: &Array2<f64>) -> (f64, f64, usize) {
        let (a, b) = (
            quantizer.quantize(Role::Alice, a, &[]).unwrap(),
            quantizer.quantize(Role::Bob, b, &quantizer.levels(a)).unwrap(),
        );
        let both: Vec<usize> = (0..a.bits.len())
            .filter(|&k| a.kept.get(k) == Some(true) && b.kept.get(k) == Some(true))
            .collect();
        let wrong = both.iter().filter(|&&k| a.bits.get(k) != b.bits.get(k)).count();
        (wrong as f64 / both.len() as f64, both.len() as f64 / a.bits.len() as f64, both.len())
    }

    /// acos(rho) / π within four standard deviations.
    #[test]
    fn one_bit_disagrees_as_theory_says() {
        let n = 100_000;
        for rho in [0.0, 0.5, 0.9, 0.99] {
            for centre in [Centre::Mean, Centre::Median] {
                let (a, b) = pairs(rho, n, 7);
                let quantizer = Quantizer::Threshold(Threshold { centre, ..Threshold::default() });
                let (kdr, kept, _) = measure(&quantizer, &a, &b);
                let want = f64::acos(rho) / std::f64::consts::PI;
                let sigma = (want * (1.0 - want) / n as f64).sqrt();
                assert!((kdr - want).abs() < 4.0 * sigma, "{rho}: {kdr}, theory {want} ± {sigma}");
                assert_eq!(kept, 1.0);
            }
        }
    }

    #[test]
    fn guard_bands_disagree_as_theory_says() {
        let n = 100_000;
        for (rho, alpha, sides) in [
            (0.8, 0.2, Sides::Both),
            (0.8, 0.6, Sides::Both),
            (0.9, 0.2, Sides::Both),
            (0.95, 0.2, Sides::Both),
            (0.9, 0.6, Sides::Alice),
        ] {
            for level in [LevelFrom::Own, LevelFrom::Alice] {
                let quantizer = Quantizer::GuardBand(GuardBand { alpha, sides, level });
                let (a, b) = pairs(rho, n, 8);
                let (kdr, kept, used) = measure(&quantizer, &a, &b);
                let (want, share) = quantizer.theory(rho);
                let sigma = (want * (1.0 - want) / used as f64).sqrt();
                assert!((kdr - want).abs() < 4.0 * sigma, "{rho} {alpha}: {kdr}, theory {want} ± {sigma}");
                let sigma = (share * (1.0 - share) / n as f64).sqrt();
                assert!(
                    (kept - share).abs() < 4.0 * sigma,
                    "{rho} {alpha}: {kept}, theory {share} ± {sigma}"
                );
            }
        }
    }

    /// Eve's measured agreement with a kept bit against the model of the ledger (genie and 0.8 pairs).
    #[test]
    fn eve_guesses_no_better_than_the_model() {
        let n = 200_000;
        for (rho, alpha) in [(0.5f64, 0.0), (0.5, 0.3), (0.8, 0.6)] {
            let quantizer =
                Quantizer::GuardBand(GuardBand { alpha, sides: Sides::Both, level: LevelFrom::Own });
            let mut rng = ChaCha8Rng::seed_from_u64(9);
            let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
            // e = rho (a + b) / 1.9 + rest, for ends with correlation 0.9
            let (mut kept, mut right) = (0, 0);
            for _ in 0..n {
                let (a, w) = (draw(), draw());
                let b = 0.9 * a + (1.0f64 - 0.81).sqrt() * w;
                let e = rho * (a + b) / 1.9 + (1.0 - 2.0 * rho * rho / 1.9).sqrt() * draw();
                if a.abs() > alpha && b.abs() > alpha {
                    kept += 1;
                    right += usize::from((a > 0.0) == (e > 0.0));
                }
            }
            let (got, model) = (f64::from(right as u32) / f64::from(kept), quantizer.guess(rho));
            let sigma = (model * (1.0 - model) / f64::from(kept)).sqrt();
            assert!(got < model + 4.0 * sigma && got > model - 0.02, "{rho} {alpha}: {got}, model {model}");
        }
    }

    #[test]
    fn a_constant_lane_gives_no_bit() {
        for name in Quantizer::ALL {
            let quantizer: Quantizer = serde_json::from_str(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
            let got = quantizer.quantize(Role::Alice, &Array2::from_elem((2, 50), 0.1), &[]).unwrap();
            assert_eq!(got.kept.count_ones(), 0, "{name}");
            let bad = serde_json::from_str::<Quantizer>(&format!(r#"{{"method":"{name}","alhpa":1}}"#));
            assert!(bad.unwrap_err().to_string().contains("alhpa"));
            let err = quantizer.quantize(Role::Alice, &Array2::from_elem((1, 3), f64::NAN), &[]).unwrap_err();
            assert!(matches!(err, Error::NotFinite { .. }));
        }
        let alice = GuardBand { level: LevelFrom::Alice, ..GuardBand::default() };
        let err =
            Quantizer::GuardBand(alice).quantize(Role::Bob, &Array2::zeros((2, 3)), &[1.0]).unwrap_err();
        assert_eq!(err.to_string(), "levels must have shape [2], got [1]");
    }
}
