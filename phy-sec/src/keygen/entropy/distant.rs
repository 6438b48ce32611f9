//! Each bit given one other that was measured before it, at whatever distance and in whatever lane: a radio that hops over a few
//! channels in turn, antennas in line that see the same waves one after the other, a series that comes again.
//!
//! For every pair of lanes and every distance the bits that agree are counted, by two transforms. A pair counts if chance would
//! make any of so many agree (or disagree) that well with a probability of at most [`CHANCE`] (Chernoff's bound for fair
//! coins, over all pairs and distances). Each lane is charged the one that tells most of it, for the bits that have a partner there.
//! Bits that depend on several others together and on none of them alone are beyond this estimate.

use std::f64::consts::LN_2;

use num_complex::Complex32;
use rustfft::FftPlanner;
use zeroize::Zeroize;

use super::{Sample, upper};

/// Probability that anything is charged to independent fair bits.
const CHANCE: f64 = 1e-3;

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let n = sample.bits.len();
    let columns = sample.place.iter().max().map_or(0, |&place| place as usize + 1);
    let pairs = (sample.lanes.len() * sample.lanes.len()) as f64;
    let least = (2.0 * pairs * columns as f64 / CHANCE).ln();
    // Even if each were the copy of another, so few could be so by chance.
    if columns < 2 || n as f64 * LN_2 < least {
        return (0.0, 0.0);
    }
    // Twice as long, so that no distance wraps around.
    let size = (2 * columns).next_power_of_two();
    let mut planner = FftPlanner::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let mut spectra: Vec<Vec<Complex32>> = Vec::with_capacity(sample.lanes.len());
    for lane in sample.lanes {
        let mut line = vec![Complex32::ZERO; size];
        for index in lane.clone() {
            let sign = if sample.bits.get(index).unwrap_or(false) { 1.0 } else { -1.0 };
            line[sample.place[index] as usize] = Complex32::new(sign, 1.0);
        }
        forward.process(&mut line);
        spectra.push(line);
    }
    // What the best partner tells of each lane, in bits: by the counts, and with confidence.
    let mut told = vec![(0.0f64, 0.0f64); sample.lanes.len()];
    let mut product = vec![Complex32::ZERO; size];
    for later in 0..spectra.len() {
        for earlier in 0..=later {
            correlate(&spectra[later], &spectra[earlier], &mut product);
            inverse.process(&mut product);
            let scale = 1.0 / size as f64;
            let mut hear = |lane: usize, counts: Complex32| {
                let (excess, trials) = (f64::from(counts.re) * scale, (f64::from(counts.im) * scale).round());
                let (point, bound) = told[lane];
                if let Some(more) = tells(excess.abs().round(), trials, least) {
                    told[lane] = (point.max(more.0), bound.max(more.1));
                }
            };
            for distance in 0..columns {
                if distance > 0 || earlier != later {
                    hear(later, product[distance]);
                }
                if distance > 0 && earlier != later {
                    hear(earlier, product[size - distance]);
                }
            }
        }
    }
    for line in spectra.iter_mut().chain([&mut product]) {
        bytemuck::cast_slice_mut::<_, f32>(line).zeroize();
    }
    let left = |told: f64| (n as f64 - told) / n as f64;
    (left(told.iter().map(|told| told.0).sum()), left(told.iter().map(|told| told.1).sum()))
}

/// Spectrum of the excess of agreements (real part) and of the number of pairs (imaginary part) at every distance, from
/// those of two lanes whose signs stand in the real and whose presence stands in the imaginary part.
fn correlate(later: &[Complex32], earlier: &[Complex32], out: &mut [Complex32]) {
    let size = out.len();
    for (bin, out) in out.iter_mut().enumerate() {
        let mirror = (size - bin) % size;
        let parts = |x: &[Complex32]| {
            let (here, there) = (x[bin], x[mirror].conj());
            let difference = 0.5 * (here - there);
            (0.5 * (here + there), Complex32::new(difference.im, -difference.re))
        };
        let ((sign, mask), (sign_before, mask_before)) = (parts(later), parts(earlier));
        let (excess, pairs) = (sign * sign_before.conj(), mask * mask_before.conj());
        *out = Complex32::new(excess.re - pairs.im, excess.im + pairs.re);
    }
}

/// What `trials` bits lose in all when their partners agree or disagree with them `excess` more often than not: by the counts, and
/// at the upper end of the confidence interval. `None` if chance may do that.
fn tells(excess: f64, trials: f64, least: f64) -> Option<(f64, f64)> {
    // The divergence from a fair coin is at most 4 ln 2 (p - 1/2)²: most distances end here.
    if trials < 1.0 || LN_2 * excess * excess < least * trials {
        return None;
    }
    let hits = 0.5 * (trials + excess.min(trials));
    let part = |p: f64| if p > 0.0 { p * (2.0 * p).ln() } else { 0.0 };
    let divergence = part(hits / trials) + part(1.0 - hits / trials);
    (trials * divergence >= least)
        .then(|| (trials * (1.0 + (hits / trials).log2()), trials * (1.0 + upper(hits, trials).log2())))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::{Estimate, Estimator};
    use super::*;
    use crate::bits::Bits;

    fn fair(n: usize, seed: u64) -> Vec<bool> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| rng.next_u32() & 1 == 1).collect()
    }

    /// Of lanes of equal length without gaps.
    fn of(lanes: &[Vec<bool>]) -> Estimate {
        let columns = lanes[0].len();
        let bits: Bits = lanes.iter().flatten().copied().collect();
        let place: Vec<u32> = (0..lanes.len()).flat_map(|_| 0..columns as u32).collect();
        let ranges: Vec<Range<usize>> =
            (0..lanes.len()).map(|lane| lane * columns..(lane + 1) * columns).collect();
        Estimator::Distant.estimate(&Sample { bits: &bits, place: &place, lanes: &ranges })
    }

    #[test]
    fn independent_bits_are_charged_nothing() {
        for seed in 0..20 {
            let lanes: Vec<Vec<bool>> = (0..6).map(|lane| fair(800, 6 * seed + lane)).collect();
            let got = of(&lanes);
            assert_eq!((got.point, got.bound), (1.0, 1.0), "seed {seed}");
        }
    }

    /// Antennas in line: each sees what the first saw, seven samples later than the one before it. The first lane is fair, and
    /// so are the bits that leave the array before the last antenna has seen them.
    #[test]
    fn lanes_that_follow_one_another() {
        let wave = fair(3049, 1);
        let lanes: Vec<Vec<bool>> = (0..8).map(|lane| wave[7 * lane..7 * lane + 3000].to_vec()).collect();
        let got = of(&lanes);
        let truth = 3049.0 / 24_000.0;
        assert!(got.bound < truth + 0.01 && got.bound > truth - 0.01, "{got:?}, {truth}");
    }

    /// A series that comes again holds what it held the first time.
    #[test]
    fn repeats() {
        for times in [2, 4] {
            let once = fair(2500, 2);
            let got = of(&[once.repeat(times)]);
            let truth = 1.0 / times as f64;
            assert!(got.bound < truth + 0.005 && got.bound > truth - 0.02, "{times}: {got:?}");
        }
    }

    /// A chain of every twentieth bit, as of a radio that visits twenty channels in turn: each bit is that of the last visit with
    /// probability s, its complement if s is small.
    #[test]
    fn channels_in_turn() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for stay in [0.95, 0.8, 0.1] {
            let mut bits = fair(20_000, 4);
            for t in 20..bits.len() {
                bits[t] = bits[t - 20] ^ (f64::from(rng.next_u32()) / 2f64.powi(32) >= stay);
            }
            let got = of(&[bits]);
            let truth = -f64::max(stay, 1.0 - stay).log2();
            assert!(got.bound < truth + 0.002 && got.bound > truth - 0.03, "{stay}: {got:?}, {truth}");
        }
    }

    /// Bits that were not kept have no part in it.
    #[test]
    fn places_count() {
        let wave = fair(4000, 5);
        let kept = fair(4000, 6);
        let place: Vec<u32> = (0..4000).filter(|&t| kept[t as usize]).collect();
        let bits: Bits = place.iter().map(|&t| wave[(t % 2000) as usize]).collect();
        let lanes = [0..place.len()];
        let got = Estimator::Distant.estimate(&Sample { bits: &bits, place: &place, lanes: &lanes });
        // Half of the second half's bits have a partner that was kept.
        assert!((got.point - 0.75).abs() < 0.02, "{got:?}");
    }
}
