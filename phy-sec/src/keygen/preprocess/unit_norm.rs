//! Every snapshot to unit Euclidean norm over the lanes. Gain control and transmit power scale whole snapshots,
//! differently at the two ends; the shape over frequency is what both share.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Has no parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnitNorm {}

impl UnitNorm {
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }

    /// A snapshot of zeros stays one.
    pub(super) fn apply(&self, mut series: Array2<f64>) -> Result<Array2<f64>> {
        for mut snapshot in series.columns_mut() {
            let norm = snapshot.iter().map(|x| x * x).sum::<f64>().sqrt();
            if norm > 0.0 {
                snapshot /= norm;
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn takes_the_gain_out() {
        let got = UnitNorm {}.apply(array![[3.0, 6.0, 0.0], [4.0, 8.0, 0.0]]).unwrap();
        assert_eq!(got, array![[0.6, 0.6, 0.0], [0.8, 0.8, 0.0]]);
    }
}
