//! Burst detection: where in a stream is somebody sending?
//!
//! The stream is cut into blocks of `block` samples on a fixed grid. A block is compared with the noise floor around it, which is an
//! order statistic of the block powers before and after it: a low one, so that bursts inside the window do not
//! lift the floor (Rohling, "Radar CFAR Thresholding in Clutter and Multiple Target Situations", IEEE Trans. AES 19(4),
//! 1983). Both thresholds, the one that opens a burst and the lower one that holds it open, follow exactly from a stated
//! probability of false alarm: see [`threshold`].
//!
//! [`BurstDetector`] streams with a delay of half a window; cutting the stream anywhere changes nothing.

pub mod threshold;

mod floor;

use std::{collections::VecDeque, ops::Range};

use kernels::Backend;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};
use floor::Floor;
use threshold::OrderStatistic;

/// How bursts are found. Lengths are in samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BurstConfig {
    /// Samples whose power is averaged before it is judged: the resolution of a burst's edges. 1 to 4096.
    pub block: usize,
    /// Blocks around the judged one from which the floor is taken. 8 to 65,536.
    pub floor_blocks: usize,
    /// Which order statistic of them is the floor, 0.05 to 0.75: up to `1 - floor_quantile` of the time may be burst.
    pub floor_quantile: f64,
    /// Probability that a block of white Gaussian noise opens a burst. 1e-12 to 0.1.
    pub pfa: f64,
    /// Probability that a block of noise holds an open burst open (hysteresis). `pfa` to 0.5.
    pub pfa_hold: f64,
    /// Quiet stretches up to this long stay inside the burst (the gaps of on-off keying).
    pub max_gap: usize,
    /// Shorter bursts are dropped.
    pub min_length: usize,
    /// Longer bursts are cut into pieces of this length. At least `min_length` and `block`.
    pub max_length: usize,
}

impl Default for BurstConfig {
    fn default() -> Self {
        BurstConfig {
            block: 16,
            floor_blocks: 2048,
            floor_quantile: 0.1,
            pfa: 1e-6,
            pfa_hold: 1e-4,
            max_gap: 1024,
            min_length: 256,
            max_length: 1 << 20,
        }
    }
}

impl BurstConfig {
    /// # Errors
    /// [`Error::OutOfRange`] names the first field outside the range that its documentation states.
    pub fn check(&self) -> Result<()> {
        let wrong = |field, rule, got: String| Err(Error::OutOfRange { field, rule, got });
        if !(1..=4096).contains(&self.block) {
            return wrong("block", "1 to 4096 samples", self.block.to_string());
        }
        if !(8..=65_536).contains(&self.floor_blocks) {
            return wrong("floor_blocks", "8 to 65536", self.floor_blocks.to_string());
        }
        if !(0.05..=0.75).contains(&self.floor_quantile) {
            return wrong("floor_quantile", "0.05 to 0.75", self.floor_quantile.to_string());
        }
        if !(1e-12..=0.1).contains(&self.pfa) {
            return wrong("pfa", "1e-12 to 0.1", self.pfa.to_string());
        }
        if !(self.pfa..=0.5).contains(&self.pfa_hold) {
            return wrong("pfa_hold", "pfa to 0.5", self.pfa_hold.to_string());
        }
        if self.max_length < self.min_length.max(self.block) {
            return wrong("max_length", "at least min_length and block", self.max_length.to_string());
        }
        Ok(())
    }
}

/// A stretch of the stream in which somebody sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// Absolute samples, on the block grid.
    pub range: Range<u64>,
    /// Mean power of the noise around it (linear, full scale 1).
    pub noise_power: f64,
}

/// Finds bursts in a stream.
pub struct BurstDetector {
    config: BurstConfig,
    backend: Backend,
    /// Thresholds for a full window.
    full: Thresholds,
    start: u64,
    /// Samples of the block that is not complete yet.
    rest: Vec<Complex32>,
    floor: Floor,
    /// Powers of the blocks in the window, oldest first; `decided` counts those already judged since `start`.
    window: VecDeque<f32>,
    blocks: u64,
    decided: u64,
    open: Option<Open>,
}

/// Threshold ratios to the order statistic, and what turns that into a mean noise power.
#[derive(Clone, Copy, Debug)]
struct Thresholds {
    rank: usize,
    open: f64,
    hold: f64,
    bias: f64,
}

impl Thresholds {
    fn new(config: &BurstConfig, cells: usize) -> Thresholds {
        let rank = ((config.floor_quantile * cells as f64).ceil() as usize).clamp(1, cells);
        let statistic = OrderStatistic::new(config.block, cells, rank);
        Thresholds {
            rank,
            open: statistic.ratio(config.pfa),
            hold: statistic.ratio(config.pfa_hold),
            bias: config.block as f64 / statistic.median(),
        }
    }
}

/// A burst that has begun.
struct Open {
    start: u64,
    last_active: u64,
    noise_power: f64,
}

impl BurstDetector {
    /// A detector whose first sample has the absolute index 0; [`BurstDetector::reset`] sets another.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] as [`BurstConfig::check`].
    pub fn new(config: &BurstConfig, backend: &Backend) -> Result<Self> {
        config.check()?;
        Ok(BurstDetector {
            full: Thresholds::new(config, config.floor_blocks),
            config: config.clone(),
            backend: backend.clone(),
            start: 0,
            rest: Vec::with_capacity(config.block),
            floor: Floor::default(),
            window: VecDeque::with_capacity(config.floor_blocks + 1),
            blocks: 0,
            decided: 0,
            open: None,
        })
    }

    /// Block power over the floor's order statistic at which a burst opens (linear).
    pub fn open_ratio(&self) -> f64 {
        self.full.open
    }

    /// The absolute sample before which all is decided: no burst that is still to come begins earlier.
    pub fn settled(&self) -> u64 {
        let decided = self.start + self.decided * self.config.block as u64;
        self.open.as_ref().map_or(decided, |open| open.start)
    }

    /// Takes the next samples and appends the bursts that have ended to `out`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] names the first NaN or infinite sample of `x`; then none of `x` has been taken.
    pub fn push(&mut self, x: &[Complex32], out: &mut Vec<Burst>) -> Result<()> {
        // A product with zero is NaN for NaN and infinities alone, and sums without a branch.
        if x.iter().map(|x| (x.re + x.im) * 0.0).sum::<f32>() != 0.0
            || x.iter().any(|x| !x.re.is_finite() || !x.im.is_finite())
        {
            let index = x.iter().position(|x| !x.re.is_finite() || !x.im.is_finite()).unwrap_or(0);
            return Err(Error::NotFinite { what: "samples", index });
        }
        let block = self.config.block;
        let mut x = x;
        if !self.rest.is_empty() {
            let (head, tail) = x.split_at(x.len().min(block - self.rest.len()));
            self.rest.extend_from_slice(head);
            x = tail;
            if self.rest.len() == block {
                let rest = std::mem::take(&mut self.rest);
                self.take_block(&rest, out);
                self.rest = rest;
                self.rest.clear();
            }
        }
        let mut blocks = x.chunks_exact(block);
        for block in &mut blocks {
            self.take_block(block, out);
        }
        self.rest.extend_from_slice(blocks.remainder());
        Ok(())
    }

    /// Judges what is left and closes an open burst; then the detector is as after `reset(0)`.
    /// Samples after the last complete block are in no burst. Fewer than eight blocks in all make no decision.
    pub fn finish(&mut self, out: &mut Vec<Burst>) {
        let cells = self.window.len().saturating_sub(1);
        if cells >= 7 {
            let thresholds = if cells == self.config.floor_blocks {
                self.full
            } else {
                Thresholds::new(&self.config, cells)
            };
            while self.decided < self.blocks {
                self.decide(thresholds, out);
            }
        }
        self.close(out);
        self.reset(0);
    }

    /// Forgets everything; the next sample has the absolute index `start` (after a gap, say).
    pub fn reset(&mut self, start: u64) {
        self.start = start;
        self.rest.clear();
        self.floor.clear();
        self.window.clear();
        (self.blocks, self.decided, self.open) = (0, 0, None);
    }

    fn take_block(&mut self, x: &[Complex32], out: &mut Vec<Burst>) {
        let power = kernels::energy::energy(&self.backend, x) / x.len() as f32;
        let cells = self.config.floor_blocks;
        if self.window.len() > cells
            && let Some(oldest) = self.window.pop_front()
        {
            self.floor.remove(oldest);
        }
        self.window.push_back(power);
        self.floor.insert(power);
        self.blocks += 1;
        // The first full window judges its first half at once; afterwards each block judges the one in its middle.
        while self.window.len() > cells && self.decided + ((cells / 2) as u64) < self.blocks {
            self.decide(self.full, out);
        }
    }

    /// Judges block `self.decided` against the other blocks of the window.
    fn decide(&mut self, thresholds: Thresholds, out: &mut Vec<Burst>) {
        let index = (self.decided + self.window.len() as u64 - self.blocks) as usize;
        let power = self.window[index];
        let floor = f64::from(self.floor.without(power, thresholds.rank));
        let block = self.config.block as u64;
        let start = self.start + self.decided * block;
        let end = start + block;
        let power = f64::from(power);
        self.decided += 1;
        match &mut self.open {
            None if power > thresholds.open * floor => {
                let noise_power = floor * thresholds.bias;
                self.open = Some(Open { start, last_active: end, noise_power });
            }
            None => return,
            Some(open) if power > thresholds.hold * floor => open.last_active = end,
            Some(open) if end - open.last_active > self.config.max_gap as u64 => self.close(out),
            Some(_) => {}
        }
        // A burst never grows past its maximum: what follows is a burst of its own.
        let length = self.config.max_length as u64;
        if let Some(open) = &mut self.open
            && open.last_active - open.start >= length
        {
            out.push(Burst { range: open.start..open.start + length, noise_power: open.noise_power });
            open.start += length;
            if open.start == open.last_active {
                self.open = None;
            }
        }
    }

    fn close(&mut self, out: &mut Vec<Burst>) {
        if let Some(Open { start, last_active, noise_power }) = self.open.take()
            && last_active - start >= (self.config.min_length as u64).max(1)
        {
            out.push(Burst { range: start..last_active, noise_power });
        }
    }
}

/// All bursts of a recording held in memory: `push` and `finish`.
///
/// # Errors
/// As [`BurstDetector::new`] and [`BurstDetector::push`].
pub fn detect(x: &[Complex32], config: &BurstConfig, backend: &Backend) -> Result<Vec<Burst>> {
    let (mut detector, mut out) = (BurstDetector::new(config, backend)?, Vec::new());
    detector.push(x, &mut out)?;
    detector.finish(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests;
