//! Bits as files hold them.

use serde::{Deserialize, Serialize};

use crate::bits::Bits;
use crate::{Error, Result};

/// How bits are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Eight bits to a byte, least significant first: keys of `phy-sec keygen`.
    #[default]
    Bits,
    /// Eight bits to a byte, most significant first: binary files of the standard's own tool.
    BitsMsb,
    /// The characters 0 and 1; white space between them does not count.
    Ascii,
    /// A byte for each bit, of value 0 or 1.
    Bytes,
}

/// The bits that `content` holds.
///
/// # Errors
/// [`Error::Malformed`] with the place of the first byte that is no bit.
pub fn parse(content: &[u8], format: Format) -> Result<Bits> {
    let n = 8 * content.len();
    match format {
        Format::Bits => Bits::from_bytes(content, n),
        Format::BitsMsb => {
            Bits::from_bytes(&content.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>(), n)
        }
        Format::Ascii => bits("bits as text", content, "neither 0 nor 1", |byte| match byte {
            b'0' | b'1' => Some(Some(byte == b'1')),
            _ => byte.is_ascii_whitespace().then_some(None),
        }),
        Format::Bytes => bits("bits as bytes", content, "neither of value 0 nor of 1", |byte| match byte {
            0 | 1 => Some(Some(byte == 1)),
            _ => None,
        }),
    }
}

/// `bit` gives the bit of a byte; nothing for one to skip; `None` for one that does not belong there.
fn bits(
    what: &'static str,
    content: &[u8],
    reason: &str,
    bit: impl Fn(u8) -> Option<Option<bool>>,
) -> Result<Bits> {
    let mut bits = Bits::new();
    for (at, &byte) in content.iter().enumerate() {
        match bit(byte) {
            Some(bit) => bits.extend(bit),
            None => {
                let (place, reason) = (format!("byte {at}"), reason.to_owned());
                return Err(Error::Malformed { what, place, reason });
            }
        }
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let text = |content: &[u8], format| -> String {
            parse(content, format).unwrap().iter().map(|bit| if bit { '1' } else { '0' }).collect()
        };
        assert_eq!(text(&[0b0000_1101, 0x80], Format::Bits), "1011000000000001");
        assert_eq!(text(&[0b0000_1101, 0x80], Format::BitsMsb), "0000110110000000");
        assert_eq!(text(b" 10\r\n\t1 ", Format::Ascii), "101");
        assert_eq!(text(&[1, 0, 1], Format::Bytes), "101");
        for format in [Format::Bits, Format::BitsMsb, Format::Ascii, Format::Bytes] {
            assert!(parse(&[], format).unwrap().is_empty());
        }
        let err = parse(b"01 2", Format::Ascii).unwrap_err();
        assert_eq!(err.to_string(), "bits as text, byte 3: neither 0 nor 1");
        let err = parse(b"01", Format::Bytes).unwrap_err();
        assert_eq!(err.to_string(), "bits as bytes, byte 0: neither of value 0 nor of 1");
    }
}
