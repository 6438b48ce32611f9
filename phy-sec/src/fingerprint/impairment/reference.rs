//! The known waveform at any fraction of a sample.
//!
//! What a converter sends between two samples is the band-limited interpolation of all of them. It is prepared at eighths of a
//! sample with four derivatives; Taylor's series from the nearest eighth then errs by less than `(π/16)⁵/5! ≈ 2e-6` even at half the sample rate.

use std::{f64::consts::TAU, ops::Range};

use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

use crate::{Error, Result, sim::waveform::wifi};

/// Places in a sample.
const PHASES: usize = 8;
/// Coefficients of the series.
const ORDERS: usize = 5;
/// Samples before the first and after the last at which the waveform can be had: its ringing.
const PAD: usize = 16;
/// The longest reference, in samples: it takes 640 bytes for each.
const MOST: usize = 1 << 16;
/// The fewest samples that are fitted: more than twice the parameters.
const LEAST: usize = 32;

/// A waveform that bursts are known to hold.
#[derive(Clone)]
pub struct Reference {
    /// `[phase][PAD + index]`: the derivatives over their factorials.
    series: Vec<Vec<[Complex64; ORDERS]>>,
    samples: Vec<Complex32>,
    used: Range<usize>,
    sample_rate: f64,
    rms: f64,
    peak: f64,
}

impl Reference {
    /// - `samples`: complex baseband, `[sample]`; nothing is sent before and after. Its power does not matter
    /// - `used`: which of them are fitted; the others are there because what lies between two samples depends on those around
    /// - `sample_rate`: Hz
    ///
    /// # Errors
    /// - [`Error::TooShort`] if less than 32 samples are used, [`Error::Shape`] if they are not inside `samples`
    /// - [`Error::OutOfRange`] for more than 65536 samples, for silence, and for a rate that is not positive and finite
    /// - [`Error::NotFinite`]
    pub fn new(samples: &[Complex32], used: Range<usize>, sample_rate: f64) -> Result<Reference> {
        let bad = |field, rule, got: String| Err(Error::OutOfRange { field, rule, got });
        if used.end > samples.len() || used.start > used.end {
            let (need, got) = (format!("[{} or more]", used.end), format!("[{}]", samples.len()));
            return Err(Error::Shape { what: "the reference", need, got });
        }
        if used.len() < LEAST {
            let got = used.len();
            return Err(Error::TooShort { what: "a reference", need: LEAST, unit: "samples", got });
        }
        if samples.len() > MOST {
            return bad("reference", "at most 65536 samples long", samples.len().to_string());
        }
        if !(sample_rate.is_finite() && sample_rate > 0.0) {
            return bad("sample_rate", "positive and finite", sample_rate.to_string());
        }
        if let Some(index) = samples.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "the reference", index });
        }
        let powers = || samples[used.clone()].iter().map(|s| wide(*s).norm_sqr());
        let power = powers().sum::<f64>() / used.len() as f64;
        if !(power > 1e-30 && power < 1e30) {
            return bad("reference", "of a power between 1e-30 and 1e30", power.to_string());
        }
        let peak = powers().fold(0.0, f64::max).sqrt();
        let series = series(samples);
        let samples = samples.to_vec();
        Ok(Reference { series, samples, used, sample_rate, rms: power.sqrt(), peak })
    }

    /// Both training fields of 802.11a/g (IEEE 802.11-2020, 17.3.3) at 20 MHz: 320 samples, of which 288 are fitted. Filters smear into
    /// the first 16 what was before the frame, and into the last 16 the header that follows.
    ///
    /// The training fields go on periodically before and after, so that the ends of the reference do not ring into what is fitted:
    /// its first sample lies 64 before the frame's.
    ///
    /// # Errors
    /// None: those of [`Reference::new`], which cannot happen.
    pub fn wifi() -> Result<Reference> {
        let frame = wifi::training();
        let mut samples: Vec<Complex32> = frame[96..160].to_vec();
        samples.extend_from_slice(&frame);
        samples.extend_from_slice(&frame[192..256]);
        Reference::new(&samples, Self::WIFI_LEAD + 16..Self::WIFI_LEAD + 304, wifi::SAMPLE_RATE)
    }

    /// [`Reference::wifi`] for samples of this rate, which must be that of the frames.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a rate more than a thousandth off 20 MHz.
    pub fn wifi_at(sample_rate: f64) -> Result<Reference> {
        if !((sample_rate / wifi::SAMPLE_RATE - 1.0).abs() <= 1e-3) {
            let rule = "that of 802.11 frames, 20e6, or there must be a reference";
            return Err(Error::OutOfRange { field: "sample_rate", rule, got: sample_rate.to_string() });
        }
        Reference::wifi()
    }

    /// Samples of [`Reference::wifi`] before the frame's first.
    pub const WIFI_LEAD: usize = 64;

    /// Which samples are fitted.
    #[must_use]
    pub fn used(&self) -> Range<usize> {
        self.used.clone()
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[Complex32] {
        &self.samples
    }

    /// Hz.
    #[must_use]
    pub fn sample_rate(&self) -> f64 {
        self.sample_rate
    }

    /// Root mean square amplitude of what is fitted.
    #[must_use]
    pub fn rms(&self) -> f64 {
        self.rms
    }

    /// Greatest amplitude of what is fitted.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// Waveform and slope (per sample) at `place`, in samples from the first; beyond the ringing at the ends, what is there.
    #[inline]
    pub(super) fn at(&self, place: f64) -> (Complex64, Complex64) {
        let last = (self.samples.len() + 2 * PAD) * PHASES - 1;
        let nearest = ((place + PAD as f64) * PHASES as f64).round().clamp(0.0, last as f64);
        let index = nearest as usize;
        let t = place + PAD as f64 - nearest / PHASES as f64;
        let c = &self.series[index % PHASES][index / PHASES];
        let value = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4])));
        let slope = c[1] + t * (2.0 * c[2] + t * (3.0 * c[3] + (4.0 * t) * c[4]));
        (value, slope)
    }
}

/// In double precision.
pub(super) fn wide(x: Complex32) -> Complex64 {
    Complex64::new(x.re.into(), x.im.into())
}

/// Derivatives of the band-limited interpolation, over their factorials, by Fourier transform.
fn series(samples: &[Complex32]) -> Vec<Vec<[Complex64; ORDERS]>> {
    // As much silence as waveform: the transform's period does not reach from one end to the other.
    let size = (2 * samples.len() + 2 * PAD).next_power_of_two();
    let mut planner = FftPlanner::new();
    let mut spectrum = vec![Complex64::ZERO; size];
    spectrum[PAD..PAD + samples.len()].iter_mut().zip(samples).for_each(|(out, s)| *out = wide(*s));
    planner.plan_fft_forward(size).process(&mut spectrum);
    let inverse = planner.plan_fft_inverse(size);
    let mut all = vec![vec![[Complex64::ZERO; ORDERS]; samples.len() + 2 * PAD]; PHASES];
    let mut plane = vec![Complex64::ZERO; size];
    for (phase, rows) in all.iter_mut().enumerate() {
        let mut factorial = 1.0;
        for order in 0..ORDERS {
            factorial *= order.max(1) as f64;
            for (k, (out, s)) in plane.iter_mut().zip(&spectrum).enumerate() {
                let bin = if k < size / 2 { k as f64 } else { k as f64 - size as f64 };
                let omega = TAU * bin / size as f64;
                let turn = Complex64::cis(omega * phase as f64 / PHASES as f64);
                let slope = Complex64::new(0.0, omega).powu(order as u32);
                *out = s * turn * slope / (factorial * size as f64);
            }
            inverse.process(&mut plane);
            rows.iter_mut().zip(&plane).for_each(|(row, value)| row[order] = *value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Σ s[k] sinc(t - k)` of a waveform with content at ±0.4 of the sample rate.
    #[test]
    fn between_samples_it_is_the_sum_of_sines_over_x() {
        let s: Vec<Complex32> = (0..96)
            .map(|n| {
                let window = (std::f64::consts::PI * f64::from(n) / 96.0).sin().powi(2);
                let z = (Complex64::cis(2.5 * f64::from(n)) + Complex64::cis(-1.1 * f64::from(n))) * window;
                Complex32::new(z.re as f32, z.im as f32)
            })
            .collect();
        let reference = Reference::new(&s, 0..96, 1.0).unwrap();
        let sum = |t: f64| {
            let weight = |k: f64| {
                let x = std::f64::consts::PI * (t - k);
                if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
            };
            s.iter().enumerate().map(|(k, s)| wide(*s) * weight(k as f64)).sum::<Complex64>()
        };
        for t in [0.0, 3.06, 17.437, 40.5, 62.93, 94.999, -2.3, 97.7] {
            let (value, slope) = reference.at(t);
            assert!((value - sum(t)).norm() < 1e-4, "{t}: {value} {}", sum(t));
            let want = (sum(t + 1e-4) - sum(t - 1e-4)) / 2e-4;
            assert!((slope - want).norm() < 1e-3, "{t}: {slope} {want}");
        }
    }

    #[test]
    fn bad_references_are_refused() {
        let s = [Complex32::ONE; 40];
        for (result, text) in [
            (Reference::new(&s, 0..41, 1.0), "must have shape [41 or more]"),
            (Reference::new(&s, 0..31, 1.0), "a reference needs at least 32 samples, got 31"),
            (Reference::new(&s, 0..40, f64::NAN), "sample_rate"),
            (Reference::new(&[Complex32::ZERO; 40], 0..40, 1.0), "power"),
            (Reference::new(&[Complex32::new(f32::NAN, 0.0); 40], 0..40, 1.0), "index 0"),
            (Reference::new(&vec![Complex32::ONE; MOST + 1], 0..40, 1.0), "65536"),
        ] {
            let error = result.err().expect(text).to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
