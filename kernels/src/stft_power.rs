//! Windowed power spectra of overlapping frames, `P[m, k] = s · |Σ_n w[n] x[mH + n] exp(-2πi kn/N)|²`:
//! the picture that every detector of interference looks at. Read [`scalar`] first: it is the definition.
//!
//! Scalings and detrending are those of `scipy.signal.spectrogram` for complex input (two-sided).

mod config;
mod lanes;

use num_complex::{Complex32, Complex64};
use rustfft::FftPlannerScalar;

pub use config::{Detrend, Scaling, StftConfig};
pub(crate) use lanes::{Input, Lanes};

use crate::{
    Backend,
    convert::{self, Endian, Number},
    error::{Error, Result},
    gpu::DeviceStft,
};

/// The definition, in `f64`: `out` is `[frame, bin]`, bins in FFT order (0, up, then the negative frequencies).
///
/// # Errors
/// [`Error::OutOfRange`] for the configuration, [`Error::Length`] for `out`.
pub fn scalar(config: &StftConfig, x: &[Complex32], out: &mut [f32]) -> Result<()> {
    let window = config.scaled_window()?;
    Error::check_length("out", config.frames(x.len()) * config.size, "values", out.len())?;
    let fft = FftPlannerScalar::<f64>::new().plan_fft_forward(config.size);
    for (frame, out) in out.chunks_exact_mut(config.size).enumerate() {
        let frame = &x[frame * config.hop..][..config.size];
        let mut frame: Vec<_> =
            frame.iter().map(|x| Complex64::new(f64::from(x.re), f64::from(x.im))).collect();
        if config.detrend == Detrend::Constant {
            let mean = frame.iter().sum::<Complex64>() / config.size as f64;
            frame.iter_mut().for_each(|x| *x -= mean);
        }
        frame.iter_mut().zip(&window).for_each(|(x, w)| *x *= w);
        fft.process(&mut frame);
        out.iter_mut().zip(&frame).for_each(|(out, x)| *out = x.norm_sqr() as f32);
    }
    Ok(())
}

/// Power spectra of the frames of a block. Frames do not reach over the block's end; the caller keeps
/// the last `size - hop` samples (`phy_sec::spectrum::Stft` and [`crate::welch::Welch`] do).
pub struct StftPower {
    config: StftConfig,
    backend: Backend,
    engine: Engine,
}

enum Engine {
    Scalar,
    Lanes(Lanes),
    Device(DeviceStft),
}

impl StftPower {
    /// Plans the transform and makes the window.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration; on a GPU also for a `size` that is not a power of two
    /// within 64..=8192, and what devices do.
    pub fn new(config: StftConfig, backend: Backend) -> Result<Self> {
        let engine = match &backend {
            Backend::Scalar => config.scaled_window().map(|_| Engine::Scalar)?,
            Backend::Simd(level) => Engine::Lanes(Lanes::new(&config, *level)?),
            Backend::Gpu(gpu) => Engine::Device(DeviceStft::new(&config, gpu)?),
        };
        Ok(StftPower { config, backend, engine })
    }

    /// What it was made with.
    pub fn config(&self) -> &StftConfig {
        &self.config
    }

    /// Where it runs.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Frames that lie wholly within `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        self.config.frames(samples)
    }

    /// Spectra of all frames of `x`: `out` is `[frame, bin]`, bins in FFT order, [`StftPower::frames`] rows.
    ///
    /// Blocks of more than 2^17 samples are shared among the threads of the current rayon pool; the
    /// result is the same to the last bit.
    ///
    /// # Errors
    /// [`Error::Length`] if `out` does not hold `frames * size` values, and what devices do.
    pub fn process(&mut self, x: &[Complex32], out: &mut [f32]) -> Result<()> {
        Error::check_length("out", self.frames(x.len()) * self.config.size, "values", out.len())?;
        match &mut self.engine {
            Engine::Scalar => scalar(&self.config, x, out),
            Engine::Lanes(lanes) => {
                lanes.process(Input::Samples(x), out);
                Ok(())
            }
            Engine::Device(device) => device.process(Number::F32, bytemuck::cast_slice(x), out),
        }
    }

    /// As [`StftPower::process`] from a radio's own little-endian samples: `bytes` holds pairs of `number`.
    ///
    /// # Errors
    /// [`Error::Length`] if `bytes` ends within a sample or `out` does not hold `frames * size` values, and what devices
    /// do.
    pub fn process_raw(&mut self, number: Number, bytes: &[u8], out: &mut [f32]) -> Result<()> {
        let samples = bytes.len() / (2 * number.bytes());
        Error::check_length("raw input", samples * 2 * number.bytes(), "bytes", bytes.len())?;
        Error::check_length("out", self.frames(samples) * self.config.size, "values", out.len())?;
        match &mut self.engine {
            Engine::Scalar => {
                let mut x = vec![Complex32::ZERO; samples];
                convert::scalar::to_f32(number, Endian::Little, bytes, bytemuck::cast_slice_mut(&mut x));
                scalar(&self.config, &x, out)
            }
            Engine::Lanes(lanes) => {
                lanes.process(Input::Raw(number, bytes), out);
                Ok(())
            }
            Engine::Device(device) => device.process(number, bytes, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use proptest::prelude::*;

    fn samples(n: usize) -> Vec<Complex32> {
        (0..n)
            .map(|i| i as f32)
            .map(|i| Complex32::new((0.7 * i).sin() + 0.3, (0.11 * i * i).cos()))
            .collect()
    }

    fn rms(want: &[f32], got: &[f32]) -> f64 {
        let square = |v: f32| f64::from(v).powi(2);
        let error: f64 = want.iter().zip(got).map(|(w, g)| square(w - g)).sum();
        (error / want.iter().map(|w| square(*w)).sum::<f64>().max(1e-30)).sqrt()
    }

    /// The transform of the definition against the sum itself, at a size with factors 2, 3 and 7.
    #[test]
    fn definition_is_the_sum() {
        let config = StftConfig {
            size: 42,
            hop: 42,
            scaling: Scaling::None,
            window: Window::Hamming,
            ..Default::default()
        };
        let x = samples(42);
        let mut got = vec![0.0; 42];
        scalar(&config, &x, &mut got).unwrap();
        let window = Window::Hamming.coefficients_f64(42, true);
        for (k, got) in got.iter().enumerate() {
            let sum: Complex64 = (0..42)
                .map(|n| {
                    let phase = -2.0 * std::f64::consts::PI * (k * n) as f64 / 42.0;
                    Complex64::new(x[n].re.into(), x[n].im.into()) * window[n] * Complex64::cis(phase)
                })
                .sum();
            assert!((sum.norm_sqr() - f64::from(*got)).abs() < 1e-5 * sum.norm_sqr().max(1e-3), "bin {k}");
        }
    }

    /// White-noise density and tone power, in closed form: `Σ P Δf` is the mean power, the tone's bin its power.
    #[test]
    fn scalings_in_closed_form() {
        let (size, rate) = (64, 8e6);
        let tone: Vec<_> =
            (0..size).map(|n| Complex32::from_polar(0.5, n as f32 * 5.0 / 64.0 * 6.2831855)).collect();
        let mut out = vec![0.0; size];
        for window in [Window::Rectangular, Window::Hann, Window::FlatTop] {
            let config =
                StftConfig { size, hop: size, window, scaling: Scaling::Spectrum, ..Default::default() };
            StftPower::new(config.clone(), Backend::default()).unwrap().process(&tone, &mut out).unwrap();
            assert!((out[5] - 0.25).abs() < 1e-6, "{window:?}: {}", out[5]);
            let config = StftConfig { scaling: Scaling::Density, sample_rate: rate, ..config };
            StftPower::new(config, Backend::default()).unwrap().process(&tone, &mut out).unwrap();
            let total: f64 = out.iter().map(|p| f64::from(*p) * rate / size as f64).sum();
            assert!((total - 0.25).abs() < 1e-6, "{window:?}: {total}");
        }
    }

    #[test]
    fn detrending_empties_bin_zero_of_a_constant() {
        let config = StftConfig { size: 32, hop: 8, detrend: Detrend::Constant, ..Default::default() };
        let mut out = vec![1.0; config.frames(50) * 32];
        let x = vec![Complex32::new(3.0, -4.0); 50];
        StftPower::new(config, Backend::default()).unwrap().process(&x, &mut out).unwrap();
        assert!(out.iter().all(|p| *p < 1e-12), "{out:?}");
    }

    /// Threads share frames, not sums: the same bits on one and on four.
    #[test]
    fn threads_change_nothing() {
        let x = samples(200_000);
        let config = StftConfig { size: 256, hop: 100, ..Default::default() };
        let run = |threads: usize| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let mut stft = StftPower::new(config.clone(), Backend::default()).unwrap();
                let mut out = vec![0.0; stft.frames(x.len()) * 256];
                stft.process(&x, &mut out).unwrap();
                out
            })
        };
        assert!(run(1) == run(4));
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let new = |config| StftPower::new(config, Backend::Scalar).err().unwrap().to_string();
        let config = StftConfig::default;
        assert_eq!(new(StftConfig { size: 0, ..config() }), "size must be within 1..=16777216, got 0");
        assert_eq!(new(StftConfig { hop: 0, ..config() }), "hop must be at least 1, got 0");
        assert_eq!(
            new(StftConfig { sample_rate: f64::NAN, ..config() }),
            "sample_rate must be above 0 Hz and finite, got NaN"
        );
        let mut stft = StftPower::new(config(), Backend::default()).unwrap();
        let error = stft.process(&[Complex32::ZERO; 2048], &mut [0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "out must hold 3072 values, got 5");
        let error = stft.process_raw(Number::I16, &[0; 5], &mut []).unwrap_err();
        assert_eq!(error.to_string(), "raw input must hold 4 bytes, got 5");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Sizes 1..=130 cross every tail length and every kind of transform; hops may skip samples.
        #[test]
        fn agrees_with_scalar(size in 1usize..=130, hop in 1usize..=150, n in 0usize..=600, constant: bool) {
            let detrend = if constant { Detrend::Constant } else { Detrend::None };
            let config = StftConfig { size, hop, window: Window::Hamming, detrend, ..Default::default() };
            let x = samples(n);
            let mut want = vec![0.0; config.frames(n) * size];
            let mut got = want.clone();
            scalar(&config, &x, &mut want).unwrap();
            StftPower::new(config, Backend::default()).unwrap().process(&x, &mut got).unwrap();
            prop_assert!(rms(&want, &got) < 2e-6 || size == 1, "{}", rms(&want, &got));
        }

        #[test]
        fn raw_input_is_converted_input(size in 1usize..=70, hop in 1usize..=80,
                                        bytes in prop::collection::vec(any::<u8>(), 0..=1000)) {
            let config = StftConfig { size, hop, ..Default::default() };
            if config.scaled_window().is_err() {
                return Ok(()); // a Hann window of one or two points may be all zero
            }
            for (number, width) in [(Number::U8, 2), (Number::I16, 4)] {
                let bytes = &bytes[..bytes.len() / width * width];
                let mut x = vec![Complex32::ZERO; bytes.len() / width];
                convert::scalar::to_f32(number, Endian::Little, bytes, bytemuck::cast_slice_mut(&mut x));
                for backend in [Backend::Scalar, Backend::default()] {
                    let mut stft = StftPower::new(config.clone(), backend).unwrap();
                    let mut want = vec![0.0; stft.frames(x.len()) * size];
                    let mut got = want.clone();
                    stft.process(&x, &mut want).unwrap();
                    stft.process_raw(number, bytes, &mut got).unwrap();
                    prop_assert_eq!(want, got);
                }
            }
        }
    }
}
