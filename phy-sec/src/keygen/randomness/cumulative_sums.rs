//! Does the random walk stray too far, or not far enough? Section 2.13, forward and backward.

use super::{
    Config, Measured, Value,
    sequence::Sequence,
    special::normal,
    walk::{STEPS, Steps},
};

pub(super) fn need(_: &Config) -> usize {
    100
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    let n = sequence.len();
    // The walk's place, and how far it came to either side; the start counts, and changes nothing.
    let (mut place, mut least, mut most) = (0i64, 0i64, 0i64);
    let whole = n / 8;
    for byte in sequence.words().iter().flat_map(|word| word.to_le_bytes()).take(whole) {
        let Steps { sum, least: low, most: high } = STEPS[usize::from(byte)];
        least = least.min(place + i64::from(low));
        most = most.max(place + i64::from(high));
        place += i64::from(sum);
    }
    for at in 8 * whole..n {
        place += if sequence.bit(at) { 1 } else { -1 };
        least = least.min(place);
        most = most.max(place);
    }
    // Backward, the walk starts at the end: its k-th sum is the end less a place of the forward walk.
    let (forward, backward) = (most.max(-least), (place - least).max(most - place));
    let value = |label, z: i64| Value::new(label, z as f64, p_value(n, z));
    Ok(vec![value("forward", forward), value("backward", backward)])
}

fn p_value(n: usize, z: i64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    let (n, z) = (n as f64, z as f64);
    let step = z / n.sqrt();
    // What lies past ten standard deviations is nothing; without this a short excursion would take n/2 terms.
    let far = (10.0 / step / 4.0).ceil() + 1.0;
    let sum = |from: f64, high: f64, low: f64| {
        let from = ((-n / z + from) / 4.0).ceil().max(-far) as i64;
        let to = ((n / z - 1.0) / 4.0).floor().min(far) as i64;
        (from..=to)
            .map(|k| 4.0 * k as f64)
            .map(|k| normal((k + high) * step) - normal((k + low) * step))
            .sum::<f64>()
    };
    (1.0 - sum(1.0, 1.0, -1.0) + sum(-3.0, 3.0, 1.0)).clamp(0.0, 1.0)
}
