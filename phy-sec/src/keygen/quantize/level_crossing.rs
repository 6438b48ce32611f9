//! One bit an excursion: a stretch of at least `excursion` samples that all lie above `mean + alpha σ`, or all below
//! `mean - alpha σ`. Alice says where the middles of some of hers are; Bob answers at which of them he has an excursion
//! too, one sample shorter being enough.
//!
//! Source: Mathur, Trappe, Mandayam, Ye, Reznik, *Radio-telepathy*, MobiCom 2008: the levels q±, the middle
//! `⌊(start + end) / 2⌋` of an excursion, Alice's random subset, and Bob's window of `m - 1` samples,
//! `l - ⌊(m-2)/2⌋ ..= l + ⌈(m-2)/2⌉`.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Quantized, Role, Theory, mean_and_deviation};
use crate::keygen::gaussian::{self, density, phi};
use crate::keygen::within;
use crate::{Error, Result};

/// The levels, and what an excursion is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LevelCrossing {
    /// Distance of the levels from the mean, in standard deviations of the end's own lane.
    pub alpha: f64,
    /// Samples of the shortest excursion, 2 to 64.
    pub excursion: usize,
    /// Share of her excursions that Alice names. Which ones is drawn at random from public numbers: the list itself
    /// says it.
    pub share: f64,
}

impl Default for LevelCrossing {
    fn default() -> Self {
        Self { alpha: 0.2, excursion: 4, share: 1.0 }
    }
}

/// Longer excursions than this many beyond the shortest are counted as this long.
const LONGER: usize = 12;

impl LevelCrossing {
    pub(super) fn check(&self) -> Result<()> {
        within("alpha", self.alpha, 0.0, 4.0, "within 0..=4")?;
        within("share", self.share, 0.0, 1.0, "within 0..=1")?;
        if (2..=64).contains(&self.excursion) {
            return Ok(());
        }
        let got = self.excursion.to_string();
        Err(Error::OutOfRange { field: "excursion", rule: "2 to 64 samples", got })
    }

    pub(super) fn decide(&self, role: Role, series: &Array2<f64>, announced: &[u64]) -> Result<Quantized> {
        super::nothing_announced(announced)?;
        let mut out = Quantized::with_capacity(series.len());
        let mut rng = ChaCha8Rng::seed_from_u64(series.len() as u64);
        for lane in series.rows() {
            let (mean, deviation) = mean_and_deviation(lane);
            let band = self.alpha * deviation;
            let side = |x: f64| match x - mean {
                d if deviation > 0.0 && d > band => 1i8,
                d if deviation > 0.0 && d < -band => -1,
                _ => 0,
            };
            let sides: Vec<i8> = lane.iter().map(|&x| side(x)).collect();
            let said = match role {
                Role::Alice => self.middles(&sides, &mut rng),
                Role::Bob => self.windows(&sides),
            };
            said.into_iter().for_each(|side| out.push((side != 0).then_some(u8::from(side > 0)), 1, 0));
        }
        out.runs = true;
        Ok(out)
    }

    /// The side at the middle of each excursion that Alice names, 0 elsewhere.
    fn middles(&self, sides: &[i8], rng: &mut ChaCha8Rng) -> Vec<i8> {
        let mut middles = vec![0; sides.len()];
        let mut start = 0;
        for stretch in sides.chunk_by(|a, b| a == b) {
            let end = start + stretch.len();
            if stretch[0] != 0 && stretch.len() >= self.excursion {
                let drawn = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                if drawn < self.share {
                    middles[usize::midpoint(start, end - 1)] = stretch[0];
                }
            }
            start = end;
        }
        middles
    }

    /// The side at the middle of each window of `excursion - 1` samples on one side, 0 elsewhere.
    fn windows(&self, sides: &[i8]) -> Vec<i8> {
        let (before, length) = ((self.excursion - 2) / 2, self.excursion - 1);
        let mut windows = vec![0; sides.len()];
        for (start, window) in sides.windows(length).enumerate() {
            if window.iter().all(|side| *side == window[0]) {
                windows[start + before] = window[0];
            }
        }
        windows
    }

    /// For independent samples; slow series have longer and more excursions.
    pub(super) fn theory(&self, rho: f64) -> Theory {
        let (kdr, kept) = gaussian::disagreement(rho, self.alpha, self.alpha);
        let beyond = phi(-self.alpha);
        let window = self.excursion as i32 - 1;
        // Of Bob's sample given Alice's beyond her level: beyond the same, beyond the other.
        let same = (kept * (1.0 - kdr) / 2.0 / beyond).powi(window);
        let other = (kept * kdr / 2.0 / beyond).powi(window);
        let middles = 2.0 * beyond.powi(self.excursion as i32) * (1.0 - beyond);
        let kept = middles * (same + other) * self.share;
        if same + other <= 0.0 {
            return Theory::default();
        }
        Theory::of_signs(other / (same + other), kept)
    }

    /// What Eve knows of an excursion: as many values of hers as it is long, each with correlation `rho` with the ends'.
    /// They tell her most where the fading is so fast that they are independent, so that is what is taken; in slow fading they
    /// repeat one another. Excursions are long with the probabilities of that case.
    pub(super) fn min_entropy(&self, rho: f64) -> f64 {
        let beyond = phi(-self.alpha);
        let guesses = guesses(rho, self.alpha, self.excursion + LONGER);
        let (mut guess, mut left) = (0.0, 1.0);
        for longer in 0..=LONGER {
            let share = if longer == LONGER { left } else { left * (1.0 - beyond) };
            guess += share * guesses[self.excursion + longer - 1];
            left -= share;
        }
        -guess.clamp(0.5, 1.0).log2()
    }
}

/// With what probability 1, 2, …, `most` independent values of Eve's tell the side that as many of Alice's are all on
/// (and beyond `alpha`): the sign of the sum of their log-likelihood ratios.
fn guesses(rho: f64, alpha: f64, most: usize) -> Vec<f64> {
    let rho = rho.abs().min(1.0);
    let spread = (1.0 - rho * rho).sqrt();
    if spread < 1e-4 {
        return vec![1.0; most];
    }
    let above = |e: f64| phi((rho * e - alpha) / spread).max(1e-300);
    // The ratio on a grid, clipped where one value alone decides.
    const HALF: usize = 600;
    let limit = 30.0;
    let step = limit / HALF as f64;
    let mut one = vec![0.0; 2 * HALF + 1];
    let (count, end) = (4000, 8.0);
    for k in 0..count {
        let e = end * (2.0 * (f64::from(k) + 0.5) / f64::from(count) - 1.0);
        let weight = density(e) * above(e);
        let at = ((above(e) / above(-e)).ln() / step).clamp(-(HALF as f64), HALF as f64) + HALF as f64;
        let (below, rest) = (at.floor() as usize, at.fract());
        one[below] += weight * (1.0 - rest);
        one[(below + 1).min(2 * HALF)] += weight * rest;
    }
    let total: f64 = one.iter().sum();
    one.iter_mut().for_each(|p| *p /= total);
    let right = |sum: &[f64]| sum[HALF + 1..].iter().sum::<f64>() + 0.5 * sum[HALF];
    let mut sum = one.clone();
    let mut guesses = vec![right(&sum)];
    while guesses.len() < most {
        let last = *guesses.last().unwrap_or(&1.0);
        if last > 1.0 - 1e-9 {
            guesses.push(last);
            continue;
        }
        let mut next = vec![0.0; 2 * HALF + 1];
        for (i, p) in sum.iter().enumerate().filter(|(_, p)| **p > 1e-15) {
            for (j, q) in one.iter().enumerate() {
                next[(i + j).saturating_sub(HALF).min(2 * HALF)] += p * q;
            }
        }
        sum = next;
        guesses.push(right(&sum));
    }
    guesses
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn method(excursion: usize) -> LevelCrossing {
        LevelCrossing { alpha: 0.0, excursion, share: 1.0 }
    }

    /// The paper's rules by hand: m = 4, middles rounded down, Bob's window of three from one before to one after.
    #[test]
    fn excursions_and_windows() {
        //              0    1    2    3    4     5     6     7     8     9    10
        let series = array![[1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 0.0]];
        let alice = method(4).decide(Role::Alice, &series, &[]).unwrap();
        let kept: Vec<usize> = (0..11).filter(|&k| alice.kept.get(k) == Some(true)).collect();
        assert_eq!(kept, [1, 6]);
        assert_eq!((alice.symbols[1], alice.symbols[6]), (1, 0));
        let bob = method(4).decide(Role::Bob, &series, &[]).unwrap();
        let kept: Vec<usize> = (0..11).filter(|&k| bob.kept.get(k) == Some(true)).collect();
        assert_eq!(kept, [1, 2, 5, 6, 7]);
        let none = LevelCrossing { share: 0.0, ..method(4) }.decide(Role::Alice, &series, &[]).unwrap();
        assert_eq!(none.kept.count_ones(), 0);
        assert_eq!(method(1).check().unwrap_err().to_string(), "excursion must be 2 to 64 samples, got 1");
    }

    /// One value: the sign with a guard band. More tell more; nothing tells nothing.
    #[test]
    fn eve_adds_up_her_values() {
        for (rho, alpha) in [(0.5, 0.0), (0.5, 0.4), (0.9, 0.2)] {
            let got = guesses(rho, alpha, 5);
            let one = gaussian::guess(rho, alpha, 0.0);
            assert!((got[0] - one).abs() < 1e-3, "{rho} {alpha}: {got:?} {one}");
            assert!(got.windows(2).all(|pair| pair[1] > pair[0]), "{got:?}");
        }
        assert!(guesses(0.0, 0.3, 6).iter().all(|p| (p - 0.5).abs() < 1e-9));
        assert!(method(4).min_entropy(0.3) < -gaussian::guess(0.3, 0.0, 0.0).log2());
    }

    /// Two values of hers for two of Alice's on one side, by simulation.
    #[test]
    fn two_values_as_simulated() {
        use rand_distr::{Distribution, StandardNormal};
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
        let (rho, alpha) = (0.6f64, 0.3);
        let ratio = |e: f64| {
            let above = |e: f64| phi((rho * e - alpha) / (1.0 - rho * rho).sqrt());
            (above(e) / above(-e)).ln()
        };
        let (mut right, mut count) = (0.0, 0.0f64);
        while count < 40_000.0 {
            let pair = [(); 2].map(|()| {
                let a = draw();
                (a, rho * a + (1.0 - rho * rho).sqrt() * draw())
            });
            if pair.iter().all(|(a, _)| *a > alpha) {
                count += 1.0;
                right += f64::from(u8::from(pair.iter().map(|(_, e)| ratio(*e)).sum::<f64>() > 0.0));
            }
        }
        let (got, want) = (right / count, guesses(rho, alpha, 2)[1]);
        assert!((got - want).abs() < 4.0 * (want * (1.0 - want) / count).sqrt(), "{got}, {want}");
    }
}
