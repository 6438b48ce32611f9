//! What a source says about its stream, and about each block of it.

use jiff::Timestamp;

use crate::Datatype;

/// What is known of a stream before its first sample is read.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// Where it comes from: `raw`, `sigmf`, `sigmf archive`, `wav`.
    pub format: &'static str,
    /// How the samples are stored; what [`Source::read`](crate::Source::read) hands over is always complex, full scale 1.
    pub datatype: Datatype,
    /// Channels: the rows that `read` fills.
    pub channels: usize,
    /// Hz; `None` where neither file nor caller says.
    pub sample_rate: Option<f64>,
    /// Hz, of the first block; later ones may differ.
    pub center_frequency: Option<f64>,
    /// Index of the first sample.
    pub sample_start: u64,
    /// Samples of each channel; `None` for a stream without end.
    pub samples: Option<u64>,
    /// Stretches with one frequency and no gap inside.
    pub segments: usize,
    /// Bytes after the last whole sample that were left out because the caller allowed it.
    pub partial_bytes: u64,
    /// What the recording's author says about it.
    pub description: Option<String>,
    /// The receiver.
    pub hardware: Option<String>,
}

impl StreamInfo {
    /// One stream without end, of which nothing else is known.
    pub fn new(format: &'static str, datatype: Datatype, channels: usize, sample_rate: Option<f64>) -> Self {
        Self {
            format,
            datatype,
            channels,
            sample_rate,
            center_frequency: None,
            sample_start: 0,
            samples: None,
            segments: 1,
            partial_bytes: 0,
            description: None,
            hardware: None,
        }
    }

    /// Seconds of signal, where rate and length are known.
    pub fn duration(&self) -> Option<f64> {
        Some(self.samples? as f64 / self.sample_rate?)
    }
}

/// Where one block of samples stands in the stream. A block never straddles a gap or a retuning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Read {
    /// Columns that were filled, from the first; at least 1.
    pub samples: usize,
    /// Index of the first of them among the samples that the source delivers: SigMF's `core:sample_start`, what
    /// annotations count in.
    pub sample_start: u64,
    /// Its index in the original stream, lost samples included: SigMF's `core:global_index`.
    pub global_index: u64,
    /// Samples that are missing between the previous block and this one.
    pub lost_before: Lost,
    /// When the first sample was taken.
    pub time: Option<Time>,
    /// Hz.
    pub sample_rate: Option<f64>,
    /// Hz.
    pub center_frequency: Option<f64>,
    /// Samples that were NaN or infinite and were set to zero because the caller allowed it.
    pub not_finite: usize,
}

/// Samples missing before a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lost {
    /// The block continues the previous one.
    #[default]
    None,
    /// So many samples of each channel are missing.
    Count(u64),
    /// Some are missing, and nobody counted them.
    Unknown,
}

impl Lost {
    /// Whether the stream is broken here, so that detectors must start afresh.
    pub fn is_gap(self) -> bool {
        self != Lost::None
    }
}

/// When a sample was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// By the calendar.
    Utc(Timestamp),
    /// By the radio's own counter, whose zero means nothing. Nanoseconds.
    Hardware(i64),
}

impl Time {
    /// This time and `samples / sample_rate` seconds more, or `None` beyond the calendar.
    pub fn after(self, samples: u64, sample_rate: f64) -> Option<Self> {
        // Whole seconds apart from the rest: a double holds the sum of both to 1 ns for 50 days only.
        let seconds = (samples as f64 / sample_rate).floor();
        let rest = (samples as f64 - seconds * sample_rate) / sample_rate;
        let nanoseconds = (rest * 1e9).round();
        if !(seconds.is_finite() && seconds < 1e15 && nanoseconds.is_finite()) {
            return None;
        }
        let total = seconds as i128 * 1_000_000_000 + nanoseconds as i128;
        match self {
            Time::Utc(start) => Timestamp::from_nanosecond(start.as_nanosecond() + total).ok().map(Time::Utc),
            Time::Hardware(start) => i64::try_from(i128::from(start) + total).ok().map(Time::Hardware),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_after_samples() {
        let start = Time::Utc("2026-01-31T23:59:59.5Z".parse().unwrap());
        let later = start.after(2_500_000, 1e6).unwrap();
        assert_eq!(later, Time::Utc("2026-02-01T00:00:02Z".parse().unwrap()));
        // 100 days at 30.72 MS/s and one sample: 32.55 ns later.
        let days = 100 * 86_400 * 30_720_000_u64;
        let Some(Time::Hardware(ns)) = Time::Hardware(0).after(days + 1, 30.72e6) else { panic!() };
        assert_eq!(ns, 100 * 86_400 * 1_000_000_000 + 33);
        assert_eq!(start.after(u64::MAX, 1e-3), None);
        assert_eq!(Time::Hardware(i64::MAX).after(1, 1.0), None);
    }
}
