//! Is the longest run of ones in each block as long as it should be? Section 2.4.

use super::{
    Config, Measured, Value, blocks, chi_squared,
    sequence::{Sequence, low_mask, windows},
    special::igamc,
};

/// Section 2.4.2 and, for the probabilities, 3.4, with its four digits.
struct Rule {
    /// Least length of the sequence.
    from: usize,
    block: usize,
    /// The first class holds runs up to this length, each further class one length more, the last all above.
    shortest: usize,
    probabilities: &'static [f64],
}

const RULES: [Rule; 3] = [
    Rule {
        from: 750_000,
        block: 10_000,
        shortest: 10,
        probabilities: &[0.0882, 0.2092, 0.2483, 0.1933, 0.1208, 0.0675, 0.0727],
    },
    Rule {
        from: 6_272,
        block: 128,
        shortest: 4,
        probabilities: &[0.1174, 0.2430, 0.2493, 0.1752, 0.1027, 0.1124],
    },
    Rule { from: 128, block: 8, shortest: 1, probabilities: &[0.2148, 0.3672, 0.2305, 0.1875] },
];

impl Rule {
    /// The probabilities that the standard rounds to four digits.
    fn exact(&self) -> Vec<f64> {
        // That `block` bits hold no run of k + 1 ones: a(n) = a(n-1) - 2^-(k+2) a(n-k-2), for a zero and k + 1 ones may end them.
        let none_above = |k: usize| {
            let mut a = vec![1.0; k + 1];
            a.push(1.0 - 2f64.powi(-(k as i32 + 1)));
            for n in k + 2..=self.block {
                a.push(a[n - 1] - 2f64.powi(-(k as i32 + 2)) * a[n - k - 2]);
            }
            a[self.block]
        };
        let classes = self.probabilities.len();
        let up_to: Vec<f64> =
            (0..classes - 1).map(|class| none_above(self.shortest + class)).chain([1.0]).collect();
        (0..classes).map(|class| up_to[class] - if class > 0 { up_to[class - 1] } else { 0.0 }).collect()
    }
}

pub(super) fn need(_: &Config) -> usize {
    128
}

pub(super) fn measure(sequence: &Sequence<'_>, config: &Config) -> Measured {
    let n = sequence.len();
    let [large, middle, small] = &RULES;
    let rule = if n >= large.from {
        large
    } else if n >= middle.from {
        middle
    } else {
        small
    };
    let mut counts = vec![0; rule.probabilities.len()];
    for block in blocks(n, rule.block) {
        let longest = longest(windows(sequence.words(), block)) as usize;
        counts[longest.saturating_sub(rule.shortest).min(rule.probabilities.len() - 1)] += 1;
    }
    let exact = config.exact.then(|| rule.exact());
    let statistic = chi_squared(&counts, exact.as_deref().unwrap_or(rule.probabilities));
    let freedom = rule.probabilities.len() - 1;
    Ok(vec![Value::only(statistic, igamc(freedom as f64 / 2.0, statistic / 2.0))])
}

/// The longest run of ones over windows in a row.
fn longest(windows: impl Iterator<Item = (u64, u32)>) -> u32 {
    let (mut best, mut open) = (0, 0);
    for (word, length) in windows {
        if word == low_mask(length) {
            open += length;
            best = best.max(open);
            continue;
        }
        best = best.max(open + word.trailing_ones());
        let (mut rest, mut run) = (word, 0);
        while rest != 0 {
            rest &= rest << 1;
            run += 1;
        }
        best = best.max(run);
        open = (word << (64 - length)).leading_ones();
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::Bits;
    use proptest::prelude::*;

    /// Section 3.4's tables for 8 and 128 bits are right to a unit of their last digit. That for 10,000 is off by up to 0.0016: its
    /// probabilities, to six digits, are those below.
    #[test]
    fn probabilities() {
        let large = [0.086632, 0.208201, 0.248419, 0.193913, 0.121458, 0.068011, 0.073366];
        for (rule, want, tolerance) in [
            (&RULES[0], &large[..], 6e-7),
            (&RULES[0], RULES[0].probabilities, 1.6e-3),
            (&RULES[1], RULES[1].probabilities, 1e-4),
            (&RULES[2], RULES[2].probabilities, 1e-4),
        ] {
            let exact = rule.exact();
            assert!((exact.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(exact.iter().zip(want).all(|(a, b)| (a - b).abs() < tolerance), "{exact:?} {want:?}");
        }
    }

    proptest! {
        #[test]
        fn runs_are_found(runs in prop::collection::vec(0usize..=150, 1..=6)) {
            let bits: Bits = runs.iter().flat_map(|&run| [vec![true; run], vec![false]].concat()).collect();
            let got = longest(windows(bits.words(), 0..bits.len()));
            prop_assert_eq!(got as usize, runs.into_iter().max().unwrap());
        }
    }
}
