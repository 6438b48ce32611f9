//! I/Q offset: the local oscillator's leakage, a line at the carrier below the modulation.
//!
//! The leak is a tone inside the burst. The blind carrier estimate is not fine enough to integrate over
//! all of it, so the line is searched for within three standard errors of it, and has to stand out against the
//! modulation beside it. A burst whose carrier is the modulation (on-off keying, a bare carrier) cannot show a leak.

use num_complex::Complex64;

use super::{Measured, Missing, Segment, measured};

/// Leak over signal, dB of power.
pub const NAMES: &[&str] = &["iq_offset_db"];

/// Half the widest search, in bins of the burst's own resolution.
const REACH: i64 = 32;

/// Leak over the rest of the burst's power.
pub fn measure(segment: &Segment) -> [Measured; 1] {
    [leak(segment)]
}

fn leak(segment: &Segment) -> Measured {
    if segment.keyed || segment.carrier.tone {
        return Err(Missing::NotIdentifiable);
    }
    let x = segment.baseband();
    let n = x.len() as f64;
    // Half-bin steps, so that no line falls between two.
    let reach = ((6.0 * segment.carrier.standard_error * n).ceil() as i64).clamp(2, 2 * REACH);
    let line = |half_bins: i64| -> Complex64 {
        let step = Complex64::cis(-std::f64::consts::PI * half_bins as f64 / n);
        // Horner's rule from the end is a rotation that needs no table.
        x.iter().rev().fold(Complex64::ZERO, |sum, x| sum * step + x) / n
    };
    let lines: Vec<f64> = (-reach - 8..=reach + 8).map(|k| line(k).norm_sqr()).collect();
    let peak = lines[8..lines.len() - 8].iter().copied().fold(0.0, f64::max);
    let mut around = lines.clone();
    let Some(floor) = super::median(&mut around) else { return Err(Missing::TooShort) };
    let signal = segment.power - segment.noise_power;
    if peak > 0.5 * signal || signal <= 0.0 {
        return Err(Missing::NotIdentifiable);
    }
    // The floor is exponential: its mean is median / ln 2, and the greatest of 2 * reach + 1 passes twelve times
    // the mean once in a thousand bursts.
    let floor = floor / std::f64::consts::LN_2;
    if peak < 12.0 * floor {
        return Err(Missing::BelowNoise);
    }
    let db = 10.0 * (peak / (signal - peak)).log10();
    measured(db, 20.0 / std::f64::consts::LN_10 * (floor / (2.0 * peak)).sqrt())
}
