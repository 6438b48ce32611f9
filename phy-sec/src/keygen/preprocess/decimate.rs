//! Keeps one measurement in every so many. Measurements closer together than the coherence time, and subcarriers
//! closer than the coherence bandwidth, repeat what their neighbours said.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Decimate {
    /// Every so-many-th measurement.
    pub time: usize,
    /// Every so-many-th lane.
    pub lane: usize,
}

impl Default for Decimate {
    fn default() -> Self {
        Self { time: 1, lane: 1 }
    }
}

impl Decimate {
    pub(super) fn check(&self) -> Result<()> {
        for (field, value) in [("time", self.time), ("lane", self.lane)] {
            if value == 0 {
                return Err(Error::OutOfRange { field, rule: "at least 1", got: "0".into() });
            }
        }
        Ok(())
    }

    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        let every = |step: usize, len: usize| (0..len).step_by(step).collect::<Vec<_>>();
        let lanes = series.select(Axis(0), &every(self.lane, series.nrows()));
        Ok(lanes.select(Axis(1), &every(self.time, series.ncols())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn keeps_the_first_of_each_stretch() {
        let got =
            Decimate { time: 2, lane: 2 }.apply(array![[1., 2., 3.], [4., 5., 6.], [7., 8., 9.]]).unwrap();
        assert_eq!(got, array![[1., 3.], [7., 9.]]);
        let err = Decimate { time: 0, lane: 1 }.check().unwrap_err();
        assert_eq!(err.to_string(), "time must be at least 1, got 0");
    }
}
