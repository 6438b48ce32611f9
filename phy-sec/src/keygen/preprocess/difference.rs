//! Differences of measurements: what changes slowly drops out.

use ndarray::{Array2, Axis, Slice};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How far apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Difference {
    /// Measurements from one to the other, at least 1.
    pub lag: usize,
}

impl Default for Difference {
    fn default() -> Self {
        Self { lag: 1 }
    }
}

impl Difference {
    pub(super) fn check(&self) -> Result<()> {
        if self.lag > 0 {
            return Ok(());
        }
        Err(Error::OutOfRange { field: "lag", rule: "at least 1", got: "0".into() })
    }

    /// `lag` columns fewer.
    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        let lag = self.lag.min(series.ncols());
        let late = series.slice_axis(Axis(1), Slice::from(lag..));
        let early = series.slice_axis(Axis(1), Slice::from(..series.ncols() - lag));
        Ok(&late - &early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn differences() {
        let series = array![[1.0, 4.0, 9.0, 16.0]];
        assert_eq!(Difference { lag: 1 }.apply(series.clone()).unwrap(), array![[3.0, 5.0, 7.0]]);
        assert_eq!(Difference { lag: 3 }.apply(series.clone()).unwrap(), array![[15.0]]);
        assert_eq!(Difference { lag: 9 }.apply(series).unwrap().dim(), (1, 0));
        assert_eq!(Difference { lag: 0 }.check().unwrap_err().to_string(), "lag must be at least 1, got 0");
    }
}
