//! Channel estimates from samples: what a receiver learns about the propagation from a waveform that it knows.
//!
//! Each estimator is least squares against the known part of its waveform, so that in white noise of variance `σ²` a sample the
//! variance of a gain is `σ²` over the energy that the known part spends on it: the Cramér-Rao bound of the linear model
//! (Kay, Fundamentals of Statistical Signal Processing: Estimation Theory, 1993, theorem 4.1). Where an estimator costs more
//! than that (interpolation, sounding by least squares), it says how much. Gains are linear over a transmission of unit mean power.
//!
//! An estimator is a file with a serde struct that has `check` and `estimate`, its `mod` line, and its row in the table.

pub mod comb;
pub mod lora;
mod rssi;
pub mod sounding;
pub mod wifi;

use kernels::Backend;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

pub use comb::Comb;
pub use lora::Lora;
pub use rssi::Rssi;
pub use sounding::Sounding;
pub use wifi::Wifi;

use super::Csi;
use crate::{Error, Result};

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $method:ident,)*) => {
        /// What the samples are known to hold, chosen by `method`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Estimator {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Estimator {
            /// The name of every method, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            /// # Errors
            /// [`Error::OutOfRange`], naming the field.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$method(method) => method.check(),)* }
            }

            /// Every estimate that `x` allows, in order of time; none where nothing of the kind is in it.
            ///
            /// - `x`: complex baseband, `[sample]`, full scale 1
            /// - `sample_rate`: Hz
            ///
            /// Times count from the first sample, s; there are no sequence numbers.
            ///
            /// # Errors
            /// Those of [`Self::check`]; [`Error::OutOfRange`] for a rate that the waveform does not have;
            /// [`Error::NotFinite`].
            pub fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
                self.check()?;
                require(
                    sample_rate.is_finite() && sample_rate > 0.0,
                    "sample_rate",
                    "a positive number of Hz",
                    sample_rate,
                )?;
                if let Some(index) = x.iter().position(|x| !x.is_finite()) {
                    return Err(Error::NotFinite { what: "samples", index });
                }
                match self { $(Self::$method(method) => method.estimate(x, sample_rate, backend),)* }
            }
        }
    };
}

table! {
    /// 802.11 frames: the long training field.
    "wifi" Wifi,
    /// OFDM reference symbols on known subcarriers, as SRS and CSI-RS are.
    "comb" Comb,
    /// A sequence sent over and over: the impulse response.
    "sounding" Sounding,
    /// LoRa frames: a gain for each chirp of the preamble.
    "lora" Lora,
    /// Whatever it is: the mean power of each burst.
    "rssi" Rssi,
}

/// The values of a `bool` condition on a parameter, as the crate's error.
fn require(ok: bool, field: &'static str, rule: &'static str, got: impl std::fmt::Display) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
}

/// Rows of equal length, measured at `time`, as one antenna's series.
fn series(rows: Vec<Complex32>, columns: usize, time: Vec<f64>) -> Result<Csi> {
    let shape = (time.len(), columns, 1);
    let gains = ndarray::Array3::from_shape_vec(shape, rows).map_err(|error| Error::Shape {
        what: "gains",
        need: format!("{shape:?}"),
        got: error.to_string(),
    })?;
    Csi::new(gains, time, None)
}

#[cfg(test)]
mod tests;
