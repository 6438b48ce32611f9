//! Each bit given the one before: the probability of the likeliest 128 bits. SP 800-90B, section 6.3.3.

use super::{Estimate, Sequence};

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let Some(bits) = sequence.as_bits() else { return Estimate::too_short() };
    let n = bits.len();
    let ones = bits.count_ones();
    // Pairs (previous, next), one word of nexts at a time; every bit but the first has a previous one.
    let (mut both, mut rises) = (0usize, 0usize);
    for (k, &next) in bits.words().iter().enumerate() {
        let previous = bits.delayed(k, 1);
        let valid = bits.valid(k, 1);
        both += (previous & next & valid).count_ones() as usize;
        rises += (!previous & next & valid).count_ones() as usize;
    }
    let before_ones = ones - bits.get(n - 1) as usize; // the last bit is nobody's previous
    let before_zeros = n - 1 - before_ones;
    let share = |hits: usize, trials: usize| if trials > 0 { hits as f64 / trials as f64 } else { 0.0 };
    let p = [1.0 - ones as f64 / n as f64, ones as f64 / n as f64];
    let step = [
        [share(before_zeros - rises, before_zeros), share(rises, before_zeros)],
        [share(before_ones - both, before_ones), share(both, before_ones)],
    ];
    // The likeliest path visits each transition as often as one of the six that section 6.3.3 lists.
    let [[p00, p01], [p10, p11]] = step.map(|row| row.map(f64::log2));
    let [p0, p1] = p.map(f64::log2);
    let paths = [
        p0 + 127.0 * p00,
        p0 + 64.0 * p01 + 63.0 * p10,
        p0 + p01 + 126.0 * p11,
        p1 + p10 + 126.0 * p00,
        p1 + 64.0 * p10 + 63.0 * p01,
        p1 + 127.0 * p11,
    ];
    let likeliest = paths.into_iter().filter(|path| path.is_finite()).fold(-128.0, f64::max);
    Estimate::new(
        (-likeliest / 128.0).min(1.0) + 0.0,
        [
            ("P_0", p[0]),
            ("P_1", p[1]),
            ("P_{0,0}", step[0][0]),
            ("P_{0,1}", step[0][1]),
            ("P_{1,0}", step[1][0]),
            ("P_{1,1}", step[1][1]),
            ("p-hat_max", likeliest.exp2()),
        ],
    )
}
