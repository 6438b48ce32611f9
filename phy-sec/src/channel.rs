//! Channel measurements: what a receiver learned about the propagation from each packet it heard.

mod counter;
pub mod dw1000;
pub mod esp32;
pub mod estimate;
pub mod intel5300;
pub mod nexmon;
pub mod npy;
pub mod picoscenes;

use std::collections::HashMap;
use std::hash::Hash;

use ndarray::Array3;
use num_complex::Complex32;

use crate::{Error, Result};

/// A series of channel estimates by one receiver of one transmitter.
#[derive(Debug, Clone, PartialEq)]
pub struct Csi {
    /// Complex gains, `[time, subcarrier, antenna]`, linear.
    pub gains: Array3<Complex32>,
    /// When each was measured, s, `[time]`, on the receiver's own clock.
    pub time: Vec<f64>,
    /// The packets' sequence numbers, `[time]`, where the measurement carries them.
    pub sequence: Option<Vec<u64>>,
}

impl Csi {
    /// A series whose parts fit together.
    ///
    /// # Errors
    /// [`Error::Shape`] if `time` or `sequence` does not have one entry for each row of `gains`;
    /// [`Error::NotFinite`] for a NaN or an infinity in `gains` or `time`.
    pub fn new(gains: Array3<Complex32>, time: Vec<f64>, sequence: Option<Vec<u64>>) -> Result<Self> {
        let rows = gains.dim().0;
        let fits = |what, len| {
            if len == rows {
                Ok(())
            } else {
                Err(Error::Shape { what, need: format!("[{rows}]"), got: format!("[{len}]") })
            }
        };
        fits("time", time.len())?;
        if let Some(sequence) = &sequence {
            fits("sequence", sequence.len())?;
        }
        if let Some(index) = gains.iter().position(|g| !g.is_finite()) {
            return Err(Error::NotFinite { what: "gains", index });
        }
        if let Some(index) = time.iter().position(|t| !t.is_finite()) {
            return Err(Error::NotFinite { what: "time", index });
        }
        Ok(Self { gains, time, sequence })
    }
}

/// Of values that differ from packet to packet the most frequent one; of equally frequent ones the greatest.
fn most_frequent<T: Hash + Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(value, count)| (count, value)).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_must_fit() {
        let gains = Array3::from_elem((3, 2, 1), Complex32::new(1.0, 0.0));
        assert!(Csi::new(gains.clone(), vec![0.0, 1.0, 2.0], Some(vec![7, 8, 9])).is_ok());
        let err = Csi::new(gains.clone(), vec![0.0], None).unwrap_err();
        assert_eq!(err.to_string(), "time must have shape [3], got [1]");
        let err = Csi::new(gains.clone(), vec![0.0; 3], Some(vec![1])).unwrap_err();
        assert_eq!(err.to_string(), "sequence must have shape [3], got [1]");
        let err = Csi::new(gains.clone(), vec![0.0, f64::NAN, 0.0], None).unwrap_err();
        assert_eq!(err.to_string(), "time holds a NaN or an infinity at index 1");
        let mut bad = gains;
        bad[[2, 1, 0]].re = f32::INFINITY;
        let err = Csi::new(bad, vec![0.0; 3], None).unwrap_err();
        assert_eq!(err.to_string(), "gains holds a NaN or an infinity at index 5");
    }
}
