//! How far back the same block of six bits was seen last, a universal statistic after Maurer. SP 800-90B, section 6.3.4.

use super::{Estimate, Sequence, Z};

/// Bits of a block.
const BLOCK: usize = 6;
/// Blocks that only fill the dictionary.
const LEARNED: usize = 1000;
/// The standard's factor between the spread of distances and that of their mean.
const CORRECTION: f64 = 0.5907;

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let Some(bits) = sequence.as_bits() else { return Estimate::too_short() };
    let blocks = bits.len() / BLOCK;
    if blocks <= LEARNED + 1 {
        return Estimate::too_short();
    }
    let logs: Vec<f64> = (0..=blocks).map(|k| (k.max(1) as f64).log2()).collect();
    let mut last = [0usize; 1 << BLOCK];
    // A handful of distances makes up nearly all of them: counted first, the sums are exact and short.
    let mut counts = vec![0u32; blocks + 1];
    for k in 1..=blocks {
        let block = (bits.window((k - 1) * BLOCK) >> (64 - BLOCK)) as usize;
        if k > LEARNED {
            counts[k - last[block]] += 1;
        }
        last[block] = k;
    }
    let tested = (blocks - LEARNED) as f64;
    let seen = || counts.iter().zip(&logs).filter(|(count, _)| **count > 0);
    let mean = seen().map(|(&count, log)| f64::from(count) * log).sum::<f64>() / tested;
    let squares: f64 = seen().map(|(&count, log)| f64::from(count) * log * log).sum();
    let deviation = CORRECTION * (squares / (tested - 1.0) - mean * mean).max(0.0).sqrt();
    let below = mean - Z * deviation / tested.sqrt();

    let size = (1 << BLOCK) as f64;
    let expected = |p: f64| {
        let q = (1.0 - p) / (size - 1.0);
        contribution(p, &logs) + (size - 1.0) * contribution(q, &logs)
    };
    let (mut low, mut high) = (1.0 / size, 1.0);
    let found = expected(low) > below;
    if found {
        // The expectation falls as p grows.
        while (high - low) > 1e-15 * high {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if expected(middle) > below { low = middle } else { high = middle }
        }
    }
    let p = if found { 0.5 * (low + high) } else { 1.0 / size };
    Estimate::new(
        if found { -p.log2() / BLOCK as f64 + 0.0 } else { 1.0 },
        [("X-bar", mean), ("sigma-hat", deviation), ("X-bar'", below), ("p", p)],
    )
}

/// `G(z)` of step 7: what a block of probability `z` adds to the mean of the logarithm of the distance.
///
/// The double sum over the time of the test and the distance is done by distance: distance `i` is possible at all times
/// after it, and at time `i` itself stands for *never seen*.
fn contribution(z: f64, logs: &[f64]) -> f64 {
    let blocks = logs.len() - 1;
    let tested = (blocks - LEARNED) as f64;
    let (mut early, mut late, mut weighted) = (0.0, 0.0, 0.0);
    let mut power = 1.0; // (1 - z)^(i - 1)
    for (i, log) in logs.iter().enumerate().skip(1) {
        let term = log * power;
        if i <= LEARNED {
            early += term;
        } else {
            late += term;
            weighted += (blocks - i) as f64 * term;
        }
        power *= 1.0 - z;
        if power < 1e-30 {
            break;
        }
    }
    z / tested * (z * (weighted + tested * early) + late)
}
