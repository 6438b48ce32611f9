//! Carrier phase over one OFDM symbol, from its cyclic prefix: the last samples of a symbol are sent before it, so the signal
//! correlates with itself one symbol length later, turned by the carrier offset (van de Beek, Sandell and Börjesson, "ML
//! estimation of time and frequency offset in OFDM systems", IEEE Trans. Signal Processing 45(7), 1997). That is the offset modulo
//! the subcarrier spacing, far finer than any blind estimate from the spectrum; as a point on the circle, it has no seam.
//!
//! Symbol lengths that are powers of two in samples are tried; the longest at which the correlation stands out counts.

use num_complex::Complex64;

use super::{Measured, Missing, SPECTRUM_BINS, Segment, measured};

/// Cosine and sine of the phase.
pub const NAMES: &[&str] = &["cyclic_phase_cos", "cyclic_phase_sin"];

/// Symbol lengths in samples, the longest first.
const LAGS: [usize; 6] = [2048, 1024, 512, 256, 128, 64];

/// Correlations this many standard deviations from none count: one in a thousand bursts without a prefix passes.
const SIGNIFICANT: f64 = 3.0;

/// The phase between a symbol's prefix and its end.
pub fn measure(segment: &Segment) -> [Measured; 2] {
    if segment.keyed || segment.carrier.tone {
        return [Err(Missing::NotIdentifiable); 2];
    }
    // A correlated signal has fewer independent samples: (Σ P)² / Σ P² of the bins of its spectrum.
    let (sum, squares) = segment.spectrum.iter().fold((0.0, 0.0), |(s, q), p| (s + p, q + p * p));
    let independent = sum * sum / squares / SPECTRUM_BINS as f64;
    let x = segment.samples;
    for lag in LAGS.into_iter().filter(|lag| lag * 4 <= x.len()) {
        let mut correlation = Complex64::ZERO;
        let mut power = 0.0;
        for (late, early) in x[lag..].iter().zip(x) {
            let product = late * early.conj();
            correlation += Complex64::new(f64::from(product.re), f64::from(product.im));
            power += f64::from(early.norm_sqr());
        }
        let coherence = correlation.norm() / power;
        // Complex noise: its squared size is exponential, with mean 1 / n.
        let deviation = 1.0 / ((x.len() - lag) as f64 * independent).sqrt();
        if coherence > SIGNIFICANT * deviation {
            let angle = correlation.arg();
            let error = deviation / coherence / std::f64::consts::SQRT_2;
            return [
                measured(angle.cos(), error * angle.sin().abs()),
                measured(angle.sin(), error * angle.cos().abs()),
            ];
        }
    }
    [Err(Missing::BelowNoise); 2]
}
