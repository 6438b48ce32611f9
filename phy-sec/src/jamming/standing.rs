//! Lines that are there from the first block on: the time axis knows no before, so they are compared with
//! the bins beside them.
//!
//! A line is reported when CFAR along frequency finds it, when its power is steadier than noise can be (its
//! variance over its squared mean: 0 for a carrier, 1 for noise) and when it is not at 0 Hz, where receivers
//! have a line of their own. Whether it is a jammer or a spur of the receiver can not be known from the
//! samples, and the event says so. Wide interference from the first block on leaves no trace at all: it
//! becomes the reference, unless the noise power is given.

use super::{config::Config, detect::Sliding};
use crate::Result;

/// Blocks that are looked at.
pub(crate) const BLOCKS: usize = 16;

/// Bins on each side of 0 Hz that belong to the receiver.
const CENTER: usize = 2;

/// Steadiness of a carrier at -3 dB against what else is in its bin, roughly.
const MOST_VARIATION: f64 = 0.25;

/// False-alarm probability per bin.
const PFA: f64 = 1e-9;

/// Sums over the first blocks.
pub(crate) struct Standing {
    window: Sliding,
    blocks: usize,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

/// A line found.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) bin: usize,
    /// Over the level of the bins beside it, and what that had to reach with probability `pfa`.
    pub(crate) ratio: f64,
    pub(crate) multiplier: f64,
    pub(crate) pfa: f64,
    /// Mean power in its bin, and of all other bins together (each reads the power of white noise).
    pub(crate) power: f64,
    pub(crate) others: f64,
}

impl Standing {
    pub(crate) fn new(config: &Config) -> Self {
        let window = Sliding {
            cfar: config.standing,
            guard: 3,
            training: (config.size / 16).clamp(4, 16),
            stride: 3,
            looks: BLOCKS * config.looks,
            pfa: PFA,
            ..Sliding::default()
        };
        Standing { window, blocks: 0, sum: vec![0.0; config.size], squares: vec![0.0; config.size] }
    }

    /// Takes the next block; the lines, once there are blocks enough.
    pub(crate) fn push(&mut self, power: &[f32]) -> Result<Vec<Line>> {
        if self.blocks >= BLOCKS {
            return Ok(Vec::new());
        }
        self.blocks += 1;
        for ((sum, squares), &power) in self.sum.iter_mut().zip(&mut self.squares).zip(power) {
            *sum += f64::from(power);
            *squares += f64::from(power).powi(2);
        }
        if self.blocks < BLOCKS { Ok(Vec::new()) } else { self.lines() }
    }

    fn lines(&self) -> Result<Vec<Line>> {
        let n = BLOCKS as f64;
        let mean: Vec<f32> = self.sum.iter().map(|sum| (sum / n) as f32).collect();
        let looks = self.window.looks as f64 / n;
        let center = self.sum.len() / 2;
        let mut lines: Vec<Line> = Vec::new();
        for found in self.window.detect(&mean)? {
            let bin = found.cell;
            let (mean, square) = (self.sum[bin] / n, self.squares[bin] / n);
            // Averaging `looks` spectra has made the variance that much smaller.
            let variation = (square / (mean * mean) - 1.0) * looks;
            let peak = |other: usize| self.sum[other % self.sum.len()] <= self.sum[bin];
            if variation < MOST_VARIATION
                && bin.abs_diff(center) > CENTER
                && peak(bin + 1)
                && peak(bin + self.sum.len() - 1)
            {
                let lobe: f64 =
                    (0..5).map(|d| self.sum[(bin + self.sum.len() + d - 2) % self.sum.len()]).sum();
                let others = (self.sum.iter().sum::<f64>() - lobe) / n;
                let (ratio, multiplier) = (found.ratio, found.multiplier);
                lines.push(Line { bin, ratio, multiplier, pfa: PFA, power: mean, others });
            }
        }
        Ok(lines)
    }
}
