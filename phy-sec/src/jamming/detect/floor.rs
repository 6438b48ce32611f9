//! The floor of a receiver, calibrated from its own stream, per sample rate and gain, in a way that a slow ramp can not poison.
//!
//! A floor that follows what it hears takes a jammer that rises slowly for noise. This one follows no faster than receivers
//! drift (temperature: hundredths of a decibel a minute), so what rises faster leaves it behind, and a CUSUM over the distance
//! notices: 1 dB a minute within a minute or two, and still after an hour. The level of an interval is a low quantile of its
//! blocks' powers: traffic that pauses does not raise it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change_point::Chart;
use crate::{Error, Result};

/// How a floor is learned and kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FloorConfig {
    /// Length of an interval, s, 1e-3..=60.
    pub interval: f64,
    /// Intervals learned from before anything is judged, 8..=10,000.
    pub learn: usize,
    /// Fastest drift that is followed, dB per minute, 0..=0.5.
    pub drift_db_per_minute: f64,
    /// Rank of the level among the powers of an interval, above 0 and at most 1.
    pub quantile: f64,
    /// Intervals without an alarm, on average, while nothing but noise is there: 100..=1e9.
    pub run_length: f64,
}

impl Default for FloorConfig {
    fn default() -> Self {
        FloorConfig { interval: 1.0, learn: 30, drift_db_per_minute: 0.05, quantile: 0.25, run_length: 1e6 }
    }
}

/// One setting's floor.
#[derive(Debug, Clone, PartialEq)]
struct Learned {
    /// Levels of the intervals learned from, dB.
    levels: Vec<f64>,
    floor_db: f64,
    deviation_db: f64,
    statistic: f64,
}

/// Floors by the setting of the radio: what was learned at one gain says nothing of another.
#[derive(Debug, Clone)]
pub struct Floor {
    config: FloorConfig,
    chart: Chart,
    settings: BTreeMap<(u64, u64), Learned>,
}

/// An interval that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloorLevel {
    /// Level of the interval, dB relative to full scale.
    pub level_db: f64,
    /// The floor, dB; of what was learned so far, while it learns.
    pub floor_db: f64,
    /// The chart's value, in standard deviations; 0 while it learns.
    pub statistic: f64,
    /// What it has to reach.
    pub threshold: f64,
    /// Whether the level has risen above the floor. Then the floor stands still until it is back, or [`Floor::forget`].
    pub raised: bool,
}

/// Least standard deviation of a level, dB: receivers are not steadier than this over minutes.
const LEAST_DEVIATION_DB: f64 = 0.02;

impl Floor {
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(config: FloorConfig) -> Result<Self> {
        let within = |field, rule, ok: bool, got: f64| {
            if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
        };
        let FloorConfig { interval, learn, drift_db_per_minute: drift, quantile, run_length } = config;
        within("interval", "within 0.001..=60", (1e-3..=60.0).contains(&interval), interval)?;
        within("learn", "within 8..=10000", (8..=10_000).contains(&learn), learn as f64)?;
        within("drift_db_per_minute", "within 0..=0.5", (0.0..=0.5).contains(&drift), drift)?;
        within("quantile", "above 0 and at most 1", quantile > 0.0 && quantile <= 1.0, quantile)?;
        within("run_length", "within 100..=1e9", (100.0..=1e9).contains(&run_length), run_length)?;
        Ok(Floor { config, chart: Chart::design(2.0, run_length, false)?, settings: BTreeMap::new() })
    }

    /// Judges the next interval.
    ///
    /// - `sample_rate`: Hz; `gain_db`: as the radio has it
    /// - `powers`: mean powers of the interval's blocks, full scale 1, at least one above 0
    ///
    /// # Errors
    /// [`Error::TooShort`], [`Error::NotFinite`]; [`Error::OutOfRange`] for powers that are all 0.
    pub fn push(&mut self, sample_rate: f64, gain_db: f64, powers: &[f64]) -> Result<FloorLevel> {
        if powers.is_empty() {
            return Err(Error::TooShort { what: "floor", need: 1, unit: "powers", got: 0 });
        }
        if let Some(index) = powers.iter().position(|power| !power.is_finite()) {
            return Err(Error::NotFinite { what: "powers", index });
        }
        let mut sorted: Vec<f64> = powers.iter().copied().filter(|power| *power > 0.0).collect();
        if sorted.is_empty() {
            return Err(Error::OutOfRange { field: "powers", rule: "above 0", got: "0 throughout".into() });
        }
        let rank = ((self.config.quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
        let level_db = 10.0 * sorted.select_nth_unstable_by(rank - 1, f64::total_cmp).1.log10();

        let FloorConfig { interval, learn, drift_db_per_minute, .. } = self.config;
        let threshold = self.chart.h;
        let setting = self.settings.entry((sample_rate.to_bits(), gain_db.to_bits()));
        let learned = setting.or_insert_with(|| Learned {
            levels: Vec::new(),
            floor_db: level_db,
            deviation_db: f64::INFINITY,
            statistic: 0.0,
        });
        if learned.levels.len() < learn {
            learned.levels.push(level_db);
            learned.settle();
            let floor_db = learned.floor_db;
            return Ok(FloorLevel { level_db, floor_db, statistic: 0.0, threshold, raised: false });
        }
        let excess = level_db - learned.floor_db;
        // What lies far above in one interval is no steadier evidence than what lies somewhat above in several.
        let step = (excess / learned.deviation_db).min(threshold) - self.chart.k;
        learned.statistic = (learned.statistic + step).clamp(0.0, 2.0 * threshold);
        let raised = learned.statistic >= threshold;
        if !raised {
            let most = drift_db_per_minute / 60.0 * interval;
            learned.floor_db += (excess / learn as f64).clamp(-most, most);
        }
        let (floor_db, statistic) = (learned.floor_db, learned.statistic);
        Ok(FloorLevel { level_db, floor_db, statistic, threshold, raised })
    }

    /// Forgets one setting: it learns anew.
    pub fn forget(&mut self, sample_rate: f64, gain_db: f64) {
        self.settings.remove(&(sample_rate.to_bits(), gain_db.to_bits()));
    }
}

impl Learned {
    /// The floor and its deviation from the levels so far. Straight lines are taken out, but not from the floor: a ramp that
    /// was on while it learned does not make the deviation larger.
    fn settle(&mut self) {
        let n = self.levels.len() as f64;
        let mean = self.levels.iter().sum::<f64>() / n;
        let steps = self.levels.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>();
        self.floor_db = mean;
        // Successive differences (von Neumann): twice the variance. Widened for what so few levels do not tell, and for the
        // mean's own error.
        let variance = steps / (n - 1.0).max(1.0) / 2.0;
        self.deviation_db = (variance.sqrt() * (1.0 + 2.0 / n.sqrt())).max(LEAST_DEVIATION_DB);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Gamma};

    /// 50 blocks of 1,000 samples of noise, `rise_db` above the floor.
    fn interval(rise_db: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let gamma = Gamma::new(1000.0, 1e-6 / 1000.0 * 10f64.powf(rise_db / 10.0)).unwrap();
        (0..50).map(|_| gamma.sample(rng)).collect()
    }

    /// Seconds from the start of `rise_db(t)`, after learning, to the first alarm within `until`.
    fn first_alarm(rise_db: impl Fn(f64) -> f64, until: usize, seed: u64) -> Option<usize> {
        let mut floor = Floor::new(FloorConfig::default()).unwrap();
        let mut rng = sim::rng(seed);
        for _ in 0..30 {
            assert!(!floor.push(1e6, 0.0, &interval(0.0, &mut rng)).unwrap().raised);
        }
        (0..until).find(|&t| floor.push(1e6, 0.0, &interval(rise_db(t as f64), &mut rng)).unwrap().raised)
    }

    #[test]
    fn a_slow_ramp_does_not_poison_it() {
        for seed in 0..10 {
            let found = first_alarm(|t| t / 60.0, 600, seed);
            assert!(found.is_some_and(|t| t <= 60), "1 dB a minute: {found:?}");
            let found = first_alarm(|t| 0.25 * t / 60.0, 3600, seed);
            assert!(found.is_some_and(|t| t <= 300), "0.25 dB a minute: {found:?}");
            // An hour of the receiver's own drift, both ways, and of nothing.
            assert_eq!(first_alarm(|t| 0.02 * t / 60.0, 3600, seed), None, "drift upwards");
            assert_eq!(first_alarm(|t| -0.2 * t / 60.0, 3600, seed), None, "drift downwards");
            assert_eq!(first_alarm(|_| 0.0, 3600, seed), None, "nothing");
        }
    }

    #[test]
    fn traffic_with_pauses_does_not_raise_it_and_a_jammer_that_ends_lets_it_go_on() {
        let mut floor = Floor::new(FloorConfig::default()).unwrap();
        let mut rng = sim::rng(7);
        for t in 0..400 {
            let mut powers = interval(if (200..230).contains(&t) { 3.0 } else { 0.0 }, &mut rng);
            // After it has learned, 30 % of the blocks hold frames 20 dB up.
            if t >= 30 {
                powers.iter_mut().step_by(3).for_each(|power| *power *= 100.0);
            }
            let level = floor.push(1e6, 0.0, &powers).unwrap();
            if !(200..=300).contains(&t) {
                assert!(!level.raised, "{t}: {level:?}");
            } else if (202..230).contains(&t) {
                assert!(
                    level.raised && (level.level_db - level.floor_db - 3.0).abs() < 0.5,
                    "{t}: {level:?}"
                );
            }
        }
    }

    #[test]
    fn every_setting_has_its_own() {
        let mut floor = Floor::new(FloorConfig::default()).unwrap();
        let mut rng = sim::rng(8);
        for _ in 0..40 {
            floor.push(1e6, 0.0, &interval(0.0, &mut rng)).unwrap();
        }
        // Another gain learns for itself, and is not raised.
        for _ in 0..40 {
            let level = floor.push(1e6, 20.0, &interval(20.0, &mut rng)).unwrap();
            assert!(!level.raised && (level.floor_db + 40.0).abs() < 0.3, "{level:?}");
        }
        let raised = |floor: &mut Floor, rng: &mut ChaCha8Rng| {
            floor.push(1e6, 0.0, &interval(20.0, rng)).unwrap().raised
        };
        // One interval is not enough, however loud; two are.
        assert!(!raised(&mut floor, &mut rng));
        assert!(raised(&mut floor, &mut rng));
        floor.forget(1e6, 0.0);
        assert!(!raised(&mut floor, &mut rng));
        assert!(floor.push(1e6, 0.0, &[]).is_err());
        assert!(floor.push(1e6, 0.0, &[0.0]).is_err());
        assert!(Floor::new(FloorConfig { learn: 1, ..FloorConfig::default() }).is_err());
    }
}
