//! A recording as if it were live: at the speed of the radio, once or for ever. The only place that sleeps,
//! and only by the clock that it is given.

use std::time::{Duration, Instant};

use ndarray::{ArrayViewMut2, Axis, Slice};
use num_complex::Complex32;

use crate::{Error, Lost, Read, Result, Source, StreamInfo, sigmf::Annotation, sigmf::Metadata};

/// Speed and repetition of a replay. The default is as fast as possible, once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Hand over each block when its last sample would have been taken, not before.
    pub realtime: bool,
    /// Begin again at the end. Sample indices go on counting; there is a gap of unknown length at the seam.
    pub repeat: bool,
}

/// What time it is and how to wait.
pub trait Clock: Send {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
    /// Returns after `duration`.
    fn sleep(&mut self, duration: Duration);
}

/// The computer's own clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Longest signal in one block of a paced replay, so that no call blocks for longer. Seconds.
const BLOCK: f64 = 0.1;
/// Longest pause for a gap: a recording may claim that centuries are missing. Seconds.
const GAP: f64 = 1.0;

/// A source that keeps time, repeats itself, or both.
pub struct Replay {
    source: Box<dyn Source>,
    options: ReplayOptions,
    clock: Box<dyn Clock>,
    info: StreamInfo,
    /// When the first block began, by the clock.
    start: Option<Duration>,
    /// Seconds of signal handed over.
    elapsed: f64,
    /// Added to the indices in later rounds.
    sample_offset: u64,
    global_offset: u64,
    round: u64,
    /// Indices after the last block.
    next: (u64, u64),
    at_seam: bool,
}

impl Replay {
    /// Wraps `source`.
    ///
    /// # Errors
    /// [`Error::Option`] if it is to keep time and its sample rate is unknown or below 1 Hz.
    pub fn new(source: Box<dyn Source>, options: ReplayOptions, clock: Box<dyn Clock>) -> Result<Self> {
        let mut info = source.info().clone();
        if options.realtime && !info.sample_rate.is_some_and(|rate| rate >= 1.0) {
            let got = info.sample_rate.map_or("none".into(), |rate| rate.to_string());
            return Err(Error::Option {
                option: "sample_rate",
                rule: "known and at least 1 Hz to replay in real time".into(),
                got,
            });
        }
        if options.repeat {
            info.samples = None;
        }
        let next = (info.sample_start, 0);
        Ok(Self {
            source,
            options,
            clock,
            info,
            start: None,
            elapsed: 0.0,
            sample_offset: 0,
            global_offset: 0,
            round: 0,
            next,
            at_seam: false,
        })
    }

    /// Waits until the signal up to the end of this block would have arrived.
    fn keep_time(&mut self, read: &Read) {
        let Some(rate) = read.sample_rate.or(self.info.sample_rate) else { return };
        let start = *self.start.get_or_insert_with(|| self.clock.now());
        if let Lost::Count(lost) = read.lost_before {
            self.elapsed += (lost as f64 / rate).min(GAP);
        }
        self.elapsed += read.samples as f64 / rate;
        let due = start.saturating_add(Duration::try_from_secs_f64(self.elapsed).unwrap_or(Duration::MAX));
        let wait = due.saturating_sub(self.clock.now());
        if !wait.is_zero() {
            self.clock.sleep(wait);
        }
    }
}

impl Source for Replay {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, mut out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        let width = match self.info.sample_rate.filter(|_| self.options.realtime) {
            Some(rate) => out.ncols().min(((rate * BLOCK) as usize).max(1)),
            None => out.ncols(),
        };
        let mut read = self.source.read(out.slice_axis_mut(Axis(1), Slice::from(..width)))?;
        if read.is_none() && self.options.repeat {
            self.source.seek(self.source.info().sample_start)?;
            self.sample_offset = self.next.0.saturating_sub(self.info.sample_start);
            self.round += 1;
            self.at_seam = true;
            read = self.source.read(out.slice_axis_mut(Axis(1), Slice::from(..width)))?;
        }
        let Some(mut read) = read else { return Ok(None) };
        let seam = std::mem::take(&mut self.at_seam);
        if seam {
            self.global_offset = self.next.1.saturating_sub(read.global_index);
        }
        read.sample_start = read.sample_start.saturating_add(self.sample_offset);
        read.global_index = read.global_index.saturating_add(self.global_offset);
        if seam {
            read.lost_before = Lost::Unknown;
        }
        if self.round > 0 {
            read.time = None; // the recording's own time does not come twice
        }
        let samples = read.samples as u64;
        self.next = (read.sample_start.saturating_add(samples), read.global_index.saturating_add(samples));
        if self.options.realtime {
            self.keep_time(&read);
        }
        Ok(Some(read))
    }

    /// Goes to a sample of the recording's first round; indices count from there again.
    fn seek(&mut self, sample: u64) -> Result<()> {
        self.source.seek(sample)?;
        (self.sample_offset, self.global_offset, self.round) = (0, 0, 0);
        (self.start, self.elapsed, self.at_seam) = (None, 0.0, false);
        Ok(())
    }

    /// Those of the recording: their samples are those of the first round.
    fn annotations(&self) -> &[Annotation] {
        self.source.annotations()
    }

    fn metadata(&self) -> Option<&Metadata> {
        self.source.metadata()
    }
}
