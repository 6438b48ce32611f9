//! Cyclostationary detection: the strongest spectral coherence. Noise has none; a modulated signal has it at its symbol rate.
//!
//! Two estimators of the spectral correlation `S^α(f)`, both of Roberts, Brown and Loomis, IEEE Signal Process. Mag. 8(2),
//! 1991, pp. 38-49: the FFT accumulation method (FAM: channels against channels, sampled every quarter of their length) and
//! the strip spectral correlation analyser (SSCA: channels against the signal itself). The coherence is the correlation over
//! the geometric mean of the two powers, so noise's level and a flat slope do not matter.
//!
//! Frequencies are in cycles per sample here: the caller multiplies by the sample rate.

use kernels::{
    fft::{Batch, Direction},
    window::Window,
};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::window::{Statistic, WindowDetector};
use crate::{Backend, Error, Result};

/// How the spectral correlation is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// FFT accumulation method.
    Fam,
    /// Strip spectral correlation analyser.
    Ssca,
}

/// The strongest coherence of a window. The statistic is `-(frames - 1) ln(1 - coherence²)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cyclostationary {
    /// How.
    pub estimator: Estimator,
    /// Channels: a power of two within 8..=256.
    pub channels: usize,
}

impl Default for Cyclostationary {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where the coherence is strongest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coherence {
    /// Centre of the two correlated frequencies, cycles per sample, -0.5..=0.5.
    pub frequency: f64,
    /// Their distance, cycles per sample: 0 and above.
    pub cyclic_frequency: f64,
    /// Squared magnitude, 0..=1.
    pub coherence: f64,
}

impl Cyclostationary {
    /// The strongest coherence of `x`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration; [`Error::TooShort`]; [`Error::NotFinite`].
    pub fn strongest(&self, x: &[Complex32], backend: &Backend) -> Result<Coherence> {
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index });
        }
        self.check(x.len())?;
        Ok(match self.estimator {
            Estimator::Fam => Fam::new(self.channels, x.len(), backend)?.strongest(x),
            Estimator::Ssca => Ssca::new(self.channels, x.len(), backend)?.strongest(x),
        })
    }
}

impl WindowDetector for Cyclostationary {
    const DEFAULT: Self = Cyclostationary { estimator: Estimator::Fam, channels: 16 };

    fn check(&self, samples: usize) -> Result<()> {
        if !(self.channels.is_power_of_two() && (8..=256).contains(&self.channels)) {
            let (rule, got) = ("a power of two within 8..=256", self.channels.to_string());
            return Err(Error::OutOfRange { field: "channels", rule, got });
        }
        let need = 4 * self.channels;
        if samples < need {
            return Err(Error::TooShort {
                what: "spectral correlation",
                need,
                unit: "samples",
                got: samples,
            });
        }
        if samples > 1 << 20 {
            let (rule, got) = ("at most 1048576 for a spectral correlation", samples.to_string());
            return Err(Error::OutOfRange { field: "samples", rule, got });
        }
        Ok(())
    }

    fn statistic(&self, samples: usize, backend: &Backend) -> Result<Statistic> {
        let log =
            |frames: usize, coherence: f64| -(frames as f64 - 1.0) * (1.0 - coherence.min(1.0 - 1e-7)).ln();
        Ok(match self.estimator {
            Estimator::Fam => {
                let mut fam = Fam::new(self.channels, samples, backend)?;
                let frames = fam.frames;
                Box::new(move |x: &[Complex32]| log(frames, fam.strongest(x).coherence))
            }
            Estimator::Ssca => {
                let mut ssca = Ssca::new(self.channels, samples, backend)?;
                let frames = samples / self.channels;
                Box::new(move |x: &[Complex32]| log(frames, ssca.strongest(x).coherence))
            }
        })
    }

    fn extreme(&self) -> bool {
        true
    }
}

/// The channels of a window, each `[frame]`: Hann-windowed transforms every `hop` samples, shifted down to 0 Hz.
struct Channels {
    size: usize,
    hop: usize,
    window: Vec<f32>,
    transform: Batch,
    frames: Vec<Complex32>,
    spectra: Vec<Complex32>,
    /// `[channel, frame]`.
    out: Vec<Complex32>,
    /// `Σ|X|²` of each channel.
    energy: Vec<f32>,
    /// The roots of unity of the transform.
    unit: Vec<Complex32>,
}

impl Channels {
    fn new(size: usize, hop: usize, frames: usize, backend: &Backend) -> Result<Self> {
        let zeros = || vec![Complex32::ZERO; size * frames];
        Ok(Channels {
            size,
            hop,
            window: Window::Hann.coefficients(size, true),
            transform: Batch::new(backend, size, Direction::Forward)?,
            frames: zeros(),
            spectra: zeros(),
            out: zeros(),
            energy: vec![0.0; size],
            unit: (0..size)
                .map(|i| Complex32::cis(-std::f32::consts::TAU * i as f32 / size as f32))
                .collect(),
        })
    }

    fn run(&mut self, x: &[Complex32]) {
        let (size, frames) = (self.size, self.frames.len() / self.size);
        for (p, frame) in self.frames.chunks_exact_mut(size).enumerate() {
            let from = &x[p * self.hop..][..size];
            frame.iter_mut().zip(from).zip(&self.window).for_each(|((frame, x), w)| *frame = x * w);
        }
        if self.transform.process(&self.frames, &mut self.spectra).is_err() {
            unreachable!("whole frames in and out");
        }
        for (k, (out, energy)) in self.out.chunks_exact_mut(frames).zip(&mut self.energy).enumerate() {
            *energy = 0.0;
            for (p, out) in out.iter_mut().enumerate() {
                *out = self.spectra[p * size + k] * self.unit[(k * p * self.hop) % size];
                *energy += out.norm_sqr();
            }
        }
    }
}

/// The largest product of 2, 3 and 5 up to `n`, at least 1: transforms of such lengths are fast. What is left over of a window
/// is not used.
fn smooth(n: usize) -> usize {
    let rest = |n: usize| {
        [2, 3, 5].into_iter().fold(n, |mut n, factor| {
            while n % factor == 0 {
                n /= factor;
            }
            n
        })
    };
    (1..=n).rev().find(|&n| rest(n) == 1).unwrap_or(1)
}

/// The bin of transform `k` of `size` as a frequency.
fn frequency(k: usize, size: usize) -> f64 {
    let k = k as f64 / size as f64;
    if k < 0.5 { k } else { k - 1.0 }
}

struct Fam {
    frames: usize,
    channels: Channels,
    transform: Batch,
    products: Vec<Complex32>,
    spectra: Vec<Complex32>,
}

impl Fam {
    fn new(size: usize, samples: usize, backend: &Backend) -> Result<Self> {
        let hop = size / 4;
        let frames = smooth((samples - size) / hop + 1);
        let zeros = || vec![Complex32::ZERO; size * frames];
        Ok(Fam {
            frames,
            channels: Channels::new(size, hop, frames, backend)?,
            transform: Batch::new(backend, frames, Direction::Forward)?,
            products: zeros(),
            spectra: zeros(),
        })
    }

    fn strongest(&mut self, x: &[Complex32]) -> Coherence {
        self.channels.run(x);
        let Fam { frames, channels: Channels { size, hop, out, energy, .. }, transform, products, spectra } =
            self;
        let (frames, size) = (*frames, *size);
        // Beyond half a channel's distance the next pair sees the same cyclic frequency better.
        let reach = (frames * *hop / (2 * size)).max(1);
        // (coherence, channel, channel, bin)
        let mut best = (0f32, 0, 0, 0);
        for k in 0..size {
            let upper = &out[k * frames..][..frames];
            for l in 0..=k {
                let lower = &out[l * frames..][..frames];
                let product = &mut products[l * frames..][..frames];
                for ((product, a), b) in product.iter_mut().zip(upper).zip(lower) {
                    *product = Complex32::new(a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im);
                }
            }
            let used = (k + 1) * frames;
            if transform.process(&products[..used], &mut spectra[..used]).is_err() {
                unreachable!("whole rows in and out");
            }
            for l in 0..=k {
                let scale = energy[k] * energy[l];
                let row = &spectra[l * frames..][..frames];
                // A channel with itself holds its own power at 0, and is the same on both sides.
                let below = if k == l { frames..frames } else { frames - reach..frames };
                let above = usize::from(k == l)..reach + 1;
                let bar = best.0 * scale;
                for range in [above, below] {
                    let start = range.start;
                    if row[range.clone()].iter().any(|x| x.re * x.re + x.im * x.im > bar) {
                        for (q, x) in row[range].iter().enumerate() {
                            let coherence = x.norm_sqr() / scale;
                            if coherence > best.0 {
                                best = (coherence, k, l, start + q);
                            }
                        }
                    }
                }
            }
        }
        let (coherence, k, l, q) = best;
        let (a, b) = (frequency(k, size), frequency(l, size));
        let fine = frequency(q, frames) / *hop as f64;
        let alpha = a - b + fine;
        Coherence { frequency: (a + b) / 2.0, cyclic_frequency: alpha.abs(), coherence: coherence.into() }
    }
}

struct Ssca {
    samples: usize,
    channels: Channels,
    transform: Batch,
    products: Vec<Complex32>,
    spectra: Vec<Complex32>,
    scales: Vec<f32>,
}

impl Ssca {
    fn new(size: usize, samples: usize, backend: &Backend) -> Result<Self> {
        let used = smooth(samples - size + 1);
        let zeros = || vec![Complex32::ZERO; used];
        Ok(Ssca {
            samples: used,
            channels: Channels::new(size, 1, used, backend)?,
            transform: Batch::new(backend, used, Direction::Forward)?,
            products: zeros(),
            spectra: zeros(),
            scales: vec![0.0; used],
        })
    }

    fn strongest(&mut self, x: &[Complex32]) -> Coherence {
        self.channels.run(x);
        let Ssca { samples, channels, transform, products, spectra, scales } = self;
        let Channels { size, window, out, energy, .. } = channels;
        let (n, size) = (*samples, *size);
        // A window's middle is the sample that it is compared with.
        let x = &x[size / 2..][..n];
        // What is correlated with at bin q lies at -q/n: the power there, from the channel around it.
        let gain: f32 = window.iter().sum::<f32>().powi(2);
        let partner =
            |q: usize| (-frequency(q, n) * size as f64).round().rem_euclid(size as f64) as usize % size;
        scales.iter_mut().enumerate().for_each(|(q, scale)| *scale = gain / energy[partner(q)].max(1e-30));
        let mut best = (0f32, 0, 0);
        // Around α = 0 it is the power itself.
        let guard = 2.5 / size as f64;
        for k in 0..size {
            let channel = &out[k * n..][..n];
            for ((product, a), b) in products.iter_mut().zip(channel).zip(x) {
                *product = Complex32::new(a.re * b.re + a.im * b.im, a.im * b.re - a.re * b.im);
            }
            if transform.process(products, spectra).is_err() {
                unreachable!("one row in and out");
            }
            let bar = energy[k].max(1e-30);
            for (q, (x, scale)) in spectra.iter().zip(scales.iter()).enumerate() {
                let power = (x.re * x.re + x.im * x.im) * scale;
                if power > best.0 * bar {
                    let alpha = frequency(k, size) + frequency(q, n);
                    if (alpha - alpha.round()).abs() > guard {
                        best = (power / bar, k, q);
                    }
                }
            }
        }
        let (coherence, k, q) = best;
        let (channel, strip) = (frequency(k, size), frequency(q, n));
        let alpha = channel + strip;
        let alpha = alpha - alpha.round();
        let frequency = (channel - alpha / 2.0).clamp(-0.5, 0.5);
        Coherence { frequency, cyclic_frequency: alpha.abs(), coherence: coherence.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use rand::RngExt;

    /// QPSK with rectangular symbols of 8 samples at a carrier of 0.11: coherent at multiples of 1/8.
    fn qpsk(n: usize, seed: u64) -> Vec<Complex32> {
        let mut rng = sim::rng(seed);
        let mut symbol = Complex32::ZERO;
        (0..n)
            .map(|i| {
                if i % 8 == 0 {
                    symbol = Complex32::cis(std::f32::consts::FRAC_PI_2 * rng.random_range(0..4u8) as f32);
                }
                symbol * Complex32::cis(std::f32::consts::TAU * (0.11 * i as f64).rem_euclid(1.0) as f32)
            })
            .collect()
    }

    #[test]
    fn finds_the_symbol_rate() {
        for estimator in [Estimator::Fam, Estimator::Ssca] {
            let detector = Cyclostationary { estimator, channels: 32 };
            let noise = sim::noise(&mut sim::rng(3), 8192, 0.5);
            let x: Vec<_> = qpsk(8192, 2).into_iter().zip(noise).map(|(s, w)| s + w).collect();
            let found = detector.strongest(&x, &Backend::default()).unwrap();
            println!("{estimator:?}: {found:?}");
            let multiple = found.cyclic_frequency * 8.0;
            assert!((multiple - multiple.round()).abs() < 0.01 && multiple > 0.5, "{found:?}");
            assert!((found.frequency - 0.11).abs() < 0.1 && found.coherence < 1.2, "{found:?}");
        }
    }

    /// A channel pair's coherence of a signal with itself shifted is 1: `x` twice, a distance apart.
    #[test]
    fn a_signal_twice_is_fully_coherent() {
        let base = sim::noise(&mut sim::rng(4), 4096, 1.0);
        // Low-pass noise (a mean over 16 samples), and the same at a distance of 0.25.
        let x: Vec<_> = (0..4080)
            .map(|n| {
                let low: Complex32 = base[n..n + 16].iter().sum();
                low + low * Complex32::cis(std::f32::consts::FRAC_PI_2 * n as f32)
            })
            .collect();
        let detector = Cyclostationary { estimator: Estimator::Fam, channels: 32 };
        let found = detector.strongest(&x, &Backend::default()).unwrap();
        assert!(found.coherence > 0.95 && found.coherence <= 1.001, "{found:?}");
        assert!((found.cyclic_frequency - 0.25).abs() < 2e-3, "{found:?}");
    }

    #[test]
    fn lengths_are_products_of_small_primes() {
        assert_eq!([1, 7, 253, 961, 1021, 1024].map(smooth), [1, 6, 250, 960, 1000, 1024]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let x = [Complex32::ONE; 100];
        let detector = Cyclostationary { channels: 12, ..Cyclostationary::DEFAULT };
        assert!(detector.strongest(&x, &Backend::default()).is_err());
        let error =
            Cyclostationary { channels: 32, ..detector }.strongest(&x, &Backend::default()).unwrap_err();
        assert_eq!(error.to_string(), "spectral correlation needs at least 128 samples, got 100");
    }
}
