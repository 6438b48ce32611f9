//! Steps between pairing and quantizer. Both ends take the same ones, each on its own series.
//!
//! Most steps depend on nothing but their fields. Two learn something from the series, which must be the same at both ends:
//! Alice [`learn`]s it from hers and announces the steps as learnt, and the ledger charges what they say.
//!
//! A step is a file with a serde struct that has `check` and `apply`, its `mod` line, and its row in the table.

mod coherence;
mod dct;
mod decimate;
mod difference;
mod kalman;
mod moving_average;
mod pca;
mod remove_trend;
mod savitzky_golay;
mod unit_norm;
mod wavelet;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use coherence::Coherence;
pub use dct::Dct;
pub use decimate::Decimate;
pub use difference::Difference;
pub use kalman::Kalman;
pub use moving_average::MovingAverage;
pub use pca::Pca;
pub use remove_trend::RemoveTrend;
pub use savitzky_golay::{Keep, SavitzkyGolay};
pub use unit_norm::UnitNorm;
pub use wavelet::{Family, Part, Wavelet};

use crate::{Error, Result};

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $method:ident,)*) => {
        /// A step, chosen by `method`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method")]
        pub enum Preprocess {
            $($(#[$doc])* #[serde(rename = $name)] $method($method),)*
        }

        impl Preprocess {
            /// The name of every method, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            /// # Errors
            /// [`crate::Error::OutOfRange`], naming the field.
            pub fn check(&self) -> Result<()> {
                match self { $(Self::$method(method) => method.check(),)* }
            }

            /// Applies the step to `series`, `[lane, time]`. A step that learns, and has not, learns from `series`.
            ///
            /// # Errors
            /// Those of [`Self::check`]; [`Error::NotFinite`]; [`Error::Shape`] for a basis that fits other lanes.
            pub fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
                self.check()?;
                if let Some(index) = series.iter().position(|x| !x.is_finite()) {
                    return Err(Error::NotFinite { what: "series to process", index });
                }
                match self { $(Self::$method(method) => method.apply(series),)* }
            }
        }
    };
}

table! {
    /// Each snapshot to unit norm over the lanes: takes gain control out.
    "unit_norm" UnitNorm,
    /// Subtracts the mean, or a moving one: takes out what changes slowly.
    "remove_trend" RemoveTrend,
    /// Keeps every so-many-th measurement and lane: takes correlation out.
    "decimate" Decimate,
    /// Keeps one measurement to a coherence time, which Alice measures and announces.
    "coherence" Coherence,
    /// A moving mean: takes noise out.
    "moving_average" MovingAverage,
    /// A moving polynomial: takes noise out, or is taken out.
    "savitzky_golay" SavitzkyGolay,
    /// Subtracts large-scale fading as a Kalman filter tracks it.
    "kalman" Kalman,
    /// Differences of measurements.
    "difference" Difference,
    /// Cosine transform of blocks: takes correlation over time out.
    "dct" Dct,
    /// What changes fast, or slowly, by a wavelet transform.
    "wavelet" Wavelet,
    /// Principal components across the lanes: takes their correlation out.
    "pca" Pca,
}

/// What Alice finds, and says.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    /// The steps without anything left to learn: what she announces, and Bob applies.
    pub steps: Vec<Preprocess>,
    /// Her series after them.
    pub series: Array2<f64>,
    /// What the ledger charges for the announcement: `session::Settings::announced_bits`.
    pub announced_bits: usize,
}

/// Applies `steps` to Alice's `series`, each learning from what the one before leaves.
///
/// # Errors
/// Those of [`Preprocess::apply`].
pub fn learn(steps: &[Preprocess], mut series: Array2<f64>) -> Result<Learnt> {
    let (mut learnt, mut announced_bits) = (Vec::with_capacity(steps.len()), 0);
    for step in steps {
        step.check()?;
        let step = match step {
            Preprocess::Coherence(method) => {
                announced_bits += coherence::FACTOR_BITS;
                Preprocess::Decimate(method.learn(&series))
            }
            Preprocess::Pca(method) => {
                let (method, bits) = method.learn(&series)?;
                announced_bits += bits;
                Preprocess::Pca(method)
            }
            step => step.clone(),
        };
        series = step.apply(series)?;
        learnt.push(step);
    }
    Ok(Learnt { steps: learnt, series, announced_bits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn parse(text: &str) -> std::result::Result<Preprocess, String> {
        serde_json::from_str(text).map_err(|err| err.to_string())
    }

    #[test]
    fn every_method_keeps_the_rules_of_the_table() {
        let wave = |(lane, k): (usize, usize)| ((k * (lane + 3)) as f64 * 0.37).sin() + 0.1 * lane as f64;
        for name in Preprocess::ALL {
            let step = parse(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
            let again = parse(&serde_json::to_string(&step).unwrap()).unwrap();
            assert_eq!(step, again);
            // Any size; finite; the same every time; what Alice learnt does the same to her series.
            for (lanes, n) in [(2, 3), (1, 0), (1, 1), (3, 2), (4, 200), (1, 57)] {
                let series = Array2::from_shape_fn((lanes, n), wave);
                let got = step.apply(series.clone()).unwrap();
                assert!(got.iter().all(|x| x.is_finite()), "{name} {lanes} {n}");
                assert_eq!(got, step.apply(series.clone()).unwrap(), "{name}");
                let learnt = learn(std::slice::from_ref(&step), series.clone()).unwrap();
                assert_eq!(learnt.series, got, "{name}");
                assert_eq!(learnt.steps[0].apply(series).unwrap(), got, "{name}");
                // Nothing is left to learn.
                let other = Array2::from_shape_fn((lanes, n), |(lane, k)| wave((k, lane)));
                assert_eq!(learn(&learnt.steps, other).unwrap().steps, learnt.steps, "{name}");
            }
            // A constant stays one, or vanishes.
            let constant = step.apply(Array2::from_elem((3, 128), 2.5)).unwrap();
            for row in constant.rows() {
                assert!(row.iter().all(|x| (x - row[0]).abs() < 1e-9), "{name}: {row}");
            }
            let err = step.apply(array![[1.0, f64::INFINITY]]).unwrap_err();
            assert_eq!(err.to_string(), "series to process holds a NaN or an infinity at index 1", "{name}");
            assert!(parse(&format!(r#"{{"method":"{name}","typo":1}}"#)).unwrap_err().contains("typo"));
        }
        assert!(parse(r#"{"method":"magic"}"#).unwrap_err().contains("magic"));
    }

    #[test]
    fn what_is_learnt_is_charged() {
        let series = Array2::from_shape_fn((3, 400), |(lane, k)| ((k + lane) as f64 * 0.3).sin());
        let steps = [r#"{"method":"coherence"}"#, r#"{"method":"pca","calibration":20}"#]
            .map(|text| parse(text).unwrap());
        let learnt = learn(&steps, series).unwrap();
        let Preprocess::Pca(Pca { basis: Some(basis), .. }) = &learnt.steps[1] else { panic!("{learnt:?}") };
        assert_eq!(learnt.announced_bits, 16 + 4 * basis.len());
        assert!(matches!(learnt.steps[0], Preprocess::Decimate(Decimate { time: 2.., .. })));
    }
}
