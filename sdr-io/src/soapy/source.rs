//! Samples from a radio.

use std::time::{Duration, Instant};

use kernels::{Backend, convert};
use ndarray::{ArrayViewMut2, Axis, Slice};
use num_complex::Complex32;

use super::{
    ffi::{Code, Device, Direction, Received, Stream},
    options::{RadioOptions, SampleFormat},
    place::Places,
    settings::apply,
};
use crate::{Error, NonFinite, OpenOptions, RadioError, Read, Result, Source, StreamInfo};

/// Most channels that a radio may have.
pub(super) const MAX_RADIO_CHANNELS: usize = 64;
/// Most samples asked for at once: what is not in the format of the caller is converted in a buffer of that size.
const BLOCK: usize = 1 << 17;
/// A pause after a driver has come back at once and with nothing, so that waiting does not take a whole processor.
const PAUSE: Duration = Duration::from_millis(1);

/// What a driver said of its stream, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceCounters {
    /// Overflows, by a code of the read.
    pub overflows: u64,
    /// Overflows that only the status call told of.
    pub overflows_by_status: u64,
    /// Calls that came back without samples before their time.
    pub timeouts: u64,
    /// Blocks that the driver said were damaged, or torn off behind their last sample.
    pub damaged: u64,
    /// Commands that came too late for the radio.
    pub late: u64,
}

/// A radio that receives.
#[derive(Debug)]
pub struct SoapySource {
    name: String,
    info: StreamInfo,
    notes: Vec<String>,
    stream: Stream,
    format: SampleFormat,
    scale: f32,
    not_finite: NonFinite,
    timestamps: bool,
    timeout: Duration,
    /// More patience for the first sample, where the stream begins later.
    until_start: Duration,
    places: Places,
    counters: SourceCounters,
    has_status: bool,
    ended: bool,
    /// Samples as they travel, in words so that they are aligned: `[channel][sample]`.
    buffer: Vec<u64>,
}

impl SoapySource {
    /// Opens `soapy:ARGUMENTS?KEY=VALUE&...`, sets the radio up and begins to receive.
    ///
    /// # Errors
    /// [`Error::Uri`], [`Error::Option`], [`Error::Radio`].
    pub fn open(uri: &str, options: &OpenOptions) -> Result<Self> {
        Self::new(&RadioOptions::parse(uri)?.with(options)?)
    }

    /// As [`SoapySource::open`], with everything said.
    ///
    /// # Errors
    /// [`Error::Radio`]; [`Error::Option`] without a channel or with a timeout out of range.
    pub fn new(options: &RadioOptions) -> Result<Self> {
        let name = options.name();
        let count = options.channels.len();
        if count == 0 || count > MAX_RADIO_CHANNELS {
            let rule = format!("from 1 to {MAX_RADIO_CHANNELS}");
            return Err(Error::Option { option: "channels", rule, got: count.to_string() });
        }
        if !(0.01..=3.0).contains(&options.timeout) {
            let rule = "from 0.01 to 3 s".into();
            return Err(Error::Option { option: "timeout", rule, got: options.timeout.to_string() });
        }
        let radio = |error| Error::Radio { device: name.clone(), error };
        let device = Device::open(&options.args).map_err(radio)?;
        let settled = apply(&device, Direction::Receive, options).map_err(radio)?;
        let (driver, hardware, _) = device.hardware();
        if options.start.is_some() && !device.has_time() {
            let error =
                RadioError::Refused { call: "begin at a time", text: "the radio has no clock".into() };
            return Err(radio(error));
        }
        let mut stream = device
            .stream(Direction::Receive, settled.format, &options.channels, &options.stream_args)
            .map_err(radio)?;
        let start = match (options.start, stream.device()) {
            (Some(seconds), Some(device)) => {
                Some(device.time().map_err(radio)?.saturating_add((seconds * 1e9) as i64))
            }
            _ => None,
        };
        stream.activate(start).map_err(radio)?;
        let info = StreamInfo {
            center_frequency: Some(settled.center_frequency),
            hardware: Some(if hardware.is_empty() { driver } else { format!("{driver} {hardware}") }),
            ..StreamInfo::new("soapy", settled.format.datatype(), count, Some(settled.sample_rate))
        };
        let words = match settled.format {
            SampleFormat::Cf32 => 0, // only for rows that are not contiguous
            format => row_words(format, BLOCK) * count,
        };
        Ok(Self {
            name,
            info,
            notes: settled.notes,
            stream,
            format: settled.format,
            scale: settled.scale,
            not_finite: options.not_finite,
            timestamps: options.timestamps,
            timeout: Duration::from_secs_f64(options.timeout),
            until_start: Duration::from_secs_f64(options.start.unwrap_or(0.0)),
            places: Places::new(settled.sample_rate),
            counters: SourceCounters::default(),
            has_status: true,
            ended: false,
            buffer: vec![0; words],
        })
    }

    /// What the driver said so far.
    pub fn counters(&self) -> SourceCounters {
        self.counters
    }

    /// The hardware's clock, in nanoseconds, where it has one.
    pub fn hardware_time(&self) -> Option<i64> {
        let device = self.stream.device()?;
        device.has_time().then(|| device.time().ok()).flatten()
    }

    /// Samples that the driver likes to hand over at once.
    pub fn mtu(&self) -> usize {
        self.stream.mtu()
    }

    fn radio(&self, error: RadioError) -> Error {
        Error::Radio { device: self.name.clone(), error }
    }

    /// Waits for samples, and keeps account of everything that comes in their place.
    fn receive(&mut self, out: &mut ArrayViewMut2<'_, Complex32>) -> Result<Option<Received>> {
        let begun = Instant::now();
        let patience = self.timeout + std::mem::take(&mut self.until_start);
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(self.radio(RadioError::Silent { seconds: patience.as_secs_f64() }));
            }
            // A driver that waits for longer than it is told to is not called for longer than three seconds.
            match self.call(out, left.min(Duration::from_secs(3))) {
                Ok(received) if received.samples > 0 => return Ok(Some(received)),
                Ok(received) if received.end_burst => return Ok(None),
                Ok(_) | Err(Code::Timeout) => {
                    self.places.silence();
                    if begun.elapsed() < patience {
                        self.counters.timeouts += 1;
                        std::thread::sleep(PAUSE.min(patience.saturating_sub(begun.elapsed())));
                    }
                }
                Err(Code::Overflow) => {
                    self.counters.overflows += 1;
                    self.places.overflow();
                }
                Err(Code::Corruption) => {
                    self.counters.damaged += 1;
                    self.places.overflow();
                }
                Err(Code::TimeError) if self.places.is_empty() => return Err(self.radio(RadioError::Late)),
                Err(Code::TimeError) => {
                    self.counters.late += 1;
                    self.places.overflow();
                }
                Err(code) => return Err(self.radio(code.broken("receive"))),
            }
        }
    }

    /// One call of the driver, into `out` or the buffer.
    fn call(
        &mut self,
        out: &mut ArrayViewMut2<'_, Complex32>,
        timeout: Duration,
    ) -> std::result::Result<Received, Code> {
        let samples = out.ncols().min(BLOCK);
        if self.format == SampleFormat::Cf32 && out.rows().into_iter().all(|row| row.as_slice().is_some()) {
            let rows = out.rows_mut().into_iter().filter_map(|row| row.into_slice());
            return self.stream.read(rows.map(bytemuck::cast_slice_mut), samples, timeout);
        }
        let words = row_words(self.format, samples);
        self.buffer.resize(self.buffer.len().max(words * self.info.channels), 0);
        let rows = self.buffer.chunks_exact_mut(words).take(self.info.channels);
        let received = self.stream.read(rows.map(bytemuck::cast_slice_mut), samples, timeout)?;
        let bytes = received.samples * self.format.datatype().bytes_per_sample();
        let datatype = self.format.datatype();
        for (mut row, stored) in out.rows_mut().into_iter().zip(self.buffer.chunks_exact(words)) {
            let stored = &bytemuck::cast_slice::<u64, u8>(stored)[..bytes];
            let decode = |row: &mut [Complex32]| {
                let components = bytemuck::cast_slice_mut(row);
                convert::to_f32(
                    &Backend::default(),
                    datatype.number(),
                    datatype.endian(),
                    stored,
                    components,
                );
                if self.scale != 1.0 {
                    components.iter_mut().for_each(|x| *x *= self.scale);
                }
            };
            if let Some(row) = row.as_slice_mut() {
                decode(&mut row[..received.samples]);
            } else {
                let mut line = vec![Complex32::default(); received.samples];
                decode(&mut line);
                row.iter_mut().zip(line).for_each(|(to, from)| *to = from);
            }
        }
        Ok(received)
    }

    /// Losses that only the status call tells of, as on LimeSDR.
    fn ask_for_status(&mut self) {
        while self.has_status {
            match self.stream.status(Duration::ZERO) {
                Ok(_) => return,
                Err(Code::Overflow) => {
                    self.counters.overflows_by_status += 1;
                    self.places.overflow();
                }
                Err(Code::TimeError) => self.counters.late += 1,
                Err(Code::NotSupported) => self.has_status = false,
                Err(_) => return,
            }
        }
    }

    /// Refuses or clears samples that are no numbers, and counts them.
    fn check(&self, mut out: ArrayViewMut2<'_, Complex32>, sample_start: u64) -> Result<usize> {
        if self.format != SampleFormat::Cf32 {
            return Ok(0);
        }
        let mut count = 0;
        for (channel, mut row) in out.rows_mut().into_iter().enumerate() {
            // The greatest magnitude as bits, without an early exit: a loop at the speed of the memory. Infinity and all NaN
            // are the greatest.
            const INFINITY: u32 = f32::INFINITY.to_bits();
            let finite = match row.as_slice() {
                Some(row) => {
                    let reals: &[f32] = bytemuck::cast_slice(row);
                    reals.iter().fold(0, |most, x| most.max(x.to_bits() & i32::MAX as u32)) < INFINITY
                }
                None => row.iter().all(|x| x.is_finite()),
            };
            if finite {
                continue;
            }
            for (at, x) in row.iter_mut().enumerate().filter(|(_, x)| !x.is_finite()) {
                if self.not_finite == NonFinite::Refuse {
                    return Err(Error::NotFinite { sample: sample_start + at as u64, channel });
                }
                *x = Complex32::default();
                count += 1;
            }
        }
        Ok(count)
    }
}

/// Words that hold `samples` of one channel.
fn row_words(format: SampleFormat, samples: usize) -> usize {
    (samples * format.datatype().bytes_per_sample()).div_ceil(8)
}

impl Source for SoapySource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, mut out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        let (rows, columns) = out.dim();
        if rows != self.info.channels {
            let need = self.info.channels.to_string();
            return Err(Error::Shape { what: "rows of the block", need, got: rows });
        }
        if columns == 0 {
            return Err(Error::Shape { what: "columns of the block", need: "at least 1".into(), got: 0 });
        }
        if self.ended {
            return Ok(None);
        }
        let Some(received) = self.receive(&mut out)? else {
            self.ended = true;
            return Ok(None);
        };
        self.ask_for_status();
        let time = received.time.filter(|_| self.timestamps);
        let place = self.places.block(received.samples, time, received.more_fragments);
        if received.end_abrupt {
            self.counters.damaged += 1;
            self.places.tear();
        }
        self.ended = received.end_burst;
        let filled = out.slice_axis_mut(Axis(1), Slice::from(..received.samples));
        // A block that is refused is not handed over: what follows does not continue what came before.
        let not_finite = self.check(filled, place.sample_start).inspect_err(|_| self.places.tear())?;
        Ok(Some(Read {
            samples: received.samples,
            sample_start: place.sample_start,
            global_index: place.global_index,
            lost_before: place.lost_before,
            time: place.time,
            sample_rate: self.info.sample_rate,
            center_frequency: self.info.center_frequency,
            not_finite,
        }))
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}
