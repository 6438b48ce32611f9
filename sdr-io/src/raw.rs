//! Raw files: interleaved samples and nothing else. The name's extension or the caller says how they are stored.

use std::path::Path;

use ndarray::{ArrayView2, ArrayViewMut2};
use num_complex::Complex32;

use crate::{
    CreateOptions, Datatype, Error, OpenOptions, Read, Result, Sink, Source, StreamInfo,
    dataset::{Dataset, Layout, Packing, Segment, open_file},
    encode::Encoder,
    partial::Partial,
    sigmf::Annotation,
};

/// A raw file that is read.
#[derive(Debug)]
pub struct RawSource {
    info: StreamInfo,
    dataset: Dataset,
}

impl RawSource {
    /// Opens `path`; `options` or the extension say how its samples are stored.
    ///
    /// # Errors
    /// [`Error::NoDatatype`], [`Error::NoChecksum`], [`Error::Empty`], [`Error::PartialSample`], [`Error::ByteOrder`],
    /// [`Error::Option`], [`Error::NotAFile`], [`Error::Io`].
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self> {
        options.check()?;
        // First of all whether it is there: of a name that was mistyped the datatype is not the trouble.
        let (file, bytes) = open_file(path)?;
        let datatype = options
            .datatype
            .or_else(|| extension_datatype(path))
            .ok_or_else(|| Error::NoDatatype { path: path.to_owned() })?;
        if options.verify {
            return Err(Error::NoChecksum { path: path.to_owned() });
        }
        let layout = Layout {
            datatype,
            packing: Packing::Plain,
            channels: options.channels.unwrap_or(1),
            sample_rate: options.sample_rate,
            not_finite: options.not_finite,
        };
        if bytes > 0 && options.header_bytes > bytes {
            return Err(Error::Option {
                option: "header_bytes",
                rule: format!("at most the {bytes} bytes of the file"),
                got: options.header_bytes.to_string(),
            });
        }
        let data = bytes.saturating_sub(options.header_bytes);
        let (samples, partial_bytes) = layout.samples(path, data, options.partial)?;
        let segment = Segment {
            sample_start: 0,
            samples,
            byte_start: options.header_bytes,
            global_index: 0,
            lost_before: crate::Lost::None,
            time: None,
            center_frequency: options.center_frequency,
        };
        let dataset = Dataset::new(path, file, layout, vec![segment])?;
        let info = StreamInfo {
            center_frequency: options.center_frequency,
            samples: Some(samples),
            partial_bytes,
            ..StreamInfo::new("raw", datatype, layout.channels, options.sample_rate)
        };
        Ok(Self { info, dataset })
    }
}

impl Source for RawSource {
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

/// A raw file that is written. It has no place for gaps, frequencies or annotations.
#[derive(Debug)]
pub struct RawSink {
    file: Partial,
    encoder: Encoder,
    next: Option<u64>,
}

impl RawSink {
    /// Begins to write `path`, stored as `options` or else the extension says.
    ///
    /// # Errors
    /// [`Error::NoDatatype`], [`Error::Exists`], [`Error::Option`], [`Error::Io`].
    pub fn create(path: &Path, options: &CreateOptions) -> Result<Self> {
        options.check()?;
        let datatype = options
            .datatype
            .or_else(|| extension_datatype(path))
            .ok_or_else(|| Error::NoDatatype { path: path.to_owned() })?;
        let file = Partial::create(path, options.overwrite)?;
        Ok(Self { file, encoder: Encoder::new(datatype, options.channels), next: None })
    }
}

impl Sink for RawSink {
    fn write(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<()> {
        refuse_gap("a raw file", self.next, read)?;
        self.encoder.encode(samples, read, |bytes| self.file.write(bytes))?;
        self.next = Some(read.sample_start + read.samples as u64);
        Ok(())
    }

    fn annotate(&mut self, _: Annotation) -> Result<()> {
        Err(Error::Unsupported { format: "a raw file", what: "annotations".into() })
    }

    fn clipped(&self) -> u64 {
        self.encoder.clipped()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.file.bytes() == 0 {
            return Err(Error::Empty { path: self.file.target().to_owned() });
        }
        self.file.finish()
    }
}

/// Formats without captures refuse what they would silently glue together.
pub(crate) fn refuse_gap(format: &'static str, next: Option<u64>, read: &Read) -> Result<()> {
    let jumps = next.is_some_and(|next| next != read.sample_start);
    if next.is_some() && read.lost_before.is_gap() || jumps {
        let what = format!("the gap before sample {}", read.sample_start);
        return Err(Error::Unsupported { format, what });
    }
    Ok(())
}

/// What the extension says, if anything.
pub(crate) fn extension_datatype(path: &Path) -> Option<Datatype> {
    path.extension().and_then(|extension| extension.to_str()).and_then(Datatype::of_extension)
}
