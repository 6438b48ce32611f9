//! Recording a stream: SigMF pairs that survive `kill -9`, limits, rotation, a disk that is never filled, and the level.

use std::path::{Path, PathBuf};

use ndarray::{ArrayView2, Axis, Slice};
use num_complex::Complex32;

use crate::{
    CreateOptions, Datatype, Error, Lost, Number, Read, Result, Sink, StreamInfo,
    sigmf::{Annotation, SigmfSink},
};

/// Bytes after which the disk is looked at again.
const DISK_EVERY: u64 = 16 << 20;

/// Captures of one file: metadata are written anew at each gap, so a file with very many of them would become slow.
const MOST_CAPTURES: usize = 1000;

/// How to record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordOptions {
    /// Datatype, description, whether to overwrite. Channels and sample rate are the stream's.
    pub create: CreateOptions,
    /// Samples of each channel after which it is enough.
    pub most_samples: Option<u64>,
    /// Bytes of samples, over all files, after which it is enough.
    pub most_bytes: Option<u64>,
    /// When a new file begins: `NAME-0000.sigmf-meta`, `NAME-0001.sigmf-meta` and so on.
    pub rotate: Option<Rotate>,
    /// Bytes that stay free on the disk: recording stops before.
    pub keep_free: u64,
    /// Whether a file gets its SHA-512 when it is complete.
    pub hash: bool,
}

impl Default for RecordOptions {
    fn default() -> Self {
        Self {
            create: CreateOptions::default(),
            most_samples: None,
            most_bytes: None,
            rotate: None,
            keep_free: 500_000_000,
            hash: true,
        }
    }
}

/// When a new file begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rotate {
    /// After so many bytes of samples.
    Bytes(u64),
    /// After so many seconds of signal.
    Seconds(f64),
}

/// Why a recording is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enough {
    /// The samples or bytes that were asked for are there.
    Limit,
    /// The disk would have less left than must stay free.
    DiskFull,
}

/// What was measured of the samples, over all channels, since the last [`Recorder::level`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Mean power, full scale 1.
    pub mean_power: f64,
    /// Largest magnitude.
    pub peak: f32,
    /// Samples at full scale.
    pub clipped: u64,
    /// Samples looked at.
    pub samples: u64,
}

impl Level {
    /// Takes samples in. `full_scale`: what a component has to reach to count as clipped.
    pub fn push(&mut self, samples: &[Complex32], full_scale: f32) {
        let (mut power, mut peak, mut clipped) = (0.0f64, 0.0f32, 0u64);
        for part in samples.chunks(256) {
            // Short sums of 32 bits are exact enough, and fast.
            let mut sum = 0.0f32;
            for x in part {
                let square = x.norm_sqr();
                sum += square;
                peak = peak.max(square);
                clipped += u64::from(x.re.abs() >= full_scale || x.im.abs() >= full_scale);
            }
            power += f64::from(sum);
        }
        let before = self.mean_power * self.samples as f64;
        self.samples += samples.len() as u64;
        self.mean_power = (before + power) / (self.samples.max(1)) as f64;
        self.peak = self.peak.max(peak.sqrt());
        self.clipped += clipped;
    }
}

/// The largest positive value that a stored component can have: at it, a receiver is overloaded.
pub fn full_scale(datatype: Datatype) -> f32 {
    match datatype.number() {
        Number::U8 => 127.0 / 128.0,
        Number::I8 => 127.0 / 128.0,
        Number::U16 | Number::I16 => 32767.0 / 32768.0,
        Number::U32 | Number::I32 | Number::F32 | Number::F64 => 1.0,
    }
}

/// A stream that is being recorded.
pub struct Recorder {
    options: RecordOptions,
    folder: PathBuf,
    stem: String,
    info: StreamInfo,
    full_scale: f32,
    /// Bytes of a sample of all channels.
    frame: u64,
    sink: Option<Box<SigmfSink>>,
    files: Vec<PathBuf>,
    /// Samples of each channel in this file, and in all.
    in_file: u64,
    samples: u64,
    gaps: u64,
    next_disk_check: u64,
    level: Level,
}

impl Recorder {
    /// Prepares to record a stream as `NAME.sigmf-meta` and `NAME.sigmf-data`; the files begin with the first block.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a name with another extension, [`Error::Exists`], [`Error::Option`], [`Error::Io`].
    pub fn new(path: &Path, info: &StreamInfo, options: RecordOptions) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = [".sigmf-meta", ".sigmf-data"].iter().find_map(|end| name.strip_suffix(end));
        let Some(stem) = stem.filter(|stem| !stem.is_empty()) else {
            let what = format!("the name {name:?}; use NAME.sigmf-meta");
            return Err(Error::Unsupported { format: "a live recording", what });
        };
        let datatype = options.create.datatype.unwrap_or(Datatype::CF32_LE);
        let parts = if datatype.complex() { 2 } else { 1 };
        let frame = (info.channels * parts * datatype.number().bytes()) as u64;
        let mut options = options;
        options.create.channels = info.channels;
        options.create.sample_rate = options.create.sample_rate.or(info.sample_rate);
        options.create.hardware = options.create.hardware.take().or_else(|| info.hardware.clone());
        if let Some(Rotate::Seconds(seconds)) = options.rotate
            && !(seconds > 0.0 && info.sample_rate.is_some())
        {
            return Err(Error::Option {
                option: "rotate",
                rule: "above 0 s, of a stream whose sample rate is known".into(),
                got: format!("{seconds} s"),
            });
        }
        let mut recorder = Self {
            folder: path.parent().unwrap_or(Path::new("")).into(),
            stem: stem.into(),
            info: info.clone(),
            full_scale: full_scale(info.datatype),
            frame: frame.max(1),
            sink: None,
            files: Vec::new(),
            in_file: 0,
            samples: 0,
            gaps: 0,
            next_disk_check: 0,
            level: Level::default(),
            options,
        };
        // What cannot be written is said now, not after the first block.
        recorder.begin()?;
        Ok(recorder)
    }

    /// Appends a block, as far as it is wanted.
    ///
    /// # Errors
    /// Those of [`Sink::write`].
    pub fn push(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<Option<Enough>> {
        self.gaps += u64::from(read.lost_before.is_gap());
        let mut from = 0;
        while from < read.samples {
            let left = self.left();
            if left == 0 {
                return Ok(Some(Enough::Limit));
            }
            if self.disk_is_full()? {
                return Ok(Some(Enough::DiskFull));
            }
            if self.in_file >= self.per_file()
                || self.sink.as_ref().is_some_and(|sink| sink.captures() >= MOST_CAPTURES)
            {
                self.complete()?;
            }
            let room = (self.per_file() - self.in_file).min(left);
            let to = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(from).min(read.samples);
            let part = part_of(read, from, to, self.info.sample_rate);
            let view = samples.slice_axis(Axis(1), Slice::from(from..to));
            for row in view.rows() {
                if let Some(row) = row.as_slice() {
                    self.level.push(row, self.full_scale);
                }
            }
            self.begin()?;
            if let Some(sink) = self.sink.as_mut() {
                sink.write(view, &part)?;
            }
            let written = (to - from) as u64;
            (self.in_file, self.samples) = (self.in_file + written, self.samples + written);
            from = to;
        }
        Ok((self.left() == 0).then_some(Enough::Limit))
    }

    /// Adds an annotation; its samples count as those of the blocks, and must be in the present file.
    ///
    /// # Errors
    /// Those of [`Sink::annotate`].
    pub fn annotate(&mut self, annotation: Annotation) -> Result<()> {
        self.sink.as_mut().map_or(Ok(()), |sink| sink.annotate(annotation))
    }

    /// Hands what was written to the operating system.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.sink.as_mut().filter(|_| self.in_file > 0).map_or(Ok(()), |sink| sink.flush())
    }

    /// What was measured since the last call.
    pub fn level(&mut self) -> Level {
        std::mem::take(&mut self.level)
    }

    /// Samples of each channel so far, and gaps before them.
    pub fn samples(&self) -> (u64, u64) {
        (self.samples, self.gaps)
    }

    /// Bytes of samples so far.
    pub fn bytes(&self) -> u64 {
        self.samples * self.frame
    }

    /// Completes the last file, and names them all. Without a sample there is none.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<Vec<PathBuf>> {
        self.complete()?;
        Ok(self.files)
    }

    /// The next file, if there is none open.
    fn begin(&mut self) -> Result<()> {
        if self.sink.is_some() {
            return Ok(());
        }
        let name = match self.options.rotate {
            None if self.files.is_empty() => format!("{}.sigmf-meta", self.stem),
            _ => format!("{}-{:04}.sigmf-meta", self.stem, self.files.len()),
        };
        let path = self.folder.join(name);
        self.sink = Some(Box::new(SigmfSink::live(&path, &self.options.create, self.options.hash)?));
        self.files.push(path);
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        if std::mem::take(&mut self.in_file) == 0 {
            self.files.pop();
            return Ok(());
        }
        let sink: Box<dyn Sink> = sink;
        sink.finish()
    }

    /// Samples that are still wanted.
    fn left(&self) -> u64 {
        let by_bytes = self.options.most_bytes.map_or(u64::MAX, |bytes| bytes / self.frame);
        self.options.most_samples.unwrap_or(u64::MAX).min(by_bytes).saturating_sub(self.samples)
    }

    /// Samples of a file; at least 1.
    fn per_file(&self) -> u64 {
        match self.options.rotate {
            None => u64::MAX,
            Some(Rotate::Bytes(bytes)) => (bytes / self.frame).max(1),
            Some(Rotate::Seconds(seconds)) => {
                ((seconds * self.info.sample_rate.unwrap_or(1.0)) as u64).max(1)
            }
        }
    }

    fn disk_is_full(&mut self) -> Result<bool> {
        if self.bytes() < self.next_disk_check {
            return Ok(false);
        }
        self.next_disk_check = self.bytes() + DISK_EVERY;
        // What is written until the next look counts as written.
        Ok(free_bytes(&self.folder)?
            .is_some_and(|free| free < self.options.keep_free.saturating_add(DISK_EVERY)))
    }
}

/// The samples `from..to` of a block.
fn part_of(read: &Read, from: usize, to: usize, sample_rate: Option<f64>) -> Read {
    let offset = from as u64;
    Read {
        samples: to - from,
        sample_start: read.sample_start.saturating_add(offset),
        global_index: read.global_index.saturating_add(offset),
        lost_before: if from == 0 { read.lost_before } else { Lost::None },
        time: read.time.filter(|_| from == 0).or_else(|| {
            read.time.zip(read.sample_rate.or(sample_rate)).and_then(|(time, rate)| time.after(offset, rate))
        }),
        not_finite: if from == 0 { read.not_finite } else { 0 },
        ..*read
    }
}

/// Bytes that this user may still write on the disk of `folder`; `None` where the system does not say.
///
/// # Errors
/// [`Error::Io`].
pub fn free_bytes(folder: &Path) -> Result<Option<u64>> {
    #[cfg(unix)]
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let found = rustix::fs::statvfs(folder)
            .map_err(|error| Error::Io { path: folder.to_owned(), error: error.into() })?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{OpenOptions, open};

    fn info() -> StreamInfo {
        StreamInfo { center_frequency: Some(1e9), ..StreamInfo::new("test", Datatype::CI16_LE, 2, Some(1e6)) }
    }

    /// Sample k of channel c is (k, c) in units of 2^-15.
    fn block(start: u64, samples: usize) -> Array2<Complex32> {
        Array2::from_shape_fn((2, samples), |(channel, k)| {
            Complex32::new((start + k as u64) as f32, channel as f32) / 32768.0
        })
    }

    fn options() -> RecordOptions {
        let create = CreateOptions { datatype: Some(Datatype::CI16_LE), ..CreateOptions::default() };
        RecordOptions { create, keep_free: 0, ..RecordOptions::default() }
    }

    fn read(start: u64, samples: usize, lost_before: Lost, global: u64) -> Read {
        Read {
            samples,
            sample_start: start,
            global_index: global,
            lost_before,
            sample_rate: Some(1e6),
            center_frequency: Some(1e9),
            ..Read::default()
        }
    }

    #[test]
    fn rotation_and_limits_are_exact_and_nothing_is_lost_between_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sigmf-meta");
        // 8 bytes a sample: 100 samples a file, 250 in all.
        let options =
            RecordOptions { rotate: Some(Rotate::Bytes(807)), most_samples: Some(250), ..options() };
        let mut recorder = Recorder::new(&path, &info(), options).unwrap();
        let mut enough = None;
        for start in (0..).step_by(30).take_while(|_| enough.is_none()).take(20).collect::<Vec<u64>>() {
            if enough.is_none() {
                enough = recorder.push(block(start, 30).view(), &read(start, 30, Lost::None, start)).unwrap();
            }
        }
        assert_eq!(enough, Some(Enough::Limit));
        assert_eq!(recorder.samples(), (250, 0));
        let files = recorder.finish().unwrap();
        let mut next = 0u64;
        for (number, (file, want)) in files.iter().zip([100, 100, 50]).enumerate() {
            assert!(file.to_str().unwrap().ends_with(&format!("a-000{number}.sigmf-meta")));
            let mut source =
                open(file.to_str().unwrap(), &OpenOptions { verify: true, ..OpenOptions::default() })
                    .unwrap();
            assert_eq!(source.info().samples, Some(want));
            assert!(!source.metadata().unwrap().global.extra.contains_key("phy-sec:live"));
            let mut out = Array2::zeros((2, 1000));
            let got = source.read(out.view_mut()).unwrap().unwrap();
            assert_eq!((got.samples as u64, got.global_index), (want, next));
            for k in 0..got.samples {
                assert_eq!(out[[1, k]], block(next, 1)[[1, 0]]);
                next += 1;
            }
        }
        assert_eq!((files.len(), next), (3, 250));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6, "nothing else is left");
    }

    #[test]
    fn gaps_are_captures_and_annotations_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sigmf-meta");
        let mut recorder = Recorder::new(&path, &info(), options()).unwrap();
        recorder.push(block(0, 100).view(), &read(0, 100, Lost::None, 0)).unwrap();
        recorder.push(block(100, 50).view(), &read(100, 50, Lost::Count(7), 107)).unwrap();
        recorder.push(block(150, 50).view(), &read(150, 50, Lost::Unknown, 157)).unwrap();
        recorder.flush().unwrap();
        let look = |partial: bool| {
            let options = OpenOptions { partial, ..OpenOptions::default() };
            let mut source = open(path.to_str().unwrap(), &options).unwrap();
            let notes: Vec<_> = source
                .annotations()
                .iter()
                .map(|a| (a.sample_start, a.extra["phy-sec:lost_samples"].to_string()))
                .collect();
            assert_eq!(notes, [(100, "7".into()), (150, "\"unknown\"".into())]);
            let mut out = Array2::zeros((2, 1000));
            let mut blocks = Vec::new();
            while let Some(read) = source.read(out.view_mut()).unwrap() {
                blocks.push((read.samples, read.lost_before));
            }
            assert_eq!(blocks, [(100, Lost::None), (50, Lost::Count(7)), (50, Lost::Unknown)]);
        };
        look(false); // while it is being written
        recorder.finish().unwrap();
        look(false);
    }

    #[test]
    fn a_disk_that_would_be_full_ends_it_cleanly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sigmf-meta");
        let options = RecordOptions { keep_free: u64::MAX, ..options() };
        let mut recorder = Recorder::new(&path, &info(), options).unwrap();
        let enough = recorder.push(block(0, 10).view(), &read(0, 10, Lost::None, 0)).unwrap();
        if cfg!(unix) {
            assert_eq!(enough, Some(Enough::DiskFull));
            assert!(recorder.finish().unwrap().is_empty());
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn level_of_a_full_scale_sine_and_its_clipping() {
        let mut level = Level::default();
        let top = full_scale(Datatype::CI16_LE);
        level.push(&[Complex32::new(0.6, 0.8); 1000], top);
        level.push(&[Complex32::new(0.0, -1.0); 1000], top);
        assert!((level.mean_power - 1.0).abs() < 1e-6 && (level.peak - 1.0).abs() < 1e-6);
        assert_eq!((level.clipped, level.samples), (1000, 2000));
    }

    #[test]
    fn what_cannot_be_written_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.cf32", "a.sigmf", ".sigmf-meta", ""] {
            assert!(Recorder::new(&folder.path().join(name), &info(), options()).is_err(), "{name}");
        }
        let path = folder.path().join("a.sigmf-meta");
        std::fs::write(&path, "mine").unwrap();
        assert!(matches!(Recorder::new(&path, &info(), options()), Err(Error::Exists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
