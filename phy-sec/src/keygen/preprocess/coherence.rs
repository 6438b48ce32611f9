//! Decimation by the coherence time that Alice measures: measurements closer together repeat one another. She announces
//! the factor; Bob takes hers.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Decimate;
use crate::keygen::within;
use crate::{Error, Result};

/// What counts as coherent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coherence {
    /// The coherence time is the first lag at which the autocorrelation, the mean over the lanes, is below this.
    pub threshold: f64,
    /// The greatest factor, 1 to 65,535; a quarter of the series is never exceeded.
    pub most: usize,
}

impl Default for Coherence {
    fn default() -> Self {
        Self { threshold: 0.2, most: 1024 }
    }
}

/// What is charged for the factor.
pub(super) const FACTOR_BITS: usize = 16;

impl Coherence {
    pub(super) fn check(&self) -> Result<()> {
        within("threshold", self.threshold, 0.0, 0.99, "within 0..=0.99")?;
        if (1..=65_535).contains(&self.most) {
            return Ok(());
        }
        Err(Error::OutOfRange { field: "most", rule: "1 to 65535", got: self.most.to_string() })
    }

    /// The step that `series` asks for.
    pub(super) fn learn(&self, series: &Array2<f64>) -> Decimate {
        let lanes: Vec<Vec<f64>> = series
            .rows()
            .into_iter()
            .filter_map(|lane| {
                let mean = lane.mean()?;
                let centred: Vec<f64> = lane.iter().map(|x| x - mean).collect();
                let power: f64 = centred.iter().map(|x| x * x).sum();
                (power > 1e-20 * mean * mean * lane.len() as f64)
                    .then(|| centred.iter().map(|x| x / power.sqrt()).collect())
            })
            .collect();
        let correlation = |lag: usize| {
            let of_lane = |x: &Vec<f64>| x[lag..].iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
            lanes.iter().map(of_lane).sum::<f64>() / lanes.len() as f64
        };
        let most = self.most.min(series.ncols() / 4).max(1);
        // Constant lanes have none to measure.
        let time = if lanes.is_empty() {
            1
        } else {
            (1..most).find(|&lag| correlation(lag) < self.threshold).unwrap_or(most)
        };
        Decimate { time, lane: 1 }
    }

    pub(super) fn apply(&self, series: Array2<f64>) -> Result<Array2<f64>> {
        self.learn(&series).apply(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// AR(1) with coefficient 0.9 is below 0.2 at the 16th lag: ln 0.2 / ln 0.9 = 15.3.
    #[test]
    fn the_factor_of_an_autoregressive_series() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut x = 0.0f64;
        let series = Array2::from_shape_simple_fn((1, 100_000), || {
            let w: f64 = StandardNormal.sample(&mut rng);
            x = 0.9 * x + 0.19f64.sqrt() * w;
            x
        });
        let got = Coherence::default().learn(&series);
        assert!((15..=17).contains(&got.time), "{got:?}");
        assert_eq!(Coherence { most: 4, ..Coherence::default() }.learn(&series).time, 4);
        assert_eq!(Coherence::default().learn(&Array2::from_elem((2, 50), 0.3)).time, 1);
        let err = Coherence { most: 0, ..Coherence::default() }.check().unwrap_err();
        assert_eq!(err.to_string(), "most must be 1 to 65535, got 0");
    }
}
