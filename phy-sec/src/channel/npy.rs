//! NumPy's `.npy` files (NEP 1, and `numpy.lib.format`): versions 1 to 3, real or complex numbers, one to three axes.
//!
//! `\x93NUMPY`, two bytes of version, the header's length (16 bits, from version 2 on 32), the header (a Python dictionary
//! with `descr`, `fortran_order` and `shape`), then the numbers. No type that would have to be unpickled is read.

use ndarray::{Array3, ArrayD, IxDyn, ShapeBuilder};
use num_complex::Complex32;

use super::Csi;
use crate::{Error, Result};

const WHAT: &str = "NumPy file";
/// The marks that such a file begins with.
pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy's own limit for headers that it reads without being told that they are safe.
const LONGEST_HEADER: usize = 10_000;

/// The numbers of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Real ones, of any type of real numbers.
    Real(ArrayD<f64>),
    /// Complex ones, in single precision.
    Complex(ArrayD<Complex32>),
}

/// A file as channel measurements: `[time]`, `[time, subcarrier]` or `[time, subcarrier, antenna]`. The place along the first
/// axis is the time, in s, and the sequence number.
///
/// # Errors
/// Those of [`array()`]; [`Error::Shape`] for an axis of no length.
pub fn parse(bytes: &[u8]) -> Result<Csi> {
    let (shape, gains): (_, Vec<Complex32>) = match array(bytes)? {
        Array::Real(array) => {
            (array.shape().to_vec(), array.iter().map(|&value| Complex32::new(value as f32, 0.0)).collect())
        }
        Array::Complex(array) => (array.shape().to_vec(), array.iter().copied().collect()),
    };
    let axis = |index: usize| shape.get(index).copied().unwrap_or(1);
    if shape.contains(&0) {
        let need = "[time, subcarrier, antenna], each at least 1".into();
        return Err(Error::Shape { what: WHAT, need, got: format!("{shape:?}") });
    }
    let rows = axis(0);
    let gains = Array3::from_shape_vec((rows, axis(1), axis(2)), gains).map_err(|error| Error::Shape {
        what: WHAT,
        need: "three axes at most".into(),
        got: error.to_string(),
    })?;
    let time = (0..rows).map(|row| row as f64).collect();
    Csi::new(gains, time, Some((0..rows as u64).collect()))
}

/// A file's array, in the order of its axes.
///
/// # Errors
/// [`Error::Malformed`] for a header that is not one, a type that is no number, more than three axes, or another number
/// of bytes than the shape takes; [`Error::NotFinite`].
pub fn array(bytes: &[u8]) -> Result<Array> {
    let malformed =
        |place: &str, reason: String| Error::Malformed { what: WHAT, place: place.into(), reason };
    let short = || malformed("byte 6", "the file ends inside its header".into());
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("byte 0", "not \\x93NUMPY".into()))?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return Err(malformed("byte 6", format!("version {major}, where 1 to 3 are known"))),
    };
    if length > LONGEST_HEADER {
        return Err(malformed("byte 8", format!("a header of {length} bytes, more than {LONGEST_HEADER}")));
    }
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = std::str::from_utf8(header).map_err(|_| malformed("header", "not UTF-8 text".into()))?;
    let Header { kind, size, big, fortran, shape } =
        Header::parse(header).map_err(|reason| malformed("header", reason))?;
    let count = shape.iter().try_fold(1usize, |count, &n| count.checked_mul(n));
    // Before anything is set aside: what the shape claims is what the file holds, or it is refused.
    let Some(count) = count.filter(|count| count.checked_mul(size) == Some(data.len())) else {
        return Err(malformed(
            "data",
            format!("{} bytes, where {shape:?} numbers of {size} bytes are claimed", data.len()),
        ));
    };
    let shaped = || {
        let shape = IxDyn(&shape);
        if fortran { shape.f() } else { shape.into_shape_with_order() }
    };
    let unfit = |error: ndarray::ShapeError| malformed("header", error.to_string());
    if kind == 'c' {
        let part = size / 2;
        let number = |bytes: &[u8]| real('f', big, bytes) as f32;
        let values: Vec<_> = data
            .chunks_exact(size)
            .map(|bytes| Complex32::new(number(&bytes[..part]), number(&bytes[part..])))
            .collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: WHAT, index });
        }
        debug_assert_eq!(values.len(), count);
        return Ok(Array::Complex(ArrayD::from_shape_vec(shaped(), values).map_err(unfit)?));
    }
    let values: Vec<f64> = data.chunks_exact(size).map(|bytes| real(kind, big, bytes)).collect();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { what: WHAT, index });
    }
    Ok(Array::Real(ArrayD::from_shape_vec(shaped(), values).map_err(unfit)?))
}

/// A number of 1, 2, 4 or 8 bytes.
fn real(kind: char, big: bool, bytes: &[u8]) -> f64 {
    let mut word = 0u64;
    for index in 0..bytes.len() {
        let byte = if big { bytes[index] } else { bytes[bytes.len() - 1 - index] };
        word = word << 8 | u64::from(byte);
    }
    match (kind, bytes.len()) {
        ('f', 4) => f64::from(f32::from_bits(word as u32)),
        ('f', _) => f64::from_bits(word),
        ('i', 1) => f64::from(word as u8 as i8),
        ('i', 2) => f64::from(word as u16 as i16),
        ('i', 4) => f64::from(word as u32 as i32),
        ('i', _) => word as i64 as f64,
        _ => word as f64,
    }
}

struct Header {
    kind: char,
    size: usize,
    big: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Of the dictionary's text, which has three keys in any order.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let value = |key: &str| {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let after = quoted.iter().find_map(|key| text.split_once(key.as_str()));
            let (_, after) = after.ok_or_else(|| format!("no {key}"))?;
            let after = after.trim_start().strip_prefix(':').ok_or_else(|| format!("no value of {key}"))?;
            Ok::<&str, String>(after.trim_start())
        };
        let descr = value("descr")?;
        let quote = descr.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let name = quote.and_then(|quote| descr[1..].split(quote).next());
        let name = name.ok_or("the type (descr) is no plain one")?;
        let unknown = || format!("the type {name:?}; numbers of type f, c, i and u are read");
        let mut chars = name.chars();
        let order = chars.next().ok_or_else(unknown)?;
        let kind = chars.next().ok_or_else(unknown)?;
        let size: usize = chars.as_str().parse().map_err(|_| unknown())?;
        let known = match kind {
            'f' => matches!(size, 4 | 8),
            'c' => matches!(size, 8 | 16),
            'i' | 'u' => matches!(size, 1 | 2 | 4 | 8),
            _ => false,
        };
        if !known || !matches!(order, '<' | '>' | '|' | '=') {
            return Err(unknown());
        }
        let fortran = value("fortran_order")?;
        let fortran = match (fortran.starts_with("True"), fortran.starts_with("False")) {
            (true, _) => true,
            (_, true) => false,
            _ => return Err("fortran_order is neither True nor False".into()),
        };
        let shape = value("shape")?;
        let inside =
            shape.strip_prefix('(').and_then(|shape| shape.split_once(')')).map(|(inside, _)| inside);
        let inside = inside.ok_or("the shape is no tuple")?;
        let mut axes = Vec::new();
        for axis in inside.split(',').map(str::trim).filter(|axis| !axis.is_empty()) {
            axes.push(axis.parse::<usize>().map_err(|_| format!("an axis of length {axis:?}"))?);
            if axes.len() > 3 {
                return Err("more than three axes".into());
            }
        }
        if axes.is_empty() {
            return Err("no axis: a single number is no series".into());
        }
        let big = order == '>' || (order == '=' && cfg!(target_endian = "big"));
        Ok(Self { kind, size, big, fortran, shape: axes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    /// A file as NumPy writes it.
    fn file(major: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut file = [MAGIC, &[major, 0]].concat();
        let header = format!("{header}\n");
        match major {
            1 => file.extend((header.len() as u16).to_le_bytes()),
            _ => file.extend((header.len() as u32).to_le_bytes()),
        }
        file.extend(header.as_bytes());
        file.extend(data);
        file
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
    }

    #[test]
    fn types_and_orders() {
        let real = |descr: &str, bytes: &[u8]| {
            let Array::Real(array) = array(&file(1, &header(descr, "False", "(2,)"), bytes)).unwrap() else {
                panic!()
            };
            array.into_raw_vec_and_offset().0
        };
        assert_eq!(real("<f8", &[1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat()), [1.5, -2.0]);
        assert_eq!(real(">f4", &[1.5f32.to_be_bytes(), (-2.0f32).to_be_bytes()].concat()), [1.5, -2.0]);
        assert_eq!(real("<i2", &[0xFF, 0xFF, 0, 1]), [-1.0, 256.0]);
        assert_eq!(real("|i1", &[0x80, 1]), [-128.0, 1.0]);
        assert_eq!(real("|u1", &[0x80, 1]), [128.0, 1.0]);
        assert_eq!(real("<i8", &[[0xFF; 8], [0; 8]].concat()), [-1.0, 0.0]);
        // Fortran's order: the first axis is the fastest.
        let bytes: Vec<u8> = (1..=6u8).collect();
        let of = |fortran| array(&file(2, &header("|u1", fortran, "(2, 3)"), &bytes)).unwrap();
        assert_eq!(of("False"), Array::Real(array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn()));
        assert_eq!(of("True"), Array::Real(array![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]].into_dyn()));
    }

    #[test]
    fn gains() {
        let numbers: Vec<u8> = (0..24).flat_map(|k| (k as f32).to_le_bytes()).collect();
        let csi = parse(&file(1, &header("<c8", "False", "(2, 3, 2)"), &numbers)).unwrap();
        assert_eq!((csi.gains.dim(), csi.time, csi.sequence), ((2, 3, 2), vec![0.0, 1.0], Some(vec![0, 1])));
        assert_eq!(csi.gains[[1, 2, 1]], Complex32::new(22.0, 23.0));
        let csi = parse(&file(3, &header("<f4", "False", "(24,)"), &numbers)).unwrap();
        assert_eq!((csi.gains.dim(), csi.gains[[23, 0, 0]]), ((24, 1, 1), Complex32::new(23.0, 0.0)));
        let csi = parse(&file(
            1,
            &header("<c16", "True", "(1, 1)"),
            &[1f64.to_le_bytes(), 2f64.to_le_bytes()].concat(),
        ))
        .unwrap();
        assert_eq!(csi.gains[[0, 0, 0]], Complex32::new(1.0, 2.0));
        assert!(
            parse(&file(1, &header("<f4", "False", "(0, 3)"), &[]))
                .unwrap_err()
                .to_string()
                .contains("each at least 1")
        );
    }

    /// Nothing is set aside by what a header claims, and nothing is unpickled.
    #[test]
    fn hostile_headers() {
        let error = |header: &str| array(&file(1, header, &[0; 8])).unwrap_err().to_string();
        for (descr, shape, says) in [
            (
                "<f8",
                "(18446744073709551615,)",
                "8 bytes, where [18446744073709551615] numbers of 8 bytes are claimed",
            ),
            ("<f8", "(4294967296, 4294967296, 4294967296)", "are claimed"),
            ("<f8", "(2,)", "8 bytes, where [2] numbers of 8 bytes are claimed"),
            ("<f8", "(-1,)", "an axis of length \"-1\""),
            ("<f8", "()", "no axis"),
            ("<f8", "(1, 1, 1, 1)", "more than three axes"),
            ("|O", "(1,)", "the type \"|O\""),
            ("<U2", "(1,)", "the type \"<U2\""),
            ("<f16", "(1,)", "the type \"<f16\""),
            ("é8", "(1,)", "the type \"é8\""),
            ("", "(1,)", "the type \"\""),
        ] {
            let got = error(&header(descr, "False", shape));
            assert!(got.contains(says), "{got} should say {says}");
        }
        assert!(
            error("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}")
                .contains("no plain one")
        );
        assert!(error("{'descr': '<f8', 'shape': (1,)}").contains("no fortran_order"));
        assert!(error(&header("<f8", "Maybe", "(1,)")).contains("neither True nor False"));
        let of = |bytes: &[u8]| array(bytes).unwrap_err().to_string();
        assert!(of(b"PK").contains("not \\x93NUMPY") && of(MAGIC).contains("ends inside its header"));
        assert!(of(&[MAGIC, &[9, 0, 0, 0]].concat()).contains("version 9"));
        assert!(of(&[MAGIC, &[2, 0, 255, 255, 255, 255]].concat()).contains("a header of 4294967295 bytes"));
        assert!(of(&[MAGIC, &[1, 0, 200, 0]].concat()).contains("ends inside its header"));
        let nan = file(1, &header("<f8", "False", "(1,)"), &f64::NAN.to_le_bytes());
        assert_eq!(of(&nan), "NumPy file holds a NaN or an infinity at index 0");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), at in 0usize..100, value: u8, cut in 0usize..120) {
            let _ = (array(&bytes), array(&[MAGIC, &bytes].concat()), parse(&bytes));
            let mut whole = file(1, &header("<c8", "False", "(1, 2)"), &[0; 16]);
            let at = at % whole.len();
            whole[at] = value;
            let _ = (array(&whole), parse(&whole));
            whole.truncate(cut);
            let _ = array(&whole);
        }
    }
}
