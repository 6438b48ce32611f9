//! Polyphase channelizer, critically sampled: a band cut into `K` channels of `sample_rate / K` each,
//! `y[m, k] = Σ_n h[n] x[K m + K - 1 - n] exp(2πi k n / K)` (Bellanger and Daguet, IEEE Trans. Commun. 22(9), 1974;
//! Harris, Dick and Rice, IEEE Trans. Microw. Theory Tech. 51(4), 2003). Read [`scalar`] first: it is the definition.
//! Zeros come before the first sample.
//!
//! The prototype `h` is a low-pass; channel `k` holds what lies around `k · sample_rate / K`, channels above `K / 2` the
//! negative frequencies. The exponential repeats with `n mod K`, so the prototype's rows fold onto `K` sums and one
//! transform of `K` points gives all channels. There is no GPU version: a GPU backend runs on the processor.

use std::{f64::consts::TAU, sync::Arc};

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
use rustfft::{Fft, FftDirection};

use crate::{
    Backend,
    error::{Error, Result},
    fft,
    fir::MAX_TAPS,
};

/// Most channels: 2^16.
pub const MAX_CHANNELS: usize = 1 << 16;

/// The definition, summed in `f64`: `[frame, channel]`, one frame for each `channels` whole samples of `x`.
///
/// # Panics
/// If `channels` is 0.
pub fn scalar(prototype: &[f32], channels: usize, x: &[Complex32]) -> Vec<Complex32> {
    let mut out = vec![Complex32::ZERO; x.len() / channels * channels];
    for (frame, out) in out.chunks_exact_mut(channels).enumerate() {
        scalar_frame(prototype, &x[..(frame + 1) * channels], out);
    }
    out
}

/// One frame of the definition: `x` ends with the newest sample that it sees.
fn scalar_frame(prototype: &[f32], x: &[Complex32], out: &mut [Complex32]) {
    let channels = out.len();
    for (channel, out) in out.iter_mut().enumerate() {
        let sum: Complex64 = prototype
            .iter()
            .zip(x.iter().rev())
            .enumerate()
            .map(|(n, (tap, x))| {
                let turn = (channel * (n % channels)) as f64 / channels as f64;
                Complex64::new(x.re.into(), x.im.into()) * f64::from(*tap) * Complex64::cis(TAU * turn)
            })
            .sum();
        *out = Complex32::new(sum.re as f32, sum.im as f32);
    }
}

/// Below this many samples, waking other threads costs more than it brings.
const PARALLEL_SAMPLES: usize = 1 << 16;

/// A bank of channels with its memory.
#[derive(Clone)]
pub struct Channelizer {
    channels: usize,
    /// Samples under one frame: the prototype's length, up to whole rows of `channels`.
    window: usize,
    engine: Engine,
    /// Samples from the next frame's window on: at least `window - channels` of them, never a whole window.
    line: Vec<Complex32>,
}

#[derive(Clone)]
enum Engine {
    Scalar(Vec<f32>),
    Lanes(Lanes),
}

impl Channelizer {
    /// Zeros in its memory.
    ///
    /// - `prototype`: `h[0]` first; `scipy.signal.firwin(16 * channels, 1 / channels)` say
    /// - `channels`: how many, any number; powers of two are fastest
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 1..=2^24 taps and 1..=2^16 channels.
    pub fn new(backend: &Backend, prototype: &[f32], channels: usize) -> Result<Self> {
        if !(1..=MAX_TAPS).contains(&prototype.len()) {
            return Err(Error::out_of_range("prototype", "within 1..=16777216 taps", prototype.len()));
        }
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(Error::out_of_range("channels", "within 1..=65536", channels));
        }
        let window = prototype.len().next_multiple_of(channels);
        let engine = match backend {
            Backend::Scalar => Engine::Scalar(prototype.to_vec()),
            Backend::Simd(level) => Engine::Lanes(Lanes::new(*level, prototype, channels)),
            Backend::Gpu(_) => Engine::Lanes(Lanes::new(Level::new(), prototype, channels)),
        };
        Ok(Channelizer { channels, window, engine, line: vec![Complex32::ZERO; window - channels] })
    }

    /// Channels in a frame.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// How many values, `frames * channels`, `push` will give for the next `samples` samples.
    pub fn outputs(&self, samples: usize) -> usize {
        (self.line.len() - (self.window - self.channels) + samples) / self.channels * self.channels
    }

    /// Takes the next samples and writes the frames that they complete: `out` is `[frame, channel]`,
    /// [`Channelizer::outputs`]`(x.len())` values. Blocks of more than 2^16 samples are shared among the threads of the
    /// current rayon pool; the result is the same to the last bit.
    ///
    /// # Errors
    /// [`Error::Length`] unless `out` is as long as that.
    pub fn push(&mut self, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        Error::check_length("out", self.outputs(x.len()), "values", out.len())?;
        let Channelizer { channels, window, engine, line } = self;
        let (channels, window) = (*channels, *window);
        // Frames that reach back into the line, until all that it holds has come from x.
        let (mut rest, mut out) = (x, out);
        while !out.is_empty() && x.len() - rest.len() < line.len() {
            let (now, later) = rest.split_at(window - line.len());
            line.extend_from_slice(now);
            let (frame, others) = out.split_at_mut(channels);
            engine.frames(line, channels, frame);
            line.drain(..channels);
            (rest, out) = (later, others);
        }
        if x.len() - rest.len() >= line.len() {
            rest = &x[x.len() - rest.len() - line.len()..];
            line.clear();
            engine.frames(rest, channels, out);
            rest = &rest[out.len()..];
        }
        line.extend_from_slice(rest);
        Ok(())
    }

    /// Forgets the samples; the next one is sample 0.
    pub fn reset(&mut self) {
        self.line.clear();
        self.line.resize(self.window - self.channels, Complex32::ZERO);
    }
}

impl Engine {
    /// The frames whose windows begin at samples 0, `channels`, 2 `channels`, ... of `x`: as many as `out` holds.
    fn frames(&mut self, x: &[Complex32], channels: usize, out: &mut [Complex32]) {
        match self {
            Engine::Scalar(prototype) => {
                let window = prototype.len().next_multiple_of(channels);
                for (out, x) in out.chunks_exact_mut(channels).zip(x.windows(window).step_by(channels)) {
                    scalar_frame(prototype, x, out);
                }
            }
            Engine::Lanes(lanes) => lanes.frames(x, channels, out),
        }
    }
}

/// The fast version: `f32` throughout.
#[derive(Clone)]
struct Lanes {
    level: Level,
    /// The prototype backwards, as its window lies in the samples, oldest first; each tap twice, beside both reals.
    taps: Vec<f32>,
    fft: Arc<dyn Fft<f32>>,
    /// One for each thread.
    rooms: Vec<Room>,
}

/// One thread's working memory.
#[derive(Clone)]
struct Room {
    sums: Vec<f32>,
    scratch: Vec<Complex32>,
}

impl Lanes {
    fn new(level: Level, prototype: &[f32], channels: usize) -> Lanes {
        let zeros = prototype.len().next_multiple_of(channels) - prototype.len();
        let backwards = prototype.iter().rev().flat_map(|tap| [*tap; 2]);
        let fft = fft::plan(level, channels, FftDirection::Forward);
        let room = Room { sums: vec![0.0; 2 * TOGETHER * channels], scratch: fft::scratch(&*fft) };
        Lanes {
            level,
            taps: std::iter::repeat_n(0.0, 2 * zeros).chain(backwards).collect(),
            fft,
            rooms: vec![room; rayon::current_num_threads().max(1)],
        }
    }

    fn frames(&mut self, x: &[Complex32], channels: usize, out: &mut [Complex32]) {
        let Lanes { level, taps, fft, rooms } = self;
        let frames = out.len() / channels;
        let threads = if out.len() < PARALLEL_SAMPLES { 1 } else { rooms.len() };
        let share = frames.div_ceil(threads).max(1) * channels;
        let work = |(part, (out, room)): (usize, (&mut [Complex32], &mut Room))| {
            // A few kilobytes of sums for each call of a small transform.
            let tile = (2048 / channels).max(TOGETHER).next_multiple_of(TOGETHER) * channels;
            for (index, out) in out.chunks_mut(tile).enumerate() {
                let x = bytemuck::cast_slice(&x[part * share + index * tile..]);
                dispatch!(*level, simd => fold(simd, taps, x, channels, &mut room.sums, out));
                fft.process_with_scratch(out, &mut room.scratch);
            }
        };
        if threads == 1 {
            out.chunks_mut(share).zip(rooms).enumerate().for_each(work);
        } else {
            out.par_chunks_mut(share).zip(rooms).enumerate().for_each(work);
        }
    }
}

/// Frames folded together: each tap is loaded once for all of them, and their chains hide the latency.
const TOGETHER: usize = 4;

/// Folds each frame's window onto `channels` sums, placed for a forward transform.
#[simd]
fn fold<S: Simd>(simd: S, taps: &[f32], x: &[f32], channels: usize, sums: &mut [f32], out: &mut [Complex32]) {
    let row = 2 * channels;
    for (index, out) in out.chunks_mut(TOGETHER * channels).enumerate() {
        let x = &x[index * TOGETHER * row..];
        let frames = out.len() / channels;
        if frames == TOGETHER {
            rows::<S, TOGETHER>(simd, taps, x, row, sums);
        } else {
            for (frame, sums) in sums.chunks_exact_mut(row).take(frames).enumerate() {
                rows::<S, 1>(simd, taps, &x[frame * row..], row, sums);
            }
        }
        // Sum i belongs to the taps n with n mod K = K - 1 - i, so to exp(-2πi k (i + 1) / K): one place further on.
        let sums = bytemuck::cast_slice::<f32, Complex32>(sums);
        for (out, sums) in out.chunks_exact_mut(channels).zip(sums.chunks_exact(channels)) {
            out[0] = sums[channels - 1];
            out[1..].copy_from_slice(&sums[..channels - 1]);
        }
    }
}

/// `sums[frame, i] = Σ_row taps[row, i] x[frame + row, i]` for `F` frames, in the same order for any `F`.
#[inline(always)]
fn rows<S: Simd, const F: usize>(simd: S, taps: &[f32], x: &[f32], row: usize, sums: &mut [f32]) {
    let n = S::f32s::LEN;
    let (pairs, whole) = (row / (2 * n) * (2 * n), row / n * n);
    for i in (0..pairs).step_by(2 * n) {
        columns::<S, F, 2>(simd, taps, x, row, i, sums);
    }
    for i in (pairs..whole).step_by(n) {
        columns::<S, F, 1>(simd, taps, x, row, i, sums);
    }
    for i in whole..row {
        for frame in 0..F {
            let x = x[frame * row + i..].iter().step_by(row);
            sums[frame * row + i] = taps[i..].iter().step_by(row).zip(x).map(|(tap, x)| tap * x).sum();
        }
    }
}

/// `V` vectors of [`rows`], from element `i` on.
#[inline(always)]
fn columns<S: Simd, const F: usize, const V: usize>(
    simd: S,
    taps: &[f32],
    x: &[f32],
    row: usize,
    i: usize,
    sums: &mut [f32],
) {
    let n = S::f32s::LEN;
    let mut acc = [[S::f32s::splat(simd, 0.0); V]; F];
    for (start, taps) in (i..).step_by(row).zip(taps.chunks_exact(row)) {
        let taps = &taps[i..i + V * n];
        for (frame, acc) in acc.iter_mut().enumerate() {
            let x = &x[start + frame * row..][..V * n];
            for (v, acc) in acc.iter_mut().enumerate() {
                let tap = S::f32s::from_slice(simd, &taps[v * n..][..n]);
                *acc = S::f32s::from_slice(simd, &x[v * n..][..n]).mul_add(tap, *acc);
            }
        }
    }
    for (frame, acc) in acc.iter().enumerate() {
        for (v, acc) in acc.iter().enumerate() {
            acc.store_slice(&mut sums[frame * row + i + v * n..][..n]);
        }
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

    fn prototype(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((1.3 * i as f32).sin() + 0.2) / n as f32).collect()
    }

    fn channelized(backend: &Backend, taps: &[f32], channels: usize, x: &[Complex32]) -> Vec<Complex32> {
        let mut bank = Channelizer::new(backend, taps, channels).unwrap();
        let mut out = vec![Complex32::ZERO; bank.outputs(x.len())];
        bank.push(x, &mut out).unwrap();
        out
    }

    /// A tone in the middle of channel 5 of 16 comes out there, whole and still, and nowhere else.
    #[test]
    fn a_tone_is_in_its_channel() {
        let channels = 16;
        // A rectangle of as many taps as channels: the transform of one frame, with nulls in all other middles.
        let taps = vec![1.0 / 16.0; 16];
        let x: Vec<_> = (0..1600).map(|n| Complex32::cis((TAU * 5.0 * f64::from(n) / 16.0) as f32)).collect();
        for backend in [Backend::Scalar, Backend::default()] {
            for frame in channelized(&backend, &taps, channels, &x).chunks(channels) {
                for (k, y) in frame.iter().enumerate() {
                    let want = if k == 5 { 1.0 } else { 0.0 };
                    assert!((y.norm() - want).abs() < 1e-4, "channel {k}: {y}");
                }
            }
        }
    }

    /// Channel 0 is the filter and every `K`-th of its samples.
    #[test]
    fn channel_zero_is_the_decimator() {
        let (taps, x) = (prototype(100), samples(2000));
        let filtered = crate::fir::scalar(&taps.clone().into(), 1, &x);
        let got = channelized(&Backend::default(), &taps, 24, &x);
        for (frame, want) in got.chunks(24).zip(filtered[23..].iter().step_by(24)) {
            assert!((frame[0] - want).norm() < 1e-5, "{} {want}", frame[0]);
        }
    }

    #[test]
    fn refuses_what_is_no_bank() {
        let new = |taps: &[f32], k| Channelizer::new(&Backend::default(), taps, k).err().unwrap().to_string();
        assert_eq!(new(&[], 4), "prototype must be within 1..=16777216 taps, got 0");
        assert_eq!(new(&[1.0], 0), "channels must be within 1..=65536, got 0");
        let mut bank = Channelizer::new(&Backend::default(), &[1.0], 4).unwrap();
        let error = bank.push(&samples(9), &mut []).unwrap_err();
        assert_eq!(error.to_string(), "out must hold 8 values, got 0");
    }

    /// More samples than one thread takes.
    #[test]
    fn threads_change_nothing() {
        let (taps, x) = (prototype(256), samples(PARALLEL_SAMPLES + 4096));
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let of = |threads| pool(threads).install(|| channelized(&Backend::default(), &taps, 64, &x));
        assert!(of(1) == of(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// 1..=40 channels cross every tail length of every vector width; 1..=150 taps end anywhere within a row.
        #[test]
        fn agrees_with_scalar(n in 0usize..=700, taps in 1usize..=150, channels in 1usize..=40) {
            let (taps, x) = (prototype(taps), samples(n));
            let want = scalar(&taps, channels, &x);
            prop_assert_eq!(&want, &channelized(&Backend::Scalar, &taps, channels, &x));
            let got = channelized(&Backend::default(), &taps, channels, &x);
            prop_assert_eq!(want.len(), got.len());
            for (want, got) in want.iter().zip(&got) {
                prop_assert!((want - got).norm() <= 2e-6, "{want} {got}");
            }
        }

        #[test]
        fn cutting_changes_nothing(cuts in prop::collection::vec(0usize..300, 0..8), taps in 1usize..=150,
                                   channels in 1usize..=40) {
            let (taps, x) = (prototype(taps), samples(1000));
            for backend in [Backend::Scalar, Backend::default()] {
                let mut bank = Channelizer::new(&backend, &taps, channels).unwrap();
                let (mut parts, mut rest) = (Vec::new(), &x[..]);
                for cut in cuts.iter().copied().chain([1000]) {
                    let (now, later) = rest.split_at(cut.min(rest.len()));
                    let mut out = vec![Complex32::ZERO; bank.outputs(now.len())];
                    bank.push(now, &mut out).unwrap();
                    parts.extend(out);
                    rest = later;
                }
                prop_assert!(parts == channelized(&backend, &taps, channels, &x));
            }
        }
    }
}
