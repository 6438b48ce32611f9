//! A notch that finds and follows a line by itself, and opens where there is none.

use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{Each, Single, Stage, check};
use crate::Result;

/// One pole and one zero whose frequency is adapted by a normalised gradient: `z ← z + step · y x̄ / E|x|²`, with `x` the pole's last output and `y` the
/// filter's. The zero's distance from the circle is adapted with it: without a line it goes to the origin, and the filter lets everything through.
///
/// Source: Borio, Camoriano and Lo Presti, IEEE Systems Journal 2(1), 2008 (two-pole notch with adaptive zero, made complex with one pole).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingNotch {
    /// Radius of the pole, as a share of the zero's; 0 to below 1. Nearer to 1 is narrower and slower.
    pub radius: f64,
    /// Share of the way to the new frequency for each sample, above 0 and up to 1.
    pub step: f64,
}

impl Default for TrackingNotch {
    fn default() -> Self {
        Self { radius: 0.9, step: 0.02 }
    }
}

impl TrackingNotch {
    pub(super) fn stage(&self, channels: usize, _: f64) -> Result<Box<dyn Stage>> {
        check("radius", "from 0 to below 1", (0.0..1.0).contains(&self.radius), self.radius)?;
        check("step", "above 0 and up to 1", self.step > 0.0 && self.step <= 1.0, self.step)?;
        let tracker =
            Tracker { config: self.clone(), zero: Complex64::ZERO, state: Complex64::ZERO, power: 0.0 };
        Ok(Box::new(Each(vec![tracker; channels])))
    }
}

#[derive(Clone)]
struct Tracker {
    config: TrackingNotch,
    zero: Complex64,
    /// Output of the pole for the sample before, and its mean power.
    state: Complex64,
    power: f64,
}

impl Single for Tracker {
    fn push(&mut self, x: &mut dyn Iterator<Item = Complex32>, out: &mut Vec<Complex32>) {
        let TrackingNotch { radius, step } = self.config;
        out.extend(x.map(|x| {
            let x = Complex64::new(x.re.into(), x.im.into());
            let next = x + self.zero * radius * self.state;
            let y = next - self.zero * self.state;
            self.power += step * (self.state.norm_sqr() - self.power);
            let scale = self.power.max(self.state.norm_sqr() * step);
            if scale > 0.0 {
                self.zero += y * self.state.conj() * (step / scale);
                let size = self.zero.norm();
                if size > 1.0 {
                    self.zero /= size;
                }
            }
            self.state = next;
            Complex32::new(y.re as f32, y.im as f32)
        }));
    }

    fn finish(&mut self, _: &mut Vec<Complex32>) {
        (self.zero, self.state, self.power) = (Complex64::ZERO, Complex64::ZERO, 0.0);
    }
}
