//! WAV files as SDR programs write them: two channels are I and Q of one antenna, one channel is a real signal.
//!
//! RIFF, RF64 and BW64; 8, 16, 24 and 32 bit integers, 32 and 64 bit floating point, plain or extensible; the
//! centre frequency from the `auxi` chunk of SDR#, HDSDR and SDRuno. Chunks may come in any order, the pad byte
//! after an odd one may be missing, and a `data` size of 0xFFFFFFFF means up to the end of the file.
//!
//! # Source
//! Microsoft, *Multimedia Programming Interface and Data Specifications 1.0*, 1991; ITU-R BS.2088-1 (BW64).

mod chunks;
mod sink;

use std::path::Path;

use ndarray::ArrayViewMut2;
use num_complex::Complex32;

pub use chunks::WavError;
pub use sink::WavSink;

use crate::{
    Error, Lost, OpenOptions, Read, Result, Source, StreamInfo,
    dataset::{Dataset, Layout, Segment, open_file},
    sigmf::agree,
};

/// A WAV file that is read.
#[derive(Debug)]
pub struct WavSource {
    info: StreamInfo,
    dataset: Dataset,
}

impl WavSource {
    /// Opens `path`.
    ///
    /// # Errors
    /// [`Error::Wav`], [`Error::Empty`], [`Error::PartialSample`], [`Error::Option`], [`Error::NotAFile`],
    /// [`Error::Io`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        options.check()?;
        let (mut file, bytes) = open_file(path)?;
        let wav =
            chunks::parse(&mut file, bytes).map_err(|error| Error::Wav { path: path.to_owned(), error })?;
        agree("datatype", options.datatype, wav.datatype)?;
        agree("channels", options.channels, 1)?;
        agree("header_bytes", Some(options.header_bytes), 0)?;
        if options.verify {
            return Err(Error::NoChecksum { path: path.to_owned() });
        }
        let layout = Layout {
            datatype: wav.datatype,
            packing: wav.packing,
            channels: 1,
            sample_rate: options.sample_rate.or(Some(wav.sample_rate)),
            not_finite: options.not_finite,
        };
        let (samples, partial_bytes) = layout.samples(path, wav.data_bytes, options.partial)?;
        let center_frequency = options.center_frequency.or(wav.center_frequency);
        let segment = Segment {
            sample_start: 0,
            samples,
            byte_start: wav.data_start,
            global_index: 0,
            lost_before: Lost::None,
            time: None,
            center_frequency,
        };
        let dataset = Dataset::new(path, file, layout, vec![segment])?;
        let info = StreamInfo {
            center_frequency,
            samples: Some(samples),
            partial_bytes,
            ..StreamInfo::new("wav", layout.datatype, 1, layout.sample_rate)
        };
        Ok(Self { info, dataset })
    }
}

impl Source for WavSource {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        self.dataset.read(out)
    }

    fn seek(&mut self, sample: u64) -> Result<()> {
        self.dataset.seek(sample)
    }
}
