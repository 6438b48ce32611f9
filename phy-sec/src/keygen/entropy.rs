//! How much an adversary does not know about raw bits, from the bits themselves: lower bounds of their min-entropy.
//!
//! Each estimator assumes something, so each is an upper limit to what may be believed; the ledger takes the least of those that
//! count.
//! An estimator is a file with a function, its `mod` line, and its row in the table.

mod collision;
mod context;
mod distant;
pub mod health;
mod lanes;
mod markov;
mod most_common;
pub mod rank;
pub mod sp800_90b;
pub mod symbols;
mod t_tuple;

use std::ops::Range;

use serde::Serialize;

use crate::bits::Bits;

/// The normal quantile of a two-sided 99 % interval, which SP 800-90B, section 6.3, asks for (and rounds to 2.576).
const Z: f64 = 2.575_829_303_548_901;

/// Raw bits in the order in which they were measured, lane after lane, with what is public about them.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The bits: all those of the first lane in order of time, then those of the second, and so on.
    pub bits: &'a Bits,
    /// When each was measured, as a number of the measurement, ascending within a lane. Public.
    pub place: &'a [u32],
    /// Where each lane's bits are in `bits`. Public.
    pub lanes: &'a [Range<usize>],
}

/// What an estimator says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Which one.
    pub name: &'static str,
    /// Min-entropy per bit if the observed frequencies are the probabilities.
    pub point: f64,
    /// Lower bound per bit at 99 % confidence: what counts.
    pub bound: f64,
    /// Whether it looks at which samples were kept.
    pub conditional: bool,
    /// Whether the ledger takes it into its minimum. The collision estimate is for the reader only: near fair bits it
    /// is the square root of a difference that a few thousand bits cannot resolve, so that its bound speaks of their
    /// number and not of them (0.65 for 3,000 perfect bits). The bias that it looks for is that of the most common value.
    pub counts: bool,
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $estimator:ident $module:ident $conditional:literal $counts:literal,)*) => {
        /// An estimator of min-entropy per bit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Estimator {
            $($(#[$doc])* $estimator,)*
        }

        impl Estimator {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$estimator),*];

            /// Its name in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$estimator => $name,)* }
            }

            /// What it says of `sample`; 0 where there are too few bits to say anything.
            #[must_use]
            pub fn estimate(self, sample: &Sample<'_>) -> Estimate {
                let (name, conditional, counts, (point, bound)) = match self {
                    $(Self::$estimator => ($name, $conditional, $counts, $module::estimate(sample)),)*
                };
                let usable = |h: f64| if h.is_finite() { h.clamp(0.0, 1.0) } else { 0.0 };
                Estimate { name, point: usable(point), bound: usable(bound).min(usable(point)), conditional, counts }
            }
        }
    };
}

table! {
    /// SP 800-90B, section 6.3.1: bias.
    "most_common_value" MostCommonValue most_common false true,
    /// SP 800-90B, section 6.3.2: bias, seen in the time to a repetition.
    "collision" Collision collision false false,
    /// SP 800-90B, section 6.3.3, with confidence: each bit given the one before.
    "markov" Markov markov false true,
    /// SP 800-90B, section 6.3.5: recurring patterns.
    "t_tuple" TTuple t_tuple false true,
    /// Each bit given the one before and the most similar lane.
    "lanes" Lanes lanes false true,
    /// Each bit given one other, at any distance and in any lane.
    "distant" Distant distant false true,
    /// Each bit given the one before, the most similar lane, and the public list of kept samples.
    "context" Context context true true,
}

/// Upper end of the confidence interval of a probability of which `hits` of `trials` were seen (Wilson's score
/// interval, which holds for small counts and near 0 and 1, where the normal one does not).
fn upper(hits: f64, trials: f64) -> f64 {
    if trials <= 0.0 {
        return 1.0;
    }
    let (p, z2) = (hits / trials, Z * Z);
    let centre = p + z2 / (2.0 * trials);
    let spread = Z * (p * (1.0 - p) / trials + z2 / (4.0 * trials * trials)).sqrt();
    ((centre + spread) / (1.0 + z2 / trials)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The estimates of `bits` as one lane without gaps.
    pub(super) fn serial(estimator: Estimator, bits: &Bits) -> Estimate {
        let place: Vec<u32> = (0..bits.len() as u32).collect();
        estimator.estimate(&Sample { bits, place: &place, lanes: std::slice::from_ref(&(0..bits.len())) })
    }

    /// NIST's own tool on its `truerand_1bit.bin` (the figures of `truerand_1bit.res`, tolerance 1e-6).
    #[test]
    fn reference_output_of_sp800_90b() {
        let Some(folder) = crate::testdata::folder("randomness/sp800_90b") else { return };
        let bytes = std::fs::read(folder.join("truerand_1bit.bin")).unwrap();
        let bits: Bits = bytes.iter().map(|byte| byte & 1 == 1).collect();
        for (estimator, want) in [
            (Estimator::MostCommonValue, 0.995043015131226),
            (Estimator::Collision, 0.900935726908227),
            (Estimator::TTuple, 0.914226367459774),
        ] {
            let got = serial(estimator, &bits);
            assert!((got.bound - want).abs() < 1e-6, "{got:?}, NIST {want}");
        }
        // Ours adds a confidence interval to the standard's Markov estimate, which has none.
        let got = serial(Estimator::Markov, &bits);
        assert!((got.point - 0.998486475556111).abs() < 1e-6, "{got:?}");
        assert!(got.bound < got.point && got.bound > 0.99);
    }

    /// A Markov chain that stays with probability s: its min-entropy rate is -log2 max(s, 1-s).
    #[test]
    fn bounds_hold_for_a_markov_chain() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for stay in [0.5, 0.7, 0.9, 0.98] {
            let truth = -f64::log2(stay);
            let mut above = 0;
            for _ in 0..50 {
                let mut bit = false;
                let bits: Bits = (0..2000)
                    .map(|_| {
                        bit ^= (rng.next_u64() as f64 / 2f64.powi(64)) >= stay;
                        bit
                    })
                    .collect();
                for estimator in [Estimator::Markov, Estimator::Context] {
                    let got = serial(estimator, &bits);
                    above += usize::from(got.bound > truth);
                    assert!(got.bound > 0.8 * truth - 0.12, "{stay}: {got:?}");
                }
            }
            assert!(above <= 4, "stay {stay}: {above} of 100 bounds lie above the truth");
        }
    }

    /// Samples dropped where the series crosses the level: the list of kept places tells where the bit may change.
    #[test]
    fn the_index_list_is_accounted_for() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut bits, mut place, mut bit, mut at) = (Bits::new(), Vec::new(), false, 0);
        for _ in 0..4000 {
            let gap = rng.next_u32() % 4 == 0;
            at += if gap { 3 } else { 1 };
            bit ^= gap && rng.next_u32() & 1 == 1;
            bits.push(bit);
            place.push(at);
        }
        let whole = std::slice::from_ref(&(0..4000));
        let sample = Sample { bits: &bits, place: &place, lanes: whole };
        // Without gaps the bit stays; after one (a quarter of the time) it is a fair coin: guessed at 7/8.
        let got = Estimator::Context.estimate(&sample);
        let want = -f64::log2(0.75 + 0.25 * 0.5);
        assert!(
            got.point < want + 0.01 && got.point > want - 0.03 && got.bound < got.point,
            "{got:?} {want}"
        );
    }

    /// A lane that repeats another, inverted, adds nothing.
    #[test]
    fn a_copied_lane_adds_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let lane: Vec<bool> = (0..1500).map(|_| rng.next_u32() & 1 == 1).collect();
        let other: Vec<bool> = (0..1500).map(|_| rng.next_u32() & 1 == 1).collect();
        let bits: Bits =
            lane.iter().copied().chain(other.iter().copied()).chain(lane.iter().map(|b| !b)).collect();
        let place: Vec<u32> = (0..3).flat_map(|_| 0..1500).collect();
        let got = Estimator::Context.estimate(&Sample {
            bits: &bits,
            place: &place,
            lanes: &[0..1500, 1500..3000, 3000..4500],
        });
        // Two fair lanes and one known: guessed at (1/2 + 1/2 + 1) / 3.
        let want = -f64::log2(2.0 / 3.0);
        assert!(got.bound < want && got.bound > want - 0.15, "{got:?}, {want}");
        // Nothing was dropped: the list of kept samples says nothing beyond that, and three first bits are given away.
        let without = Estimator::Lanes.estimate(&Sample {
            bits: &bits,
            place: &place,
            lanes: &[0..1500, 1500..3000, 3000..4500],
        });
        let less = got.point - without.point;
        assert!((0.0..1e-3).contains(&less) && !without.conditional, "{without:?}, {got:?}");
    }

    #[test]
    fn too_few_bits_say_nothing() {
        for estimator in Estimator::ALL {
            for n in [0, 1, 2] {
                let got = serial(*estimator, &Bits::zeros(n));
                assert_eq!(got.bound, 0.0, "{got:?}");
            }
            // The first of them has nobody before it that would tell.
            let constant = serial(*estimator, &Bits::zeros(1000)).bound;
            assert!(constant <= 1e-3, "{}: {constant}", estimator.name());
        }
    }
}
