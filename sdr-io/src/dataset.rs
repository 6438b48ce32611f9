//! The samples of a file, whatever its format: stretches of interleaved samples at known places, read
//! through one fixed buffer and converted to complex, full scale 1. Formats only say where they lie.

use std::{
    fs::File,
    io::{Read as _, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use kernels::{
    Backend,
    convert::{Endian, Number, to_f32},
};
use ndarray::{ArrayViewMut2, Axis};
use num_complex::Complex32;

use crate::{Datatype, Error, Lost, NonFinite, Read, Result, Time};

/// Bytes read at once: large enough to amortise the call, small enough for the cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Opens a regular file, without blocking on pipes or devices.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64)> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(Error::io(path))?;
    let bytes = file.metadata().map_err(Error::io(path))?.len();
    Ok((file, bytes))
}

/// How a real component lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As [`Datatype`] says.
    Plain,
    /// Three bytes, little-endian, of WAV; handed on as `i32`.
    Int24,
}

/// Samples that lie together, with nothing lost among them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) sample_start: u64,
    pub(crate) samples: u64,
    pub(crate) byte_start: u64,
    pub(crate) global_index: u64,
    pub(crate) lost_before: Lost,
    pub(crate) time: Option<Time>,
    pub(crate) center_frequency: Option<f64>,
}

/// What the samples of a file are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) datatype: Datatype,
    pub(crate) packing: Packing,
    pub(crate) channels: usize,
    pub(crate) sample_rate: Option<f64>,
    pub(crate) not_finite: NonFinite,
}

impl Layout {
    /// Bytes of one sample of all channels.
    pub(crate) fn frame_bytes(&self) -> usize {
        let component = match self.packing {
            Packing::Plain => self.datatype.number().bytes(),
            Packing::Int24 => 3,
        };
        self.channels * self.datatype.components() * component
    }

    /// Whole samples in so many bytes, and the bytes left over.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::PartialSample`] unless `partial` allows it.
    pub(crate) fn samples(&self, path: &Path, bytes: u64, partial: bool) -> Result<(u64, u64)> {
        let frame = self.frame_bytes() as u64;
        let (samples, rest) = (bytes / frame, bytes % frame);
        if rest != 0 && !partial {
            return Err(Error::PartialSample {
                path: path.to_owned(),
                bytes,
                sample_bytes: self.frame_bytes(),
            });
        }
        if samples == 0 {
            return Err(Error::Empty { path: path.to_owned() });
        }
        Ok((samples, rest))
    }
}

/// An open file, its segments and the place of the next sample.
#[derive(Debug)]
pub(crate) struct Dataset {
    path: PathBuf,
    file: File,
    layout: Layout,
    segments: Vec<Segment>,
    /// The segment of the next sample; `segments.len()` at the end.
    segment: usize,
    /// Samples of it that are done.
    done: u64,
    /// Where the file's own cursor stands, if it is known.
    cursor: Option<u64>,
    /// Nothing was read since the beginning or the last seek: there is no previous block to have lost from.
    fresh: bool,
    bytes: Vec<u8>,
    components: Vec<f32>,
    /// 24-bit components widened to 32.
    wide: Vec<u8>,
}

impl Dataset {
    /// The segments are in order, not empty, and inside the file: formats see to that.
    pub(crate) fn new(path: &Path, file: File, layout: Layout, segments: Vec<Segment>) -> Result<Self> {
        let frame = layout.frame_bytes();
        let frames = (BLOCK_BYTES / frame).max(1);
        let components = frames * layout.channels * layout.datatype.components();
        let mut dataset = Self {
            path: path.to_owned(),
            file,
            layout,
            segments,
            segment: 0,
            done: 0,
            cursor: None,
            fresh: true,
            bytes: vec![0; frames * frame],
            components: vec![0.0; components],
            wide: if layout.packing == Packing::Int24 { vec![0; components * 4] } else { Vec::new() },
        };
        dataset.check_byte_order()?;
        Ok(dataset)
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Index of the first sample, and one past the last.
    pub(crate) fn range(&self) -> (u64, u64) {
        let start = self.segments.first().map_or(0, |first| first.sample_start);
        (start, self.segments.last().map_or(start, |last| last.sample_start + last.samples))
    }

    pub(crate) fn seek(&mut self, sample: u64) -> Result<()> {
        let (start, end) = self.range();
        if !(start..=end).contains(&sample) {
            return Err(Error::NoSuchSample { sample, start, end });
        }
        self.segment =
            self.segments.partition_point(|segment| segment.sample_start + segment.samples <= sample);
        self.done = self.segments.get(self.segment).map_or(0, |segment| sample - segment.sample_start);
        self.fresh = true;
        Ok(())
    }

    pub(crate) fn read(&mut self, mut out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        let (channels, width) = out.dim();
        if channels != self.layout.channels {
            let need = self.layout.channels.to_string();
            return Err(Error::Shape { what: "rows of the block", need, got: channels });
        }
        if width == 0 {
            return Err(Error::Shape { what: "columns of the block", need: "at least 1".into(), got: 0 });
        }
        let Some(segment) = self.segments.get(self.segment).cloned() else { return Ok(None) };
        let samples = usize::try_from(segment.samples - self.done).unwrap_or(usize::MAX).min(width);
        let block = self.bytes.len() / self.layout.frame_bytes();
        let (mut filled, mut not_finite) = (0, 0);
        while filled < samples {
            let n = block.min(samples - filled);
            let first = self.done + filled as u64;
            self.load(segment.byte_start + first * self.layout.frame_bytes() as u64, n)?;
            let good = if self.layout.datatype.is_float() { self.finite(n, &mut not_finite) } else { n };
            self.scatter(filled, good, &mut out);
            filled += good;
            if good < n {
                if filled > 0 {
                    break; // what is sound is handed over first; the next call meets the error
                }
                let channel = self.first_bad_channel(good);
                return Err(Error::NotFinite { sample: segment.sample_start + first, channel });
            }
        }
        let read = Read {
            samples: filled,
            sample_start: segment.sample_start + self.done,
            global_index: segment.global_index.saturating_add(self.done),
            lost_before: if self.done == 0 && !self.fresh { segment.lost_before } else { Lost::None },
            time: match self.layout.sample_rate {
                Some(rate) => segment.time.and_then(|time| time.after(self.done, rate)),
                None => segment.time.filter(|_| self.done == 0),
            },
            sample_rate: self.layout.sample_rate,
            center_frequency: segment.center_frequency,
            not_finite,
        };
        self.done += filled as u64;
        self.fresh = false;
        if self.done == segment.samples {
            self.segment += 1;
            self.done = 0;
        }
        Ok(Some(read))
    }

    /// `frames` samples at `byte`, as components in file order.
    fn load(&mut self, byte: u64, frames: usize) -> Result<()> {
        if self.cursor != Some(byte) {
            self.cursor = None;
            self.file.seek(SeekFrom::Start(byte)).map_err(Error::io(&self.path))?;
        }
        let bytes = &mut self.bytes[..frames * self.layout.frame_bytes()];
        self.cursor = None;
        self.file.read_exact(bytes).map_err(Error::io(&self.path))?;
        self.cursor = Some(byte + bytes.len() as u64);
        let count = frames * self.layout.channels * self.layout.datatype.components();
        let components = &mut self.components[..count];
        match self.layout.packing {
            Packing::Plain => {
                let datatype = self.layout.datatype;
                to_f32(&Backend::default(), datatype.number(), datatype.endian(), bytes, components);
            }
            Packing::Int24 => {
                let wide = &mut self.wide[..count * 4];
                for (wide, narrow) in wide.chunks_exact_mut(4).zip(bytes.chunks_exact(3)) {
                    wide[0] = 0; // the three bytes become the high ones: full scale stays full scale
                    wide[1..].copy_from_slice(narrow);
                }
                to_f32(&Backend::default(), Number::I32, Endian::Little, wide, components);
            }
        }
        Ok(())
    }

    /// Samples before the first that is not finite; with [`NonFinite::Zero`] all, after mending and counting.
    fn finite(&mut self, frames: usize, not_finite: &mut usize) -> usize {
        let per_frame = self.layout.channels * self.layout.datatype.components();
        let components = &mut self.components[..frames * per_frame];
        // One pass that vectorises, and only then the one that looks closely.
        if components.iter().fold(true, |all, x| all & x.is_finite()) {
            return frames;
        }
        for (index, sample) in components.chunks_exact_mut(self.layout.datatype.components()).enumerate() {
            if sample.iter().all(|x| x.is_finite()) {
                continue;
            }
            match self.layout.not_finite {
                NonFinite::Refuse => return index / self.layout.channels,
                NonFinite::Zero => {
                    sample.fill(0.0);
                    *not_finite += 1;
                }
            }
        }
        frames
    }

    fn first_bad_channel(&self, frame: usize) -> usize {
        let per_sample = self.layout.datatype.components();
        let start = frame * self.layout.channels * per_sample;
        let samples = self.components[start..].chunks_exact(per_sample).take(self.layout.channels);
        samples.into_iter().position(|sample| sample.iter().any(|x| !x.is_finite())).unwrap_or(0)
    }

    /// The loaded samples into the columns of `out` from `column` on.
    fn scatter(&self, column: usize, frames: usize, out: &mut ArrayViewMut2<'_, Complex32>) {
        let complex = self.layout.datatype.complex();
        let stride = self.layout.channels;
        if let (true, 1, Some(out)) = (complex, stride, out.as_slice_mut()) {
            let samples = bytemuck::cast_slice::<_, Complex32>(&self.components);
            out[column..column + frames].copy_from_slice(&samples[..frames]);
            return;
        }
        for (channel, mut row) in out.axis_iter_mut(Axis(0)).enumerate() {
            let row = row.iter_mut().skip(column).take(frames);
            if complex {
                let samples: &[Complex32] = bytemuck::cast_slice(&self.components);
                row.zip(samples[channel..].iter().step_by(stride)).for_each(|(out, x)| *out = *x);
            } else {
                let samples = self.components[channel..].iter().step_by(stride);
                row.zip(samples).for_each(|(out, x)| *out = Complex32::new(*x, 0.0));
            }
        }
    }

    /// Floating point in the wrong byte order is a scatter of exponents; in the right one it is not. Integers
    /// cannot be told: noise is noise in either order.
    fn check_byte_order(&mut self) -> Result<()> {
        let declared = self.layout.datatype;
        let Some(first) = self.segments.first() else { return Ok(()) };
        if !declared.is_float() {
            return Ok(());
        }
        let block = self.bytes.len() / self.layout.frame_bytes();
        let frames = usize::try_from(first.samples).unwrap_or(usize::MAX).min(block).min(4096);
        self.load(first.byte_start, frames)?;
        let count = frames * self.layout.channels * declared.components();
        if absurd(&self.components[..count]) * 2 <= count {
            return Ok(());
        }
        let plausible = declared.swapped();
        let bytes = &self.bytes[..frames * self.layout.frame_bytes()];
        to_f32(
            &Backend::default(),
            plausible.number(),
            plausible.endian(),
            bytes,
            &mut self.components[..count],
        );
        if absurd(&self.components[..count]) == 0 {
            return Err(Error::ByteOrder { path: self.path.clone(), declared, plausible });
        }
        Ok(())
    }
}

/// Values that no receiver delivers: not finite, or beyond 2^±60 of full scale and not zero.
fn absurd(x: &[f32]) -> usize {
    const LARGE: f32 = (1u64 << 60) as f32;
    x.iter().filter(|x| **x != 0.0 && !(1.0 / LARGE..=LARGE).contains(&x.abs())).count()
}
