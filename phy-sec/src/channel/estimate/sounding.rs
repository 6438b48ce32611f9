//! The impulse response from a sequence that is sent over and over: periodic correlation by Fourier transform.
//!
//! In a period-`N` sequence `s` with transform `S`, a channel shorter than a period turns `S` into `S·H` exactly, from the second
//! period on. Two solutions are offered:
//! - *correlation* `h = IDFT(Y·S*)/E`, `E = Σ|s|²`: in noise of `σ²` a sample of variance `σ²/E` a tap, which is the Cramér-Rao bound of a
//!   tap whose others are known. For a Zadoff-Chu sequence, whose `|S|²` is flat (Chu, IEEE Trans. Inf. Theory 18(4), 1972), it is exact. For an m-sequence
//!   each tap is off by `-1/N` of the sum of the others, and by as much noise less (Golomb, Shift Register Sequences, 1967);
//! - *least squares* `h = IDFT(Y/S)`: exact for any sequence without a zero in its spectrum, of variance `σ²·Σ 1/|S|² / N`, the Cramér-Rao
//!   bound where nothing is known of any tap: twice as much for an m-sequence, whose sum is but ±1.

use kernels::{
    Backend,
    fft::{Batch, Direction},
};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{require, series};
use crate::channel::Csi;
use crate::{Error, Result};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sequence {
    /// The binary sequence of `2^degree - 1` values ±1 of [`m_sequence`], degree 3 to 16.
    MSequence {
        /// Stages of the shift register.
        degree: u32,
    },
    /// [`zadoff_chu`] of a root without a common divisor with the length.
    ZadoffChu {
        /// Samples of a period, 3 to 65536.
        length: usize,
        /// Root.
        root: usize,
    },
}

impl Sequence {
    /// One period, of unit power.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn samples(self) -> Result<Vec<Complex32>> {
        match self {
            Self::MSequence { degree } => m_sequence(degree),
            Self::ZadoffChu { length, root } => zadoff_chu(length, root),
        }
    }
}

/// Which of the two solutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solution {
    /// The least noise.
    #[default]
    Correlation,
    /// No bias.
    LeastSquares,
}

/// A channel sounder's receiver.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sounding {
    /// What is sent, sample by sample at the receiver's rate.
    pub sequence: Sequence,
    /// First sample of a period that is not the first one. Where it is not known to the sample, all delays are off by the same number
    /// of taps, modulo the period: see `align`.
    pub start: usize,
    /// Periods that are averaged into one estimate, 1 to 65536.
    pub average: usize,
    /// How the response is found.
    pub solution: Solution,
    /// Turns all responses by what puts the strongest tap of their mean power first.
    pub align: bool,
    /// Taps that are kept, from the first on; 0 keeps all.
    pub taps: usize,
}

impl Default for Sounding {
    /// A Zadoff-Chu sequence of 839 samples and root 25, as an NR random-access preamble has.
    fn default() -> Self {
        Self {
            sequence: Sequence::ZadoffChu { length: 839, root: 25 },
            start: 0,
            average: 1,
            solution: Solution::default(),
            align: false,
            taps: 0,
        }
    }
}

impl Sounding {
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        let length = self.sequence.samples()?.len();
        require((1..=65_536).contains(&self.average), "average", "within 1 and 65536", self.average)?;
        require(self.taps <= length, "taps", "no more than a period has samples", self.taps)
    }

    /// `[estimate, tap, 1]`, tap by tap of a sample each; each at the middle of its periods. A carrier frequency offset stays in as a
    /// turn from one estimate to the next, since nothing tells it from the channel's own.
    pub(super) fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
        let sequence = self.sequence.samples()?;
        let n = sequence.len();
        let mut forward = Batch::new(backend, n, Direction::Forward)?;
        let mut inverse = Batch::new(backend, n, Direction::Inverse)?;
        let mut weights = vec![Complex32::ZERO; n];
        forward.process(&sequence, &mut weights)?;
        for weight in &mut weights {
            *weight = match self.solution {
                // The inverse transform is unscaled: 1/N, and the energy N of a period.
                Solution::Correlation => weight.conj() / (n as f32 * n as f32),
                Solution::LeastSquares => weight.inv() / n as f32,
            };
        }
        let whole = n * self.average;
        let blocks = x.get(self.start..).unwrap_or_default().chunks_exact(whole);
        let time: Vec<f64> = (0..blocks.len())
            .map(|k| (self.start as f64 + (k as f64 + 0.5) * whole as f64) / sample_rate)
            .collect();
        let mut responses = Vec::with_capacity(blocks.len() * n);
        let (mut bins, mut taps) = (vec![Complex32::ZERO; n], vec![Complex32::ZERO; n]);
        for block in blocks {
            let mean: Vec<Complex32> = (0..n)
                .map(|i| {
                    let wide = |x: &Complex32| Complex64::new(x.re.into(), x.im.into());
                    let mean =
                        block[i..].iter().step_by(n).map(wide).sum::<Complex64>() / self.average as f64;
                    Complex32::new(mean.re as f32, mean.im as f32)
                })
                .collect();
            forward.process(&mean, &mut bins)?;
            for (bin, weight) in bins.iter_mut().zip(&weights) {
                *bin *= weight;
            }
            inverse.process(&bins, &mut taps)?;
            responses.extend_from_slice(&taps);
        }
        if self.align && !responses.is_empty() {
            let power =
                |tap: usize| responses[tap..].iter().step_by(n).map(|h| f64::from(h.norm_sqr())).sum::<f64>();
            let strongest = (0..n)
                .map(|tap| (tap, power(tap)))
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map_or(0, |(tap, _)| tap);
            responses.chunks_exact_mut(n).for_each(|response| response.rotate_left(strongest));
        }
        let kept = if self.taps == 0 { n } else { self.taps };
        let rows = responses.chunks_exact(n).flat_map(|response| &response[..kept]).copied().collect();
        series(rows, kept, time)
    }

    /// Variance of a tap in noise of variance 1 a sample.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn variance(&self) -> Result<f64> {
        self.check()?;
        let n = self.sequence.samples()?.len() as f64;
        let of_one = match (self.solution, self.sequence) {
            (Solution::LeastSquares, Sequence::MSequence { .. }) => 2.0 / (n + 1.0),
            _ => 1.0 / n,
        };
        Ok(of_one / self.average as f64)
    }
}

/// A maximum-length binary sequence as ±1 (bit 0 is +1): period `2^degree - 1`, correlation with itself turned by any number of places
/// -1.
///
/// The recursion is `x[n + d] = x[n] + Σ x[n + e]` with the exponents `e` of a primitive polynomial (Zierler and Brillhart, Information
/// and Control 13(6), 1968), from a register of ones.
///
/// # Errors
/// [`Error::OutOfRange`] unless `degree` is within 3 and 16.
pub fn m_sequence(degree: u32) -> Result<Vec<Complex32>> {
    let exponents: &[u32] = match degree {
        3 | 4 | 6 | 7 | 15 => &[1],
        5 | 11 => &[2],
        8 => &[4, 3, 2],
        9 => &[4],
        10 => &[3],
        12 => &[6, 4, 1],
        13 => &[4, 3, 1],
        14 => &[10, 6, 1],
        16 => &[12, 3, 1],
        _ => {
            let got = degree.to_string();
            return Err(Error::OutOfRange { field: "degree", rule: "within 3 and 16", got });
        }
    };
    let mut register = (1u32 << degree) - 1;
    Ok((0..(1usize << degree) - 1)
        .map(|_| {
            let bit = register & 1;
            let next = exponents.iter().fold(bit, |sum, e| sum ^ (register >> e & 1));
            register = register >> 1 | next << (degree - 1);
            Complex32::new(1.0 - 2.0 * bit as f32, 0.0)
        })
        .collect())
}

/// A Zadoff-Chu sequence `exp(-jπ·root·n(n + c)/length)`, `c` 1 for odd lengths and 0 for even ones: unit amplitude, flat spectrum (Chu 1972).
///
/// # Errors
/// [`Error::OutOfRange`] unless `length` is within 3 and 65536, `root` is within 1 and `length - 1`, and both have no common divisor.
pub fn zadoff_chu(length: usize, root: usize) -> Result<Vec<Complex32>> {
    require((3..=65_536).contains(&length), "length", "within 3 and 65536", length)?;
    let (mut a, mut b) = (length, root);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let ok = (1..length).contains(&root) && a == 1;
    require(ok, "root", "below the length, without a common divisor with it", root)?;
    Ok((0..length)
        .map(|n| {
            // The phase in units of π/length repeats after 2·length: reduced as a whole number.
            let steps = n * (n + length % 2) % (2 * length) * root % (2 * length);
            let (sin, cos) = (-std::f64::consts::PI * steps as f64 / length as f64).sin_cos();
            Complex32::new(cos as f32, sin as f32)
        })
        .collect())
}
