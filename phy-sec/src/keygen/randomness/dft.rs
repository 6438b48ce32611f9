//! Are there periodic features? Section 2.6 (spectral test).

mod split;

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use num_complex::Complex64;

use super::{Config, Measured, Value, sequence::Sequence, special::erfc};
pub(super) use split::Split;

pub(super) fn need(_: &Config) -> usize {
    1_000
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    let n = sequence.len() as f64;
    // |X| of 95 % of the lines lies below this.
    let threshold = n * (1.0f64 / 0.05).ln();
    let count =
        if sequence.len().is_multiple_of(2) { even(sequence, threshold) } else { odd(sequence, threshold) };
    Ok(vec![value(n, count as f64)])
}

/// What `count` of `n / 2` lines below the threshold mean.
fn value(n: f64, count: f64) -> Value {
    let statistic = (count - 0.95 * n / 2.0) / (n * 0.95 * 0.05 / 4.0).sqrt();
    Value::only(statistic, erfc(statistic.abs() * FRAC_1_SQRT_2))
}

/// How many of the first half of the lines have a power below `threshold`: the definition, for odd lengths.
fn odd(sequence: &Sequence<'_>, threshold: f64) -> usize {
    let n = sequence.len();
    let split = sequence.plan().get(n);
    let sign = |at| if sequence.bit(at) { 1.0 } else { -1.0 };
    let half = split.first(|at| Complex64::new(sign(at), 0.0));
    let mut count = 0;
    split.second(&half, 0..split.rows, |row, lines, _| {
        let lines = lines.iter().enumerate().take_while(|(index, _)| row + split.rows * index < n / 2);
        count += lines.filter(|(_, x)| x.norm_sqr() < threshold).count();
    });
    count
}

/// The same for even lengths: one transform of half the length over the pairs of bits as complex numbers, whose lines `k`
/// and `h - k` hold those of the sequence.
fn even(sequence: &Sequence<'_>, threshold: f64) -> usize {
    const SIGNS: [Complex64; 4] = [
        Complex64::new(-1.0, -1.0),
        Complex64::new(1.0, -1.0),
        Complex64::new(-1.0, 1.0),
        Complex64::new(1.0, 1.0),
    ];
    let (h, words) = (sequence.len() / 2, sequence.words());
    let split = sequence.plan().get(h);
    let half = split.first(|at| SIGNS[(words[at / 32] >> (2 * (at % 32))) as usize & 3]);
    let (rows, columns) = (split.rows, split.columns);
    // exp(-πi k/h) of line k = row + rows · column, in two factors.
    let turns: Vec<_> =
        (0..columns).map(|k| Complex64::from_polar(1.0, -PI * k as f64 / columns as f64)).collect();
    let mut count = 0;
    split.second(&half, 0..rows / 2 + 1, |row, lines, mirror| {
        let turn = Complex64::from_polar(1.0, -TAU * row as f64 / sequence.len() as f64);
        // A row that mirrors itself holds both lines of each pair, any other row only one.
        let alone = row == 0 || 2 * row == rows;
        let below = |power: f64| usize::from(power < threshold);
        for (index, a) in lines.iter().enumerate() {
            let partner = if row > 0 { columns - 1 - index } else { (columns - index) % columns };
            let b = mirror[partner].conj();
            let (even, odd) = ((a + b) * 0.5, (a - b) * Complex64::new(0.0, -0.5));
            let cross = 2.0 * (even * (odd * turn * turns[index]).conj()).re;
            let square = even.norm_sqr() + odd.norm_sqr();
            count += below(square + cross) + if alone { 0 } else { below(square - cross) };
        }
    });
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bits::Bits, keygen::randomness::sequence::Plan};

    /// Sections 2.6.4 and 2.6.8, from their counts of lines on. The counts themselves (4 and 46) are not what the definition
    /// gives for the sequences that stand there (5 and 48, see `worked_examples`).
    #[test]
    fn worked_examples() {
        for (n, count, statistic, p) in [(10.0, 4.0, -2.176429, 0.029523), (100.0, 46.0, -1.376494, 0.168669)]
        {
            let got = value(n, count);
            assert!((got.statistic - statistic).abs() < 6e-7 && (got.p_value - p).abs() < 6e-7, "{got:?}");
        }
    }

    /// The definition of the transform, at even and odd lengths, prime ones among them.
    #[test]
    fn lines_are_counted() {
        let mut state = 1u32;
        let all: Bits = (0..600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 31 == 1
            })
            .collect();
        for n in [2, 3, 4, 5, 6, 8, 10, 63, 64, 100, 127, 130, 254, 512, 525, 540, 598, 599, 600] {
            let bits: Bits = all.iter().take(n).collect();
            let plan = Plan::default();
            let sequence = Sequence::new(&bits, &plan);
            let power = |k: usize| {
                let terms = bits.iter().enumerate().map(|(j, bit)| {
                    let x = if bit { 1.0 } else { -1.0 };
                    Complex64::from_polar(x, -TAU * (j * k % n) as f64 / n as f64)
                });
                terms.sum::<Complex64>().norm_sqr()
            };
            let powers: Vec<_> = (0..n / 2).map(power).collect();
            // Thresholds between the powers, where rounding decides nothing.
            for limit in [0.3, 1.1, 20f64.ln(), 5.3] {
                let limit = limit * n as f64 + 1e-6;
                let want = powers.iter().filter(|power| **power < limit).count();
                let got = if n % 2 == 0 { even(&sequence, limit) } else { odd(&sequence, limit) };
                assert_eq!(got, want, "{n}, {limit}");
            }
        }
    }
}
