//! What the stream sounds like without a jammer: per bin, the loudest of all blocks learned.
//!
//! "Louder in this bin than anything learned" is OS-CFAR along time with rank 1: exact for noise, and deaf
//! to the comings and goings of the legitimate signals that were there while it learned. Learning ends after
//! the configured time and never takes in a conspicuous block, so a ramp cannot raise the reference behind
//! the operator's back (one exception, while learning lasts: what has the reference's own uneven spectrum and
//! is only louder is taken for the same traffic, busier): 1 dB a minute is a conspicuous spectrum within minutes.
//!
//! A block is conspicuous by one of two tests, each at half of the probability asked for:
//! - its loudest bin over its reference (a union bound over the bins: at most that probability);
//! - how many of every third bin reach a threshold of 1e-2 each, and are louder than anything learned: after some
//!   hundred blocks that is the rarer of the two. These bins are independent, their windowed spectra too, so on noise the
//!   count is binomial. A steady carrier and its leakage are as loud as what was learned of them, and count for nothing.

use statrs::{
    distribution::{ContinuousCDF, Normal},
    function::beta::beta_reg,
};

use super::{
    config::{Config, LEAST_REFERENCE},
    detect::{Level, known_level_multiplier, tail},
};

/// False-alarm probability of a bin in the test that counts bins, at most.
const COUNTED_PFA: f64 = 1e-2;

/// How conspicuous a block is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judgement {
    /// Largest ratio of a bin to its reference.
    pub(crate) ratio: f64,
    /// Every third bin that reaches the counting threshold.
    pub(crate) count: usize,
    /// Whether one of the two tests says so.
    pub(crate) conspicuous: bool,
}

pub(crate) struct Reference {
    looks: usize,
    pfa: f64,
    loudest: Vec<f32>,
    sum: Vec<f64>,
    /// Power of the quietest block.
    quietest: f64,
    blocks: usize,
    limit: usize,
    known: Option<f64>,
    thresholds: Thresholds,
}

/// For one number of learned blocks.
struct Thresholds {
    blocks: usize,
    level: Option<Level>,
    cell: f64,
    counted: f64,
    /// Probability of a bin to be counted.
    counted_pfa: f64,
    /// Bins counted that are conspicuous.
    least_count: usize,
}

impl Reference {
    pub(crate) fn new(config: &Config) -> Self {
        let mut reference = Reference {
            looks: config.looks,
            pfa: config.pfa,
            loudest: vec![0.0; config.size],
            sum: vec![0.0; config.size],
            quietest: f64::INFINITY,
            blocks: 0,
            limit: config.blocks(config.learn).max(LEAST_REFERENCE),
            known: config.noise_power,
            thresholds: Thresholds {
                blocks: 0,
                level: None,
                cell: f64::INFINITY,
                counted: f64::INFINITY,
                counted_pfa: COUNTED_PFA,
                least_count: count_threshold(config.size / 3, COUNTED_PFA, config.pfa / 2.0),
            },
        };
        if let Some(power) = config.noise_power {
            reference.loudest.fill(power as f32);
            reference.thresholds.cell = known_level_multiplier(config.looks, reference.cell_pfa());
            reference.thresholds.counted = known_level_multiplier(config.looks, COUNTED_PFA);
        }
        reference
    }

    /// Whether enough was learned to judge by.
    pub(crate) fn ready(&self) -> bool {
        self.known.is_some() || self.blocks >= LEAST_REFERENCE
    }

    /// Blocks learned.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Mean power of `bin` without a jammer.
    pub(crate) fn mean(&self, bin: usize) -> f64 {
        self.known.unwrap_or_else(|| self.sum[bin] / self.blocks.max(1) as f64)
    }

    /// Power of the noise over the whole band, if the channel was ever idle for a block: that of the quietest
    /// block, less what the minimum of so many blocks of noise lies below their mean.
    pub(crate) fn noise(&self) -> f64 {
        if let Some(known) = self.known {
            return known;
        }
        let blocks = self.blocks.max(1) as f64;
        // Blom's place of the smallest of so many normal values; under a Hann window the energy of a frame of N
        // samples of noise has the relative variance Σw⁴/(Σw²)² = 35/18/N.
        let place = Normal::standard().inverse_cdf(0.625 / (blocks + 0.25));
        let deviation = (35.0 / 18.0 / (self.looks * self.loudest.len()) as f64).sqrt();
        self.quietest / (1.0 + place * deviation).max(0.1)
    }

    /// Learns from an inconspicuous block while learning lasts. Digital silence says nothing of the noise.
    pub(crate) fn learn(&mut self, power: &[f32]) {
        if !self.learns() || power.iter().all(|&p| p == 0.0) {
            return;
        }
        self.blocks += 1;
        for ((loudest, sum), &power) in self.loudest.iter_mut().zip(&mut self.sum).zip(power) {
            *loudest = loudest.max(power);
            *sum += f64::from(power);
        }
        let total: f64 = power.iter().map(|&p| f64::from(p)).sum();
        self.quietest = self.quietest.min(total / power.len() as f64);
        self.renew();
    }

    /// The thresholds for the blocks learned.
    fn renew(&mut self) {
        // Four thresholds an octave: between them those of fewer blocks hold, which are a little higher.
        let blocks = grid(self.blocks);
        if blocks >= LEAST_REFERENCE && blocks != self.thresholds.blocks {
            let level = Level::new(self.looks, blocks, blocks);
            let cell = level.multiplier(self.cell_pfa());
            let counted = level.multiplier(COUNTED_PFA).max(1.0);
            let counted_pfa = level.pfa(counted).min(COUNTED_PFA);
            let least_count = count_threshold(self.loudest.len() / 3, counted_pfa, self.pfa / 2.0);
            self.thresholds =
                Thresholds { blocks, cell, counted, counted_pfa, least_count, level: Some(level) };
        }
    }

    /// Whether learning lasts.
    pub(crate) fn learns(&self) -> bool {
        self.known.is_none() && self.blocks < self.limit
    }

    /// Learns from `blocks` blocks at once: the loudest and the sum of each bin.
    pub(crate) fn learn_stretch(&mut self, loudest: &[f32], sum: &[f64], blocks: usize) {
        self.loudest.iter_mut().zip(loudest).for_each(|(all, &new)| *all = all.max(new));
        self.sum.iter_mut().zip(sum).for_each(|(all, &new)| *all += new);
        self.blocks += blocks;
        self.renew();
    }

    pub(crate) fn judge(&self, power: &[f32]) -> Judgement {
        let (mut ratio, mut count) = (0f32, 0);
        let counted = self.thresholds.counted as f32;
        for (bin, (&power, &loudest)) in power.iter().zip(&self.loudest).enumerate() {
            if power > 0.0 {
                ratio = ratio.max(power / loudest);
                count +=
                    usize::from(bin % 3 == 0 && bin + 3 <= self.loudest.len() && power > counted * loudest);
            }
        }
        let ratio = f64::from(ratio);
        let conspicuous =
            self.ready() && (ratio >= self.thresholds.cell || count >= self.thresholds.least_count);
        Judgement { ratio, count, conspicuous }
    }

    /// Probability that a block of noise is as conspicuous as `judgement`, at most 1.
    pub(crate) fn p_value(&self, judgement: &Judgement) -> f64 {
        let cell = match &self.thresholds.level {
            Some(level) => level.pfa(judgement.ratio),
            None => tail(self.looks, judgement.ratio),
        };
        let count = binomial_tail(self.loudest.len() / 3, self.thresholds.counted_pfa, judgement.count);
        (2.0 * (cell * self.loudest.len() as f64).min(count)).min(1.0)
    }

    fn cell_pfa(&self) -> f64 {
        self.pfa / 2.0 / self.loudest.len() as f64
    }
}

/// The largest of 8, 10, 12, 14, 16, 20, 24, 28, 32, ... that is at most `blocks`.
fn grid(blocks: usize) -> usize {
    match blocks.checked_ilog2() {
        Some(octave) if octave >= 2 => {
            let step = 1 << (octave - 2);
            blocks / step * step
        }
        _ => blocks,
    }
}

/// Probability of `count` or more of `trials` at `pfa` each.
fn binomial_tail(trials: usize, pfa: f64, count: usize) -> f64 {
    match count {
        0 => 1.0,
        count if count > trials => 0.0,
        count => beta_reg(count as f64, (trials - count + 1) as f64, pfa),
    }
}

/// The smallest count that noise reaches with probability `pfa` or less, each of `trials` counting with `each`.
fn count_threshold(trials: usize, each: f64, pfa: f64) -> usize {
    (1..=trials).find(|&count| binomial_tail(trials, each, count) <= pfa).unwrap_or(trials + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(X ≥ 2) of 3 trials at 0.01: 3·0.01²·0.99 + 0.01³.
    #[test]
    fn binomial_tail_is_the_sum_of_its_terms() {
        assert!((binomial_tail(3, 0.01, 2) - 2.98e-4).abs() < 1e-12);
        assert_eq!((binomial_tail(3, 0.01, 0), binomial_tail(3, 0.01, 4)), (1.0, 0.0));
        assert_eq!(count_threshold(3, 0.01, 3e-4), 2);
        assert_eq!(count_threshold(3, 0.01, 1e-9), 4);
    }

    #[test]
    fn the_grid_never_claims_more_blocks_than_there_are() {
        assert_eq!([8, 9, 10, 15, 16, 19, 33, 39, 40].map(grid), [8, 8, 10, 14, 16, 16, 32, 32, 40]);
    }

    #[test]
    fn silence_is_not_learned_and_a_learned_block_is_not_conspicuous() {
        let config = Config { size: 64, ..Config::default() };
        let mut reference = Reference::new(&config);
        for _ in 0..100 {
            reference.learn(&[0.0; 64]);
        }
        assert!(!reference.ready());
        for blocks in 1..=2000 {
            reference.learn(&[1.0; 64]);
            assert_eq!(reference.ready(), blocks >= LEAST_REFERENCE);
            assert!(!reference.judge(&[1.0; 64]).conspicuous, "{blocks}");
        }
        let loud = reference.judge(&[1e3; 64]);
        assert!(loud.conspicuous && reference.p_value(&loud) < 1e-9);
    }
}
