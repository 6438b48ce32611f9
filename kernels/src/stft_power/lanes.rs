//! The processor's own way: frames weighed, transformed and squared a tile at a time, tiles shared among threads.

use std::sync::Arc;

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use num_complex::Complex32;
use rayon::prelude::*;
use rustfft::{Fft, FftDirection};

use super::{Detrend, StftConfig};
use crate::{
    convert::{self, Endian, Number},
    error::Result,
    fft,
};

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

    pub(super) fn process(&mut self, input: Input<'_>, out: &mut [f32]) {
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
