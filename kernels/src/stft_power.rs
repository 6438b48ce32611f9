//! Windowed power spectra of overlapping frames, `P[m, k] = s · |Σ_n w[n] x[mH + n] exp(-2πi kn/N)|²`:
//! the picture that every detector of interference looks at. Read [`scalar`] first: it is the definition.
//!
//! Scalings and detrending are those of `scipy.signal.spectrogram` for complex input (two-sided).

use std::sync::Arc;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
use rustfft::{Fft, FftDirection, FftPlannerScalar};
use serde::{Deserialize, Serialize};

use crate::{
    Backend,
    convert::{self, Endian, Number},
    error::{Error, Result},
    fft,
    gpu::DeviceStft,
    window::Window,
};

/// What one unit of the output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Power per hertz: `s = 1 / (sample_rate Σ w²)`. White noise of power `p` reads `p / sample_rate`.
    #[default]
    Density,
    /// Power: `s = 1 / (Σ w)²`. A tone in the middle of a bin reads its own power.
    Spectrum,
    /// The squared magnitude as it comes, `s = 1`.
    None,
}

/// What is taken off each frame before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detrend {
    /// Nothing.
    #[default]
    None,
    /// Its mean: a receiver's DC offset.
    Constant,
}

/// Frames, window and scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StftConfig {
    /// Samples in a frame and bins in a spectrum, 1..=2^24. Powers of two from 64 to 8192 run on a GPU.
    pub size: usize,
    /// Samples from one frame's start to the next one's, at least 1.
    pub hop: usize,
    /// The window, taken periodic.
    pub window: Window,
    /// The unit of the output.
    pub scaling: Scaling,
    /// What is taken off each frame first.
    pub detrend: Detrend,
    /// Hz; only [`Scaling::Density`] looks at it.
    pub sample_rate: f64,
}

impl Default for StftConfig {
    fn default() -> Self {
        StftConfig {
            size: 1024,
            hop: 512,
            window: Window::Hann,
            scaling: Scaling::Density,
            detrend: Detrend::None,
            sample_rate: 1.0,
        }
    }
}

impl StftConfig {
    /// Frames that lie wholly within `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        match samples.checked_sub(self.size) {
            None => 0,
            // A hop of 0 is refused where a transform is planned; a count may be asked for before.
            Some(rest) => rest.checked_div(self.hop).map_or(1, |more| more + 1),
        }
    }

    /// Errors if a field is outside its range.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(&self) -> Result<()> {
        if !(1..=1 << 24).contains(&self.size) {
            return Err(Error::out_of_range("size", "within 1..=16777216", self.size));
        }
        if self.hop == 0 {
            return Err(Error::out_of_range("hop", "at least 1", self.hop));
        }
        if !(self.sample_rate.is_finite() && self.sample_rate > 0.0) {
            return Err(Error::out_of_range("sample_rate", "above 0 Hz and finite", self.sample_rate));
        }
        self.window.check()
    }

    /// The window times the square root of the scaling: the power of its product with a frame is scaled already.
    ///
    /// # Errors
    /// As [`StftConfig::check`], and [`Error::OutOfRange`] for a window that sums to nothing.
    pub fn scaled_window(&self) -> Result<Vec<f64>> {
        self.check()?;
        let window = self.window.coefficients_f64(self.size, true);
        let scale = match self.scaling {
            Scaling::Density => 1.0 / (self.sample_rate * window.iter().map(|w| w * w).sum::<f64>()),
            Scaling::Spectrum => 1.0 / window.iter().sum::<f64>().powi(2),
            Scaling::None => 1.0,
        };
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::out_of_range(
                "size",
                "large enough for a window that is not all zero",
                self.size,
            ));
        }
        Ok(window.into_iter().map(|w| w * scale.sqrt()).collect())
    }
}

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

/// Where frames come from.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    Samples(&'a [Complex32]),
    Raw(Number, &'a [u8]),
}

/// Below this many samples of work, waking other threads costs more than it brings.
const PARALLEL_SAMPLES: usize = 1 << 17;

/// The fast version: tiles of frames that stay in the nearest cache, `f32` throughout.
pub(crate) struct Lanes {
    level: Level,
    size: usize,
    hop: usize,
    /// Each weight twice, beside the two reals of its sample.
    window: Vec<f32>,
    detrend: Detrend,
    fft: Arc<dyn Fft<f32>>,
    /// One for each thread.
    rooms: Vec<Room>,
}

/// One thread's working memory.
struct Room {
    tile: Vec<Complex32>,
    scratch: Vec<Complex32>,
    /// Converted samples under one tile, for raw input.
    samples: Vec<Complex32>,
}

impl Lanes {
    pub(crate) fn new(config: &StftConfig, level: Level) -> Result<Self> {
        let window = config.scaled_window()?.into_iter().flat_map(|w| [w as f32; 2]).collect();
        let fft = fft::plan(level, config.size, FftDirection::Forward);
        let tile = tile_frames(config.size) * config.size;
        let rooms = (0..rayon::current_num_threads().max(1))
            .map(|_| Room {
                tile: vec![Complex32::ZERO; tile],
                scratch: fft::scratch(&*fft),
                samples: Vec::new(),
            })
            .collect();
        Ok(Lanes { level, size: config.size, hop: config.hop, window, detrend: config.detrend, fft, rooms })
    }

    fn process(&mut self, input: Input<'_>, out: &mut [f32]) {
        let Lanes { level, size, hop, window, detrend, fft, rooms } = self;
        let (level, size, hop, detrend) = (*level, *size, *hop, *detrend);
        let frames = out.len() / size;
        let threads =
            if out.len() < PARALLEL_SAMPLES { 1 } else { rooms.len().min(rayon::current_num_threads()) };
        let share = frames.div_ceil(threads.max(1)).max(1);
        let work = |(part, (out, room)): (usize, (&mut [f32], &mut Room))| {
            let tile_frames = tile_frames(size);
            for (index, out) in out.chunks_mut(tile_frames * size).enumerate() {
                let start = (part * share + index * tile_frames) * hop;
                room.spectra(level, input, start, out.len() / size, hop, window, detrend, &**fft);
                power(level, &room.tile[..out.len()], out);
            }
        };
        if threads <= 1 {
            out.chunks_mut(share * size).zip(rooms.iter_mut()).enumerate().for_each(work);
        } else {
            out.par_chunks_mut(share * size).zip(rooms.par_iter_mut()).enumerate().for_each(work);
        }
    }
}

/// Sums over frames, for [`crate::welch`].
impl Lanes {
    /// Adds the spectra of the first `frames` frames of `x` to `sum`.
    pub(crate) fn accumulate(&mut self, x: &[Complex32], frames: usize, sum: &mut [f32]) {
        let Lanes { level, size, hop, window, detrend, fft, rooms } = self;
        let room = &mut rooms[0];
        for first in (0..frames).step_by(tile_frames(*size)) {
            let count = tile_frames(*size).min(frames - first);
            room.spectra(*level, Input::Samples(x), first * *hop, count, *hop, window, *detrend, &**fft);
            for frame in room.tile[..count * *size].chunks_exact(*size) {
                add_power(*level, frame, sum);
            }
        }
    }

    /// Adds groups of `frames` frames to `sums`, `[group, bin]`, over threads when that pays.
    pub(crate) fn accumulate_groups(&mut self, x: &[Complex32], frames: usize, sums: &mut [f32]) {
        let Lanes { level, size, hop, window, detrend, fft, rooms } = self;
        let (level, size, hop, detrend) = (*level, *size, *hop, *detrend);
        let groups = sums.len() / size;
        let work = groups * frames * size;
        let threads = if work < PARALLEL_SAMPLES { 1 } else { rooms.len().min(rayon::current_num_threads()) };
        let share = groups.div_ceil(threads).max(1);
        let run = |(part, (sums, room)): (usize, (&mut [f32], &mut Room))| {
            for (index, sum) in sums.chunks_exact_mut(size).enumerate() {
                let group = (part * share + index) * frames;
                for first in (0..frames).step_by(tile_frames(size)) {
                    let count = tile_frames(size).min(frames - first);
                    let start = (group + first) * hop;
                    room.spectra(level, Input::Samples(x), start, count, hop, window, detrend, &**fft);
                    for frame in room.tile[..count * size].chunks_exact(size) {
                        add_power(level, frame, sum);
                    }
                }
            }
        };
        if threads == 1 {
            sums.chunks_mut(share * size).zip(rooms.iter_mut()).enumerate().for_each(run);
        } else {
            sums.par_chunks_mut(share * size).zip(rooms.par_iter_mut()).enumerate().for_each(run);
        }
    }
}

/// Frames done together: a few kilobytes of work for each call of a small transform.
fn tile_frames(size: usize) -> usize {
    (2048 / size).max(1)
}

impl Room {
    /// Transforms `frames` frames from sample `start` on into the tile.
    #[allow(clippy::too_many_arguments)]
    fn spectra(
        &mut self,
        level: Level,
        input: Input<'_>,
        start: usize,
        frames: usize,
        hop: usize,
        window: &[f32],
        detrend: Detrend,
        fft: &dyn Fft<f32>,
    ) {
        let size = window.len() / 2;
        let span = (frames - 1) * hop + size;
        let x = match input {
            Input::Samples(x) => &x[start..start + span],
            Input::Raw(number, bytes) => {
                let width = 2 * number.bytes();
                self.samples.resize(span, Complex32::ZERO);
                let bytes = &bytes[start * width..(start + span) * width];
                convert::to_f32_simd(
                    level,
                    number,
                    Endian::Little,
                    bytes,
                    bytemuck::cast_slice_mut(&mut self.samples),
                );
                &self.samples
            }
        };
        let tile = &mut self.tile[..frames * size];
        for (index, out) in tile.chunks_exact_mut(size).enumerate() {
            let frame = &x[index * hop..][..size];
            match detrend {
                Detrend::None => weigh(level, frame, Complex32::ZERO, window, out),
                Detrend::Constant => weigh(level, frame, mean(frame), window, out),
            }
        }
        fft.process_with_scratch(tile, &mut self.scratch);
    }
}

/// In `f64`: the mean of a large offset must not cost the small signal its digits.
fn mean(x: &[Complex32]) -> Complex32 {
    let (re, im) = x.iter().fold((0.0, 0.0), |(re, im), x| (re + f64::from(x.re), im + f64::from(x.im)));
    Complex32::new((re / x.len() as f64) as f32, (im / x.len() as f64) as f32)
}

fn weigh(level: Level, x: &[Complex32], mean: Complex32, window: &[f32], out: &mut [Complex32]) {
    dispatch!(level, simd => weigh_lanes(simd, x, mean, window, out));
}

/// `out = window (x - mean)`. Sums over pairs of reals vectorise by themselves: products need no shuffle.
#[simd]
fn weigh_lanes<S: Simd>(_: S, x: &[Complex32], mean: Complex32, window: &[f32], out: &mut [Complex32]) {
    let x = bytemuck::cast_slice::<_, [f32; 2]>(x);
    let window = bytemuck::cast_slice::<_, [f32; 2]>(window);
    let out = bytemuck::cast_slice_mut::<_, [f32; 2]>(out);
    for ((out, x), w) in out.iter_mut().zip(x).zip(window) {
        out[0] = (x[0] - mean.re) * w[0];
        out[1] = (x[1] - mean.im) * w[1];
    }
}

/// `out[k] = |x[k]|²`.
fn power(level: Level, x: &[Complex32], out: &mut [f32]) {
    dispatch!(level, simd => power_lanes(simd, x, out));
}

#[simd]
fn power_lanes<S: Simd>(simd: S, x: &[Complex32], out: &mut [f32]) {
    let n = S::f32s::LEN;
    let reals = bytemuck::cast_slice::<_, f32>(x);
    let mut pairs = reals.chunks_exact(2 * n);
    let mut outs = out.chunks_exact_mut(n);
    for (pair, out) in (&mut pairs).zip(&mut outs) {
        let a = S::f32s::from_slice(simd, &pair[..n]);
        let b = S::f32s::from_slice(simd, &pair[n..]);
        let (re, im) = (a.unzip_low(b), a.unzip_high(b));
        (re * re + im * im).store_slice(out);
    }
    for (out, x) in outs.into_remainder().iter_mut().zip(pairs.remainder().chunks_exact(2)) {
        *out = x[0] * x[0] + x[1] * x[1];
    }
}

/// `sum[k] += |x[k]|²`.
fn add_power(level: Level, x: &[Complex32], sum: &mut [f32]) {
    dispatch!(level, simd => add_power_lanes(simd, x, sum));
}

#[simd]
fn add_power_lanes<S: Simd>(simd: S, x: &[Complex32], sum: &mut [f32]) {
    let n = S::f32s::LEN;
    let mut pairs = bytemuck::cast_slice::<_, f32>(x).chunks_exact(2 * n);
    let mut sums = sum.chunks_exact_mut(n);
    for (pair, sum) in (&mut pairs).zip(&mut sums) {
        let a = S::f32s::from_slice(simd, &pair[..n]);
        let b = S::f32s::from_slice(simd, &pair[n..]);
        let (re, im) = (a.unzip_low(b), a.unzip_high(b));
        (S::f32s::from_slice(simd, sum) + (re * re + im * im)).store_slice(sum);
    }
    for (sum, x) in sums.into_remainder().iter_mut().zip(pairs.remainder().chunks_exact(2)) {
        *sum += x[0] * x[0] + x[1] * x[1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
