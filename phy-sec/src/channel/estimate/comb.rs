//! OFDM reference symbols on known subcarriers: least squares at the pilots, and a stated interpolation between them.
//!
//! At a pilot `p` the received bin over the known value is the least-squares gain, of variance `σ²/E` in noise of `σ²` a sample, `E` the energy that the
//! pilot was sent with. Between pilots something must be assumed: see [`Interpolation`].

use kernels::{
    Backend,
    fft::{Batch, Direction},
};
use nalgebra::{Complex, DMatrix};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::sounding::zadoff_chu;
use super::{require, series};
use crate::channel::Csi;
use crate::sim::waveform::gold;
use crate::{Error, Result};

/// What is assumed between the pilots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Nothing: the rows hold the pilots' subcarriers alone.
    None,
    /// A straight line from pilot to pilot in the complex plane; beyond the outermost ones their gain. In the middle between two pilots it has half the
    /// noise of one. It errs by the channel's curvature.
    #[default]
    Linear,
    /// An impulse response of so many samples, from the transform's first on: least squares over all pilots (van de Beek et al., IEEE VTC 1995). Over `P` pilots the
    /// mean variance is `taps / P` of a pilot's own; a longer response aliases into it.
    Taps(usize),
}

/// The pilots' values.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pilots {
    /// All 1.
    #[default]
    Ones,
    /// QPSK from the Gold sequence of TS 38.211, 5.2.1: `((1 - 2c(2n)) + j(1 - 2c(2n + 1)))/√2`, as CSI-RS (7.4.1.5.2) and DM-RS (7.4.1.1.1)
    /// have it.
    Gold {
        /// State of the second register. Of CSI-RS `2¹⁰(14 slot + symbol + 1)(2 id + 1) + id` modulo 2³¹.
        c_init: u32,
    },
    /// Low-PAPR sequence of TS 38.211, 5.2.2.1, of group `u` and sequence 0, turned by a cyclic shift, as SRS (6.4.1.4.2) has it. For
    /// 36 pilots or more.
    ZadoffChu {
        /// Group, 0 to 29.
        group: u32,
        /// Share of a turn from pilot to pilot, 0 to 1: `cyclic shift / 8` for comb 2, `/ 12` for comb 4.
        shift: f64,
    },
    /// As given: real and imaginary part of each.
    Given(Vec<(f32, f32)>),
}

impl Pilots {
    /// `count` values.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a group, a shift or a number of pilots that the sequence does not have.
    pub fn values(&self, count: usize) -> Result<Vec<Complex32>> {
        Ok(match self {
            Self::Ones => vec![Complex32::new(1.0, 0.0); count],
            Self::Gold { c_init } => {
                require(*c_init < 1 << 31, "c_init", "below 2^31", c_init)?;
                let level = |bit: bool| std::f32::consts::FRAC_1_SQRT_2 * if bit { -1.0 } else { 1.0 };
                let bits = gold(*c_init, 2 * count);
                bits.chunks_exact(2).map(|c| Complex32::new(level(c[0]), level(c[1]))).collect()
            }
            Self::ZadoffChu { group, shift } => {
                require(*group < 30, "group", "within 0 and 29", group)?;
                require((0.0..=1.0).contains(shift), "shift", "within 0 and 1", shift)?;
                require(count >= 36, "pilots", "36 or more for a Zadoff-Chu sequence", count)?;
                let length = (31..=count).rev().find(|&n| is_prime(n)).unwrap_or(31);
                // q of 5.2.2.1 with v = 0: the nearest whole number to N(u + 1)/31.
                let root = (2 * length * (*group as usize + 1) + 31) / 62;
                let base = zadoff_chu(length, root)?;
                (0..count)
                    .map(|n| {
                        let (sin, cos) = (std::f64::consts::TAU * (shift * n as f64).fract()).sin_cos();
                        base[n % length] * Complex32::new(cos as f32, sin as f32)
                    })
                    .collect()
            }
            Self::Given(values) => {
                require(values.len() == count, "pilots", "one value for each", values.len())?;
                let values: Vec<_> = values.iter().map(|&(re, im)| Complex32::new(re, im)).collect();
                let useless = |value: &&Complex32| !value.is_finite() || value.norm_sqr() == 0.0;
                if let Some(value) = values.iter().find(useless) {
                    require(false, "pilots", "finite and not 0", value)?;
                }
                values
            }
        })
    }
}

fn is_prime(n: usize) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

/// A receiver of reference symbols whose place in time is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Comb {
    /// Points of the Fourier transform, 2 to 65536.
    pub size: usize,
    /// Occupied subcarriers around the carrier, one of them on it, no more than `size`.
    pub subcarriers: usize,
    /// Subcarrier of the first pilot, counted from the lowest.
    pub first: usize,
    /// From one pilot to the next, subcarriers, at least 1.
    pub step: usize,
    /// Their values.
    pub pilots: Pilots,
    /// First sample of the body of the first symbol with pilots, after its cyclic prefix.
    pub start: usize,
    /// From one symbol with pilots to the next, samples, at least `size`; 0: there is but one.
    pub period: usize,
    /// What is assumed between the pilots.
    pub interpolation: Interpolation,
}

impl Default for Comb {
    /// Every second of 288 subcarriers in a transform of 512 points, pilots of 1, one symbol.
    fn default() -> Self {
        Self {
            size: 512,
            subcarriers: 288,
            first: 0,
            step: 2,
            pilots: Pilots::default(),
            start: 0,
            period: 0,
            interpolation: Interpolation::default(),
        }
    }
}

impl Comb {
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        let Self { size, subcarriers, first, step, .. } = *self;
        require((2..=65_536).contains(&size), "size", "within 2 and 65536", size)?;
        require((1..=size).contains(&subcarriers), "subcarriers", "within 1 and size", subcarriers)?;
        require(step >= 1, "step", "at least 1", step)?;
        // Symbols do not overlap, and a small period would make many times as many gains as there are samples.
        let whole = self.period == 0 || self.period >= size;
        require(whole, "period", "0, or at least size: symbols follow one another", self.period)?;
        require(first < subcarriers, "first", "one of the subcarriers", first)?;
        self.pilots.values(self.places().len()).map(|_| ())
    }

    /// Subcarriers of the pilots, ascending.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        (self.first..self.subcarriers).step_by(self.step.max(1)).collect()
    }

    /// `[symbol, subcarrier, 1]`, ascending frequency; each at the middle of its symbol's body.
    pub(super) fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
        let places = self.places();
        let values = self.pilots.values(places.len())?;
        let between = Between::new(&places, self.subcarriers, self.size, self.interpolation)?;
        let mut transform = Batch::new(backend, self.size, Direction::Forward)?;
        let step = if self.period == 0 { x.len().max(1) } else { self.period };
        let mut bins = vec![Complex32::ZERO; self.size];
        // A grid of unit power makes a transmission of unit power; the transform is unscaled.
        let scale = (self.subcarriers as f32).sqrt() / self.size as f32;
        let (mut rows, mut time) = (Vec::new(), Vec::new());
        for start in (self.start..).step_by(step) {
            let Some(body) = start.checked_add(self.size).and_then(|end| x.get(start..end)) else { break };
            transform.process(body, &mut bins)?;
            let at_pilots: Vec<Complex32> = places
                .iter()
                .zip(&values)
                .map(|(&place, value)| scale * bins[self.bin(place)] / value)
                .collect();
            rows.extend(between.fill(&at_pilots));
            time.push((start as f64 + self.size as f64 / 2.0) / sample_rate);
        }
        series(rows, between.columns(), time)
    }

    /// The transform's bin of a subcarrier.
    fn bin(&self, place: usize) -> usize {
        (place + self.size - self.subcarriers / 2) % self.size
    }
}

/// The gains on all of `subcarriers` from those at the pilots.
///
/// - `at_pilots`: least-squares gains, `[pilot]`
/// - `places`: subcarriers of the pilots, ascending
/// - `size`: points of the transform, which give the taps of [`Interpolation::Taps`] their length
///
/// # Errors
/// [`Error::Shape`] for as many gains as places; [`Error::OutOfRange`] for places that do not ascend below `subcarriers`, and for more taps
/// than the pilots tell apart.
pub fn interpolate(
    at_pilots: &[Complex32],
    places: &[usize],
    subcarriers: usize,
    size: usize,
    interpolation: Interpolation,
) -> Result<Vec<Complex32>> {
    if at_pilots.len() != places.len() {
        let (need, got) = (format!("[{}]", places.len()), format!("[{}]", at_pilots.len()));
        return Err(Error::Shape { what: "gains at the pilots", need, got });
    }
    Ok(Between::new(places, subcarriers, size, interpolation)?.fill(at_pilots))
}

/// An interpolation prepared for its pilots.
enum Between {
    None(usize),
    /// For each subcarrier the pilot at or before it, and the next one's share.
    Linear(Vec<(usize, f32)>),
    /// `[subcarrier, pilot]`.
    Taps(DMatrix<Complex<f64>>),
}

impl Between {
    fn new(places: &[usize], subcarriers: usize, size: usize, interpolation: Interpolation) -> Result<Self> {
        let ascending = places.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = places.last().is_some_and(|&last| last < subcarriers);
        require(ascending && inside, "places", "ascending, below subcarriers, at least one", places.len())?;
        Ok(match interpolation {
            Interpolation::None => Self::None(places.len()),
            Interpolation::Linear => Self::Linear(
                (0..subcarriers)
                    .map(|k| {
                        let after = places.partition_point(|&place| place <= k);
                        match (after.checked_sub(1), places.get(after)) {
                            (None, _) => (0, 0.0),
                            (Some(before), None) => (before, 0.0),
                            (Some(before), Some(&next)) => {
                                (before, (k - places[before]) as f32 / (next - places[before]) as f32)
                            }
                        }
                    })
                    .collect(),
            ),
            Interpolation::Taps(taps) => {
                let most = places.len().min(size);
                require((1..=most).contains(&taps), "taps", "within 1 and the number of pilots", taps)?;
                // The matrix is what costs: it is as large as both of its sides are.
                let small = taps <= 512 && places.len().saturating_mul(subcarriers) <= 1 << 23;
                require(
                    small,
                    "taps",
                    "at most 512, over at most 2^23 pairs of pilots and subcarriers",
                    taps,
                )?;
                let turn = |k: usize, l: usize| {
                    // Counted from the carrier, so that the taps' phases are those at it.
                    let k = k as f64 - (subcarriers / 2) as f64;
                    Complex64::cis(-std::f64::consts::TAU * (k * l as f64 / size as f64).fract())
                };
                let at = DMatrix::from_fn(places.len(), taps, |p, l| turn(places[p], l));
                let all = DMatrix::from_fn(subcarriers, taps, turn);
                let svd = at.svd(true, true);
                let (most, least) = (svd.singular_values.max(), svd.singular_values.min());
                // Beyond this single-precision samples would not tell the taps apart, nor would 60 dB of signal to noise.
                let told = least > 1e-3 * most;
                require(
                    told,
                    "taps",
                    "no more than the pilots tell apart (within the band and their spacing)",
                    taps,
                )?;
                let inverse = svd.pseudo_inverse(0.0).unwrap_or_else(|_| DMatrix::zeros(taps, places.len()));
                Self::Taps(all * inverse)
            }
        })
    }

    fn columns(&self) -> usize {
        match self {
            Self::None(pilots) => *pilots,
            Self::Linear(shares) => shares.len(),
            Self::Taps(matrix) => matrix.nrows(),
        }
    }

    fn fill(&self, at_pilots: &[Complex32]) -> Vec<Complex32> {
        match self {
            Self::None(_) => at_pilots.to_vec(),
            Self::Linear(shares) => shares
                .iter()
                .map(|&(pilot, share)| {
                    let next = at_pilots.get(pilot + 1).unwrap_or(&at_pilots[pilot]);
                    at_pilots[pilot] * (1.0 - share) + next * share
                })
                .collect(),
            Self::Taps(matrix) => matrix
                .row_iter()
                .map(|row| {
                    let sum: Complex64 = row
                        .iter()
                        .zip(at_pilots)
                        .map(|(weight, gain)| weight * Complex64::new(gain.re.into(), gain.im.into()))
                        .sum();
                    Complex32::new(sum.re as f32, sum.im as f32)
                })
                .collect(),
        }
    }
}
