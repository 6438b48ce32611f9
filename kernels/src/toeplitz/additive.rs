//! Products of long polynomials over GF(2) by an additive FFT over GF(2^64): `n log n` work where the
//! splitting of `split.rs` takes `n^1.58`.
//!
//! 32 bits of a polynomial are one element; the transform evaluates on the span of a Cantor basis, where
//! the vanishing polynomials are `s_0 = x`, `s_(i+1) = s_i² + s_i`, and `s_i(β_j) = β_(j-i)`: Cantor, J. Comb.
//! Theory A 50(2), 1989; the basis of products of the `s_i`: Lin, Chung, Han, FOCS 2014; changing to that
//! basis with additions alone: Gao and Mateer, IEEE Trans. Inf. Theory 56(12), 2010, and Chen et al.,
//! arXiv:1708.09746. The field is GF(2)[z] / (z^64 + z^4 + z^3 + z + 1).
//!
//! Only with VPCLMULQDQ, which does two products at once; other machines split.

mod change;

use std::arch::x86_64::*;

use change::change_basis;
use zeroize::Zeroizing;

/// The largest transform: 2^`LEVELS` elements.
const LEVELS: usize = 32;

/// A seed, transformed, ready to be multiplied with any number of keys.
pub(super) struct Product {
    basis: Basis,
    /// The transform of the seed.
    spectrum: Vec<u64>,
    /// Words of a key, and of the result, which begins at that word of the product.
    columns: usize,
    rows: usize,
}

impl Product {
    /// Levels of the transform that a product of this shape takes; `None` where it would be too large.
    ///
    /// The transform works modulo `s_m`, so what lies beyond 2^m elements is added further down: that must
    /// end below the words that are wanted.
    pub(super) fn levels(rows: usize, columns: usize) -> Option<usize> {
        let (seed, product) = (2 * (rows + columns), 2 * (rows + 2 * columns));
        (2..=LEVELS).find(|&m| {
            let size = 1 << m;
            let over = product.saturating_sub(size);
            // s_m = Σ C(m, i) x^(2^i), and C(m, i) is odd where the bits of i are among those of m.
            let highest = (0..m).rev().find(|i| i & m == *i).unwrap_or(0);
            size >= seed && (over == 0 || (1 << highest) + over < 2 * columns)
        })
    }

    /// Transforms `t`, of `rows + columns` words. `None` on machines without the instructions.
    pub(super) fn new(t: &[u64], rows: usize, columns: usize) -> Option<Self> {
        assert_eq!(t.len(), rows + columns);
        if !(is_x86_feature_detected!("vpclmulqdq")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq"))
        {
            return None;
        }
        let levels = Self::levels(rows, columns)?;
        let basis = Basis::new();
        let mut spectrum = vec![0; 1 << levels];
        spread(t, &mut spectrum);
        // SAFETY: the features that it enables were detected above.
        unsafe { transform(&basis, &mut spectrum) };
        Some(Product { basis, spectrum, columns, rows })
    }

    /// `out[w] = word (columns + w) of t · v`.
    pub(super) fn multiply(&self, v: &[u64], out: &mut [u64]) {
        assert_eq!((v.len(), out.len()), (self.columns, self.rows));
        let mut data = Zeroizing::new(vec![0; self.spectrum.len()]);
        spread(v, &mut data);
        // SAFETY: `new` is the one place that makes a `Product`, after detecting the features.
        unsafe {
            transform(&self.basis, &mut data);
            pointwise(&mut data, &self.spectrum);
            back(&self.basis, &mut data);
        }
        // An element's 63 bits lie at bit 32 i: its high part is added to the next one's low part.
        let mut before = data[2 * self.columns - 1] >> 32;
        for (out, pair) in out.iter_mut().zip(data[2 * self.columns..].as_chunks::<2>().0) {
            *out = pair[0] ^ before ^ pair[1] << 32;
            before = pair[1] >> 32;
        }
    }
}

/// Two elements of 32 bits for each word.
fn spread(words: &[u64], elements: &mut [u64]) {
    for (pair, word) in elements.as_chunks_mut::<2>().0.iter_mut().zip(words) {
        *pair = [word & 0xFFFF_FFFF, word >> 32];
    }
}

/// Product in the field, bit by bit: for the basis alone.
fn slow_product(a: u64, b: u64) -> u64 {
    (0..64).rev().fold(0u64, |sum, bit| {
        let doubled = sum << 1 ^ if sum >> 63 == 1 { 0x1B } else { 0 };
        doubled ^ if b >> bit & 1 == 1 { a } else { 0 }
    })
}

/// A Cantor basis: `β_0 = 1`, `β_(i+1)² + β_(i+1) = β_i`.
struct Basis {
    beta: [u64; LEVELS],
    /// `β_1 + ... + β_(k+1)`: the step from one block's factor to the next.
    step: [u64; LEVELS],
}

impl Basis {
    fn new() -> Self {
        // The map z -> z² + z is linear: its images, reduced to distinct leading bits, with their sources.
        let mut images = [(0u64, 0u64); 64];
        for bit in 1..64 {
            let z = 1u64 << bit;
            let (mut image, mut source): (u64, u64) = (slow_product(z, z) ^ z, z);
            while image != 0 {
                let lead = image.ilog2() as usize;
                if images[lead].0 == 0 {
                    images[lead] = (image, source);
                    break;
                }
                image ^= images[lead].0;
                source ^= images[lead].1;
            }
        }
        let mut beta = [1; LEVELS];
        for i in 1..LEVELS {
            let (mut rest, mut z): (u64, u64) = (beta[i - 1], 0);
            while rest != 0 {
                // The image is all of trace 0, and so is every β below the 64th.
                let (image, source) = images[rest.ilog2() as usize];
                rest ^= image;
                z ^= source;
                if image == 0 {
                    break;
                }
            }
            beta[i] = z;
        }
        let mut step = [0; LEVELS];
        for (k, step) in step.iter_mut().enumerate() {
            *step = (0..=k).fold(0, |sum, i| sum ^ beta.get(i + 1).copied().unwrap_or(0));
        }
        Basis { beta, step }
    }

    /// The factor of block `block`, the same on every level: the sum of `β_(b+1)` over the bits of `block`.
    fn factor(&self, block: usize) -> u64 {
        (0..LEVELS - 1).fold(0, |sum, b| sum ^ if block >> b & 1 == 1 { self.beta[b + 1] } else { 0 })
    }
}

/// Coefficients to values.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn transform(basis: &Basis, data: &mut [u64]) {
    change_basis(data, 1, false);
    down(basis, data, 0);
}

/// Values to coefficients.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn back(basis: &Basis, data: &mut [u64]) {
    up(basis, data, 0);
    change_basis(data, 1, true);
}

/// Elements that one level after another is done for; larger blocks are halved first, for the caches.
const NEAR: usize = 1 << 11;

/// Block `block` of its level: `(a, b)` to `(a + w b, a + w b + b)`, then both halves.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn down(basis: &Basis, data: &mut [u64], block: usize) {
    if data.len() > NEAR {
        let half = data.len() / 2;
        let (a, b) = data.split_at_mut(half);
        forth(a, b, basis.factor(block));
        down(basis, a, 2 * block);
        down(basis, b, 2 * block + 1);
        return;
    }
    let (mut size, mut first) = (data.len(), block);
    while size >= 8 {
        let mut factor = basis.factor(first);
        for (index, data) in data.chunks_exact_mut(size).enumerate() {
            let (a, b) = data.split_at_mut(size / 2);
            forth(a, b, factor);
            factor ^= basis.step[(first + index + 1).trailing_zeros() as usize];
        }
        (size, first) = (size / 2, first * 2);
    }
    let mut factor = basis.factor(first);
    let mut pair = basis.factor(2 * first);
    for (index, four) in data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let pairs = [pair, pair ^ basis.step[0]];
        *four = forth_pairs(forth_four(*four, factor), pairs);
        factor ^= basis.step[(first + index + 1).trailing_zeros() as usize];
        pair = pairs[1] ^ basis.step[(2 * (first + index) + 2).trailing_zeros() as usize];
    }
}

/// The inverse of [`down`].
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn up(basis: &Basis, data: &mut [u64], block: usize) {
    if data.len() > NEAR {
        let half = data.len() / 2;
        let (a, b) = data.split_at_mut(half);
        up(basis, a, 2 * block);
        up(basis, b, 2 * block + 1);
        back_again(a, b, basis.factor(block));
        return;
    }
    let mut first = block * (data.len() / 4);
    let mut factor = basis.factor(first);
    let mut pair = basis.factor(2 * first);
    for (index, four) in data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let pairs = [pair, pair ^ basis.step[0]];
        *four = back_four(back_pairs(*four, pairs), factor);
        factor ^= basis.step[(first + index + 1).trailing_zeros() as usize];
        pair = pairs[1] ^ basis.step[(2 * (first + index) + 2).trailing_zeros() as usize];
    }
    let mut size = 8;
    while size <= data.len() {
        first /= 2;
        let mut factor = basis.factor(first);
        for (index, data) in data.chunks_exact_mut(size).enumerate() {
            let (a, b) = data.split_at_mut(size / 2);
            back_again(a, b, factor);
            factor ^= basis.step[(first + index + 1).trailing_zeros() as usize];
        }
        size *= 2;
    }
}

/// Four field products; `w` holds a factor in the low word of each half, for that half.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn product(x: __m256i, w: __m256i) -> __m256i {
    reduced(_mm256_clmulepi64_epi128::<0x00>(x, w), _mm256_clmulepi64_epi128::<0x01>(x, w))
}

/// Even and odd products of 128 bits to elements. With `h` above bit 64: `h z^64 = h (z^4 + z^3 + z + 1)`,
/// and the few bits that this pushes out again are folded into `h` beforehand.
#[target_feature(enable = "avx2")]
fn reduced(even: __m256i, odd: __m256i) -> __m256i {
    let low = _mm256_unpacklo_epi64(even, odd);
    let high = _mm256_unpackhi_epi64(even, odd);
    let out = _mm256_xor_si256(
        _mm256_srli_epi64::<60>(high),
        _mm256_xor_si256(_mm256_srli_epi64::<61>(high), _mm256_srli_epi64::<63>(high)),
    );
    let high = _mm256_xor_si256(high, out);
    // h (1 + z + z^3 + z^4) = g + g z^3 with g = h + h z.
    let g = _mm256_xor_si256(high, _mm256_slli_epi64::<1>(high));
    _mm256_xor_si256(low, _mm256_xor_si256(g, _mm256_slli_epi64::<3>(g)))
}

#[target_feature(enable = "avx2")]
fn load(x: &[u64; 4]) -> __m256i {
    bytemuck::cast(*x)
}

#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn forth(a: &mut [u64], b: &mut [u64], factor: u64) {
    let w = _mm256_set1_epi64x(factor as i64);
    for (a, b) in a.as_chunks_mut::<4>().0.iter_mut().zip(b.as_chunks_mut::<4>().0) {
        let (x, y) = (load(a), load(b));
        let x = if factor == 0 { x } else { _mm256_xor_si256(x, product(y, w)) };
        *a = bytemuck::cast(x);
        *b = bytemuck::cast(_mm256_xor_si256(x, y));
    }
}

#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn back_again(a: &mut [u64], b: &mut [u64], factor: u64) {
    let w = _mm256_set1_epi64x(factor as i64);
    for (a, b) in a.as_chunks_mut::<4>().0.iter_mut().zip(b.as_chunks_mut::<4>().0) {
        let (x, y) = (load(a), load(b));
        let y = _mm256_xor_si256(x, y);
        let x = if factor == 0 { x } else { _mm256_xor_si256(x, product(y, w)) };
        *a = bytemuck::cast(x);
        *b = bytemuck::cast(y);
    }
}

/// One block of four: its halves are those of the vector.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn forth_four(four: [u64; 4], factor: u64) -> [u64; 4] {
    let x = load(&four);
    let y = _mm256_permute2x128_si256::<0x81>(x, x); // the upper half below, zeros above
    let x = _mm256_xor_si256(x, product(y, _mm256_set1_epi64x(factor as i64)));
    bytemuck::cast(_mm256_xor_si256(x, _mm256_permute2x128_si256::<0x08>(x, x)))
}

#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn back_four(four: [u64; 4], factor: u64) -> [u64; 4] {
    let x = load(&four);
    let x = _mm256_xor_si256(x, _mm256_permute2x128_si256::<0x08>(x, x));
    let y = _mm256_permute2x128_si256::<0x81>(x, x);
    bytemuck::cast(_mm256_xor_si256(x, product(y, _mm256_set1_epi64x(factor as i64))))
}

/// Two blocks of two, with a factor each.
#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn forth_pairs(four: [u64; 4], factors: [u64; 2]) -> [u64; 4] {
    let x = load(&four);
    let w = load(&[factors[0], 0, factors[1], 0]);
    let x = _mm256_xor_si256(x, reduced(_mm256_clmulepi64_epi128::<0x01>(x, w), _mm256_setzero_si256()));
    bytemuck::cast(_mm256_xor_si256(x, _mm256_slli_si256::<8>(x)))
}

#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn back_pairs(four: [u64; 4], factors: [u64; 2]) -> [u64; 4] {
    let x = load(&four);
    let w = load(&[factors[0], 0, factors[1], 0]);
    let x = _mm256_xor_si256(x, _mm256_slli_si256::<8>(x));
    bytemuck::cast(_mm256_xor_si256(
        x,
        reduced(_mm256_clmulepi64_epi128::<0x01>(x, w), _mm256_setzero_si256()),
    ))
}

#[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
fn pointwise(a: &mut [u64], b: &[u64]) {
    for (a, b) in a.as_chunks_mut::<4>().0.iter_mut().zip(b.as_chunks::<4>().0) {
        let (x, y) = (load(a), load(b));
        *a = bytemuck::cast(reduced(
            _mm256_clmulepi64_epi128::<0x00>(x, y),
            _mm256_clmulepi64_epi128::<0x11>(x, y),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::clmul::Multiplier, *};
    use crate::toeplitz::split;

    #[test]
    fn the_basis_is_cantors() {
        let basis = Basis::new();
        for i in 1..LEVELS {
            let b = basis.beta[i];
            assert_eq!(slow_product(b, b) ^ b, basis.beta[i - 1], "{i}");
        }
    }

    /// The smallest size whose wrap-around stays clear, for the shape of the benches and its neighbours.
    #[test]
    fn sizes() {
        assert_eq!(Product::levels(8192, 16384), Some(16)); // 81919 elements: those beyond 65536 fall below 16386
        assert_eq!(Product::levels(1024, 2048), Some(14)); // s_13 would reach 2^12 + 2047 of 4096
        assert_eq!(Product::levels(1 << 31, 1 << 31), None);
    }

    /// Every small shape, where sizes and wrap-around come in all combinations, and some large ones.
    #[test]
    fn agrees_with_splitting() {
        let small = (1..40).flat_map(|rows| (1..40).map(move |columns| (rows, columns)));
        for (rows, columns) in
            small.chain([(512, 1024), (8192, 16384), (3000, 5000), (20_000, 100), (100, 20_000)])
        {
            let random = |n: usize, seed: u64| -> Vec<u64> {
                (1..=n as u64).map(|i| slow_product(i << 7 ^ seed, seed.rotate_left(i as u32) | 1)).collect()
            };
            let (t, v) =
                (random(rows + columns, 0x9E37_79B9_7F4A_7C15), random(columns, 0xBF58_476D_1CE4_E5B9));
            let (mut want, mut got) = (vec![0; rows], vec![0; rows]);
            let Some(product) = Product::new(&t, rows, columns) else {
                eprintln!("no VPCLMULQDQ here: the additive FFT is not tested");
                return;
            };
            split::product(Multiplier::detect(), &t, &v, &mut want);
            product.multiply(&v, &mut got);
            assert!(want == got, "{rows} from {columns} words");
        }
    }
}
