//! Where inside a burst the carrier is on: the pulses of on-off keying, or all of it.

use std::ops::Range;

use num_complex::Complex32;

use super::quantile;

/// Samples over which the power is averaged. A modulation with a zero crossing of its envelope does not stay low for so long.
const SMOOTH: usize = 9;

/// Gaps and pulses shorter than this are part of what surrounds them.
const SHORTEST: usize = 12;

/// The pulses, and whether the burst is keyed (off for at least a twentieth of the time).
pub(super) fn find(x: &[Complex32], noise_power: f64) -> (Vec<Range<usize>>, bool) {
    let all = (vec![0..x.len()], false);
    let smooth = smoothed(x);
    let Some(high) = quantile(&mut smooth.clone(), 0.9) else { return all };
    // Between the two levels on a logarithmic scale would sit in the noise for strong bursts: an eighth of the
    // power is where an edge is steepest. Never so low that noise alone would pass.
    let level = (high / 8.0).max(3.0 * noise_power).min(high / 2.0);
    let mut pulses: Vec<Range<usize>> = Vec::new();
    for (i, power) in smooth.iter().enumerate() {
        if *power >= level {
            match pulses.last_mut() {
                Some(last) if i < last.end + SHORTEST => last.end = i + 1,
                _ => pulses.push(i..i + 1),
            }
        }
    }
    pulses.retain(|pulse| pulse.len() >= SHORTEST);
    let on: usize = pulses.iter().map(Range::len).sum();
    if on == 0 || on * 20 > x.len() * 19 { all } else { (pulses, true) }
}

/// Power averaged over [`SMOOTH`] samples around each.
fn smoothed(x: &[Complex32]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(x.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for x in x {
        sum += f64::from(x.norm_sqr());
        sums.push(sum);
    }
    (0..x.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(SMOOTH / 2), (i + SMOOTH / 2 + 1).min(x.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keying_and_constant_envelopes() {
        let mut x = vec![Complex32::ZERO; 1000];
        for range in [0..100, 200..250, 600..900] {
            x[range].fill(Complex32::I);
        }
        let (pulses, keyed) = find(&x, 1e-4);
        assert!(keyed);
        assert_eq!(pulses.len(), 3);
        for (pulse, truth) in pulses.iter().zip([0..100, 200..250, 600..900]) {
            assert!(
                pulse.start.abs_diff(truth.start) <= 4 && pulse.end.abs_diff(truth.end) <= 4,
                "{pulse:?}"
            );
        }
        assert_eq!(find(&[Complex32::ONE; 300], 0.0), (vec![0..300], false));
        assert_eq!(find(&[Complex32::ZERO; 300], 0.0), (vec![0..300], false));
    }
}
