//! Received signal strength: the mean power of each burst, whatever it holds.

use kernels::Backend;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::series;
use crate::Result;
use crate::burst::{self, BurstConfig};
use crate::channel::Csi;

/// How bursts are found and measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rssi {
    /// Where a burst begins and ends.
    pub bursts: BurstConfig,
    /// Takes the mean power of the noise around the burst off its power.
    pub subtract_noise: bool,
}

impl Rssi {
    /// # Errors
    /// [`crate::Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        self.bursts.check()
    }

    /// `[burst, 1, 1]`: the root of the mean power as a real gain, so that its `log_magnitude` is the RSSI in dB over full
    /// scale; each at the middle of its burst. A burst of no power at all, or not more than the noise that is taken off, has no level
    /// and is left out.
    pub(super) fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
        let (mut gains, mut time) = (Vec::new(), Vec::new());
        for burst in burst::detect(x, &self.bursts, backend)? {
            let range = burst.range.start as usize..(burst.range.end as usize).min(x.len());
            let middle = (range.start + range.end) as f64 / 2.0 / sample_rate;
            let power = mean_power(&x[range], backend);
            let power = if self.subtract_noise { power - burst.noise_power } else { power };
            if power > 0.0 {
                gains.push(Complex32::new(power.sqrt() as f32, 0.0));
                time.push(middle);
            }
        }
        series(gains, 1, time)
    }
}

/// Mean of `|x|²`; summed over stretches short enough for single precision.
fn mean_power(x: &[Complex32], backend: &Backend) -> f64 {
    let energy: f64 = x.chunks(4096).map(|x| f64::from(kernels::energy::energy(backend, x))).sum();
    energy / x.len().max(1) as f64
}
