//! The delay between two sensors' recordings of one signal.

use num_complex::Complex32;
use rustfft::FftPlanner;
use serde::Serialize;

use super::check;
use crate::{Error, Result};

/// Longest recordings that are compared.
const MOST: usize = 1 << 24;

/// A delay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Delay {
    /// Of `y` behind `x`, s.
    pub delay: f64,
    /// Height of the peak over the root mean square of the whole correlation: about `√samples` for copies, 3 to 5 for strangers.
    pub peak: f64,
}

/// Generalised cross-correlation with phase transform: every frequency counts alike, so that the peak is sharp whatever the spectrum.
///
/// - `x`, `y`: complex baseband of synchronous sensors, `[sample]`, equally long
/// - `sample_rate`: Hz
/// - `most`: longest delay that is looked at, s
///
/// Between samples the peak is taken for a sinc, which it is where the signal fills the band.
///
/// # Errors
/// [`Error::Shape`] for different lengths, [`Error::TooShort`] for fewer than 8 samples, [`Error::NotFinite`], [`Error::OutOfRange`].
///
/// # Source
/// Knapp and Carter, IEEE Trans. ASSP 24(4), 1976.
pub fn gcc_phat(x: &[Complex32], y: &[Complex32], sample_rate: f64, most: f64) -> Result<Delay> {
    if x.len() != y.len() {
        return Err(Error::Shape {
            what: "y",
            need: format!("[{}]", x.len()),
            got: format!("[{}]", y.len()),
        });
    }
    if x.len() < 8 {
        return Err(Error::TooShort { what: "a delay", need: 8, unit: "samples", got: x.len() });
    }
    check("samples", "up to 16777216", x.len() <= MOST, x.len())?;
    check("sample_rate", "above 0 Hz and finite", sample_rate > 0.0 && sample_rate.is_finite(), sample_rate)?;
    check("most", "above 0 s", most > 0.0, most)?;
    for (what, x) in [("x", x), ("y", y)] {
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what, index });
        }
        check("power", "above 0", x.iter().any(|x| *x != Complex32::ZERO), 0)?;
    }
    let size = (2 * x.len()).next_power_of_two();
    let mut planner = FftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(size);
    let spectrum = |x: &[Complex32]| {
        let mut x = x.to_vec();
        x.resize(size, Complex32::ZERO);
        forward.process(&mut x);
        x
    };
    let mut cross: Vec<Complex32> = spectrum(x).iter().zip(spectrum(y)).map(|(x, y)| y * x.conj()).collect();
    for c in &mut cross {
        let size = c.norm();
        *c = if size > 0.0 { *c / size } else { Complex32::ZERO };
    }
    planner.plan_fft_inverse(size).process(&mut cross);
    let reach = ((most * sample_rate).ceil().min((x.len() - 2) as f64) as usize).max(1);
    let height = |lag: isize| f64::from(cross[lag.rem_euclid(size as isize) as usize].norm());
    let reach = reach as isize;
    let best = (-reach..=reach).max_by(|&a, &b| height(a).total_cmp(&height(b))).unwrap_or(0);
    // Of a flat spectrum the peak is a sinc: with `d` between samples its neighbours are `d/(1 - d)` and `-d/(1 + d)` of it, in its own phase.
    let at = height(best);
    let peak = cross[best.rem_euclid(size as isize) as usize];
    let beside =
        |lag: isize| f64::from((cross[lag.rem_euclid(size as isize) as usize] * peak.conj()).re) / (at * at);
    let half = (beside(best + 1) - beside(best - 1)) / 2.0;
    let offset =
        if half.abs() > 1e-9 { ((1.0 + 4.0 * half * half).sqrt() - 1.0) / (2.0 * half) } else { half };
    let mean = cross.iter().map(|c| f64::from(c.norm_sqr())).sum::<f64>() / size as f64;
    Ok(Delay { delay: (best as f64 + offset) / sample_rate, peak: at / mean.sqrt() })
}

/// The Cramér-Rao bound of a delay's standard deviation, s: `√(3 / (2π² T B³ S))` with `S = s₁s₂/(1 + s₁ + s₂)`, for a flat spectrum over `bandwidth` Hz, `duration` s, and
/// linear SNRs at the two sensors.
///
/// # Errors
/// [`Error::OutOfRange`] unless all are positive.
///
/// # Source
/// Knapp and Carter 1976, eq. 33, for complex signals.
pub fn delay_bound(snr_x: f64, snr_y: f64, bandwidth: f64, duration: f64) -> Result<f64> {
    for (field, value) in
        [("snr_x", snr_x), ("snr_y", snr_y), ("bandwidth", bandwidth), ("duration", duration)]
    {
        check(field, "above 0 and finite", value > 0.0 && value.is_finite(), value)?;
    }
    let common = snr_x * snr_y / (1.0 + snr_x + snr_y);
    Ok((1.5 / (std::f64::consts::PI.powi(2) * duration * bandwidth.powi(3) * common)).sqrt())
}
