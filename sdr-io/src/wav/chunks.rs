//! The chunks of a WAV file: where the samples lie and how they are stored.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use kernels::convert::{Endian, Number};

use crate::{Datatype, dataset::Packing};

/// What is wrong with a WAV file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message prints
pub enum WavError {
    /// Another format, or nothing.
    #[error("not a WAV file: it does not begin with RIFF, RF64 or BW64 and WAVE")]
    NotWav,
    /// A chunk that has to be there is not.
    #[error("there is no {id} chunk")]
    Missing { id: &'static str },
    /// Which of them is meant?
    #[error("there are two {id} chunks")]
    Twice { id: &'static str },
    /// A chunk that ends before its fields do, or after the file does.
    #[error("the {id} chunk is {bytes} bytes, {rule}")]
    ChunkSize { id: &'static str, bytes: u64, rule: String },
    /// More chunks than any recording has.
    #[error("more than {limit} chunks")]
    TooMany { limit: usize },
    /// Neither a real signal nor I and Q.
    #[error("{got} channels; IQ has two (I, Q) and a real signal one")]
    Channels { got: u16 },
    /// Compressed, or a width that is not read.
    #[error(
        "format {tag:#06x} with {bits} bits; integers of 8, 16, 24, 32 and floats of 32, 64 bits are read"
    )]
    Format { tag: u16, bits: u16 },
    /// No samples in any time.
    #[error("the sample rate is 0")]
    Rate,
    /// Bytes of a frame against channels and bits.
    #[error("frames of {got} bytes; {channels} channels of {bits} bits need {need}")]
    Frame { got: u16, channels: u16, bits: u16, need: u16 },
    /// The operating system refused.
    #[error("{0}")]
    Io(String),
}

/// What the chunks say.
#[derive(Debug)]
pub(super) struct Wav {
    pub(super) datatype: Datatype,
    pub(super) packing: Packing,
    pub(super) sample_rate: f64,
    pub(super) center_frequency: Option<f64>,
    pub(super) data_start: u64,
    pub(super) data_bytes: u64,
}

/// Most chunks that are walked.
const MAX_CHUNKS: usize = 10_000;
/// "See elsewhere", or "until the end".
const UNKNOWN: u64 = u32::MAX as u64;
/// The rest of the GUID that begins with a format tag, KSDATAFORMAT_SUBTYPE.
const SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

pub(super) fn parse(file: &mut File, bytes: u64) -> Result<Wav, WavError> {
    let io = |error: io::Error| WavError::Io(error.to_string());
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let start = take(file, 12, bytes).map_err(io)?;
    // All twelve bytes: a name, a size that nobody needs, and the form.
    let [id @ .., _, _, _, _, b'W', b'A', b'V', b'E'] = start.as_slice() else {
        return Err(WavError::NotWav);
    };
    let large = match id {
        b"RIFF" => false,
        b"RF64" | b"BW64" => true,
        _ => return Err(WavError::NotWav),
    };
    let (mut format, mut data, mut data64, mut center_frequency) = (None, None, None, None);
    let mut at = 12;
    let mut chunks = 0;
    while bytes - at >= 8 {
        chunks += 1;
        if chunks > MAX_CHUNKS {
            return Err(WavError::TooMany { limit: MAX_CHUNKS });
        }
        file.seek(SeekFrom::Start(at)).map_err(io)?;
        let head = take(file, 8, bytes - at).map_err(io)?;
        let (body, left) = (at + 8, bytes - at - 8);
        let mut size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        match &head[..4] {
            b"ds64" => data64 = Some(u64_at(&field(file, "ds64", size, left, 16)?, 8)),
            b"fmt " => {
                let read = read_format(&field(file, "fmt", size, left, 16)?)?;
                if format.replace(read).is_some() {
                    return Err(WavError::Twice { id: "fmt" });
                }
            }
            b"auxi" if size >= 36 && left >= 36 => {
                let hertz = u32_at(&field(file, "auxi", size, left, 36)?, 32);
                center_frequency = (hertz > 0).then_some(f64::from(hertz));
            }
            b"data" => {
                if size == UNKNOWN {
                    size = match data64 {
                        Some(size) if large => size,
                        _ if large => return Err(WavError::Missing { id: "ds64" }),
                        _ => left,
                    };
                }
                if size > left {
                    let rule = format!("but only {left} bytes are left");
                    return Err(WavError::ChunkSize { id: "data", bytes: size, rule });
                }
                if data.replace((body, size)).is_some() {
                    return Err(WavError::Twice { id: "data" });
                }
            }
            _ => {} // whatever else: skipped unread
        }
        if size > left {
            break; // an unimportant chunk that was cut off
        }
        at = after(file, body + size, bytes).map_err(io)?;
    }
    let (datatype, packing, sample_rate) = format.ok_or(WavError::Missing { id: "fmt" })?;
    let (data_start, data_bytes) = data.ok_or(WavError::Missing { id: "data" })?;
    Ok(Wav { datatype, packing, sample_rate, center_frequency, data_start, data_bytes })
}

/// Where the next chunk begins after one that ends at `end`: after a pad byte if that is odd, unless the pad
/// byte was forgotten, as the letters of the next name then show.
fn after(file: &mut File, end: u64, bytes: u64) -> io::Result<u64> {
    if end.is_multiple_of(2) || end >= bytes {
        return Ok(end);
    }
    file.seek(SeekFrom::Start(end))?;
    let next = take(file, 5, bytes - end)?;
    let name = |letters: &[u8]| letters.len() == 4 && letters.iter().all(|b| (b' '..=b'~').contains(b));
    let forgotten = next.len() >= 4
        && name(&next[..4])
        && !(next[0] == 0 || next.len() == 5 && name(&next[1..]) && next[0] == b' ');
    Ok(if forgotten { end } else { end + 1 })
}

/// At most `need` bytes of a chunk that must have as many.
fn field(file: &mut File, id: &'static str, size: u64, left: u64, need: usize) -> Result<Vec<u8>, WavError> {
    if size < need as u64 {
        return Err(WavError::ChunkSize {
            id,
            bytes: size,
            rule: format!("less than the {need} that it needs"),
        });
    }
    if size > left {
        return Err(WavError::ChunkSize { id, bytes: size, rule: format!("but only {left} bytes are left") });
    }
    // The longest that is looked at is the extensible format: 40 bytes.
    take(file, 40.max(need), size).map_err(|error| WavError::Io(error.to_string()))
}

fn take(file: &mut File, want: usize, left: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; want.min(usize::try_from(left).unwrap_or(want))];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Datatype, packing and rate from the `fmt ` chunk, at least 16 bytes of it.
fn read_format(bytes: &[u8]) -> Result<(Datatype, Packing, f64), WavError> {
    let (mut tag, channels, rate) = (u16_at(bytes, 0), u16_at(bytes, 2), u32_at(bytes, 4));
    let (frame, bits) = (u16_at(bytes, 12), u16_at(bytes, 14));
    if tag == 0xFFFE && bytes.len() >= 40 && bytes[26..40] == SUBTYPE {
        tag = u16_at(bytes, 24);
    }
    let complex = match channels {
        1 => false,
        2 => true,
        got => return Err(WavError::Channels { got }),
    };
    let (number, packing) = match (tag, bits) {
        (1, 8) => (Number::U8, Packing::Plain),
        (1, 16) => (Number::I16, Packing::Plain),
        (1, 24) => (Number::I32, Packing::Int24),
        (1, 32) => (Number::I32, Packing::Plain),
        (3, 32) => (Number::F32, Packing::Plain),
        (3, 64) => (Number::F64, Packing::Plain),
        (tag, bits) => return Err(WavError::Format { tag, bits }),
    };
    let need = channels * bits / 8;
    if frame != need {
        return Err(WavError::Frame { got: frame, channels, bits, need });
    }
    if rate == 0 {
        return Err(WavError::Rate);
    }
    Ok((Datatype::new(complex, number, Endian::Little), packing, f64::from(rate)))
}
