//! Sample formats: one real component between its bytes on the wire and `f32`, full scale 1.
//!
//! | number | value of the code `c` |
//! | --- | --- |
//! | `I8`, `I16`, `I32` | `c / 2^7`, `c / 2^15`, `c / 2^31` |
//! | `U8`, `U16`, `U32` (offset binary) | `(c - 127.5) / 2^7`, `(c - 32767.5) / 2^15`, `(c - 2147483647.5) / 2^31` |
//! | `F32`, `F64` | itself |
//!
//! Signed codes are scaled as `sigmf-python` and VOLK do it; offset binary as librtlsdr's users do, so
//! that the two middle codes lie at the same distance from zero. A complex sample is two components,
//! real part first: cast `&mut [Complex32]` to `&mut [f32]` with [`bytemuck::cast_slice_mut`].
//!
//! Back to bytes: scaled, rounded half to even, saturated; a NaN becomes the code of zero. Codes of 8
//! and 16 bits come back unchanged; those of 32 bits to the 24 bits that an `f32` holds.
//!
//! There is one loop per format, and it is the definition: [`scalar`] compiles it for the target's
//! baseline, the SIMD backend again for each instruction set, where it vectorises by itself. With a GPU
//! backend these functions run on the processor, since their bytes begin and end in its memory; on the
//! device the conversion is part of [`crate::gpu`]'s chains.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;
use serde::{Deserialize, Serialize};

use crate::Backend;

/// How one real component is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the names say it all
pub enum Number {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

impl Number {
    /// Every number, narrowest first.
    pub const ALL: [Number; 8] = {
        use Number::*;
        [U8, I8, U16, I16, U32, I32, F32, F64]
    };

    /// Bytes of one component.
    pub const fn bytes(self) -> usize {
        match self {
            Number::U8 | Number::I8 => 1,
            Number::U16 | Number::I16 => 2,
            Number::U32 | Number::I32 | Number::F32 => 4,
            Number::F64 => 8,
        }
    }
}

/// The order of the bytes of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endian {
    /// Least significant byte first, as almost every radio writes.
    Little,
    /// Most significant byte first.
    Big,
}

/// Components from bytes, full scale 1. NaN and infinity of float formats pass through.
///
/// # Panics
/// Unless `bytes.len() == out.len() * number.bytes()`.
pub fn to_f32(backend: &Backend, number: Number, endian: Endian, bytes: &[u8], out: &mut [f32]) {
    match backend {
        Backend::Scalar => scalar::to_f32(number, endian, bytes, out),
        Backend::Simd(level) => to_f32_simd(*level, number, endian, bytes, out),
        Backend::Gpu(_) => to_f32_simd(Level::new(), number, endian, bytes, out),
    }
}

/// [`to_f32`] for kernels that have a level already.
pub(crate) fn to_f32_simd(level: Level, number: Number, endian: Endian, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(bytes.len(), out.len() * number.bytes(), "bytes and components do not belong together");
    dispatch!(level, simd => to_f32_lanes(simd, number, endian, bytes, out));
}

/// Components to bytes: rounded half to even, saturated; NaN becomes the code of zero.
///
/// # Panics
/// Unless `out.len() == x.len() * number.bytes()`.
pub fn from_f32(backend: &Backend, number: Number, endian: Endian, x: &[f32], out: &mut [u8]) {
    match backend {
        Backend::Scalar => scalar::from_f32(number, endian, x, out),
        Backend::Simd(level) => from_f32_simd(*level, number, endian, x, out),
        Backend::Gpu(_) => from_f32_simd(Level::new(), number, endian, x, out),
    }
}

fn from_f32_simd(level: Level, number: Number, endian: Endian, x: &[f32], out: &mut [u8]) {
    assert_eq!(out.len(), x.len() * number.bytes(), "bytes and components do not belong together");
    dispatch!(level, simd => from_f32_lanes(simd, number, endian, x, out));
}

/// The definition: the same loops, compiled for the baseline instruction set.
pub mod scalar {
    use super::{Endian, Number};

    /// See [`super::to_f32`].
    pub fn to_f32(number: Number, endian: Endian, bytes: &[u8], out: &mut [f32]) {
        assert_eq!(bytes.len(), out.len() * number.bytes(), "bytes and components do not belong together");
        super::decode(number, endian, bytes, out);
    }

    /// See [`super::from_f32`].
    pub fn from_f32(number: Number, endian: Endian, x: &[f32], out: &mut [u8]) {
        assert_eq!(out.len(), x.len() * number.bytes(), "bytes and components do not belong together");
        super::encode(number, endian, x, out);
    }
}

#[simd]
fn to_f32_lanes<S: Simd>(_: S, number: Number, endian: Endian, bytes: &[u8], out: &mut [f32]) {
    decode(number, endian, bytes, out);
}

#[simd]
fn from_f32_lanes<S: Simd>(_: S, number: Number, endian: Endian, x: &[f32], out: &mut [u8]) {
    encode(number, endian, x, out);
}

const TWO_7: f32 = 128.0;
const TWO_15: f32 = 32_768.0;
const TWO_31: f32 = 2_147_483_648.0;
const TWO_31_F64: f64 = 2_147_483_648.0;
const MIDDLE_32: f64 = 2_147_483_647.5;

#[inline(always)]
fn decode(number: Number, endian: Endian, bytes: &[u8], out: &mut [f32]) {
    // Exact but for 32 bits and f64, which are rounded once: the scale is a power of two, and the
    // difference from the middle code fits f32 up to 16 bits.
    match number {
        Number::U8 => read(endian, bytes, out, |b| (f32::from(u8::from_le_bytes(b)) - 127.5) * (1.0 / TWO_7)),
        Number::I8 => read(endian, bytes, out, |b| f32::from(i8::from_le_bytes(b)) * (1.0 / TWO_7)),
        Number::U16 => {
            read(endian, bytes, out, |b| (f32::from(u16::from_le_bytes(b)) - 32_767.5) * (1.0 / TWO_15));
        }
        Number::I16 => read(endian, bytes, out, |b| f32::from(i16::from_le_bytes(b)) * (1.0 / TWO_15)),
        Number::U32 => read(endian, bytes, out, |b| {
            ((f64::from(u32::from_le_bytes(b)) - MIDDLE_32) * (1.0 / TWO_31_F64)) as f32
        }),
        Number::I32 => read(endian, bytes, out, |b| i32::from_le_bytes(b) as f32 * (1.0 / TWO_31)),
        Number::F32 => read(endian, bytes, out, f32::from_le_bytes),
        Number::F64 => read(endian, bytes, out, |b| f64::from_le_bytes(b) as f32),
    }
}

#[inline(always)]
fn encode(number: Number, endian: Endian, x: &[f32], out: &mut [u8]) {
    // `as` saturates and takes NaN to 0, which offset binary has not: there a NaN takes the code of 0.0.
    let number_or_zero = |x: f32| if x.is_nan() { 0.0 } else { x };
    match number {
        Number::U8 => write(endian, x, out, |x| {
            let code = (number_or_zero(x) * TWO_7 + 127.5).round_ties_even();
            (code.clamp(0.0, 255.0) as i32 as u8).to_le_bytes()
        }),
        Number::I8 => write(endian, x, out, |x| {
            let code = (number_or_zero(x) * TWO_7).round_ties_even();
            (code.clamp(-128.0, 127.0) as i32 as i8).to_le_bytes()
        }),
        Number::U16 => write(endian, x, out, |x| {
            let code = (number_or_zero(x) * TWO_15 + 32_767.5).round_ties_even();
            (code.clamp(0.0, 65_535.0) as i32 as u16).to_le_bytes()
        }),
        Number::I16 => write(endian, x, out, |x| {
            let code = (number_or_zero(x) * TWO_15).round_ties_even();
            (code.clamp(-32_768.0, 32_767.0) as i32 as i16).to_le_bytes()
        }),
        Number::U32 => write(endian, x, out, |x| {
            let code = (f64::from(number_or_zero(x)) * TWO_31_F64 + MIDDLE_32).round_ties_even();
            (code as u32).to_le_bytes()
        }),
        Number::I32 => write(endian, x, out, |x| ((x * TWO_31).round_ties_even() as i32).to_le_bytes()),
        Number::F32 => write(endian, x, out, f32::to_le_bytes),
        Number::F64 => write(endian, x, out, |x| f64::from(x).to_le_bytes()),
    }
}

#[inline(always)]
fn read<const N: usize>(endian: Endian, bytes: &[u8], out: &mut [f32], value: impl Fn([u8; N]) -> f32) {
    let codes = bytes.as_chunks::<N>().0;
    match endian {
        Endian::Little => out.iter_mut().zip(codes).for_each(|(out, &code)| *out = value(code)),
        Endian::Big => out.iter_mut().zip(codes).for_each(|(out, &code)| *out = value(reversed(code))),
    }
}

#[inline(always)]
fn write<const N: usize>(endian: Endian, x: &[f32], out: &mut [u8], code: impl Fn(f32) -> [u8; N]) {
    let codes = out.as_chunks_mut::<N>().0;
    match endian {
        Endian::Little => codes.iter_mut().zip(x).for_each(|(out, &x)| *out = code(x)),
        Endian::Big => codes.iter_mut().zip(x).for_each(|(out, &x)| *out = reversed(code(x))),
    }
}

#[inline(always)]
fn reversed<const N: usize>(code: [u8; N]) -> [u8; N] {
    std::array::from_fn(|i| code[N - 1 - i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = Number> {
        prop::sample::select(Number::ALL.to_vec())
    }

    fn endian() -> impl Strategy<Value = Endian> {
        prop::sample::select(vec![Endian::Little, Endian::Big])
    }

    /// The ends and the middle of each range, from the table above.
    #[test]
    fn ends_and_middle() {
        let value = |number, code: &[u8]| {
            let mut out = [0f32];
            to_f32(&Backend::default(), number, Endian::Little, code, &mut out);
            out[0]
        };
        assert_eq!(value(Number::U8, &[0]), -127.5 / 128.0);
        assert_eq!(value(Number::U8, &[255]), 127.5 / 128.0);
        assert_eq!(value(Number::U8, &[127]), -value(Number::U8, &[128]));
        assert_eq!(value(Number::I8, &[0x80]), -1.0);
        assert_eq!(value(Number::U16, &[0, 0]), -32767.5 / 32768.0);
        assert_eq!(value(Number::I16, &[0, 0x80]), -1.0);
        assert_eq!(value(Number::I16, &[0xff, 0x7f]), 32767.0 / 32768.0);
        assert_eq!(value(Number::I32, &[0, 0, 0, 0x80]), -1.0);
        assert_eq!(value(Number::U32, &[0, 0, 0, 0x80]), 0.5 / TWO_31);
        assert_eq!(value(Number::F64, &(-0.1f64).to_le_bytes()), -0.1);
    }

    #[test]
    fn saturates_and_rounds_half_to_even() {
        let code = |number: Number, x: f32| {
            let mut out = vec![0; number.bytes()];
            from_f32(&Backend::default(), number, Endian::Big, &[x], &mut out);
            out
        };
        for (x, want) in [(2.0, 127i8), (-2.0, -128), (0.5 / 128.0, 0), (1.5 / 128.0, 2), (-2.5 / 128.0, -2)]
        {
            assert_eq!(code(Number::I8, x), want.to_be_bytes(), "{x}");
        }
        for (x, want) in [(f32::INFINITY, 255u8), (f32::NEG_INFINITY, 0), (0.0, 128), (f32::NAN, 128)] {
            assert_eq!(code(Number::U8, x), want.to_be_bytes(), "{x}");
        }
        assert_eq!(code(Number::I32, 1.0), i32::MAX.to_be_bytes());
        assert_eq!(code(Number::U32, 1.0), u32::MAX.to_be_bytes());
        assert_eq!(code(Number::I16, f32::NAN), 0i16.to_be_bytes());
    }

    /// All 65536 codes, so all of 8 bits too.
    #[test]
    fn codes_up_to_16_bits_come_back() {
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        for number in [Number::U8, Number::I8, Number::U16, Number::I16] {
            for endian in [Endian::Little, Endian::Big] {
                let mut x = vec![0.0; bytes.len() / number.bytes()];
                let mut back = vec![0; bytes.len()];
                to_f32(&Backend::default(), number, endian, &bytes, &mut x);
                from_f32(&Backend::default(), number, endian, &x, &mut back);
                assert!(back == bytes, "{number:?} {endian:?}");
            }
        }
    }

    proptest! {
        /// 0..=300 components cross every tail length; bit for bit, because it is one loop compiled twice.
        #[test]
        fn to_f32_agrees_with_scalar(number in number(), endian in endian(),
                                     bytes in prop::collection::vec(any::<u8>(), 0..=2400), n in 0usize..=300) {
            let n = n.min(bytes.len() / number.bytes());
            let bytes = &bytes[..n * number.bytes()];
            let (mut want, mut got) = (vec![0.0; n], vec![0.0; n]);
            scalar::to_f32(number, endian, bytes, &mut want);
            to_f32(&Backend::default(), number, endian, bytes, &mut got);
            let bits = |v: &[f32]| v.iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() })
                .collect::<Vec<_>>();
            prop_assert_eq!(bits(&want), bits(&got));
        }

        #[test]
        fn from_f32_agrees_with_scalar(number in number(), endian in endian(),
                                       x in prop::collection::vec(-1.5f32..1.5, 0..=300)) {
            let mut want = vec![0; x.len() * number.bytes()];
            let mut got = want.clone();
            scalar::from_f32(number, endian, &x, &mut want);
            from_f32(&Backend::default(), number, endian, &x, &mut got);
            prop_assert_eq!(want, got);
        }

        /// Codes of 32 bits come back to the last of the 24 bits of an f32.
        #[test]
        fn codes_of_32_bits_come_back_rounded(code in any::<i32>()) {
            let (mut x, mut back) = ([0.0], [0; 4]);
            to_f32(&Backend::default(), Number::I32, Endian::Little, &code.to_le_bytes(), &mut x);
            from_f32(&Backend::default(), Number::I32, Endian::Little, &x, &mut back);
            prop_assert!((i64::from(i32::from_le_bytes(back)) - i64::from(code)).abs() <= 64);
        }
    }
}
