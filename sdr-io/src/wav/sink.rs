//! WAV files that are written: RIFF, and RF64 from 4 GiB on.

use std::path::Path;

use kernels::convert::{Endian, Number};
use ndarray::ArrayView2;
use num_complex::Complex32;

use crate::{
    CreateOptions, Datatype, Error, Read, Result, Sink, encode::Encoder, partial::Partial, raw::refuse_gap,
    sigmf::Annotation,
};

/// Bytes of the `auxi` chunk, as HDSDR writes it.
const AUXI: usize = 164;
/// RIFF and WAVE, ds64 or its place, fmt, auxi or its place, and the head of data.
const HEADER: usize = 12 + (8 + 28) + (8 + 16) + (8 + AUXI) + 8;

/// A WAV file in the making: I and Q as two channels, or a real signal as one.
///
/// It has no place for gaps, retunings or annotations. The centre frequency goes into an `auxi` chunk if it is a whole
/// number of Hz below 2^32, and is left out otherwise.
#[derive(Debug)]
pub struct WavSink {
    file: Partial,
    encoder: Encoder,
    sample_rate: Option<f64>,
    center_frequency: Option<f64>,
    next: Option<u64>,
}

impl WavSink {
    /// Begins to write `path`: `cu8`, `ci16_le`, `ci32_le`, `cf32_le` (default) or `cf64_le`, or one of the
    /// same real ones.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other datatypes or more than one channel; [`Error::Exists`], [`Error::Io`].
    pub fn create(path: &Path, options: &CreateOptions) -> Result<Self> {
        options.check()?;
        let unsupported = |what: String| Err(Error::Unsupported { format: "a WAV file", what });
        let datatype = options.datatype.unwrap_or(Datatype::CF32_LE);
        let known =
            matches!(datatype.number(), Number::U8 | Number::I16 | Number::I32 | Number::F32 | Number::F64);
        if !known || datatype.endian() == Endian::Big {
            return unsupported(format!("the datatype {datatype}"));
        }
        if options.channels != 1 {
            return unsupported(format!("{} antennas", options.channels));
        }
        let mut file = Partial::create(path, options.overwrite)?;
        file.write(&[0; HEADER])?; // written again at the end, when the sizes are known
        Ok(Self {
            file,
            encoder: Encoder::new(datatype, 1),
            sample_rate: options.sample_rate,
            center_frequency: None,
            next: None,
        })
    }

    fn header(&self, data: u64, rate: u32) -> Vec<u8> {
        let datatype = self.encoder.datatype();
        let total = HEADER as u64 - 8 + data + data % 2;
        let large = total > u64::from(u32::MAX) - 1;
        let short = |size: u64| if large { u32::MAX } else { size as u32 }; // it fits: see `large`
        let mut header = Vec::with_capacity(HEADER);
        header.extend(if large { b"RF64" } else { b"RIFF" });
        header.extend(short(total).to_le_bytes());
        header.extend(b"WAVE");
        header.extend(if large { b"ds64" } else { b"JUNK" });
        header.extend(28u32.to_le_bytes());
        let samples = data / datatype.bytes_per_sample() as u64;
        for size in [total, data, samples] {
            header.extend(if large { size } else { 0 }.to_le_bytes());
        }
        header.extend([0; 4]);
        header.extend(b"fmt ");
        header.extend(16u32.to_le_bytes());
        header.extend(if datatype.is_float() { 3u16 } else { 1 }.to_le_bytes());
        header.extend((datatype.components() as u16).to_le_bytes());
        header.extend(rate.to_le_bytes());
        header.extend(rate.wrapping_mul(datatype.bytes_per_sample() as u32).to_le_bytes());
        header.extend((datatype.bytes_per_sample() as u16).to_le_bytes());
        header.extend((datatype.number().bytes() as u16 * 8).to_le_bytes());
        let frequency =
            self.center_frequency.filter(|hz| hz.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(hz));
        header.extend(if frequency.is_some() { b"auxi" } else { b"JUNK" });
        header.extend((AUXI as u32).to_le_bytes());
        let mut auxi = [0; AUXI];
        auxi[32..36].copy_from_slice(&(frequency.unwrap_or(0.0) as u32).to_le_bytes());
        header.extend(auxi);
        header.extend(b"data");
        header.extend(short(data).to_le_bytes());
        header
    }
}

impl Sink for WavSink {
    fn write(&mut self, samples: ArrayView2<'_, Complex32>, read: &Read) -> Result<()> {
        const FORMAT: &str = "a WAV file";
        refuse_gap(FORMAT, self.next, read)?;
        if self.next.is_some() && read.center_frequency != self.center_frequency {
            let what = format!("the retuning at sample {}", read.sample_start);
            return Err(Error::Unsupported { format: FORMAT, what });
        }
        self.encoder.encode(samples, read, |bytes| self.file.write(bytes))?;
        self.center_frequency = read.center_frequency;
        self.sample_rate = self.sample_rate.or(read.sample_rate);
        self.next = Some(read.sample_start + read.samples as u64);
        Ok(())
    }

    fn annotate(&mut self, _: Annotation) -> Result<()> {
        Err(Error::Unsupported { format: "a WAV file", what: "annotations".into() })
    }

    fn clipped(&self) -> u64 {
        self.encoder.clipped()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let data = self.file.bytes() - HEADER as u64;
        if data == 0 {
            return Err(Error::Empty { path: self.file.target().to_owned() });
        }
        let rate =
            self.sample_rate.filter(|rate| rate.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(rate));
        let Some(rate) = rate else {
            let got = self.sample_rate.map_or("none".into(), |rate| rate.to_string());
            let rule = "a whole number of Hz below 2^32 in a WAV file".into();
            return Err(Error::Option { option: "sample_rate", rule, got });
        };
        let header = self.header(data, rate as u32);
        self.file.patch(0, &header)?;
        if data % 2 == 1 {
            self.file.write(&[0])?;
        }
        self.file.finish()
    }
}
