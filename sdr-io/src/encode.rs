//! Complex samples, full scale 1, into the bytes of a datatype: what every sink shares.

use kernels::{Backend, convert::from_f32};
use ndarray::ArrayView2;
use num_complex::Complex32;

use crate::{Datatype, Error, Read, Result};

/// Samples converted at once.
const BLOCK: usize = 8192;

#[derive(Debug)]
pub(crate) struct Encoder {
    datatype: Datatype,
    channels: usize,
    components: Vec<f32>,
    bytes: Vec<u8>,
    clipped: u64,
}

impl Encoder {
    pub(crate) fn new(datatype: Datatype, channels: usize) -> Self {
        Self { datatype, channels, components: Vec::new(), bytes: Vec::new(), clipped: 0 }
    }

    pub(crate) fn datatype(&self) -> Datatype {
        self.datatype
    }

    pub(crate) fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The first `read.samples` columns, interleaved sample by sample, in pieces to `write`. Nothing is written
    /// unless all of them are sound.
    pub(crate) fn encode(
        &mut self,
        samples: ArrayView2<'_, Complex32>,
        read: &Read,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (rows, columns) = samples.dim();
        if rows != self.channels {
            let need = self.channels.to_string();
            return Err(Error::Shape { what: "rows of the block", need, got: rows });
        }
        if read.samples > columns {
            let need = format!("at least the {} that the block claims", read.samples);
            return Err(Error::Shape { what: "columns of the block", need, got: columns });
        }
        if read.sample_start.checked_add(read.samples as u64).is_none_or(|end| end > i64::MAX as u64) {
            let rule = "at most 2^63 - 1 at the end of the block".into();
            return Err(Error::Option { option: "sample_start", rule, got: read.sample_start.to_string() });
        }
        for (channel, row) in samples.rows().into_iter().enumerate() {
            if let Some(bad) = row.iter().take(read.samples).position(|x| !x.is_finite()) {
                return Err(Error::NotFinite { sample: read.sample_start + bad as u64, channel });
            }
        }
        if !self.datatype.complex() && samples.iter().any(|x| x.im != 0.0) {
            return Err(Error::Unsupported { format: "a real datatype", what: "imaginary parts".into() });
        }
        let block = (BLOCK / self.channels).max(1);
        for start in (0..read.samples).step_by(block) {
            let end = (start + block).min(read.samples);
            self.components.clear();
            for column in start..end {
                for sample in samples.column(column) {
                    self.components.push(sample.re);
                    if self.datatype.complex() {
                        self.components.push(sample.im);
                    }
                }
            }
            if !self.datatype.is_float() {
                self.clipped += self.components.iter().filter(|x| x.abs() > 1.0).count() as u64;
            }
            self.bytes.resize(self.components.len() * self.datatype.number().bytes(), 0);
            let (number, endian) = (self.datatype.number(), self.datatype.endian());
            from_f32(&Backend::default(), number, endian, &self.components, &mut self.bytes);
            write(&self.bytes)?;
        }
        Ok(())
    }
}
