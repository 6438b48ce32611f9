//! Min-sum in saturating 8-bit arithmetic. Read [`scalar`] first: it is the definition, and the fast version gives the
//! same bits.
//!
//! Normalised and offset min-sum (Chen and Fossorier, IEEE Trans. Commun. 50(3), 2002; IEEE Commun. Lett. 6(5), 2002): a
//! check says to each bit the least of the other bits' magnitudes, made smaller because the least overstates it.

use fearless_simd::{Level, dispatch, prelude::*};
use fearless_simd_macros::simd;

use super::lanes::{Places, Row};
use super::{Entry, Layout, MAX_DEGREE};
use crate::Backend;

/// How a check's least magnitude becomes its message: `m - (m >> shift) - offset`, within `0..=limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// 2 is a factor of 3/4, 3 of 7/8; from 7 on the magnitude stays.
    pub shift: u32,
    /// In units of the log-likelihood ratios.
    pub offset: u8,
    /// Greatest message, at most 127. With 31, four or more checks can outvote a saturated posterior.
    pub limit: u8,
}

impl Rule {
    /// A factor of 3/4.
    pub const NORMALISED: Self = Self { shift: 2, offset: 0, limit: 31 };
    /// One unit less.
    pub const OFFSET: Self = Self { shift: 7, offset: 1, limit: 31 };

    fn apply(self, least: i8) -> i8 {
        let scaled = least - (least >> self.shift.min(7));
        scaled.saturating_sub(self.offset.min(127) as i8).clamp(0, self.limit.min(127) as i8)
    }
}

/// The definition of [`sweep`].
pub fn scalar(
    layout: &Layout,
    rule: Rule,
    target: &[i8],
    posterior: &mut [i8],
    messages: &mut [i8],
    failed: &mut [i8],
) {
    check_lengths(layout, target, posterior, messages, failed);
    let lanes = layout.lanes();
    for (block, (first, row)) in layout.rows().enumerate() {
        for lane in 0..lanes {
            let bit = |entry: &Entry| entry.column as usize * lanes + (lane + entry.shift as usize) % lanes;
            let target = target[block * lanes + lane];
            let (mut parity, mut sign) = (target, target);
            let (mut least, mut second) = (127, 127);
            for (k, entry) in row.iter().enumerate() {
                let message = &mut messages[(first + k) * lanes + lane];
                let extrinsic = posterior[bit(entry)].saturating_sub(*message).max(-127);
                parity ^= posterior[bit(entry)];
                sign ^= extrinsic;
                second = second.min(least.max(extrinsic.abs()));
                least = least.min(extrinsic.abs());
                *message = extrinsic; // until the check knows its answer
            }
            failed[lane] |= parity;
            for (k, entry) in row.iter().enumerate() {
                let message = &mut messages[(first + k) * lanes + lane];
                let extrinsic = *message;
                let magnitude = rule.apply(if extrinsic.abs() == least { second } else { least });
                *message = if sign ^ extrinsic < 0 { -magnitude } else { magnitude };
                posterior[bit(entry)] = extrinsic.saturating_add(*message);
            }
        }
    }
}

/// One sweep over all block rows.
///
/// - `target`: the syndrome, `[block row, lane]`: 0, or `i8::MIN` for a 1
/// - `posterior`: log-likelihood ratios, `[block column, lane]`; the channel's at first
/// - `messages`: of the checks to their bits, `[entry, lane]`; zeros at first
/// - `failed`: by lane; negative afterwards where a check met posteriors whose signs do not give its target. Never
///   cleared here.
///
/// There is no GPU version: a GPU backend runs on the processor.
///
/// # Panics
/// Unless the lengths are those of `layout`.
pub fn sweep(
    backend: &Backend,
    layout: &Layout,
    rule: Rule,
    target: &[i8],
    posterior: &mut [i8],
    messages: &mut [i8],
    failed: &mut [i8],
) {
    match backend {
        Backend::Scalar => scalar(layout, rule, target, posterior, messages, failed),
        Backend::Simd(level) => simd(*level, layout, rule, target, posterior, messages, failed),
        Backend::Gpu(_) => simd(Level::new(), layout, rule, target, posterior, messages, failed),
    }
}

fn simd(
    level: Level,
    layout: &Layout,
    rule: Rule,
    target: &[i8],
    posterior: &mut [i8],
    messages: &mut [i8],
    failed: &mut [i8],
) {
    check_lengths(layout, target, posterior, messages, failed);
    dispatch!(level, simd => lanes(simd, layout, rule, target, posterior, messages, failed));
}

fn check_lengths(layout: &Layout, target: &[i8], posterior: &[i8], messages: &[i8], failed: &[i8]) {
    assert_eq!(target.len(), layout.checks(), "target");
    assert_eq!(posterior.len(), layout.bits(), "posterior");
    assert_eq!(messages.len(), layout.edges(), "messages");
    assert_eq!(failed.len(), layout.lanes(), "failed");
}

#[simd]
fn lanes<S: Simd>(
    simd: S,
    layout: &Layout,
    rule: Rule,
    target: &[i8],
    posterior: &mut [i8],
    messages: &mut [i8],
    failed: &mut [i8],
) {
    let lanes = layout.lanes();
    for (target, (first, entries)) in target.chunks_exact(lanes).zip(layout.rows()) {
        let messages = &mut messages[first * lanes..][..entries.len() * lanes];
        let mut row = Row { entries, target, posterior, messages, failed };
        // With the degree known, everything stays in registers; the others are filled up with entries that say nothing.
        macro_rules! by_degree {
            ($($exact:literal)*; $($most:literal)*) => {
                match entries.len() {
                    $($exact => checks::<S, $exact>(simd, rule, $exact, &mut row),)*
                    $(degree @ ..=$most => checks::<S, $most>(simd, rule, degree, &mut row),)*
                    degree => checks::<S, MAX_DEGREE>(simd, rule, degree, &mut row),
                }
            };
        }
        by_degree!(2 3 4 5 6 7 8 9 10 11 12; 16 24 32);
    }
}

/// All checks of a block row.
#[inline(always)]
fn checks<S: Simd, const N: usize>(simd: S, rule: Rule, degree: usize, row: &mut Row<i8>) {
    let len = S::i8s::LEN;
    for lane in (0..row.target.len()).step_by(len) {
        let places = Places::<N>::new(row, degree, lane, len);
        if places.whole() {
            vector::<S, N, true>(simd, rule, degree, row, &places);
        } else {
            vector::<S, N, false>(simd, rule, degree, row, &places);
        }
    }
}

/// A vector's worth of them.
#[inline(always)]
fn vector<S: Simd, const N: usize, const WHOLE: bool>(
    simd: S,
    rule: Rule,
    degree: usize,
    row: &mut Row<i8>,
    places: &Places<N>,
) {
    let zero = S::i8s::splat(simd, 0);
    let (floor, limit) = (S::i8s::splat(simd, -127), S::i8s::splat(simd, rule.limit.min(127) as i8));
    let mut sign: S::i8s = places.straight::<WHOLE>().load(simd, row.target);
    let mut parity = sign;
    let mut least = S::i8s::splat(simd, 127);
    let mut second = least;
    let mut extrinsic = [zero; N];
    let mut size = [zero; N];
    for k in 0..N {
        if k < degree {
            let posterior: S::i8s = places.turned::<WHOLE>(k).load(simd, row.posterior);
            let message: S::i8s = places.message::<WHOLE>(k).load(simd, row.messages);
            let value = posterior.saturating_sub(message).max(floor);
            parity ^= posterior;
            sign ^= value;
            extrinsic[k] = value;
            size[k] = value.max(zero - value);
            second = second.min(least.max(size[k]));
            least = least.min(size[k]);
        }
    }
    let failed: S::i8s = places.straight::<WHOLE>().load(simd, row.failed);
    places.straight::<WHOLE>().store(failed | parity, row.failed);
    let (shift, offset) = (rule.shift.min(7), S::i8s::splat(simd, rule.offset.min(127) as i8));
    let apply = |least: S::i8s| {
        let scaled = least - (least >> shift);
        scaled.saturating_sub(offset).max(zero).min(limit)
    };
    let (first, other) = (apply(least), apply(second));
    for k in 0..N {
        if k < degree {
            let magnitude = size[k].simd_eq(least).select(other, first);
            let message = (sign ^ extrinsic[k]).simd_lt(zero).select(zero - magnitude, magnitude);
            places.message::<WHOLE>(k).store(message, row.messages);
            places.turned::<WHOLE>(k).store(extrinsic[k].saturating_add(message), row.posterior);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::layouts;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        /// The same bits, whatever the input, over two sweeps.
        #[test]
        fn agrees_with_scalar(layout in layouts(), seed: u64, shift in 0u32..9, offset in 0u8..4, limit in 1u8..=255) {
            let mut state = seed | 1;
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as i8
            };
            let rule = Rule { shift, offset, limit };
            let target: Vec<i8> = (0..layout.checks()).map(|_| random() & i8::MIN).collect();
            let posterior: Vec<i8> = (0..layout.bits()).map(|_| random()).collect();
            let messages: Vec<i8> = (0..layout.edges()).map(|_| random() / 4).collect();
            let mut want = (posterior, messages, vec![0; layout.lanes()]);
            let start = want.clone();
            for _ in 0..2 {
                scalar(&layout, rule, &target, &mut want.0, &mut want.1, &mut want.2);
            }
            for level in [Level::new(), Level::baseline()] {
                let mut got = start.clone();
                for _ in 0..2 {
                    sweep(&Backend::Simd(level), &layout, rule, &target, &mut got.0, &mut got.1, &mut got.2);
                }
                prop_assert_eq!(&want, &got, "{:?}", level);
            }
        }
    }

    /// One check over three bits, by hand: 20, -8, 40 with target 1 and a factor of 3/4.
    #[test]
    fn one_check_by_hand() {
        let row = (0..3).map(|column| Entry { column, shift: 0 }).collect();
        let layout = Layout::new(1, 3, &[row]).unwrap();
        let (mut posterior, mut messages, mut failed) = ([20, -8, 40], [0; 3], [0]);
        scalar(&layout, Rule::NORMALISED, &[i8::MIN], &mut posterior, &mut messages, &mut failed);
        assert_eq!(messages, [6, -15, 6]);
        assert_eq!(posterior, [26, -23, 46]);
        assert!(failed[0] >= 0, "the signs gave the target");
        scalar(&layout, Rule::NORMALISED, &[0], &mut posterior, &mut messages, &mut failed);
        assert!(failed[0] < 0);
    }

    #[test]
    fn rules() {
        assert_eq!([0, 1, 8, 44, 127].map(|m| Rule::NORMALISED.apply(m)), [0, 1, 6, 31, 31]);
        assert_eq!([0, 1, 8, 127].map(|m| Rule::OFFSET.apply(m)), [0, 0, 7, 31]);
    }
}
