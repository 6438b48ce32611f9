//! Products of small blocks of words over GF(2): `out[w] ^= word (N + w) of t · v`, by carry-less multiplication.
//!
//! With `additive.rs` beside it the one place in this library with `unsafe`: `fearless_simd` has no carry-less multiplication.
//! The instructions are in safe `#[target_feature]` functions; `unsafe` are only the calls to them, and a
//! `Multiplier` that names an instruction set exists only where it was detected.

/// How words are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiplier(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Shifts and masks, on any machine.
    Portable,
    /// One product an instruction.
    #[cfg(target_arch = "x86_64")]
    Pclmulqdq,
    /// Two products an instruction.
    #[cfg(target_arch = "x86_64")]
    Vpclmulqdq,
    /// One product an instruction.
    #[cfg(target_arch = "aarch64")]
    Pmull,
}

impl Multiplier {
    /// The best that this machine has.
    pub(super) fn detect() -> Self {
        Self::all().last().unwrap_or(Multiplier(Kind::Portable))
    }

    /// Everything that this machine can run, slowest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [
            Some(Kind::Portable),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("pclmulqdq").then_some(Kind::Pclmulqdq),
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("vpclmulqdq") && is_x86_feature_detected!("avx2"))
                .then_some(Kind::Vpclmulqdq),
            #[cfg(target_arch = "aarch64")]
            std::arch::is_aarch64_feature_detected!("aes").then_some(Kind::Pmull),
        ]
        .into_iter()
        .flatten()
        .map(Multiplier)
    }

    /// `out[w] ^= word (v.len() + w) of t · v`, with `t` of `v.len() + out.len()` words.
    pub(super) fn block(self, t: &[u64], v: &[u64], out: &mut [u64]) {
        assert_eq!(t.len(), v.len() + out.len());
        match self.0 {
            Kind::Portable => portable(t, v, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `all` is the one place that makes this value, after detecting pclmulqdq.
            Kind::Pclmulqdq => unsafe { x86::pclmulqdq(t, v, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `all` is the one place that makes this value, after detecting vpclmulqdq and avx2.
            Kind::Vpclmulqdq => unsafe { x86::vpclmulqdq(t, v, out) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: `all` is the one place that makes this value, after detecting aes (which PMULL belongs to).
            Kind::Pmull => unsafe { arm::pmull(t, v, out) },
        }
    }
}

/// Column by column: each bit of `v`, as a mask, adds the window of `t` that it selects.
fn portable(t: &[u64], v: &[u64], out: &mut [u64]) {
    for (j, v) in v.iter().enumerate() {
        // Words of `t` whose low and high halves of the product with this word fall on `out[w]`.
        let low = &t[t.len() - out.len() - j..];
        let high = &t[t.len() - out.len() - j - 1..];
        for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
            for bit in 0..64 {
                let mask = (v >> bit & 1).wrapping_neg();
                *out ^= (low << bit | high >> 1 >> (63 - bit)) & mask;
            }
        }
    }
}

/// Adds the 128-bit sums `sums(s)` for `s = N-1 ..`: the low half of each to its word, the high half to the next.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! one_product_at_a_time {
    ($t:expr, $v:expr, $out:expr, $product:expr, $halves:expr) => {{
        let (t, v, out) = ($t, $v, $out);
        // Four columns of sums at a time share the loads of v, and keep four chains going.
        let mut carry = $halves(
            t[..v.len()].iter().rev().zip(v).fold($product(0, 0), |sum, (t, v)| xor(sum, $product(*t, *v))),
        )
        .1;
        let mut blocks = out.chunks_exact_mut(4);
        let mut first = v.len();
        for block in &mut blocks {
            let mut sums = [$product(0, 0); 4];
            for (j, v) in v.iter().enumerate() {
                let t = &t[first - j..][..4];
                for (sum, t) in sums.iter_mut().zip(t) {
                    *sum = xor(*sum, $product(*t, *v));
                }
            }
            for (out, sum) in block.iter_mut().zip(sums) {
                let (low, high) = $halves(sum);
                *out ^= low ^ carry;
                carry = high;
            }
            first += 4;
        }
        for out in blocks.into_remainder() {
            let sum =
                v.iter().enumerate().fold($product(0, 0), |sum, (j, v)| xor(sum, $product(t[first - j], *v)));
            let (low, high) = $halves(sum);
            *out ^= low ^ carry;
            carry = high;
            first += 1;
        }
    }};
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    #[target_feature(enable = "pclmulqdq")]
    fn product(a: u64, b: u64) -> __m128i {
        _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, a as i64), _mm_set_epi64x(0, b as i64))
    }

    #[target_feature(enable = "pclmulqdq")]
    fn xor(a: __m128i, b: __m128i) -> __m128i {
        _mm_xor_si128(a, b)
    }

    fn halves(sum: __m128i) -> (u64, u64) {
        let [low, high] = bytemuck::cast(sum);
        (low, high)
    }

    #[target_feature(enable = "pclmulqdq")]
    pub(super) fn pclmulqdq(t: &[u64], v: &[u64], out: &mut [u64]) {
        one_product_at_a_time!(t, v, out, |a, b| product(a, b), halves);
    }

    /// Words of `out` done together: four vectors of even and four of odd sums fill half the registers.
    const STEP: usize = 16;

    #[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
    pub(super) fn vpclmulqdq(t: &[u64], v: &[u64], out: &mut [u64]) {
        let whole = out.len() / STEP * STEP;
        if whole > 0 {
            let mut carry = carry(&t[..v.len()], v);
            for (block, out) in out[..whole].chunks_exact_mut(STEP).enumerate() {
                let first = v.len() + block * STEP;
                let mut even = [_mm256_setzero_si256(); STEP / 4];
                let mut odd = even;
                for (j, v) in v.iter().enumerate() {
                    let v = _mm256_set1_epi64x(*v as i64);
                    let t = t[first - j..][..STEP].as_chunks::<4>().0;
                    for ((even, odd), t) in even.iter_mut().zip(&mut odd).zip(t) {
                        let t = bytemuck::cast(*t);
                        *even = _mm256_xor_si256(*even, _mm256_clmulepi64_epi128::<0>(t, v));
                        *odd = _mm256_xor_si256(*odd, _mm256_clmulepi64_epi128::<1>(t, v));
                    }
                }
                for ((out, even), odd) in out.as_chunks_mut::<4>().0.iter_mut().zip(even).zip(odd) {
                    let low: [u64; 4] = bytemuck::cast(_mm256_unpacklo_epi64(even, odd));
                    let high: [u64; 4] = bytemuck::cast(_mm256_unpackhi_epi64(even, odd));
                    *out = [
                        out[0] ^ low[0] ^ carry,
                        out[1] ^ low[1] ^ high[0],
                        out[2] ^ low[2] ^ high[1],
                        out[3] ^ low[3] ^ high[2],
                    ];
                    carry = high[3];
                }
            }
        }
        if whole < out.len() {
            // The rest is the same product further up: drop the words below its columns.
            pclmulqdq(&t[whole..], v, &mut out[whole..]);
        }
    }

    /// The high half of the sum below the first word of `out`.
    #[target_feature(enable = "vpclmulqdq,pclmulqdq,avx2")]
    fn carry(t: &[u64], v: &[u64]) -> u64 {
        let mut sums = [_mm256_setzero_si256(); 2];
        let (ts, vs) = (t.as_rchunks::<4>(), v.as_chunks::<4>());
        for (t, v) in ts.1.iter().rev().zip(vs.0) {
            let (t, v) = (bytemuck::cast(*t), bytemuck::cast(*v));
            // t runs downwards while v runs upwards: swap the 128-bit halves, then cross the words.
            let t = _mm256_permute4x64_epi64::<0b01_00_11_10>(t);
            sums[0] = _mm256_xor_si256(sums[0], _mm256_clmulepi64_epi128::<0x01>(t, v));
            sums[1] = _mm256_xor_si256(sums[1], _mm256_clmulepi64_epi128::<0x10>(t, v));
        }
        let sum: [u64; 4] = bytemuck::cast(_mm256_xor_si256(sums[0], sums[1]));
        let rest = ts.0.iter().rev().zip(vs.1).fold(0, |sum, (t, v)| sum ^ halves(product(*t, *v)).1);
        sum[1] ^ sum[3] ^ rest
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::vmull_p64;

    #[target_feature(enable = "neon,aes")]
    fn product(a: u64, b: u64) -> u128 {
        vmull_p64(a, b)
    }

    fn xor(a: u128, b: u128) -> u128 {
        a ^ b
    }

    fn halves(sum: u128) -> (u64, u64) {
        (sum as u64, (sum >> 64) as u64)
    }

    #[target_feature(enable = "neon,aes")]
    pub(super) fn pmull(t: &[u64], v: &[u64], out: &mut [u64]) {
        one_product_at_a_time!(t, v, out, |a, b| product(a, b), halves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every tail length of every step, on everything that this machine can run.
        #[test]
        fn agrees_with_portable(t in prop::collection::vec(any::<u64>(), 2..=90), cut in 0usize..90) {
            let (v, n) = (&t.clone()[..], 1 + cut % (t.len() - 1));
            let v = &v[t.len() - n..];
            let mut want = vec![7; t.len() - n];
            Multiplier(Kind::Portable).block(&t, v, &mut want);
            for multiplier in Multiplier::all() {
                let mut got = vec![7; t.len() - n];
                multiplier.block(&t, v, &mut got);
                prop_assert_eq!(&want, &got, "{:?}", multiplier);
            }
        }
    }
}
