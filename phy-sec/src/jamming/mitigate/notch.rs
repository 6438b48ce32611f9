//! Zeros on the unit circle at known frequencies, each with a pole just inside.

use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{Each, Single, Stage, check};
use crate::Result;

/// `H(z) = Π (1 - zₖ z⁻¹) / (1 - r zₖ z⁻¹)`, `r = 1 - π bandwidth / sample_rate`.
///
/// A signal that is white over the band loses the share `bandwidth · π / (2 · sample_rate)` of its power for each notch; a lock-on takes about
/// `1 / (π bandwidth)` seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notch {
    /// Hz from the centre of the band, 1 to 64 of them.
    pub frequencies: Vec<f64>,
    /// Hz between the points where a notch lets half the power through; `null` for a thousandth of the sample rate.
    pub bandwidth: Option<f64>,
}

impl Default for Notch {
    /// At the centre, where a receiver's own offset is.
    fn default() -> Self {
        Self { frequencies: vec![0.0], bandwidth: None }
    }
}

impl Notch {
    pub(super) fn stage(&self, channels: usize, sample_rate: f64) -> Result<Box<dyn Stage>> {
        let bandwidth = self.bandwidth.unwrap_or(1e-3 * sample_rate);
        check(
            "frequencies",
            "1 to 64 of them",
            (1..=64).contains(&self.frequencies.len()),
            self.frequencies.len(),
        )?;
        check(
            "bandwidth",
            "above 0 Hz and below a quarter of the sample rate",
            bandwidth > 0.0 && bandwidth < sample_rate / 4.0,
            bandwidth,
        )?;
        let radius = 1.0 - std::f64::consts::PI * bandwidth / sample_rate;
        let mut sections = Vec::new();
        for &frequency in &self.frequencies {
            check(
                "frequencies",
                "within half the sample rate",
                frequency.abs() <= sample_rate / 2.0,
                frequency,
            )?;
            let zero = Complex64::cis(std::f64::consts::TAU * frequency / sample_rate);
            sections.push(Section {
                zero,
                pole: zero * radius,
                state: Complex64::ZERO,
                gain: 0.5 * (1.0 + radius),
            });
        }
        Ok(Box::new(Each(vec![Cascade(sections); channels])))
    }
}

#[derive(Clone)]
struct Section {
    zero: Complex64,
    pole: Complex64,
    /// Output of the pole for the sample before.
    state: Complex64,
    /// Keeps the far side of the circle at gain 1.
    gain: f64,
}

#[derive(Clone)]
struct Cascade(Vec<Section>);

impl Single for Cascade {
    fn push(&mut self, x: &mut dyn Iterator<Item = Complex32>, out: &mut Vec<Complex32>) {
        out.extend(x.map(|x| {
            let mut y = Complex64::new(x.re.into(), x.im.into());
            for section in &mut self.0 {
                let next = y + section.pole * section.state;
                y = (next - section.zero * section.state) * section.gain;
                section.state = next;
            }
            Complex32::new(y.re as f32, y.im as f32)
        }));
    }

    fn finish(&mut self, _: &mut Vec<Complex32>) {
        self.0.iter_mut().for_each(|section| section.state = Complex64::ZERO);
    }
}
