//! Is this frame from the same place as the last? Tests on two channel estimates, on frame after frame, and on directions; and whether somebody else's pilots are
//! in an estimate.
//!
//! | test | what is known | what it holds |
//! | --- | --- | --- |
//! | [`Difference`] | powers of noise and channel | false alarms: the same sender is called another one with probability `pfa` |
//! | [`correlation`] | nothing | false acceptance: an independent channel passes with probability `pfa` |
//! | [`Sequential`] | as `Difference` | both errors, in as few frames as possible |
//! | [`same_direction`] | standard errors of two angles | false alarms |
//! | [`pilot_power_ratio`], [`pilot_sources`] | noise; nothing | false alarms; consistent |
//!
//! An attacker's channel is taken for independent of the sender's: true some wavelengths away in rich scattering, false beside the sender or in line of sight.

mod pilot;
mod sequential;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma, Normal};

pub use pilot::{pilot_power_ratio, pilot_sources};
pub use sequential::{Outcome, Sequential};

use crate::{Error, Result};

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether the two agree.
    pub same: bool,
    /// What was compared.
    pub statistic: f64,
    /// What it had to stay below, or, for [`correlation`], to reach.
    pub threshold: f64,
    /// Probability of the error that the test holds, as asked for.
    pub pfa: f64,
    /// Probability that the hypothesis whose error is held gives a statistic at least as extreme.
    pub p_value: f64,
}

/// The likelihood-ratio test of two estimates of `N` independent gains: `Σ|a - b|²` is Gamma distributed with shape `N` and a scale that is
/// `2σ² + 2P(1 - ρ)` for the same sender and `2σ² + 2P` for another, so that the ratio grows with the sum alone.
///
/// Source: Xiao, Greenstein, Mandayam and Trappe, IEEE Trans. WC 7(7), 2008.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Difference {
    /// Variance of each estimate's error, linear, above 0.
    pub noise_power: f64,
    /// Mean power of a gain, linear, above 0.
    pub channel_power: f64,
    /// Correlation of the same sender's gains between the two frames, above 0 and up to 1.
    pub correlation: f64,
    /// Whether the two have a common phase that means nothing, as without a shared oscillator: it is taken out, and half a degree of freedom with it (exact
    /// for weak noise).
    pub free_phase: bool,
    /// Probability of calling the same sender another one, above 0 and below 1.
    pub pfa: f64,
}

impl Default for Difference {
    fn default() -> Self {
        Self { noise_power: 0.01, channel_power: 1.0, correlation: 1.0, free_phase: true, pfa: 0.01 }
    }
}

impl Difference {
    /// Compares two estimates, `[gain]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for different lengths, [`Error::TooShort`] without gains (two with a free phase), [`Error::NotFinite`], [`Error::OutOfRange`].
    pub fn test(&self, a: &[Complex32], b: &[Complex32]) -> Result<Verdict> {
        let statistic = self.statistic(a, b)?;
        let gamma = self.gamma(a.len(), self.scales().0)?;
        let threshold = self.threshold(a.len())?;
        Ok(Verdict {
            same: statistic < threshold,
            statistic,
            threshold,
            pfa: self.pfa,
            p_value: gamma.sf(statistic),
        })
    }

    /// Probability of noticing another sender with an independent channel of the same power, over `gains` independent gains.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TooShort`].
    pub fn detection_probability(&self, gains: usize) -> Result<f64> {
        Ok(self.gamma(gains, self.scales().1)?.sf(self.threshold(gains)?))
    }

    fn threshold(&self, gains: usize) -> Result<f64> {
        self.check()?;
        let gamma = self.gamma(gains, 1.0)?;
        // statrs inverts the distribution by bisection to few digits: Newton adds the rest.
        let mut x = gamma.inverse_cdf(1.0 - self.pfa);
        for _ in 0..50 {
            let step = (gamma.sf(x) - self.pfa) / statrs::distribution::Continuous::pdf(&gamma, x);
            x = (x + step).max(x / 2.0);
            if !(step.abs() > 1e-14 * x) {
                break;
            }
        }
        Ok(x * self.scales().0)
    }

    /// Mean square difference of one gain for the same sender and for another.
    fn scales(&self) -> (f64, f64) {
        let noise = 2.0 * self.noise_power;
        (noise + 2.0 * self.channel_power * (1.0 - self.correlation), noise + 2.0 * self.channel_power)
    }

    fn gamma(&self, gains: usize, scale: f64) -> Result<Gamma> {
        let shape = gains as f64 - if self.free_phase { 0.5 } else { 0.0 };
        Gamma::new(shape, 1.0 / scale).map_err(|_| out("gains", "at least 1", gains))
    }

    fn statistic(&self, a: &[Complex32], b: &[Complex32]) -> Result<f64> {
        self.check()?;
        pair(a, b, if self.free_phase { 2 } else { 1 })?;
        let (mut energy, mut cross) = (0.0, num_complex::Complex64::ZERO);
        for (a, b) in a.iter().zip(b) {
            energy += f64::from(a.norm_sqr()) + f64::from(b.norm_sqr());
            let wide = |x: &Complex32| num_complex::Complex64::new(x.re.into(), x.im.into());
            cross += wide(a).conj() * wide(b);
        }
        Ok((energy - 2.0 * if self.free_phase { cross.norm() } else { cross.re }).max(0.0))
    }

    fn check(&self) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        for (field, rule, ok, got) in [
            ("noise_power", "above 0 and finite", positive(self.noise_power), self.noise_power),
            ("channel_power", "above 0 and finite", positive(self.channel_power), self.channel_power),
            (
                "correlation",
                "above 0 and up to 1",
                self.correlation > 0.0 && self.correlation <= 1.0,
                self.correlation,
            ),
            ("pfa", "above 0 and below 1", self.pfa > 0.0 && self.pfa < 1.0, self.pfa),
        ] {
            if !ok {
                return Err(out(field, rule, got));
            }
        }
        Ok(())
    }
}

/// The squared correlation coefficient of two estimates of `N` gains. Of independent Rayleigh channels it exceeds `t` with probability `(1 - t)^(N - 1)`, whatever
/// their powers, phases and noise: an impostor passes with probability `pfa`.
///
/// # Errors
/// [`Error::Shape`], [`Error::TooShort`] for fewer than two gains, [`Error::NotFinite`], [`Error::OutOfRange`] for `pfa` or an estimate without power.
pub fn correlation(a: &[Complex32], b: &[Complex32], pfa: f64) -> Result<Verdict> {
    pair(a, b, 2)?;
    if !(pfa > 0.0 && pfa < 1.0) {
        return Err(out("pfa", "above 0 and below 1", pfa));
    }
    let wide = |x: &Complex32| num_complex::Complex64::new(x.re.into(), x.im.into());
    let power = |x: &[Complex32]| x.iter().map(|x| wide(x).norm_sqr()).sum::<f64>();
    let both = power(a) * power(b);
    if !(both > 0.0) {
        return Err(out("power", "above 0 in both estimates", both));
    }
    let cross: num_complex::Complex64 = a.iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum();
    let statistic = (cross.norm_sqr() / both).min(1.0);
    let others = (a.len() - 1) as f64;
    let threshold = 1.0 - pfa.powf(1.0 / others);
    Ok(Verdict {
        same: statistic >= threshold,
        statistic,
        threshold,
        pfa,
        p_value: (1.0 - statistic).powf(others),
    })
}

/// Whether two angles are the same, by their difference over its standard error.
///
/// - `azimuths`, `errors`: rad, of the two
/// - `pfa`: probability of calling the same direction another one
///
/// # Errors
/// [`Error::OutOfRange`], [`Error::NotFinite`].
pub fn same_direction(azimuths: [f64; 2], errors: [f64; 2], pfa: f64) -> Result<Verdict> {
    if let Some(index) = azimuths.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "azimuths", index });
    }
    let spread = errors[0].hypot(errors[1]);
    if !(spread > 0.0 && spread.is_finite()) {
        return Err(out("errors", "above 0 and finite", spread));
    }
    let turn = std::f64::consts::TAU;
    let difference = (azimuths[0] - azimuths[1] + turn / 2.0).rem_euclid(turn) - turn / 2.0;
    two_sided(difference / spread, pfa)
}

/// `|z|` against the normal distribution.
fn two_sided(z: f64, pfa: f64) -> Result<Verdict> {
    if !(pfa > 0.0 && pfa < 1.0) {
        return Err(out("pfa", "above 0 and below 1", pfa));
    }
    let normal = Normal::standard();
    let (statistic, threshold) = (z.abs(), -normal.inverse_cdf(pfa / 2.0));
    Ok(Verdict {
        same: statistic < threshold,
        statistic,
        threshold,
        pfa,
        p_value: 2.0 * normal.sf(statistic),
    })
}

fn pair(a: &[Complex32], b: &[Complex32], need: usize) -> Result<()> {
    if a.len() != b.len() {
        return Err(Error::Shape {
            what: "the second estimate",
            need: format!("[{}]", a.len()),
            got: format!("[{}]", b.len()),
        });
    }
    if a.len() < need {
        return Err(Error::TooShort { what: "a comparison of channels", need, unit: "gains", got: a.len() });
    }
    for (what, x) in [("the first estimate", a), ("the second estimate", b)] {
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what, index });
        }
    }
    Ok(())
}

fn out(field: &'static str, rule: &'static str, got: impl std::fmt::Display) -> Error {
    Error::OutOfRange { field, rule, got: got.to_string() }
}

#[cfg(test)]
mod tests;
