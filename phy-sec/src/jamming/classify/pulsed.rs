//! Switched on and off in a regular rhythm: in the envelope, or, when slower than a block, in the runs of
//! conspicuous blocks.

use num_complex::Complex32;

use super::{Class, Evidence, Verdict, describe};

/// Samples that the envelope is averaged over: pulses shorter than this are not seen as such.
const SMOOTH: usize = 32;

/// Least ratio of on to off, dB. Noise averaged over 32 samples splits into halves 1.2 dB apart.
const LEAST_CONTRAST_DB: f64 = 4.0;

/// Least share of on time that is no longer called pulsed.
const MOST_DUTY: f64 = 0.9;

pub(super) fn recognize(evidence: &Evidence) -> Option<Verdict> {
    let (period, width, why) = match by_envelope(evidence.iq) {
        Some((period, width)) => (period, width, "the envelope goes on and off in a steady rhythm"),
        None => {
            let (period, width) = regular(evidence.runs)?;
            let block = evidence.block as f64;
            (period * block, width * block, "conspicuous blocks come and go in a steady rhythm")
        }
    };
    if width > MOST_DUTY * period {
        return None;
    }
    let lines = evidence.groups(evidence.excess, 0.1, 1);
    let band = match lines.as_slice() {
        &[line] if line.1 <= super::tone::WIDEST => line,
        _ => evidence.span(),
    };
    let mut parameters = describe(evidence, band);
    parameters.insert("pulse_period".into(), (period / evidence.sample_rate).into());
    parameters.insert("pulse_width".into(), (width / evidence.sample_rate).into());
    parameters.insert("duty".into(), (width / period).into());
    Some(Verdict { class: Class::Pulsed, band, parameters, why: why.to_owned() })
}

/// Pulses that make a rhythm: of three or four, distances agree by chance too often.
pub(crate) const RHYTHM: usize = 5;

/// Period and width of pulses at `(start, length)`: at least [`RHYTHM`], and more than three quarters of the
/// distances within a tenth of the middle one.
pub(crate) fn regular(pulses: &[(u64, u64)]) -> Option<(f64, f64)> {
    if pulses.len() < RHYTHM {
        return None;
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let distances: Vec<f64> = pulses.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64).collect();
    let period = median(distances.clone());
    // The ends of the stretch may cut the first and the last pulse.
    let inner = &pulses[1..pulses.len() - 1];
    let width = median(inner.iter().map(|pulse| pulse.1 as f64).collect());
    // Places are told to a block or a smoothing window, hence the one.
    let close = |distance: &&f64| (**distance - period).abs() <= 1.0 + period / 10.0;
    let steady = distances.iter().filter(close).count() * 4 > distances.len() * 3;
    (steady && width < period).then_some((period, width))
}

/// Period and width in samples, from the smoothed power of `x`.
fn by_envelope(x: &[Complex32]) -> Option<(f64, f64)> {
    if x.len() < 8 * SMOOTH {
        return None;
    }
    let mut sum: f64 = x[..SMOOTH].iter().map(|x| f64::from(x.norm_sqr())).sum();
    let mut envelope_db = Vec::with_capacity(x.len() - SMOOTH + 1);
    for (old, new) in x.iter().zip(x[SMOOTH..].iter().chain([&Complex32::ZERO])) {
        envelope_db.push(10.0 * sum.max(1e-30).log10());
        sum += f64::from(new.norm_sqr()) - f64::from(old.norm_sqr());
        if envelope_db.len() == x.len() - SMOOTH + 1 {
            break;
        }
    }
    // Two levels, each the mean of what is nearer to it.
    let (mut off, mut on) =
        envelope_db.iter().fold((f64::MAX, f64::MIN), |(low, high), &e| (low.min(e), high.max(e)));
    for _ in 0..12 {
        let middle = 0.5 * (off + on);
        let mut sums = [(0.0, 0.0); 2];
        for &e in envelope_db.iter().step_by(4) {
            let side = &mut sums[usize::from(e > middle)];
            *side = (side.0 + e, side.1 + 1.0);
        }
        if sums[0].1 == 0.0 || sums[1].1 == 0.0 {
            return None;
        }
        (off, on) = (sums[0].0 / sums[0].1, sums[1].0 / sums[1].1);
    }
    if on - off < LEAST_CONTRAST_DB {
        return None;
    }
    // Linear middle: a smoothed edge passes it half-way, so that widths are right.
    let middle = 10.0 * (0.5 * (10f64.powf(off / 10.0) + 10f64.powf(on / 10.0))).log10();
    let (up, down) = (middle + 0.5, middle - 1.0);
    let mut pulses = Vec::new();
    let mut started = None;
    let mut was_off = false;
    for (n, &e) in envelope_db.iter().enumerate() {
        match started {
            None if e > up && was_off => started = Some(n as u64),
            Some(start) if e < down => {
                pulses.push((start, n as u64 - start));
                started = None;
            }
            _ => {}
        }
        was_off |= e < down;
    }
    regular(&pulses)
}
