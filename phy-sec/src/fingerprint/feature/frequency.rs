//! Instantaneous frequency while the carrier is on: the centre between the outermost frequencies, which for
//! frequency-shift keying does not lean to the symbol sent more often, half their distance, how the frequency drifts
//! over the burst, and how far the oscillator is pulled when it is keyed on.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::{Measured, Missing, Segment, measured, quantile, repeated};

/// Hz, log10 Hz, Hz over the burst, Hz.
pub const NAMES: &[&str] = &["frequency_center", "frequency_deviation", "frequency_drift", "turn_on_pull"];

/// Phase increments that are averaged before they count as one frequency.
const SMOOTH: usize = 4;

/// Shortest pulse whose beginning is compared with its end.
const LEAST_PULSE: usize = 64;

/// Centre, deviation, drift and pull.
pub fn measure(segment: &Segment) -> [Measured; 4] {
    let x = segment.baseband();
    let hz = segment.sample_rate / TAU;
    let mut all = Vec::new();
    let mut pulls = Vec::new();
    let mut products = Vec::new();
    for pulse in &segment.pulses {
        let turns: Vec<Complex64> = x[pulse.clone()].windows(2).map(|x| x[1] * x[0].conj()).collect();
        // Edges are transients of the filter in the receiver.
        let Some(inner) = turns.get(SMOOTH..turns.len().saturating_sub(SMOOTH)) else { continue };
        all.extend(inner.windows(SMOOTH).step_by(SMOOTH / 2).map(|w| w.iter().sum::<Complex64>().arg() * hz));
        if inner.len() >= LEAST_PULSE {
            let mean = |part: &[Complex64]| part.iter().sum::<Complex64>().arg() * hz;
            pulls.push(mean(&inner[..inner.len() / 4]) - mean(&inner[inner.len() / 2..]));
        }
        products.push((pulse, turns));
    }
    let count = all.len() as f64;
    let (Some(low), Some(high)) = (quantile(&mut all, 0.1), quantile(&mut all, 0.9)) else {
        return [Err(Missing::TooShort); 4];
    };
    let carrier = segment.carrier.frequency * segment.sample_rate;
    let deviation = 0.5 * (high - low);
    // Error of a quantile of a normal distribution at 0.1: 1.71 sigma over the root of the count; sigma is deviation / 1.28.
    let error = 1.34 * deviation / count.sqrt();
    [
        measured(carrier + 0.5 * (low + high), error / 2f64.sqrt()),
        measured(deviation.max(1.0).log10(), error / deviation.max(1.0) / 10f64.ln() / 2f64.sqrt()),
        drift(&products.iter().map(|(pulse, turns)| (pulse.start, &turns[..])).collect::<Vec<_>>(), hz),
        if segment.keyed { repeated(pulls) } else { Err(Missing::NotIdentifiable) },
    ]
}

/// Least-squares slope of the frequency over the burst, times the burst's length.
fn drift(turns: &[(usize, &[Complex64])], hz: f64) -> Measured {
    let all = || {
        turns
            .iter()
            .flat_map(|(start, turns)| turns.iter().enumerate().map(move |(i, t)| ((start + i) as f64, t)))
    };
    let weight: f64 = all().map(|(_, t)| t.norm()).sum();
    let Some(end) = turns.last().map(|(start, turns)| (start + turns.len()) as f64) else {
        return Err(Missing::TooShort);
    };
    if !(weight > 0.0) {
        return Err(Missing::BelowNoise);
    }
    // The carrier is at zero, so sin of the increment stands for the increment: the product's imaginary part, weighted by power.
    let mean_time = all().map(|(n, t)| n * t.norm()).sum::<f64>() / weight;
    let mean = all().map(|(_, t)| t.im).sum::<f64>() / weight;
    let spread: f64 = all().map(|(n, t)| (n - mean_time).powi(2) * t.norm()).sum();
    let slope = all().map(|(n, t)| (n - mean_time) * (t.im - mean * t.norm())).sum::<f64>() / spread;
    measured(slope * end * hz, f64::NAN)
}
