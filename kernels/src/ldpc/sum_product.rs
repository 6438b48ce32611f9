//! The sum-product algorithm in `f32`. Read [`scalar`] first: it is the definition.
//!
//! A check's message to a bit is `2 atanh Π tanh(v / 2)` over the other bits' values `v` (Gallager 1963; the tanh form:
//! Hagenauer et al., IEEE Trans. Inf. Theory 42(2), 1996). The product of the others is one from the left times one from the
//! right: nothing is divided, so that a bit of which nothing is known (a punctured one) needs no care.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;

use super::lanes::{Places, Row};
use super::{Entry, Layout, MAX_DEGREE};

/// Greatest magnitude of a message. Beyond it `tanh` of half of it is 1 within a few roundings of `f32`.
pub const LIMIT: f32 = 12.0;
/// `tanh(LIMIT / 2)`.
const MOST: f32 = 0.999_987_7;

/// The definition of [`sweep`], each check in `f64`.
pub fn scalar(
    layout: &Layout,
    target: &[f32],
    posterior: &mut [f32],
    messages: &mut [f32],
    failed: &mut [f32],
) {
    check_lengths(layout, target, posterior, messages, failed);
    let lanes = layout.lanes();
    for (block, (first, row)) in layout.rows().enumerate() {
        for lane in 0..lanes {
            let bit = |entry: &Entry| entry.column as usize * lanes + (lane + entry.shift as usize) % lanes;
            let target = target[block * lanes + lane];
            let mut parity = target.to_bits();
            let mut extrinsic = [0f32; MAX_DEGREE];
            for (k, entry) in row.iter().enumerate() {
                parity ^= posterior[bit(entry)].to_bits();
                extrinsic[k] = posterior[bit(entry)] - messages[(first + k) * lanes + lane];
            }
            failed[lane] = f32::from_bits(failed[lane].to_bits() | parity & SIGN);
            for (k, entry) in row.iter().enumerate() {
                let others = extrinsic[..row.len()].iter().enumerate().filter(|(other, _)| *other != k);
                let product: f64 = others.map(|(_, v)| (f64::from(*v) / 2.0).tanh()).product();
                let message =
                    2.0 * (f64::from(target) * product).clamp(-f64::from(MOST), f64::from(MOST)).atanh();
                messages[(first + k) * lanes + lane] = message as f32;
                posterior[bit(entry)] = extrinsic[k] + message as f32;
            }
        }
    }
}

const SIGN: u32 = 1 << 31;

/// One sweep over all block rows.
///
/// - `target`: the syndrome, `[block row, lane]`: 1.0, or -1.0 for a 1
/// - `posterior`: log-likelihood ratios, `[block column, lane]`; the channel's at first
/// - `messages`: of the checks to their bits, `[entry, lane]`; zeros at first
/// - `failed`: by lane; its sign is set where a check met posteriors whose signs do not give its target. Never
///   cleared here.
///
/// # Panics
/// Unless the lengths are those of `layout`.
pub fn sweep(
    level: Level,
    layout: &Layout,
    target: &[f32],
    posterior: &mut [f32],
    messages: &mut [f32],
    failed: &mut [f32],
) {
    check_lengths(layout, target, posterior, messages, failed);
    dispatch!(level, simd => lanes(simd, layout, target, posterior, messages, failed));
}

fn check_lengths(layout: &Layout, target: &[f32], posterior: &[f32], messages: &[f32], failed: &[f32]) {
    assert_eq!(target.len(), layout.checks(), "target");
    assert_eq!(posterior.len(), layout.bits(), "posterior");
    assert_eq!(messages.len(), layout.edges(), "messages");
    assert_eq!(failed.len(), layout.lanes(), "failed");
}

#[simd]
fn lanes<S: Simd>(
    simd: S,
    layout: &Layout,
    target: &[f32],
    posterior: &mut [f32],
    messages: &mut [f32],
    failed: &mut [f32],
) {
    let lanes = layout.lanes();
    for (target, (first, entries)) in target.chunks_exact(lanes).zip(layout.rows()) {
        let messages = &mut messages[first * lanes..][..entries.len() * lanes];
        let mut row = Row { entries, target, posterior, messages, failed };
        match entries.len() {
            ..=16 => checks::<S, 16>(simd, &mut row),
            _ => checks::<S, MAX_DEGREE>(simd, &mut row),
        }
    }
}

/// All checks of a block row.
#[inline(always)]
fn checks<S: Simd, const N: usize>(simd: S, row: &mut Row<f32>) {
    let len = S::f32s::LEN;
    // Left over from the lanes before, and overwritten before they are read.
    let mut space = [[S::f32s::splat(simd, 0.0); N]; 3];
    for lane in (0..row.target.len()).step_by(len) {
        let places = Places::<N>::new(row, row.entries.len(), lane, len);
        if places.whole() {
            vector::<S, N, true>(simd, row, &places, &mut space);
        } else {
            vector::<S, N, false>(simd, row, &places, &mut space);
        }
    }
}

/// A vector's worth of them.
#[inline(always)]
fn vector<S: Simd, const N: usize, const WHOLE: bool>(
    simd: S,
    row: &mut Row<f32>,
    places: &Places<N>,
    [extrinsic, soft, left]: &mut [[S::f32s; N]; 3],
) {
    let degree = row.entries.len().min(N);
    let mut product: S::f32s = places.straight::<WHOLE>().load(simd, row.target);
    let mut parity = product.to_bits();
    for k in 0..degree {
        let posterior: S::f32s = places.turned::<WHOLE>(k).load(simd, row.posterior);
        let message: S::f32s = places.message::<WHOLE>(k).load(simd, row.messages);
        parity ^= posterior.to_bits();
        extrinsic[k] = posterior - message;
        soft[k] = tanh_half(simd, extrinsic[k]);
        left[k] = product;
        product *= soft[k];
    }
    let failed: S::f32s = places.straight::<WHOLE>().load(simd, row.failed);
    let failed = S::f32s::from_bits(failed.to_bits() | (parity & SIGN));
    places.straight::<WHOLE>().store(failed, row.failed);
    let mut right = S::f32s::splat(simd, 1.0);
    for k in (0..degree).rev() {
        let message = twice_atanh(simd, left[k] * right);
        right *= soft[k];
        places.message::<WHOLE>(k).store(message, row.messages);
        places.turned::<WHOLE>(k).store(extrinsic[k] + message, row.posterior);
    }
}

/// `tanh(v / 2) = 1 - 2 / (e^|v| + 1)` with the sign of `v`.
#[inline(always)]
fn tanh_half<S: Simd>(simd: S, v: S::f32s) -> S::f32s {
    // Above 30 the result is 1 in `f32`.
    let size = v.max(-v).min(S::f32s::splat(simd, 30.0));
    // e^size = 2^whole 2^part, part within ±1/2; the polynomial is a Chebyshev fit of 2^part, relative error 1e-7.
    let scaled = size * std::f32::consts::LOG2_E;
    let whole = scaled.round_ties_even();
    let part = scaled - whole;
    let mut power = S::f32s::splat(simd, 0.001_340_043_2);
    for c in [0.009_676_037, 0.055_503_27, 0.240_221_07, std::f32::consts::LN_2, 1.0] {
        power = power.mul_add(part, S::f32s::splat(simd, c));
    }
    let whole: S::i32s = whole.to_int();
    let power = (power.bitcast::<S::i32s>() + (whole << 23)).bitcast::<S::f32s>();
    let one = S::f32s::splat(simd, 1.0);
    (one - S::f32s::splat(simd, 2.0) / (power + one)).copysign(v)
}

/// `2 atanh p = ln((1 + |p|) / (1 - |p|))` with the sign of `p`.
#[inline(always)]
fn twice_atanh<S: Simd>(simd: S, p: S::f32s) -> S::f32s {
    let one = S::f32s::splat(simd, 1.0);
    let size = p.max(-p).min(S::f32s::splat(simd, MOST));
    let ratio = (one + size) / (one - size);
    // ratio = 2^whole (1 + part), 1 + part within √½..√2; the polynomial is a Chebyshev fit of ln(1 + part) / part,
    // absolute error of the logarithm 4e-7.
    const ROOT_HALF: i32 = 0x3f35_04f3;
    let bits = ratio.bitcast::<S::i32s>() - ROOT_HALF;
    let part = ((bits & 0x007f_ffff) + ROOT_HALF).bitcast::<S::f32s>() - one;
    let mut log = S::f32s::splat(simd, 0.119_310_54);
    for c in [-0.186_807_51, 0.204_917_6, -0.249_082_9, 0.333_146_74, -0.500_011_45, 1.000_001] {
        log = log.mul_add(part, S::f32s::splat(simd, c));
    }
    let whole: S::f32s = (bits >> 23).to_float();
    whole.mul_add(S::f32s::splat(simd, std::f32::consts::LN_2), log * part).copysign(p)
}

#[cfg(test)]
mod tests {
    use super::super::{flooding, lanes::tests::layouts};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn agrees_with_scalar(layout in layouts(), seed: u64) {
            let mut state = seed | 1;
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
            };
            let target: Vec<f32> = (0..layout.checks()).map(|_| 1f32.copysign(random())).collect();
            // A tenth of the bits punctured. Larger values would only test how far a rounding next to the limit,
            // worth cosh² of half the message in the message, is carried by the rows that follow.
            let posterior: Vec<f32> = (0..layout.bits())
                .map(|_| if random() < -0.4 { 0.0 } else { 10.0 * random() })
                .collect();
            let mut want = (posterior.clone(), vec![0f32; layout.edges()], vec![0f32; layout.lanes()]);
            let mut got = want.clone();
            scalar(&layout, &target, &mut want.0, &mut want.1, &mut want.2);
            sweep(Level::new(), &layout, &target, &mut got.0, &mut got.1, &mut got.2);
            for (want, got) in want.1.iter().chain(&want.0).zip(got.1.iter().chain(&got.0)) {
                prop_assert!((want - got).abs() < 2e-2, "{want} {got}");
            }
            // Later rows may meet posteriors that differ about 0.
            for (want, got) in want.2.iter().zip(&got.2).filter(|_| layout.checks() == layout.lanes()) {
                prop_assert_eq!(want.is_sign_negative(), got.is_sign_negative());
            }
        }
    }

    /// One check: layered and flooding are the same, and the message is the closed form.
    #[test]
    fn one_check_by_hand() {
        let row = (0..3).map(|column| Entry { column, shift: 0 }).collect();
        let layout = Layout::new(1, 3, &[row]).unwrap();
        let values = [2.0f64, -0.5, 1.5];
        let mut posterior = values.map(|v| v as f32);
        let (mut messages, mut failed) = ([0.0; 3], [0.0]);
        sweep(Level::new(), &layout, &[-1.0], &mut posterior, &mut messages, &mut failed);
        let want = -2.0 * ((-0.25f64).tanh() * 0.75f64.tanh()).atanh();
        assert!((f64::from(messages[0]) - want).abs() < 1e-5, "{} {want}", messages[0]);
        assert!(failed[0].is_sign_positive());
        let (mut flooded, mut messages) = (values, [0.0; 3]);
        let unsatisfied = flooding::iterate(&layout, &values, &[1], &mut flooded, &mut messages);
        assert_eq!(unsatisfied, 0);
        for (layered, flooded) in posterior.iter().zip(flooded) {
            assert!((f64::from(*layered) - flooded).abs() < 1e-5);
        }
    }

    /// Two punctured bits in a check: it says nothing to anyone else.
    #[test]
    fn punctured_bits_silence_a_check() {
        let row = (0..4).map(|column| Entry { column, shift: 0 }).collect();
        let layout = Layout::new(1, 4, &[row]).unwrap();
        let (mut posterior, mut messages, mut failed) = ([0.0, 0.0, 3.0, -3.0], [0.0; 4], [0.0]);
        sweep(Level::new(), &layout, &[1.0], &mut posterior, &mut messages, &mut failed);
        assert_eq!(messages, [0.0; 4]);
        assert_eq!(posterior, [0.0, 0.0, 3.0, -3.0]);
    }
}
