//! Amplitude and keying: kurtosis, duty, lengths of pulses and gaps, droop. The keying is the protocol's, not the
//! hardware's: it tells makes apart, and two devices of one make only by their clocks.

use super::{Estimate, Measured, Missing, Segment, measured, repeated};

/// ln, share, log10 s, log10 s, dB.
pub const NAMES: &[&str] = &["kurtosis", "duty", "pulse_width", "pulse_gap", "droop_db"];

/// `ln(E|s|⁴ / (E|s|²)²)` of the signal without noise, duty, median pulse and gap, last quarter over first quarter.
pub fn measure(segment: &Segment) -> [Measured; 5] {
    let on: Vec<f64> = segment
        .pulses
        .iter()
        .flat_map(|p| &segment.samples[p.clone()])
        .map(|x| f64::from(x.norm_sqr()))
        .collect();
    let n = on.len() as f64;
    let noise = segment.noise_power;
    let (second, fourth) = (on.iter().sum::<f64>() / n, on.iter().map(|p| p * p).sum::<f64>() / n);
    // E|s + w|⁴ = E|s|⁴ + 4 E|s|² σ² + 2 σ⁴ for circular Gaussian noise.
    let signal = second - noise;
    let kurtosis = (fourth - 4.0 * signal * noise - 2.0 * noise * noise) / (signal * signal);
    let kurtosis = if signal > 0.0 && kurtosis > 0.0 {
        measured(kurtosis.ln(), (2.0 / n).sqrt())
    } else {
        Err(Missing::BelowNoise)
    };
    let seconds = |samples: usize| (samples as f64 / segment.sample_rate).log10();
    let keyed =
        |values: Vec<f64>| if segment.keyed { repeated(values) } else { Err(Missing::NotIdentifiable) };
    let quarter = on.len() / 4;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64 - noise;
    let droop = if quarter > 0 {
        let (first, last) = (mean(&on[..quarter]), mean(&on[on.len() - quarter..]));
        if first > 0.0 && last > 0.0 {
            measured(10.0 * (last / first).log10(), f64::NAN)
        } else {
            Err(Missing::BelowNoise)
        }
    } else {
        Err(Missing::TooShort)
    };
    [
        kurtosis,
        if segment.keyed {
            Ok(Estimate { value: n / segment.samples.len() as f64, standard_error: None })
        } else {
            Err(Missing::NotIdentifiable)
        },
        keyed(segment.pulses.iter().map(|p| seconds(p.len())).collect()),
        keyed(segment.pulses.windows(2).map(|p| seconds((p[1].start - p[0].end).max(1))).collect()),
        droop,
    ]
}
