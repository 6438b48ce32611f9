//! Welch's averaged periodogram: the mean over frames of [`crate::stft_power`] (Welch, IEEE Trans. Audio
//! Electroacoust. 15(2), 1967), as `scipy.signal.welch(..., return_onesided=False, average="mean")`.
//! The definition is the mean of [`crate::stft_power::scalar`]'s frames.
//!
//! A stream that comes in pieces is summed on the processor, with a GPU backend too: where spectra are on a device
//! already, [`crate::gpu::DeviceStft::mean`] sums them there.

use fearless_simd::Level;
use num_complex::Complex32;

use crate::{
    Backend,
    error::{Error, Result},
    stft_power::{self, Lanes, StftConfig},
};

/// Frames summed in `f32` before the sum goes on in `f64`; groups begin at multiples of it in the stream.
const GROUP: usize = 16;

/// The mean spectrum of a stream.
pub struct Welch {
    config: StftConfig,
    engine: Engine,
    /// Samples from the next frame's start on; never as many as a frame.
    line: Vec<Complex32>,
    /// Samples to skip before the next frame's start, where frames lie apart.
    skip: usize,
    frames: u64,
    /// The group that is not whole yet.
    group: Vec<f32>,
    sum: Vec<f64>,
    /// Sums of whole groups, `[group, bin]`.
    groups: Vec<f32>,
}

enum Engine {
    Scalar,
    Lanes(Lanes),
}

impl Welch {
    /// Plans the transform and makes the window.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration.
    pub fn new(config: StftConfig, backend: Backend) -> Result<Self> {
        let engine = match backend {
            Backend::Scalar => config.scaled_window().map(|_| Engine::Scalar)?,
            Backend::Simd(level) => Engine::Lanes(Lanes::new(&config, level)?),
            Backend::Gpu(_) => Engine::Lanes(Lanes::new(&config, Level::new())?),
        };
        let size = config.size;
        Ok(Welch {
            config,
            engine,
            line: Vec::new(),
            skip: 0,
            frames: 0,
            group: vec![0.0; size],
            sum: vec![0.0; size],
            groups: Vec::new(),
        })
    }

    /// What it was made with.
    pub fn config(&self) -> &StftConfig {
        &self.config
    }

    /// Whole frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes the next samples.
    ///
    /// # Errors
    /// None that `new` has not found; the scalar backend's come from the same checks.
    pub fn push(&mut self, mut x: &[Complex32]) -> Result<()> {
        let (size, hop) = (self.config.size, self.config.hop);
        loop {
            let skipped = self.skip.min(x.len());
            self.skip -= skipped;
            x = &x[skipped..];
            if self.line.is_empty() {
                break;
            }
            // Frames that begin in the line, until the next one begins within x.
            let reach = self.line.len();
            let take = (size - reach).min(x.len());
            self.line.extend_from_slice(&x[..take]);
            if self.line.len() < size {
                return Ok(());
            }
            let frame = std::mem::take(&mut self.line);
            self.whole(&frame)?;
            self.line = frame;
            if reach <= hop {
                self.line.clear();
                let ahead = hop - reach;
                self.skip = ahead.saturating_sub(x.len());
                x = &x[ahead.min(x.len())..];
            } else {
                self.line.drain(..hop);
                x = &x[take..];
            }
        }
        let frames = self.config.frames(x.len());
        if frames > 0 {
            self.whole(&x[..(frames - 1) * hop + size])?;
            self.skip = (frames * hop).saturating_sub(x.len());
            x = &x[(frames * hop).min(x.len())..];
        }
        self.line.extend_from_slice(x);
        Ok(())
    }

    /// Adds the frames of `x`, which ends with the last of them.
    fn whole(&mut self, x: &[Complex32]) -> Result<()> {
        let (size, hop) = (self.config.size, self.config.hop);
        let frames = self.config.frames(x.len());
        let lanes = match &mut self.engine {
            Engine::Scalar => {
                let mut row = vec![0.0; size];
                for frame in 0..frames {
                    stft_power::scalar(&self.config, &x[frame * hop..][..size], &mut row)?;
                    add(&mut self.sum, &row);
                }
                self.frames += frames as u64;
                return Ok(());
            }
            Engine::Lanes(lanes) => lanes,
        };
        let mut done = 0;
        while done < frames {
            let within = (self.frames % GROUP as u64) as usize;
            let samples = &x[done * hop..];
            if within != 0 || frames - done < GROUP {
                let count = (GROUP - within).min(frames - done);
                lanes.accumulate(samples, count, &mut self.group);
                if within + count == GROUP {
                    add(&mut self.sum, &self.group);
                    self.group.fill(0.0);
                }
                self.frames += count as u64;
                done += count;
            } else {
                // Whole groups, in bounded batches, over threads; added in order, so that those change nothing.
                let groups = ((frames - done) / GROUP).min((1 << 20) / size + 1);
                self.groups.clear();
                self.groups.resize(groups * size, 0.0);
                lanes.accumulate_groups(samples, GROUP, &mut self.groups);
                for group in self.groups.chunks_exact(size) {
                    add(&mut self.sum, group);
                }
                self.frames += (groups * GROUP) as u64;
                done += groups * GROUP;
            }
        }
        Ok(())
    }

    /// The mean so far, bins in FFT order, in the configuration's scaling; `None` before the first whole frame.
    pub fn mean(&self) -> Option<Vec<f32>> {
        (self.frames > 0).then(|| {
            let mean = |(sum, part): (&f64, &f32)| ((sum + f64::from(*part)) / self.frames as f64) as f32;
            self.sum.iter().zip(&self.group).map(mean).collect()
        })
    }

    /// The mean of the stream, then as new.
    ///
    /// # Errors
    /// [`Error::Length`] if there was not a single whole frame.
    pub fn finish(&mut self) -> Result<Vec<f32>> {
        let got = self.line.len();
        let mean =
            self.mean().ok_or(Error::Length { what: "x", need: self.config.size, unit: "samples", got });
        self.reset();
        mean
    }

    /// Forgets the samples.
    pub fn reset(&mut self) {
        self.line.clear();
        (self.skip, self.frames) = (0, 0);
        self.group.fill(0.0);
        self.sum.fill(0.0);
    }
}

fn add(sum: &mut [f64], part: &[f32]) {
    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(*part));
}

/// The mean spectrum of a block, bins in FFT order.
///
/// # Errors
/// [`Error::OutOfRange`] for the configuration, [`Error::Length`] if `x` is shorter than a frame.
pub fn welch(config: StftConfig, backend: Backend, x: &[Complex32]) -> Result<Vec<f32>> {
    let mut welch = Welch::new(config, backend)?;
    welch.push(x)?;
    welch.finish()
}

/// The one-sided spectrum of a *real* signal from its two-sided one: bins 0 up to half, all but the bins of
/// zero and of half the rate doubled, as `scipy.signal.welch` gives it for real input.
pub fn one_sided(two_sided: &[f32]) -> Vec<f32> {
    let n = two_sided.len();
    let alone = |k: usize| k == 0 || 2 * k == n;
    two_sided.iter().take(n / 2 + 1).enumerate().map(|(k, p)| if alone(k) { *p } else { 2.0 * p }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stft_power::{Detrend, Scaling},
        window::Window,
    };
    use proptest::prelude::*;

    fn samples(n: usize) -> Vec<Complex32> {
        (0..n)
            .map(|i| i as f32)
            .map(|i| Complex32::new((0.7 * i).sin() + 0.3, (0.11 * i * i).cos()))
            .collect()
    }

    /// `scipy.signal.welch(x, 8.0, window, 16, 6, 16, detrend, False, scaling)` of SciPy 1.17.1 for
    /// `x[n] = exp(0.9 i n) + 0.5 + 0.01 n`, n < 50, complex64.
    #[test]
    fn as_scipy() {
        let x: Vec<_> =
            (0..50).map(|n| Complex32::from_polar(1.0, 0.9 * n as f32) + 0.5 + 0.01 * n as f32).collect();
        for (window, detrend, scaling, want) in SCIPY {
            let config = StftConfig { size: 16, hop: 10, window, scaling, detrend, sample_rate: 8.0 };
            for backend in [Backend::Scalar, Backend::default()] {
                let got = welch(config.clone(), backend, &x).unwrap();
                let want: Vec<f64> = want.split_whitespace().map(|p| p.parse().unwrap()).collect();
                assert_eq!(got.len(), want.len());
                for (k, (got, want)) in got.iter().zip(want).enumerate() {
                    assert!(
                        (f64::from(*got) - want).abs() <= 2e-6 * want + 1e-8,
                        "{config:?} bin {k}: {got} for {want}"
                    );
                }
            }
        }
    }

    #[rustfmt::skip]
    const SCIPY: [(Window, Detrend, Scaling, &str); 3] = [
        (Window::Hann, Detrend::None, Scaling::Density,
         "7.33136226e-01 2.64988247e-01 1.19196832e+00 6.83245038e-01 7.90463534e-03 2.84908391e-04 3.62620669e-05 7.48863969e-06 \
          1.85710841e-06 4.08421646e-07 3.48465021e-08 1.28395398e-07 8.62410363e-07 3.97096722e-06 3.12074857e-05 1.81686400e-01"),
        (Window::BlackmanHarris, Detrend::Constant, Scaling::Spectrum,
         "2.47490349e-03 2.03567197e-01 8.95711904e-01 6.78696404e-01 9.80283577e-02 1.63662714e-03 2.04483119e-07 6.34804229e-10 \
          7.01765574e-11 1.11332946e-10 7.14970003e-11 8.78441314e-11 1.43810451e-10 4.53312926e-06 5.05574008e-04 5.13245263e-03"),
        (Window::Kaiser(5.0), Detrend::Constant, Scaling::Density,
         "2.27275727e-02 4.24919528e-02 1.28623813e+00 6.44697737e-01 1.57515299e-03 5.72881147e-05 5.80466629e-05 4.27112427e-05 \
          3.22429726e-05 2.59302948e-05 2.22695831e-05 2.03896326e-05 1.99335367e-05 2.10321701e-05 2.66007749e-05 3.25399119e-03"),
    ];

    #[test]
    fn too_short_is_said() {
        let error = welch(StftConfig::default(), Backend::default(), &samples(1000)).unwrap_err();
        assert_eq!(error.to_string(), "x must hold 1024 samples, got 1000");
    }

    #[test]
    fn one_sided_folds_all_but_the_ends() {
        assert_eq!(one_sided(&[1.0, 2.0, 3.0, 2.0]), [1.0, 4.0, 3.0]);
        assert_eq!(one_sided(&[1.0, 2.0, 2.0]), [1.0, 4.0]);
        assert!(one_sided(&[]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn agrees_with_scalar(size in 2usize..=70, hop in 1usize..=90, n in 200usize..=3000) {
            let config = StftConfig { size, hop, window: Window::Hamming, ..Default::default() };
            let x = samples(n);
            let want = welch(config.clone(), Backend::Scalar, &x).unwrap();
            let got = welch(config, Backend::default(), &x).unwrap();
            let peak = want.iter().fold(0f32, |a, b| a.max(*b));
            for (want, got) in want.iter().zip(&got) {
                prop_assert!((want - got).abs() <= 2e-6 * peak, "{want} {got}");
            }
        }

        #[test]
        fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..700, 0..8), size in 1usize..=70, hop in 1usize..=200) {
            let config = StftConfig { size, hop, window: Window::Hamming, ..Default::default() };
            let x = samples(3000);
            for backend in [Backend::Scalar, Backend::default()] {
                let mut stream = Welch::new(config.clone(), backend).unwrap();
                stream.push(&x).unwrap();
                prop_assert_eq!(stream.frames() as usize, config.frames(3000));
                let whole = stream.finish().unwrap();
                let mut rest = &x[..];
                for cut in &cuts {
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    stream.push(now).unwrap();
                    rest = later;
                }
                stream.push(rest).unwrap();
                prop_assert!(whole == stream.finish().unwrap());
            }
        }
    }
}
