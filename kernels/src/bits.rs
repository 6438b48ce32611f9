//! Bits, one a `bool`, to and from `u64` words, least significant first: bit `i` is bit `i % 64` of word
//! `i / 64`. Read [`scalar`] first: it is the definition.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;

use crate::Backend;

/// Words that hold `bits` bits.
pub const fn words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// Packs `bits` into `out`; what is left of the last word is zero. A GPU backend runs on the processor.
///
/// # Panics
/// Unless `out` is [`words`]`(bits.len())` long.
pub fn pack(backend: &Backend, bits: &[bool], out: &mut [u64]) {
    match backend {
        Backend::Scalar => scalar::pack(bits, out),
        Backend::Simd(level) => pack_simd(*level, bits, out),
        Backend::Gpu(_) => pack_simd(Level::new(), bits, out),
    }
}

/// The first `out.len()` bits of `packed`. A GPU backend runs on the processor.
///
/// # Panics
/// Unless `packed` is [`words`]`(out.len())` long.
pub fn unpack(backend: &Backend, packed: &[u64], out: &mut [bool]) {
    match backend {
        Backend::Scalar => scalar::unpack(packed, out),
        Backend::Simd(level) => unpack_simd(*level, packed, out),
        Backend::Gpu(_) => unpack_simd(Level::new(), packed, out),
    }
}

/// The definition.
pub mod scalar {
    use super::words;

    /// See [`super::pack`].
    pub fn pack(bits: &[bool], out: &mut [u64]) {
        assert_eq!(out.len(), words(bits.len()), "words and bits do not belong together");
        out.fill(0);
        for (i, bit) in bits.iter().enumerate() {
            out[i / 64] |= u64::from(*bit) << (i % 64);
        }
    }

    /// See [`super::unpack`].
    pub fn unpack(packed: &[u64], out: &mut [bool]) {
        assert_eq!(packed.len(), words(out.len()), "words and bits do not belong together");
        for (i, bit) in out.iter_mut().enumerate() {
            *bit = packed[i / 64] >> (i % 64) & 1 == 1;
        }
    }
}

fn pack_simd(level: Level, bits: &[bool], out: &mut [u64]) {
    assert_eq!(out.len(), words(bits.len()), "words and bits do not belong together");
    dispatch!(level, simd => pack_lanes(simd, bits, out));
}

fn unpack_simd(level: Level, packed: &[u64], out: &mut [bool]) {
    assert_eq!(packed.len(), words(out.len()), "words and bits do not belong together");
    dispatch!(level, simd => unpack_lanes(simd, packed, out));
}

#[simd]
fn pack_lanes<S: Simd>(_: S, bits: &[bool], out: &mut [u64]) {
    let bytes = bytemuck::cast_slice::<bool, u8>(bits);
    let (chunks, rest) = bytes.as_chunks::<64>();
    for (out, chunk) in out.iter_mut().zip(chunks) {
        // Eight bytes of 0 or 1 at a time: this factor moves byte i's bit to bit 56 + i, with no carry.
        *out = chunk.as_chunks::<8>().0.iter().enumerate().fold(0, |word, (i, eight)| {
            word | (u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
        });
    }
    if let Some(last) = out.get_mut(chunks.len()) {
        *last = rest.iter().enumerate().fold(0, |word, (i, bit)| word | u64::from(*bit) << i);
    }
}

#[simd]
fn unpack_lanes<S: Simd>(_: S, packed: &[u64], out: &mut [bool]) {
    for (out, word) in out.chunks_mut(64).zip(packed) {
        for (out, byte) in out.chunks_mut(8).zip(word.to_le_bytes()) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = byte & (1 << i) != 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// 0..=300 bits cross every tail of a word and of every vector width.
        #[test]
        fn agrees_with_scalar(bits in prop::collection::vec(any::<bool>(), 0..=300)) {
            let mut want = vec![7; words(bits.len())];
            let mut got = want.clone();
            scalar::pack(&bits, &mut want);
            pack(&Backend::default(), &bits, &mut got);
            prop_assert_eq!(&want, &got);
            let mut back = vec![true; bits.len()];
            unpack(&Backend::default(), &got, &mut back);
            prop_assert_eq!(&bits, &back);
            scalar::unpack(&got, &mut back);
            prop_assert_eq!(&bits, &back);
        }
    }
}
