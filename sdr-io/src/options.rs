//! What a caller can say about a recording that the recording does not say itself.

use crate::{Datatype, Error, MAX_CHANNELS, ReplayOptions, Result};

/// How to open a recording. A URI's query says the same things and wins over these.
///
/// Rate and frequency override what the file says. Datatype and channels are for raw files; a file that
/// states its own may not be contradicted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenOptions {
    /// How a raw file stores its samples. Query: `datatype`.
    pub datatype: Option<Datatype>,
    /// Interleaved channels of a raw file, sample by sample; 1 where nothing is said. Query: `channels`.
    pub channels: Option<usize>,
    /// Hz. Query: `rate`.
    pub sample_rate: Option<f64>,
    /// Hz. Query: `freq`.
    pub center_frequency: Option<f64>,
    /// Bytes to skip at the beginning of a raw file. Query: `header_bytes`.
    pub header_bytes: u64,
    /// Read a file that was cut, inside a sample or before captures or annotations of its metadata, up to there, instead
    /// of refusing it. Query: `partial=true`.
    pub partial: bool,
    /// What a NaN or infinite sample is. Query: `not_finite=zero`.
    pub not_finite: NonFinite,
    /// Check the samples against `core:sha512` first, which reads the whole file; a recording without one is refused.
    /// Query: `verify=true`.
    pub verify: bool,
    /// SigMF extensions that the caller understands, beside `phy-sec`: a recording that requires another is refused.
    pub extensions: Vec<String>,
    /// Speed and repetition. Query: `realtime=true`, `loop=true`.
    pub replay: ReplayOptions,
}

/// What to do about samples that are NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// An error that says where.
    #[default]
    Refuse,
    /// Zero, counted in [`Read::not_finite`](crate::Read::not_finite).
    Zero,
}

impl OpenOptions {
    /// Refuses what no radio can be.
    pub(crate) fn check(&self) -> Result<()> {
        check_rate(self.sample_rate)?;
        if let Some(frequency) = self.center_frequency
            && (frequency.is_nan() || frequency.abs() > 1e12)
        {
            return Err(Error::Option {
                option: "center_frequency",
                rule: "within ±1e12 Hz".into(),
                got: printed(frequency),
            });
        }
        check_channels(self.channels.unwrap_or(1))
    }
}

/// How to write a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateOptions {
    /// How to store the samples; where `None`, as the extension says, or else `cf32_le`.
    pub datatype: Option<Datatype>,
    /// Rows of every block. Default 1.
    pub channels: usize,
    /// Hz; where `None`, that of the first block.
    pub sample_rate: Option<f64>,
    /// Replace an existing file.
    pub overwrite: bool,
    /// What the recording is (SigMF).
    pub description: Option<String>,
    /// Who made it (SigMF).
    pub author: Option<String>,
    /// The receiver (SigMF).
    pub hardware: Option<String>,
    /// The URL of the licence it is offered under (SigMF).
    pub license: Option<String>,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            datatype: None,
            channels: 1,
            sample_rate: None,
            overwrite: false,
            description: None,
            author: None,
            hardware: None,
            license: None,
        }
    }
}

impl CreateOptions {
    pub(crate) fn check(&self) -> Result<()> {
        check_rate(self.sample_rate)?;
        check_channels(self.channels)
    }
}

pub(crate) fn check_rate(rate: Option<f64>) -> Result<()> {
    match rate {
        Some(rate) if !(rate > 0.0 && rate <= 1e12) => Err(Error::Option {
            option: "sample_rate",
            rule: "above 0 and at most 1e12 Hz".into(),
            got: printed(rate),
        }),
        _ => Ok(()),
    }
}

/// 1e300 in five letters, not in three hundred.
fn printed(x: f64) -> String {
    if x == 0.0 || !x.is_finite() || (1e-6..1e15).contains(&x.abs()) {
        x.to_string()
    } else {
        format!("{x:e}")
    }
}

pub(crate) fn check_channels(channels: usize) -> Result<()> {
    if (1..=MAX_CHANNELS).contains(&channels) {
        return Ok(());
    }
    Err(Error::Option {
        option: "channels",
        rule: format!("from 1 to {MAX_CHANNELS}"),
        got: channels.to_string(),
    })
}
