//! Do the bits change as often as they should? Section 2.3.

use std::f64::consts::SQRT_2;

use super::{Config, Measured, Value, sequence::Sequence, special::erfc};

pub(super) fn need(_: &Config) -> usize {
    100
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    let (words, n) = (sequence.words(), sequence.len() as f64);
    let mut changes = 0u64;
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).map_or(0, |next| next << 63);
        let mut differs = word ^ (word >> 1 | next);
        if index + 1 == words.len() {
            // The last bit has no neighbour.
            differs &= (1 << ((sequence.len() - 1) % 64)) - 1;
        }
        changes += u64::from(differs.count_ones());
    }
    let runs = (changes + 1) as f64;
    let share = sequence.ones() as f64 / n;
    // Step 2: a sequence that fails the monobit test this clearly is not looked at further.
    if (share - 0.5).abs() >= 2.0 / n.sqrt() {
        return Ok(vec![Value::only(runs, 0.0)]);
    }
    let spread = share * (1.0 - share);
    let p = erfc((runs - 2.0 * n * spread).abs() / (2.0 * SQRT_2 * n.sqrt() * spread));
    Ok(vec![Value::only(runs, p)])
}
