//! Pulse blanking: samples around which the power is far above the block's own quantile become zero.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{Each, MOST_BLOCK, Single, Stage, check};
use crate::Result;

/// In each block the level is the quantile `rank` of the power averaged over `smooth` samples; what exceeds it by `threshold_db` is blanked, with `guard`
/// samples on both sides within the block.
///
/// Pulses may fill up to `1 - rank` of a block. The block must be longer than the pulses' period: a block that one pulse fills has nothing to stand out from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blanking {
    /// Samples, 64 to 4194304.
    pub block: usize,
    /// Samples that are averaged, 1 to the block.
    pub smooth: usize,
    /// Above 0 and below 1.
    pub rank: f64,
    /// dB above the level, above 0.
    pub threshold_db: f64,
    /// Samples blanked before and after.
    pub guard: usize,
}

impl Default for Blanking {
    fn default() -> Self {
        Self { block: 16_384, smooth: 16, rank: 0.3, threshold_db: 6.0, guard: 8 }
    }
}

impl Blanking {
    pub(super) fn stage(&self, channels: usize, _: f64) -> Result<Box<dyn Stage>> {
        check("block", "within 64 and 4194304 samples", (64..=MOST_BLOCK).contains(&self.block), self.block)?;
        check("smooth", "from 1 to the block", (1..=self.block).contains(&self.smooth), self.smooth)?;
        check("rank", "above 0 and below 1", self.rank > 0.0 && self.rank < 1.0, self.rank)?;
        check(
            "threshold_db",
            "above 0 and up to 100",
            self.threshold_db > 0.0 && self.threshold_db <= 100.0,
            self.threshold_db,
        )?;
        let blanker = Blanker { config: self.clone(), block: Vec::new(), blanked: 0, seen: 0 };
        Ok(Box::new(Each(vec![blanker; channels])))
    }
}

#[derive(Clone)]
struct Blanker {
    config: Blanking,
    block: Vec<Complex32>,
    blanked: u64,
    seen: u64,
}

impl Blanker {
    fn flush(&mut self, out: &mut Vec<Complex32>) {
        let n = self.block.len();
        let half = self.config.smooth / 2;
        // Sums from scratch every block: no drift.
        let mut sums = vec![0f64; n + 1];
        for (k, x) in self.block.iter().enumerate() {
            sums[k + 1] = sums[k] + f64::from(x.norm_sqr());
        }
        let mean = |k: usize| {
            let (from, to) = (k.saturating_sub(half), (k + self.config.smooth - half).min(n));
            (sums[to] - sums[from]) / (to - from) as f64
        };
        let levels: Vec<f64> = (0..n).map(mean).collect();
        let mut sorted = levels.clone();
        let rank = ((n as f64 * self.config.rank) as usize).min(n.saturating_sub(1));
        let threshold = match sorted.is_empty() {
            true => return,
            false => {
                *sorted.select_nth_unstable_by(rank, f64::total_cmp).1
                    * 10f64.powf(self.config.threshold_db / 10.0)
            }
        };
        let mut until = 0;
        for k in (0..n).filter(|&k| levels[k] > threshold) {
            let (from, to) =
                (k.saturating_sub(self.config.guard).max(until), (k + self.config.guard + 1).min(n));
            for x in &mut self.block[from.min(to)..to] {
                *x = Complex32::ZERO;
            }
            self.blanked += to.saturating_sub(from) as u64;
            until = until.max(to);
        }
        self.seen += n as u64;
        out.append(&mut self.block);
    }
}

impl Single for Blanker {
    fn push(&mut self, x: &mut dyn Iterator<Item = Complex32>, out: &mut Vec<Complex32>) {
        for x in x {
            self.block.push(x);
            if self.block.len() == self.config.block {
                self.flush(out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Complex32>) {
        self.flush(out);
    }

    fn zeroed(&self) -> Option<(u64, u64)> {
        Some((self.blanked, self.seen))
    }
}
