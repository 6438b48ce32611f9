//! Steps between pairing and quantizer. Both ends take the same ones, each on its own series.
//!
//! A step is a file with a serde struct that has `check` and `apply`, its `mod` line, and its row in the table.

mod decimate;
mod remove_trend;
mod unit_norm;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use decimate::Decimate;
pub use remove_trend::RemoveTrend;
pub use unit_norm::UnitNorm;

use crate::Result;

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

            /// Applies the step to `series`, `[lane, time]`.
            ///
            /// # Errors
            /// Those of [`Self::check`].
            pub fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
                self.check()?;
                Ok(match self { $(Self::$method(method) => method.apply(series),)* })
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn parse(text: &str) -> std::result::Result<Preprocess, String> {
        serde_json::from_str(text).map_err(|err| err.to_string())
    }

    #[test]
    fn every_method_is_reachable_by_its_name() {
        for name in Preprocess::ALL {
            let step = parse(&format!(r#"{{"method":"{name}"}}"#)).unwrap();
            let got = step.apply(array![[1.0, 2.0, 4.0], [3.0, 5.0, 1.0]]).unwrap();
            assert!(got.iter().all(|x| x.is_finite()), "{name}");
            assert!(parse(&format!(r#"{{"method":"{name}","typo":1}}"#)).unwrap_err().contains("typo"));
        }
        assert!(parse(r#"{"method":"magic"}"#).unwrap_err().contains("magic"));
    }
}
