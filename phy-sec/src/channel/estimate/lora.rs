//! LoRa: a complex gain for each rising chirp of a frame's preamble, whose square is chirp-level RSSI.
//!
//! A chirp that is shifted in frequency looks as one shifted in time, rising and falling ones to opposite sides: where the best correlation with both
//! is, both shifts are told apart (Bernier, Dehmas and Deparis, IEEE Trans. Commun. 68(11), 2020). Multiplied with the conjugate chirp
//! (dechirped) each chirp is a tone; the phase from one to the next refines the carrier frequency offset, and the mean of the tone with that
//! taken out is the gain: least squares, of variance `σ²/N` for a chirp of `N` samples.

use kernels::{
    Backend,
    correlate::{autocorrelation, conjugate_dot},
    nco::Nco,
    xcorr::Template,
};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{require, series};
use crate::Result;
use crate::channel::Csi;
use crate::sim::waveform;

/// How frames are found and measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lora {
    /// Spreading factor, 5 to 12.
    pub spreading_factor: u32,
    /// Bandwidth of the chirps, Hz: the sample rate is a whole multiple of it, up to 256.
    pub bandwidth: f64,
    /// Least normalised correlation (of powers, 0 to 1) with a chirp.
    pub threshold: f64,
    /// Chirps that a preamble has at least, 2 to 64. More are measured if they are there.
    pub preamble: usize,
}

impl Default for Lora {
    fn default() -> Self {
        Self { spreading_factor: 7, bandwidth: 125e3, threshold: 0.1, preamble: 6 }
    }
}

/// A frame's preamble.
#[derive(Debug, Clone, PartialEq)]
pub struct Preamble {
    /// First sample of its first chirp.
    pub start: usize,
    /// Carrier frequency offset, Hz, within a quarter of the bandwidth to either side.
    pub cfo: f64,
    /// A gain for each chirp, the offset taken out; the phase is that in the middle of the preamble.
    pub gains: Vec<Complex32>,
}

impl Lora {
    /// # Errors
    /// [`crate::Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        let sf = self.spreading_factor;
        require((5..=12).contains(&sf), "spreading_factor", "within 5 and 12", sf)?;
        let ok = self.bandwidth.is_finite() && self.bandwidth > 0.0;
        require(ok, "bandwidth", "a positive number of Hz", self.bandwidth)?;
        require((0.01..=1.0).contains(&self.threshold), "threshold", "within 0.01 and 1", self.threshold)?;
        require((2..=64).contains(&self.preamble), "preamble", "within 2 and 64", self.preamble)
    }

    /// `[chirp, 1, 1]` over all frames, each at the middle of its chirp.
    pub(super) fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
        let chirp = self.chirp(sample_rate)?.len() as f64;
        let (mut gains, mut time) = (Vec::new(), Vec::new());
        for preamble in self.preambles(x, sample_rate, backend)? {
            for (k, gain) in preamble.gains.into_iter().enumerate() {
                gains.push(gain);
                time.push((preamble.start as f64 + (k as f64 + 0.5) * chirp) / sample_rate);
            }
        }
        series(gains, 1, time)
    }

    /// The rising chirp at this rate, of unit amplitude.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a rate that is no multiple of the bandwidth, and those of [`Self::check`].
    pub fn chirp(&self, sample_rate: f64) -> Result<Vec<Complex32>> {
        self.check()?;
        let ratio = sample_rate / self.bandwidth;
        let ok = (1.0..=256.5).contains(&ratio) && (ratio - ratio.round()).abs() < 1e-3;
        require(ok, "sample_rate", "1 to 256 times the bandwidth, a whole number of times", sample_rate)?;
        let form = waveform::Lora {
            spreading_factor: self.spreading_factor,
            oversampling: ratio.round() as usize,
            ..Default::default()
        };
        form.chirp(0)
    }

    /// The preambles in `x`.
    ///
    /// # Errors
    /// Those of [`Self::chirp`].
    pub fn preambles(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Vec<Preamble>> {
        let up = self.chirp(sample_rate)?;
        let n = up.len();
        let down: Vec<_> = up.iter().map(Complex32::conj).collect();
        let rising = Template::new(backend, &up)?.correlate(x);
        let falling = Template::new(backend, &down)?.correlate(x);
        // The weakest of as many chirps in a row as a preamble has.
        let row = |start: usize| {
            (0..self.preamble)
                .map(|k| rising.get(start + k * n).copied().unwrap_or(0.0))
                .fold(f32::INFINITY, f32::min)
        };
        let threshold = self.threshold as f32;
        let (mut found, mut at) = (Vec::new(), 0);
        while at < rising.len() {
            if row(at) < threshold {
                at += 1;
                continue;
            }
            // Several peaks of the same row lie around; the best of the first chirp is the one.
            let peak =
                (at..(at + n).min(rising.len())).max_by(|&a, &b| row(a).total_cmp(&row(b))).unwrap_or(at);
            let level = row(peak);
            let mut chirps = self.preamble;
            while rising.get(peak + chirps * n).is_some_and(|&rho| rho > level / 2.0) {
                chirps += 1;
            }
            // Behind it two chirps of the sync word, then falling ones: the best of the next five chirps.
            let behind = peak + chirps * n;
            let delimiter = (behind..(behind + 5 * n).min(falling.len()))
                .max_by(|&a, &b| falling[a].total_cmp(&falling[b]))
                .filter(|&place| falling[place] > level / 2.0);
            let Some(delimiter) = delimiter else {
                at = behind;
                continue;
            };
            // By how much the peaks moved apart, within half a chirp to either side; each moved half of it.
            let apart = ((delimiter - peak + n / 2) % n) as f64 - (n / 2) as f64;
            let moved = (apart / 2.0).round() as isize;
            // The first chirp may begin before the samples do: it is left out.
            let (start, cut) = match peak.checked_add_signed(moved) {
                Some(start) => (start, 0),
                None => (peak.saturating_add_signed(moved + n as isize), 1),
            };
            let coarse = apart / 2.0 * self.bandwidth / n as f64;
            chirps = (chirps - cut).min(x.len().saturating_sub(start) / n);
            if chirps >= 2 {
                let preamble = measure(&x[start..start + chirps * n], &up, coarse, sample_rate, backend)?;
                found.push(Preamble { start, ..preamble });
            }
            at = delimiter + 2 * n;
        }
        Ok(found)
    }
}

/// Gains of whole chirps `x` at a carrier frequency offset within half a cycle a chirp, or so, of `coarse`.
fn measure(
    x: &[Complex32],
    up: &[Complex32],
    coarse: f64,
    sample_rate: f64,
    backend: &Backend,
) -> Result<Preamble> {
    let n = up.len();
    // The phase from chirp to chirp tells the offset up to whole cycles a chirp.
    let cycle = sample_rate / n as f64;
    let part = f64::from(autocorrelation(backend, x, n).arg()) / std::f64::consts::TAU * cycle;
    let whole = ((coarse - part) / cycle).round();
    let mut best: Option<(f64, Preamble)> = None;
    for step in [0.0, -1.0, 1.0] {
        let cfo = part + (whole + step) * cycle;
        let mut turned = x.to_vec();
        let middle = std::f64::consts::TAU * cfo / sample_rate * (x.len() / 2) as f64;
        Nco::new(backend, -cfo, sample_rate)?.with_phase(middle).push(&mut turned);
        let gains: Vec<_> =
            turned.chunks_exact(n).map(|chirp| conjugate_dot(backend, chirp, up) / n as f32).collect();
        let power: f64 = gains.iter().map(|gain| f64::from(gain.norm_sqr())).sum();
        if best.as_ref().is_none_or(|(most, _)| power > *most) {
            best = Some((power, Preamble { start: 0, cfo, gains }));
        }
    }
    Ok(best.map_or(Preamble { start: 0, cfo: coarse, gains: Vec::new() }, |(_, preamble)| preamble))
}
