//! Frames, window, scaling and detrending of a power spectrum.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    window::Window,
};

/// What one unit of the output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Power per hertz: `s = 1 / (sample_rate Σ w²)`. White noise of power `p` reads `p / sample_rate`.
    #[default]
    Density,
    /// Power: `s = 1 / (Σ w)²`. A tone in the middle of a bin reads its own power.
    Spectrum,
    /// The squared magnitude as it comes, `s = 1`.
    None,
}

/// What is taken off each frame before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detrend {
    /// Nothing.
    #[default]
    None,
    /// Its mean: a receiver's DC offset.
    Constant,
}

/// Frames, window and scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StftConfig {
    /// Samples in a frame and bins in a spectrum, 1..=2^24. Powers of two from 64 to 8192 run on a GPU.
    pub size: usize,
    /// Samples from one frame's start to the next one's, at least 1.
    pub hop: usize,
    /// The window, taken periodic.
    pub window: Window,
    /// The unit of the output.
    pub scaling: Scaling,
    /// What is taken off each frame first.
    pub detrend: Detrend,
    /// Hz; only [`Scaling::Density`] looks at it.
    pub sample_rate: f64,
}

impl Default for StftConfig {
    fn default() -> Self {
        StftConfig {
            size: 1024,
            hop: 512,
            window: Window::Hann,
            scaling: Scaling::Density,
            detrend: Detrend::None,
            sample_rate: 1.0,
        }
    }
}

impl StftConfig {
    /// Frames that lie wholly within `samples` samples.
    pub fn frames(&self, samples: usize) -> usize {
        match samples.checked_sub(self.size) {
            None => 0,
            // A hop of 0 is refused where a transform is planned; a count may be asked for before.
            Some(rest) => rest.checked_div(self.hop).map_or(1, |more| more + 1),
        }
    }

    /// Errors if a field is outside its range.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn check(&self) -> Result<()> {
        if !(1..=1 << 24).contains(&self.size) {
            return Err(Error::out_of_range("size", "within 1..=16777216", self.size));
        }
        if self.hop == 0 {
            return Err(Error::out_of_range("hop", "at least 1", self.hop));
        }
        if !(self.sample_rate.is_finite() && self.sample_rate > 0.0) {
            return Err(Error::out_of_range("sample_rate", "above 0 Hz and finite", self.sample_rate));
        }
        self.window.check()
    }

    /// The window times the square root of the scaling: the power of its product with a frame is scaled already.
    ///
    /// # Errors
    /// As [`StftConfig::check`], and [`Error::OutOfRange`] for a window that sums to nothing.
    pub fn scaled_window(&self) -> Result<Vec<f64>> {
        self.check()?;
        let window = self.window.coefficients_f64(self.size, true);
        let scale = match self.scaling {
            Scaling::Density => 1.0 / (self.sample_rate * window.iter().map(|w| w * w).sum::<f64>()),
            Scaling::Spectrum => 1.0 / window.iter().sum::<f64>().powi(2),
            Scaling::None => 1.0,
        };
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::out_of_range(
                "size",
                "large enough for a window that is not all zero",
                self.size,
            ));
        }
        Ok(window.into_iter().map(|w| w * scale.sqrt()).collect())
    }
}
