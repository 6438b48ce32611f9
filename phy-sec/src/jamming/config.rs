//! What a [`super::Monitor`] can be told.

use serde::{Deserialize, Serialize};

use super::{
    detect::{Cfar, OrderedStatistic},
    state::StateConfig,
};
use crate::{Error, Result};

/// Blocks that the reference needs before anything is decided.
pub(crate) const LEAST_REFERENCE: usize = 8;

/// How the stream is cut, how rare false alarms are to be, and what lasts long enough to be called jamming.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Hz.
    pub sample_rate: f64,
    /// What 0 Hz of the baseband is tuned to, Hz; 0 if not known.
    pub center_frequency: f64,
    /// Bins of a spectrum, 64..=8192.
    pub size: usize,
    /// Spectra, end to end, that a block averages, 1..=1024. Times are told to a block.
    pub looks: usize,
    /// Probability that a block of noise is called conspicuous, 1e-12..=0.1.
    pub pfa: f64,
    /// How long inconspicuous blocks are learned from, s. At least eight blocks are.
    pub learn: f64,
    /// Power of the noise over the whole band (full scale 1), if it is known. Then nothing is learned:
    /// everything above this noise is conspicuous, from the first block on, whoever sends it.
    pub noise_power: Option<f64>,
    /// Quiet blocks that end an event.
    pub hold_blocks: usize,
    /// Conspicuous blocks that an event takes; what is shorter is activity, unless it comes back regularly.
    pub min_blocks: usize,
    /// Conspicuous time that an event takes, s, in addition to `min_blocks`.
    pub min_duration: f64,
    /// Share of an event's blocks that must be conspicuous, unless they come in a regular rhythm, 0..=1: what
    /// is rarer is activity.
    pub min_occupancy: f64,
    /// An event that lasts longer is reported in parts of this length, s.
    pub max_duration: f64,
    /// How lines that are there from the first block on are told from the bins beside them.
    pub standing: Cfar,
    /// When the state of the band changes.
    pub state: StateConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sample_rate: 1e6,
            center_frequency: 0.0,
            size: 256,
            looks: 2,
            pfa: 1e-4,
            learn: 1.0,
            noise_power: None,
            hold_blocks: 16,
            min_blocks: 4,
            min_duration: 0.0,
            min_occupancy: 0.25,
            max_duration: 1.0,
            standing: Cfar::OrderedStatistic(OrderedStatistic { rank: 0.75 }),
            state: StateConfig::default(),
        }
    }
}

impl Config {
    /// Samples of a block.
    pub fn block(&self) -> usize {
        self.size * self.looks
    }

    /// Hz from one bin to the next.
    pub fn bin_width(&self) -> f64 {
        self.sample_rate / self.size as f64
    }

    /// Whole blocks in `seconds`.
    pub(crate) fn blocks(&self, seconds: f64) -> usize {
        (seconds * self.sample_rate / self.block() as f64) as usize
    }

    pub(crate) fn check(&self) -> Result<()> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        let rules = [
            ("sample_rate", "above 0 Hz and finite", positive(self.sample_rate), self.sample_rate),
            ("center_frequency", "finite", self.center_frequency.is_finite(), self.center_frequency),
            ("size", "within 64..=8192", (64..=8192).contains(&self.size), self.size as f64),
            ("looks", "within 1..=1024", (1..=1024).contains(&self.looks), self.looks as f64),
            ("pfa", "within 1e-12..=0.1", (1e-12..=0.1).contains(&self.pfa), self.pfa),
            ("learn", "at least 0 s and finite", not_negative(self.learn), self.learn),
            (
                "noise_power",
                "above 0 and finite",
                self.noise_power.is_none_or(positive),
                self.noise_power.unwrap_or(1.0),
            ),
            (
                "hold_blocks",
                "within 1..=65536",
                (1..=65536).contains(&self.hold_blocks),
                self.hold_blocks as f64,
            ),
            ("min_blocks", "at least 1", self.min_blocks >= 1, self.min_blocks as f64),
            ("min_duration", "at least 0 s and finite", not_negative(self.min_duration), self.min_duration),
            ("min_occupancy", "within 0..=1", (0.0..=1.0).contains(&self.min_occupancy), self.min_occupancy),
            ("max_duration", "above 0 s and finite", positive(self.max_duration), self.max_duration),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            Some((field, rule, _, got)) => {
                // 1e300 in five letters, not in three hundred.
                let plain = got == 0.0 || (1e-9..1e15).contains(&got.abs());
                let got = if plain { got.to_string() } else { format!("{got:e}") };
                Err(Error::OutOfRange { field, rule, got })
            }
            None => self.state.check(),
        }
    }
}
