//! Spectra of a stream: [`Stft`] cuts it into frames whatever the size of the pieces it comes in,
//! [`Spectrogram`] is what it yields, [`welch`] is the mean of its frames, of which it holds none.
//!
//! Bins ascend in frequency here (the kernel's FFT order is rotated), so a band is a range of bins.

use kernels::stft_power::{StftConfig, StftPower};
use ndarray::{Array1, Array2, Axis};
use num_complex::Complex32;

use crate::{Backend, Error, Result};

/// Power over time and frequency.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrogram {
    /// `[frame, bin]`, ascending frequency, in the unit of the configuration's scaling.
    pub power: Array2<f32>,
    /// Seconds from one frame to the next.
    pub frame_period: f64,
    /// Hz from one bin to the next.
    pub bin_width: f64,
    /// Absolute index of the first frame's first sample.
    pub start: u64,
    /// Hz.
    pub sample_rate: f64,
    /// Hz; what 0 Hz of the baseband was tuned to, 0 if not known.
    pub center_frequency: f64,
}

impl Spectrogram {
    /// Frequency of the middle of `bin`, Hz.
    pub fn frequency(&self, bin: usize) -> f64 {
        let bins = self.power.ncols();
        self.center_frequency + (bin as f64 - (bins / 2) as f64) * self.bin_width
    }

    /// Mean over the frames, `[bin]`; nothing if there is no frame.
    pub fn mean(&self) -> Option<Array1<f64>> {
        self.power.mapv(f64::from).mean_axis(Axis(0))
    }
}

/// Windowed power spectra of a stream.
///
/// Cutting the stream anywhere changes nothing: a frame that lies across two pieces is computed from its
/// samples like any other.
pub struct Stft {
    kernel: StftPower,
    /// The samples of the stream from the next frame's first one on, fewer than a frame between calls.
    pending: Vec<Complex32>,
    /// Samples of the stream to leave out before `pending` starts: a hop longer than a frame jumps over some.
    skip: usize,
    /// Absolute index of the next frame.
    next: u64,
    frames: Vec<f32>,
}

impl Stft {
    /// Plans the transform. Frames are counted from absolute sample 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a size, hop, window or rate that cannot be.
    pub fn new(config: StftConfig, backend: Backend) -> Result<Self> {
        let kernel = StftPower::new(config, backend)?;
        Ok(Stft { kernel, pending: Vec::new(), skip: 0, next: 0, frames: Vec::new() })
    }

    /// What it was made with.
    pub fn config(&self) -> &StftConfig {
        self.kernel.config()
    }

    /// Absolute index of the first sample of the next frame to come.
    pub fn next_start(&self) -> u64 {
        self.next
    }

    /// Takes the next samples of the stream; returns the frames that they complete, `[frame, bin]` with
    /// ascending frequency, one slice. The first of them starts at what [`Stft::next_start`] said before.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if `x` holds a NaN or an infinity, [`Error::OutOfRange`] for samples above 1e15; the stream is then as
    /// if `x` had not come.
    pub fn push(&mut self, x: &[Complex32]) -> Result<&[f32]> {
        check_finite("samples", x)?;
        let (size, hop) = (self.config().size, self.config().hop);
        let skipped = self.skip.min(x.len());
        self.skip -= skipped;
        self.pending.extend_from_slice(&x[skipped..]);
        let count = self.kernel.frames(self.pending.len());
        self.frames.clear();
        self.frames.resize(count * size, 0.0);
        self.kernel.process(&self.pending, &mut self.frames)?;
        let used = count * hop;
        self.skip += used.saturating_sub(self.pending.len());
        self.pending.drain(..used.min(self.pending.len()));
        self.next += used as u64;
        for frame in self.frames.chunks_exact_mut(size) {
            frame.rotate_right(size / 2);
        }
        Ok(&self.frames)
    }

    /// Ends the stream: the samples that complete no frame are dropped, and their number returned.
    pub fn finish(&mut self) -> usize {
        let left = self.pending.len();
        // Where frames lie apart, the next one may begin beyond the end; then nothing is pending.
        self.reset(self.next + left as u64 - self.skip as u64);
        left
    }

    /// Forgets the samples kept; the next one pushed has the absolute index `start`.
    pub fn reset(&mut self, start: u64) {
        self.pending.clear();
        self.skip = 0;
        self.next = start;
    }
}

/// The spectrogram of a block: [`Stft`] over all of it.
///
/// # Errors
/// [`Error::TooShort`] for a block of less than one frame, and those of [`Stft`].
pub fn spectrogram(
    x: &[Complex32],
    config: StftConfig,
    center_frequency: f64,
    backend: Backend,
) -> Result<Spectrogram> {
    let (size, hop, sample_rate) = (config.size, config.hop, config.sample_rate);
    if x.len() < size {
        return Err(Error::TooShort { what: "spectrogram", need: size, unit: "samples", got: x.len() });
    }
    let mut stft = Stft::new(config, backend)?;
    let frames = stft.push(x)?;
    let power = Array2::from_shape_vec((frames.len() / size, size), frames.to_vec()).map_err(|error| {
        Error::Shape { what: "spectrogram", need: "[frame, bin]".into(), got: error.to_string() }
    })?;
    Ok(Spectrogram {
        power,
        frame_period: hop as f64 / sample_rate,
        bin_width: sample_rate / size as f64,
        start: 0,
        sample_rate,
        center_frequency,
    })
}

/// Welch's estimate of the power spectrum of a block, `[bin]` with ascending frequency: the mean of its frames.
///
/// The frames are summed as they come: memory does not grow with their number. There is no GPU version: a GPU backend
/// runs on the processor.
///
/// # Errors
/// [`Error::TooShort`] for a block of less than one frame, and those of [`Stft`].
///
/// # Source
/// Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967, pp. 70-73.
pub fn welch(x: &[Complex32], config: StftConfig, backend: Backend) -> Result<Array1<f64>> {
    let size = config.size;
    if x.len() < size {
        return Err(Error::TooShort { what: "Welch's estimate", need: size, unit: "samples", got: x.len() });
    }
    check_finite("samples", x)?;
    let mut mean = kernels::welch::welch(config, backend, x)?;
    mean.rotate_right(size / 2);
    Ok(mean.into_iter().map(f64::from).collect())
}

/// Largest part of a sample, full scale being 1: the powers of larger ones overflow once a spectrum sums them.
const LARGEST: f32 = 1e15;

/// The first sample whose power cannot be computed with, as an error.
pub(crate) fn check_finite(what: &'static str, x: &[Complex32]) -> Result<()> {
    // One sum tells for the whole block whether to look closer: 0 · x is 0 for every number, NaN for the rest, and what is
    // too large becomes infinite first.
    let sum: f32 = bytemuck::cast_slice::<_, f32>(x).iter().map(|v| v * (f32::MAX / LARGEST) * 0.0).sum();
    if sum == 0.0 {
        return Ok(());
    }
    if let Some(index) = x.iter().position(|x| !(x.re.is_finite() && x.im.is_finite())) {
        return Err(Error::NotFinite { what, index });
    }
    match x.iter().position(|x| x.re.abs() > LARGEST || x.im.abs() > LARGEST) {
        Some(index) => Err(Error::OutOfRange {
            field: what,
            rule: "at most 1e15 (full scale is 1)",
            got: format!("{:e}{:+e}i at index {index}", x[index].re, x[index].im),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::stft_power::Scaling;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    #[test]
    fn samples_that_cannot_be_computed_with() {
        let mut x = vec![Complex32::new(1e15, -1e15); 100];
        assert!(check_finite("x", &x).is_ok());
        x[70].im = -2e15;
        let said = check_finite("x", &x).unwrap_err().to_string();
        assert_eq!(said, "x must be at most 1e15 (full scale is 1), got 1e15-2e15i at index 70");
        x[80].re = f32::NAN;
        assert!(matches!(check_finite("x", &x), Err(Error::NotFinite { index: 80, .. })));
    }

    fn tone(n: usize, cycles_per_sample: f64) -> Vec<Complex32> {
        (0..n)
            .map(|n| {
                let (sin, cos) = (TAU * cycles_per_sample * n as f64).sin_cos();
                Complex32::new(cos as f32, sin as f32)
            })
            .collect()
    }

    fn config(size: usize, hop: usize) -> StftConfig {
        StftConfig { size, hop, sample_rate: 1e6, scaling: Scaling::Spectrum, ..StftConfig::default() }
    }

    #[test]
    fn a_tone_reads_its_power_in_the_bin_of_its_frequency() {
        for (cycles, bin) in [(0.0, 32), (0.25, 48), (-0.25, 16), (-0.5, 0)] {
            let picture = spectrogram(&tone(256, cycles), config(64, 32), 1e8, Backend::default()).unwrap();
            assert_eq!(picture.power.dim(), (7, 64));
            assert_eq!(picture.frequency(bin), 1e8 + cycles * 1e6);
            let mean = picture.mean().unwrap();
            assert!((mean[bin] - 1.0).abs() < 1e-5, "{} at {cycles}", mean[bin]);
            let elsewhere: f64 = (0..64).filter(|b| (b + 64 - bin + 1) % 64 > 2).map(|b| mean[b]).sum();
            assert!(elsewhere < 1e-9, "{elsewhere}");
        }
    }

    #[test]
    fn density_integrates_to_the_power() {
        let config = StftConfig { scaling: Scaling::Density, ..config(64, 64) };
        let density = welch(&tone(640, 0.123), config, Backend::Scalar).unwrap();
        let power = density.sum() * 1e6 / 64.0;
        assert!((power - 1.0).abs() < 1e-2, "{power}");
    }

    /// The same as the mean of the spectrogram; its memory is tested in `tests/memory.rs`.
    #[test]
    fn the_mean_of_any_number_of_frames() {
        for (size, hop) in [(64, 1), (63, 7), (64, 100)] {
            let (x, config) = (tone(700, 0.123), config(size, hop));
            let want = spectrogram(&x, config.clone(), 0.0, Backend::default()).unwrap().mean().unwrap();
            let got = welch(&x, config, Backend::default()).unwrap();
            for (want, got) in want.iter().zip(&got) {
                assert!((want - got).abs() < 1e-6, "{size} {hop}: {got} for {want}");
            }
        }
    }

    #[test]
    fn says_where_the_first_bad_sample_is_and_goes_on() {
        let mut stft = Stft::new(config(64, 64), Backend::default()).unwrap();
        let mut x = tone(100, 0.1);
        assert_eq!(stft.push(&x).unwrap().len(), 64);
        x[7].im = f32::INFINITY;
        x[9].re = f32::NAN;
        let error = stft.push(&x).unwrap_err();
        assert_eq!(error.to_string(), "samples holds a NaN or an infinity at index 7");
        x[7].im = 0.0;
        x[9].re = 0.0;
        assert_eq!(stft.push(&x).unwrap().len(), 128);
        assert_eq!(stft.finish(), 8);
        assert_eq!(stft.next_start(), 200);
        // With frames apart, the next one may lie beyond the end: the stream goes on where it ended.
        let mut apart = Stft::new(config(64, 200), Backend::default()).unwrap();
        for (samples, left, end) in [(70, 0, 70), (199, 0, 269), (230, 30, 499)] {
            apart.push(&tone(samples, 0.1)).unwrap();
            assert_eq!((apart.finish(), apart.next_start()), (left, end));
        }
        let error = spectrogram(&[], config(64, 64), 0.0, Backend::default()).unwrap_err();
        assert_eq!(error.to_string(), "spectrogram needs at least 64 samples, got 0");
    }

    proptest! {
        /// Hops shorter and longer than a frame; pieces of any length, empty ones too.
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(
            hop in 1usize..200,
            cuts in prop::collection::vec(0usize..700, 0..6),
        ) {
            let x = tone(700, 0.01);
            let mut stft = Stft::new(config(64, hop), Backend::default()).unwrap();
            let whole = stft.push(&x).unwrap().to_vec();
            let end = stft.next_start();
            stft.reset(0);
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(700);
            let (mut from, mut pieces) = (0, Vec::new());
            for cut in cuts {
                pieces.extend_from_slice(stft.push(&x[from..cut]).unwrap());
                from = cut;
            }
            prop_assert_eq!(whole, pieces);
            prop_assert_eq!(end, stft.next_start());
        }
    }
}
