//! Frequency-domain excision: bins far above the frame's own quantile become zero.

use std::sync::Arc;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{Each, Stage, check, frames::Frames};
use crate::Result;

/// In each frame the level is the quantile `rank` of the bins' powers; bins that exceed it by `threshold_db` become zero, with `guard` bins on both sides.
///
/// It fits a victim that fills more than `1 - rank` of the band, evenly: a narrow victim stands out like a jammer, and wants a [`super::Mask`] instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Excision {
    /// Samples of a frame, a power of two from 16 to 65536. A sweep of `rate` Hz/s is narrowest at `sample_rate / √rate`.
    pub size: usize,
    /// Above 0 and below 1.
    pub rank: f64,
    /// dB above the level, above 0.
    pub threshold_db: f64,
    /// Bins.
    pub guard: usize,
}

impl Default for Excision {
    fn default() -> Self {
        Self { size: 512, rank: 0.5, threshold_db: 11.0, guard: 1 }
    }
}

impl Excision {
    pub(super) fn stage(&self, channels: usize, _: f64) -> Result<Box<dyn Stage>> {
        check(
            "size",
            "a power of two within 16 and 65536",
            self.size.is_power_of_two() && (16..=65536).contains(&self.size),
            self.size,
        )?;
        check("rank", "above 0 and below 1", self.rank > 0.0 && self.rank < 1.0, self.rank)?;
        check(
            "threshold_db",
            "above 0 and up to 100",
            self.threshold_db > 0.0 && self.threshold_db <= 100.0,
            self.threshold_db,
        )?;
        let (size, guard) = (self.size, self.guard.min(self.size));
        let rank = ((size as f64 * self.rank) as usize).min(size - 1);
        let factor = 10f32.powf(self.threshold_db as f32 / 10.0);
        let change = Arc::new(move |bins: &mut [Complex32]| {
            let powers: Vec<f32> = bins.iter().map(Complex32::norm_sqr).collect();
            let mut sorted = powers.clone();
            let threshold = *sorted.select_nth_unstable_by(rank, f32::total_cmp).1 * factor;
            let mut out = vec![false; size];
            for bin in (0..size).filter(|&bin| powers[bin] > threshold) {
                (0..=2 * guard).for_each(|d| out[(bin + size + d - guard) % size] = true);
            }
            let mut zeroed = 0;
            for (bin, _) in bins.iter_mut().zip(out).filter(|(_, out)| *out) {
                *bin = Complex32::ZERO;
                zeroed += 1;
            }
            zeroed
        });
        Ok(Box::new(Each(vec![Frames::new(size, change); channels])))
    }
}
