//! The polar transform, and the checksum that tells the right path from the others.

use std::ops::BitXorAssign;

/// Multiplies `bits` (0 or 1, or masks of one bit; a power of two of them) in place by the `log2(n)`-th Kronecker power of `[1 0; 1 1]`, over
/// GF(2), without reversing the order (Arıkan, IEEE Trans. Inf. Theory 55(7), 2009). Twice is nothing.
pub(super) fn transform<T: Copy + BitXorAssign>(bits: &mut [T]) {
    let mut half = 1;
    while half < bits.len() {
        for pair in bits.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            low.iter_mut().zip(high).for_each(|(low, high)| *low ^= *high);
        }
        half *= 2;
    }
}

/// A cyclic redundancy check of 3GPP TS 38.212, clause 5.1, by its length: without the leading term, the highest power first.
fn polynomial(length: u8) -> u32 {
    match length {
        6 => 0x21,
        11 => 0x621,
        16 => 0x1021,
        24 => 0xB2_B117, // CRC24C
        _ => 0,
    }
}

/// The remainder of `bits`, the highest power first, times `x^length`: `length` bits, of which each is a parity of `bits`.
pub(super) fn checksum(bits: impl Iterator<Item = u8>, length: u8) -> u32 {
    if length == 0 {
        return 0;
    }
    let (polynomial, top) = (polynomial(length), 1u32 << (length - 1));
    let rest = bits.fold(0u32, |rest, bit| {
        let carry = (rest & top != 0) ^ (bit == 1);
        (rest << 1) ^ if carry { polynomial } else { 0 }
    });
    rest & (top | (top - 1))
}
