//! Shape of the spectrum around the carrier: what the modulator's filter and the amplifier leave.
//! Noise of the known power is taken out first; a band that does not stand out of it is not reported.

use super::{Measured, Missing, SPECTRUM_BINS, Segment, measured};

/// log10 Hz, dB, dB, and dB against the whole for two bands on each side, inner and outer.
pub const NAMES: &[&str] = &[
    "occupied_bandwidth",
    "spectral_flatness_db",
    "spectral_asymmetry_db",
    "band_inner_db",
    "band_outer_db",
];

/// The bandwidth with 99 % of the power, flatness and asymmetry of what is inside it, and bands relative to the whole.
pub fn measure(segment: &Segment) -> [Measured; 5] {
    let noise = segment.noise_power / SPECTRUM_BINS as f64;
    let net: Vec<f64> = segment.spectrum.iter().map(|p| (p - noise).max(0.0)).collect();
    let total: f64 = net.iter().sum();
    if !(total > noise) {
        return [Err(Missing::BelowNoise); 5];
    }
    let bin = segment.sample_rate / SPECTRUM_BINS as f64;
    let (low, high) = (crossing(&net, 0.005 * total), crossing(&net, 0.995 * total));
    let width = high - low;
    let occupied =
        &net[low.floor() as usize..(high.ceil() as usize).clamp(low.floor() as usize + 1, SPECTRUM_BINS)];
    let mean = occupied.iter().sum::<f64>() / occupied.len() as f64;
    // Bins that are all noise would pull the geometric mean to zero.
    let logs =
        occupied.iter().map(|p| p.max(noise.max(1e-6 * mean)).ln()).sum::<f64>() / occupied.len() as f64;
    let flatness = 10.0 * (logs.exp() / mean).log10();
    let middle = SPECTRUM_BINS / 2;
    let band = |from: usize, to: usize| -> (f64, f64) {
        (net[middle - to + 1..=middle - from].iter().sum(), net[middle + from..middle + to].iter().sum())
    };
    // An octave's own error: the relative error of a mean of periodograms is one over the root of their number.
    let frames = (2 * segment.samples.len() / SPECTRUM_BINS).max(1) as f64;
    let error = 10.0 / std::f64::consts::LN_10 / frames.sqrt();
    let ratio = |a: f64, b: f64| {
        // Ten times the noise in as many bins would be: weaker than that is noise.
        if a.min(b) <= 0.5 * noise {
            Err(Missing::BelowNoise)
        } else {
            measured(10.0 * (a / b).log10(), error)
        }
    };
    let (below, above) = band(2, middle);
    let inner = band(2, 16);
    let outer = band(16, 64);
    [
        measured((width.max(0.5) * bin).log10(), f64::NAN),
        measured(flatness, error),
        ratio(above, below),
        ratio(inner.0 + inner.1, total),
        ratio(outer.0 + outer.1, total),
    ]
}

/// Where the running sum of `net` reaches `level`, in bins, interpolated.
fn crossing(net: &[f64], level: f64) -> f64 {
    let mut sum = 0.0;
    for (i, p) in net.iter().enumerate() {
        if sum + p >= level && *p > 0.0 {
            return i as f64 + (level - sum) / p;
        }
        sum += p;
    }
    net.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_interpolates() {
        assert!((crossing(&[0.0, 1.0, 2.0, 1.0], 2.0) - 2.5).abs() < 1e-12);
        assert_eq!(crossing(&[0.0; 4], 1.0), 4.0);
    }
}
