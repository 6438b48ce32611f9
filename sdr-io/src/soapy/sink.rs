//! Samples to a radio.

use std::time::{Duration, Instant};

use kernels::{Backend, convert};
use ndarray::ArrayView2;
use num_complex::Complex32;

use super::{
    ffi::{Code, Device, Direction, Stream},
    options::{RadioOptions, SampleFormat},
    settings::apply,
};
use crate::{CreateOptions, Error, Lost, RadioError, Read, Result, Sink, sigmf::Annotation};

/// Most samples converted and handed over at once.
const BLOCK: usize = 1 << 14;
/// Longest silence sent for a gap of known length, in seconds.
const LONGEST_GAP: f64 = 1.0;
/// How long the end of the last burst is waited for.
const LAST: Duration = Duration::from_secs(3);

/// What a driver said of what it transmitted, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkCounters {
    /// The radio ran dry in the middle of a stretch.
    pub underflows: u64,
    /// Bursts whose time had passed: they were not sent.
    pub late: u64,
    /// Bursts that ended as they should.
    pub bursts: u64,
}

/// A radio that transmits.
///
/// As a [`Sink`] it sends block after block without a pause; the times of the blocks, which are those of their reception,
/// count for nothing. A gap of known length is sent as silence, at most a second of it. [`SoapySink::burst`] sends at a
/// stated time.
#[derive(Debug)]
pub struct SoapySink {
    name: String,
    notes: Vec<String>,
    stream: Stream,
    format: SampleFormat,
    scale: f32,
    channels: usize,
    sample_rate: f64,
    timeout: Duration,
    clipped: u64,
    counters: SinkCounters,
    has_status: bool,
    /// In the middle of a burst.
    sending: bool,
    buffer: Vec<u64>,
    line: Vec<Complex32>,
}

impl SoapySink {
    /// Opens `soapy:ARGUMENTS?KEY=VALUE&...` to transmit. `options` gives the rate that the URI does not, and the channels.
    ///
    /// # Errors
    /// [`Error::Uri`], [`Error::Option`], [`Error::Radio`].
    pub fn open(uri: &str, options: &CreateOptions) -> Result<Self> {
        let mut radio = RadioOptions::parse(uri)?;
        radio.sample_rate = radio.sample_rate.or(options.sample_rate);
        if radio.channels == [0] {
            radio.channels = (0..options.channels.min(super::source::MAX_RADIO_CHANNELS)).collect();
        }
        Self::new(&radio)
    }

    /// As [`SoapySink::open`], with everything said.
    ///
    /// # Errors
    /// [`Error::Radio`]; [`Error::Option`] without a channel.
    pub fn new(options: &RadioOptions) -> Result<Self> {
        let name = options.name();
        let channels = options.channels.len();
        if channels == 0 || channels > super::source::MAX_RADIO_CHANNELS {
            let rule = format!("from 1 to {}", super::source::MAX_RADIO_CHANNELS);
            return Err(Error::Option { option: "channels", rule, got: channels.to_string() });
        }
        let radio = |error| Error::Radio { device: name.clone(), error };
        let device = Device::open(&options.args).map_err(radio)?;
        let settled = apply(&device, Direction::Transmit, options).map_err(radio)?;
        let mut stream = device
            .stream(Direction::Transmit, settled.format, &options.channels, &options.stream_args)
            .map_err(radio)?;
        stream.activate(None).map_err(radio)?;
        let words = (BLOCK * settled.format.datatype().bytes_per_sample()).div_ceil(8);
        Ok(Self {
            name,
            notes: settled.notes,
            stream,
            format: settled.format,
            scale: settled.scale,
            channels,
            sample_rate: settled.sample_rate,
            timeout: Duration::from_secs_f64(options.timeout.clamp(0.01, 3.0)),
            clipped: 0,
            counters: SinkCounters::default(),
            has_status: true,
            sending: false,
            buffer: vec![0; words * channels],
            line: vec![Complex32::default(); BLOCK],
        })
    }

    /// Hz, as the radio set it.
    pub fn sample_rate(&self) -> f64 {
        self.sample_rate
    }

    /// What the radio did otherwise than it was asked.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the driver said so far.
    pub fn counters(&mut self) -> SinkCounters {
        self.ask_for_status(Duration::ZERO);
        self.counters
    }

    /// The hardware's clock, in nanoseconds, where it has one.
    pub fn hardware_time(&self) -> Option<i64> {
        let device = self.stream.device()?;
        device.has_time().then(|| device.time().ok()).flatten()
    }

    /// Sends `samples`, `[channel, sample]`, as one burst, whose first sample leaves at `at`, in nanoseconds of the
    /// hardware's clock, or at once. A burst that came too late is not sent, and counted: see [`SoapySink::counters`].
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], [`Error::Radio`].
    pub fn burst(&mut self, samples: ArrayView2<'_, Complex32>, at: Option<i64>) -> Result<()> {
        self.send(samples, 0, at, true)
    }

    fn send(
        &mut self,
        samples: ArrayView2<'_, Complex32>,
        sample_start: u64,
        at: Option<i64>,
        end: bool,
    ) -> Result<()> {
        let (rows, columns) = samples.dim();
        if rows != self.channels {
            return Err(Error::Shape {
                what: "rows of the block",
                need: self.channels.to_string(),
                got: rows,
            });
        }
        for (channel, row) in samples.rows().into_iter().enumerate() {
            if let Some(bad) = row.iter().position(|x| !x.is_finite()) {
                return Err(Error::NotFinite { sample: sample_start.saturating_add(bad as u64), channel });
            }
        }
        let mut start = 0;
        while start < columns {
            let end_of_block = (start + BLOCK).min(columns);
            self.encode(samples, start..end_of_block);
            let last = end && end_of_block == columns;
            self.hand_over(end_of_block - start, at.filter(|_| start == 0), last)?;
            start = end_of_block;
        }
        self.sending = !end;
        self.ask_for_status(Duration::ZERO);
        Ok(())
    }

    /// Puts some columns into the buffer as they travel.
    fn encode(&mut self, samples: ArrayView2<'_, Complex32>, columns: std::ops::Range<usize>) {
        let datatype = self.format.datatype();
        let words = self.buffer.len() / self.channels;
        let count = columns.len();
        for (row, stored) in samples.rows().into_iter().zip(self.buffer.chunks_exact_mut(words)) {
            let row = row.slice_axis(ndarray::Axis(0), columns.clone().into());
            for (to, from) in self.line.iter_mut().zip(row) {
                self.clipped += u64::from(from.re.abs() > 1.0) + u64::from(from.im.abs() > 1.0);
                // Beyond full scale a converter saturates; a driver that gets floats may wrap around.
                let full = |x: f32| x.clamp(-1.0, 1.0) / self.scale;
                *to = Complex32::new(full(from.re), full(from.im));
            }
            let stored =
                &mut bytemuck::cast_slice_mut::<u64, u8>(stored)[..count * datatype.bytes_per_sample()];
            let components = bytemuck::cast_slice(&self.line[..count]);
            convert::from_f32(&Backend::default(), datatype.number(), datatype.endian(), components, stored);
        }
    }

    /// The first `samples` of the buffer to the driver, which takes as many as it likes at a time.
    fn hand_over(&mut self, samples: usize, mut at: Option<i64>, end: bool) -> Result<()> {
        let (words, bytes) = (self.buffer.len() / self.channels, self.format.datatype().bytes_per_sample());
        let mut sent = 0;
        let mut since = Instant::now();
        while sent < samples {
            let left = self.timeout.saturating_sub(since.elapsed());
            let error = |error| Error::Radio { device: self.name.clone(), error };
            if left.is_zero() {
                return Err(error(RadioError::Silent { seconds: self.timeout.as_secs_f64() }));
            }
            let rows = self.buffer.chunks_exact(words);
            let rows = rows.map(|row| &bytemuck::cast_slice::<u64, u8>(row)[sent * bytes..]);
            match self.stream.write(rows, samples - sent, at, end, left) {
                Ok(0) | Err(Code::Timeout) => std::thread::sleep(Duration::from_millis(1).min(left)),
                Ok(took) => {
                    sent += took;
                    at = None;
                    since = Instant::now();
                }
                Err(Code::Underflow) => self.counters.underflows += 1,
                Err(Code::TimeError) => {
                    self.counters.late += 1;
                    return Ok(());
                }
                Err(code) => return Err(error(code.broken("transmit"))),
            }
        }
        Ok(())
    }

    fn ask_for_status(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.has_status {
            let before = self.counters.bursts;
            match self.stream.status(until.saturating_duration_since(Instant::now())) {
                Ok(true) => self.counters.bursts += 1,
                Ok(false) => {}
                Err(Code::Underflow) => self.counters.underflows += 1,
                Err(Code::TimeError) => self.counters.late += 1,
                Err(Code::Timeout) if Instant::now() < until => {}
                Err(Code::NotSupported) => self.has_status = false,
                Err(_) => return,
            }
            if !patience.is_zero() && self.counters.bursts > before {
                return;
            }
        }
    }
}

impl Sink for SoapySink {
    fn write(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<()> {
        if read.samples > samples.ncols() {
            let need = format!("at least the {} that the block claims", read.samples);
            return Err(Error::Shape { what: "columns of the block", need, got: samples.ncols() });
        }
        if let Lost::Count(lost) = read.lost_before
            && self.sending
        {
            let mut left = lost.min((self.sample_rate * LONGEST_GAP) as u64) as usize;
            let silence = ndarray::Array2::zeros((self.channels, left.min(BLOCK)));
            while left > 0 {
                let some = left.min(BLOCK);
                self.send(silence.slice(ndarray::s![.., ..some]), read.sample_start, None, false)?;
                left -= some;
            }
        }
        self.send(samples.slice(ndarray::s![.., ..read.samples]), read.sample_start, None, false)
    }

    fn annotate(&mut self, _: Annotation) -> Result<()> {
        Err(Error::Unsupported { format: "a radio", what: "annotations".into() })
    }

    fn clipped(&self) -> u64 {
        self.clipped
    }

    /// Ends the burst, and waits until the radio says that it is out, or three seconds.
    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.sending {
            let silence = ndarray::Array2::zeros((self.channels, 1));
            self.ask_for_status(Duration::ZERO);
            self.send(silence.view(), 0, None, true)?;
            self.ask_for_status(LAST);
            if !self.has_status {
                // Nobody says when it is out: what a driver holds is a fraction of a second.
                std::thread::sleep(Duration::from_millis(300));
            }
        }
        Ok(())
    }
}
