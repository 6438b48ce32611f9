//! Bits until one repeats: 2 if the first two are alike, otherwise 3. SP 800-90B, section 6.3.2, whose equation for
//! the mean time, `2 + 2 p (1 - p)` for bits, is solved in closed form.

use super::{Sample, Z};

pub(super) fn estimate(sample: &Sample<'_>) -> (f64, f64) {
    let (mut at, mut threes, mut count) = (0, 0usize, 0usize);
    while at + 1 < sample.bits.len() {
        let differ = sample.bits.get(at) != sample.bits.get(at + 1);
        // The third bit repeats one of two that differ, whatever it is.
        if differ && at + 2 >= sample.bits.len() {
            break;
        }
        threes += usize::from(differ);
        count += 1;
        at += if differ { 3 } else { 2 };
    }
    if count < 2 {
        return (0.0, 0.0);
    }
    let n = count as f64;
    let share = threes as f64 / n;
    let deviation = (share * (1.0 - share) * n / (n - 1.0)).sqrt();
    // share estimates 2 p (1 - p), which is 1/2 at most.
    let entropy = |share: f64| {
        let p = 0.5 + (0.25 - share.clamp(0.0, 0.5) / 2.0).sqrt();
        -p.log2()
    };
    (entropy(share), entropy(share - Z * deviation / n.sqrt()))
}
