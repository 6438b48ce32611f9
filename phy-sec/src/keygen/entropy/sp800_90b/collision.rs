//! Bits until one repeats: 2 if the first two are alike, otherwise 3. SP 800-90B, section 6.3.2, whose equation for the mean
//! time is, for bits, `2 + 2 p (1 - p)`; it is solved in closed form.

use super::{Estimate, Sequence, Z};

/// How many times were seen, and how many of them were of three bits. A time that the end of the bits cuts off does not count.
pub(crate) fn times(len: usize, mut differ: impl FnMut(usize) -> bool) -> (usize, usize) {
    let (mut at, mut threes, mut count) = (0, 0, 0);
    while at + 1 < len {
        // The third bit repeats one of two that differ, whatever it is.
        let three = differ(at);
        if three && at + 2 >= len {
            break;
        }
        threes += usize::from(three);
        count += 1;
        at += 2 + usize::from(three);
    }
    (count, threes)
}

/// The probability of the likelier bit, by the share of times of three bits, which is `2 p (1 - p)` and 1/2 at most.
pub(crate) fn probability(share: f64) -> f64 {
    0.5 + (0.25 - share.clamp(0.0, 0.5) / 2.0).sqrt()
}

/// The lower end of the confidence interval of that share, and the deviation of one time.
pub(crate) fn lower(threes: usize, count: usize) -> (f64, f64) {
    let n = count as f64;
    let share = threes as f64 / n;
    let deviation = (share * (1.0 - share) * n / (n - 1.0)).sqrt();
    (share - Z * deviation / n.sqrt(), deviation)
}

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let Some(bits) = sequence.as_bits() else { return Estimate::too_short() };
    let (count, threes) = times(bits.len(), |at| bits.get(at) != bits.get(at + 1));
    if count < 2 {
        return Estimate::too_short();
    }
    let v = count as f64;
    let sum = 2.0 * v + threes as f64;
    let (below, deviation) = lower(threes, count);
    let p = probability(below);
    Estimate::new(
        -p.log2() + 0.0,
        [
            ("v", v),
            ("Sum t_i", sum),
            ("X-bar", sum / v),
            ("sigma-hat", deviation),
            ("X-bar'", 2.0 + below),
            ("p", p),
        ],
    )
}
