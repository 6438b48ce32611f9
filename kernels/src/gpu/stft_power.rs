//! Windowed power spectra on a device: `stft_power.wgsl`, and the mean over frames, `welch.wgsl`.

use std::{collections::VecDeque, f64::consts::TAU, ops::Range, sync::Arc};

use num_complex::Complex32;

use super::{
    ALIGNMENT, Binding, Commands, Gpu, GpuBuffer, Limits, Program, Readback,
    convert::{code, not_here},
};
use crate::{
    convert::{Endian, Number},
    error::{Error, Result},
    stft_power::{Detrend, StftConfig},
};

pub(super) const SOURCE: &str = concat!(include_str!("../convert.wgsl"), include_str!("../stft_power.wgsl"));
pub(super) const WELCH_SOURCE: &str = include_str!("../welch.wgsl");

/// Points of a transform that fit a workgroup, and threads of it.
const POINTS: usize = 2048;
const THREADS: u64 = 256;
/// Rows that one thread of `sum_rows` adds.
const ROWS: usize = 64;
/// Batches of the slice version: large enough to fill a device, small enough that copies and work overlap.
const BATCH_BYTES: u64 = 32 << 20;

/// Spectra on a device. [`crate::stft_power::StftPower`] is this for slices; see there for what they mean.
pub struct DeviceStft {
    gpu: Arc<Gpu>,
    size: usize,
    hop: usize,
    detrend: bool,
    /// `[size]`, the scaling's root in it.
    weights: GpuBuffer<f32>,
    /// `[size]`, `exp(-2πi k / size)`.
    twiddles: GpuBuffer<Complex32>,
}

impl DeviceStft {
    /// Uploads the tables.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration: `size` must be a power of two within 64..=8192.
    /// [`Error::OverLimit`] if the tables or one frame do not fit, and what devices do.
    pub fn new(config: &StftConfig, gpu: &Arc<Gpu>) -> Result<Self> {
        let size = config.size;
        if !size.is_power_of_two() || !(64..=8192).contains(&size) {
            return Err(Error::out_of_range("size", "a power of two within 64..=8192 on a GPU", size));
        }
        let weights: Vec<_> = config.scaled_window()?.into_iter().map(|w| w as f32).collect();
        let twiddles: Vec<_> = (0..size)
            .map(|k| (TAU * k as f64 / size as f64).sin_cos())
            .map(|(sin, cos)| Complex32::new(cos as f32, -sin as f32))
            .collect();
        Ok(DeviceStft {
            gpu: Arc::clone(gpu),
            size,
            hop: config.hop,
            detrend: config.detrend == Detrend::Constant,
            weights: GpuBuffer::upload(gpu, &weights)?,
            twiddles: GpuBuffer::upload(gpu, &twiddles)?,
        })
    }

    /// Frames that lie wholly within `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        if samples < self.size { 0 } else { (samples - self.size) / self.hop + 1 }
    }

    /// Spectra of raw samples in host memory: `bytes` holds little-endian pairs of `number`, `out` is
    /// `[frame, bin]`. Batches overlap: one is copied while another is transformed.
    ///
    /// # Errors
    /// [`Error::Length`] if `bytes` ends within a sample or `out` does not hold the frames, and what devices do.
    pub fn process(&self, number: Number, bytes: &[u8], out: &mut [f32]) -> Result<()> {
        let Some(code) = code(number) else {
            // 32-bit integers and f64 are rounded on the host: WGSL leaves the rounding open.
            let mut reals = vec![0.0_f32; bytes.len() / number.bytes()];
            Error::check_length("raw input", reals.len() * number.bytes(), "bytes", bytes.len())?;
            crate::convert::to_f32(&crate::Backend::default(), number, Endian::Little, bytes, &mut reals);
            return self.process(Number::F32, bytemuck::cast_slice(&reals), out);
        };
        let width = 2 * number.bytes();
        let samples = bytes.len() / width;
        Error::check_length("raw input", samples * width, "bytes", bytes.len())?;
        let frames = self.frames(samples);
        Error::check_length("out", frames * self.size, "values", out.len())?;

        let batch = self.batch(width, BATCH_BYTES)?;
        let mut under_way: VecDeque<(Readback, Range<usize>)> = VecDeque::new();
        for start in (0..frames).step_by(batch) {
            let count = batch.min(frames - start);
            let input = &bytes[self.samples(start..start + count, width)];
            let raw = GpuBuffer::upload(&self.gpu, input)?;
            let power = GpuBuffer::<f32>::reserve(&self.gpu, count * self.size)?;
            let mut commands = Commands::new(&self.gpu)?;
            let (input, output) = (raw.binding(0..raw.bytes()), power.binding(0..power.bytes()));
            self.spectra(&mut commands, code, input, 0, count, output)?;
            let pending = commands.read_back(output)?;
            let readback = commands.submit_and_read(pending)?;
            under_way.push_back((readback, start * self.size..(start + count) * self.size));
            // Two batches: the device works on one while the other is copied.
            if under_way.len() > 2
                && let Some((readback, range)) = under_way.pop_front()
            {
                readback.finish(bytemuck::cast_slice_mut(&mut out[range]))?;
            }
        }
        for (readback, range) in under_way {
            readback.finish(bytemuck::cast_slice_mut(&mut out[range]))?;
        }
        Ok(())
    }

    /// Spectra of raw samples on the device, `[frame, bin]`, which stay there.
    ///
    /// # Errors
    /// As [`super::to_f32`]; the result must fit one buffer ([`Limits::buffer`]).
    pub fn power(&self, number: Number, raw: &GpuBuffer<u8>) -> Result<GpuBuffer<f32>> {
        let width = 2 * number.bytes();
        let samples = raw.len() / width;
        Error::check_length("raw input", samples * width, "bytes", raw.len())?;
        self.power_of(number, samples, |bytes| raw.binding(bytes))
    }

    /// As [`DeviceStft::power`] from samples that another kernel left on the device.
    ///
    /// # Errors
    /// As [`DeviceStft::power`].
    pub fn power_of_samples(&self, samples: &GpuBuffer<Complex32>) -> Result<GpuBuffer<f32>> {
        self.power_of(Number::F32, samples.len(), |bytes| samples.binding(bytes))
    }

    fn power_of<'a>(
        &self,
        number: Number,
        samples: usize,
        binding: impl Fn(Range<u64>) -> Binding<'a>,
    ) -> Result<GpuBuffer<f32>> {
        let code = code(number).ok_or_else(|| not_here(number))?;
        let width = 2 * number.bytes();
        let frames = self.frames(samples);
        let power = GpuBuffer::reserve(&self.gpu, frames * self.size)?;
        let batch = self.batch(width, u64::MAX)?;
        let mut commands = Commands::new(&self.gpu)?;
        for start in (0..frames).step_by(batch) {
            let count = batch.min(frames - start);
            let bytes = self.samples(start..start + count, width);
            // Bindings start at multiples of 256 bytes; the frame may start some samples later.
            let aligned = bytes.start as u64 / ALIGNMENT * ALIGNMENT;
            let first = (bytes.start as u64 - aligned) / width as u64;
            let row = 4 * self.size as u64;
            // A row is a multiple of 256 bytes.
            let output = power.binding(start as u64 * row..(start + count) as u64 * row);
            let input = binding(aligned..bytes.end as u64);
            self.spectra(&mut commands, code, input, first as u32, count, output)?;
        }
        commands.submit()?;
        Ok(power)
    }

    /// The mean of spectra over their frames, `[bin]`: Welch's estimate.
    ///
    /// # Errors
    /// [`Error::Length`] if `power` is not a positive number of whole frames, and what devices do.
    pub fn mean(&self, power: &GpuBuffer<f32>) -> Result<GpuBuffer<f32>> {
        let frames = power.len() / self.size;
        Error::check_length("power", frames.max(1) * self.size, "values", power.len())?;
        let pipeline = self.gpu.pipeline(&Program {
            source: WELCH_SOURCE,
            entry: "sum_rows",
            constants: Vec::new(),
            writes: &[false, true],
        })?;
        let row = 4 * self.size as u64;
        let Limits { binding, workgroups, .. } = self.gpu.limits();
        let sums = (u64::from(workgroups) * THREADS / self.size as u64) as usize; // rows of the output
        let batch = sums.min((binding / row) as usize / ROWS) * ROWS;
        let batch = batch.min(1 << 20);
        if batch == 0 {
            let need = ROWS as u64 * row;
            return Err(Error::OverLimit { what: "a mean of frames", need, unit: "bytes", limit: binding });
        }
        let mut commands = Commands::new(&self.gpu)?;
        let mut level: Option<GpuBuffer<f32>> = None;
        let mut rows = frames;
        loop {
            let from = level.as_ref().unwrap_or(power);
            let next_rows = rows.div_ceil(ROWS);
            let next = GpuBuffer::reserve(&self.gpu, next_rows * self.size)?;
            let scale = if next_rows == 1 { (1.0 / frames as f64) as f32 } else { 1.0 };
            for start in (0..rows).step_by(batch) {
                let count = batch.min(rows - start);
                let (first, sums) = (start / ROWS, count.div_ceil(ROWS));
                let input = from.binding(start as u64 * row..(start + count) as u64 * row);
                let output = next.binding(first as u64 * row..(first + sums) as u64 * row);
                let groups = (sums as u64 * self.size as u64).div_ceil(THREADS) as u32;
                let parameters = [count as u32, self.size as u32, scale.to_bits()];
                commands.dispatch(&pipeline, &parameters, &[input, output], [groups, 1])?;
            }
            if next_rows == 1 {
                commands.submit()?;
                return Ok(next);
            }
            (level, rows) = (Some(next), next_rows);
        }
    }

    /// The bytes under some frames.
    fn samples(&self, frames: Range<usize>, width: usize) -> Range<usize> {
        frames.start * self.hop * width..((frames.end - 1) * self.hop + self.size) * width
    }

    /// Frames in a batch that keeps every binding within the limits.
    fn batch(&self, width: usize, bytes: u64) -> Result<usize> {
        let Limits { buffer, binding, workgroups } = self.gpu.limits();
        let row = 4 * self.size as u64;
        // An index of a shader has 32 bits.
        let room = buffer.min(binding).min(1 << 30);
        let frame = (self.size * width) as u64 + ALIGNMENT; // the binding may start before the frame
        let need = row.max(frame).max(8 * self.size as u64);
        if need > room {
            return Err(Error::OverLimit { what: "one STFT frame", need, unit: "bytes", limit: room });
        }
        let room = room.min(bytes.max(need));
        let by_input = (room - frame) / (self.hop as u64).saturating_mul(width as u64) + 1;
        let by_output = room / row;
        let (frames_in_group, residues) = (self.frames_in_group() as u64, self.residues() as u64);
        let by_groups = if self.detrend {
            (u64::from(workgroups) / residues).min(room / 8) // means: one group, one complex value a frame
        } else {
            u64::from(workgroups) * frames_in_group / residues
        };
        let frames = by_input.min(by_output).min(by_groups);
        if frames == 0 {
            let limit = u64::from(workgroups);
            return Err(Error::OverLimit {
                what: "one STFT frame",
                need: residues,
                unit: "workgroups",
                limit,
            });
        }
        Ok(frames as usize)
    }

    fn residues(&self) -> usize {
        (self.size / POINTS).max(1)
    }

    fn frames_in_group(&self) -> usize {
        (POINTS / self.size).max(1)
    }

    /// Records one batch: `count` frames from sample `first` of `input` on.
    fn spectra(
        &self,
        commands: &mut Commands,
        code: u32,
        input: Binding<'_>,
        first: u32,
        count: usize,
        output: Binding<'_>,
    ) -> Result<()> {
        // With a single frame the hop is not looked at; it may be too large for a `u32`.
        let hop = if count > 1 { self.hop as u32 } else { 0 };
        let parameters = [count as u32, first, hop];
        let program = |entry, writes| Program {
            source: SOURCE,
            entry,
            constants: vec![
                ("NUMBER", code),
                ("SIZE", self.size as u32),
                ("RESIDUES", self.residues() as u32),
                ("POINTS", self.size.min(POINTS) as u32),
                ("DETREND", self.detrend.into()),
            ],
            writes,
        };
        let means = GpuBuffer::<Complex32>::reserve(&self.gpu, if self.detrend { count } else { 1 })?;
        let means = means.binding(0..means.bytes());
        if self.detrend {
            let pipeline = self.gpu.pipeline(&program("frame_means", &[false, true]))?;
            commands.dispatch(&pipeline, &parameters, &[input, means], [count as u32, 1])?;
        }
        let pipeline = self.gpu.pipeline(&program("spectra", &[false, false, false, false, true]))?;
        let weights = self.weights.binding(0..self.weights.bytes());
        let twiddles = self.twiddles.binding(0..self.twiddles.bytes());
        let groups = (count * self.residues()).div_ceil(self.frames_in_group()) as u32;
        commands.dispatch(&pipeline, &parameters, &[input, weights, twiddles, means, output], [groups, 1])
    }
}
