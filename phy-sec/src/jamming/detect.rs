//! Constant-false-alarm-rate detection: is this cell louder than its training cells let one expect?
//!
//! A cell is the mean of `looks` independent powers of noise, so it is Gamma distributed with shape `looks`
//! and an unknown mean; its training cells are drawn like it. Each method condenses the training cells to a
//! level; the cell is reported when it reaches `multiplier · level`. The multipliers are exact for the
//! number of looks and of training cells at hand: nothing is taken to its limit.
//!
//! A method is a file in `detect/`, its `mod` line and its row in the table below. [`Detector`] is the other table here:
//! statistics of windows of samples, each with a threshold for a false-alarm probability. Beside them stand tests with inputs
//! of their own: [`Antennas`], [`Cusum`], [`preamble`], [`link`], [`ofdm`], [`Floor`].
//!
//! Training cells must be independent. Frames that overlap, and neighbouring bins under a window, are not:
//! [`Sliding`] keeps training cells [`Sliding::stride`] bins apart, which for the periodic Hann window makes
//! bins three apart exactly independent in white noise (its transform has three coefficients).

mod antennas;
mod calibrate;
mod cell_averaging;
mod change_point;
mod chirp;
mod covariance;
mod cyclic;
mod energy;
mod floor;
mod gamma;
mod halves;
mod line;
pub mod link;
pub mod ofdm;
mod ordered_statistic;
mod plane;
pub mod preamble;
mod sliding;
pub mod spectral_kurtosis;
mod tracy_widom;
mod trimmed_mean;
mod whiten;
mod window;

use serde::{Deserialize, Serialize};

pub use antennas::Antennas;
pub use calibrate::Calibration;
pub use cell_averaging::CellAveraging;
pub use change_point::{Change, Chart, Cusum, PageHinkley, average_run_length};
pub use chirp::Chirp;
pub use covariance::{
    ArithmeticGeometricMean, CovarianceAbsolute, CovarianceFrobenius, EnergyMinEigenvalue,
    MaxAutocorrelation, MaxEigenvalueTrace, MaxMinEigenvalue, Measure,
};
pub use cyclic::{Coherence, Cyclostationary, Estimator};
pub use energy::Energy;
pub use floor::{Floor, FloorConfig, FloorLevel};
pub(crate) use gamma::{known_level_multiplier, tail};
pub use halves::{GreatestOf, SmallestOf};
pub use line::Line;
pub(crate) use ordered_statistic::Level;
pub use ordered_statistic::OrderedStatistic;
pub use plane::{CellOfPlane, Plane};
pub use sliding::{Detection, Edges, Multipliers, Sliding};
pub use spectral_kurtosis::SpectralKurtosis;
pub use tracy_widom::TracyWidom;
pub use trimmed_mean::TrimmedMean;
pub use whiten::{Whitener, Whiteners, Whitening};
pub use window::{Detector, Judged, WindowTest};

use crate::{Error, Result};

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident,)*) => {
        /// The methods: in a configuration `method = "cell_averaging"` and the method's own fields.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method", rename_all = "snake_case")]
        pub enum Cfar {
            $($(#[$doc])* $method($method),)*
        }

        impl Cfar {
            /// Every method as it is by default.
            pub const ALL: &'static [Cfar] = &[$(Cfar::$method($method::DEFAULT),)*];

            /// Probability that a cell of noise reaches `multiplier` times the level.
            ///
            /// - `looks`: powers averaged in each cell, at least 1
            /// - `training`: training cells, at least 1
            pub fn pfa(&self, looks: usize, training: usize, multiplier: f64) -> f64 {
                match self {
                    $(Cfar::$method(method) => method.pfa(looks, training, multiplier),)*
                }
            }

            /// The multiplier that noise reaches with probability `pfa`.
            ///
            /// # Errors
            /// [`Error::OutOfRange`] unless `looks` is in 1..=4096, `training` at least 1, `pfa` in 1e-15..1.
            pub fn multiplier(&self, looks: usize, training: usize, pfa: f64) -> Result<f64> {
                check(looks, training, pfa)?;
                match self {
                    $(Cfar::$method(method) => method.multiplier(looks, training, pfa),)*
                }
            }

            /// The level of the `training` cells, at least one of them, in order of place; the order may be changed.
            pub fn level(&self, training: &mut [f64]) -> f64 {
                match self {
                    $(Cfar::$method(method) => method.level(training),)*
                }
            }
        }
    };
}

methods! {
    /// Their mean: the best there is while they all hold the same noise.
    CellAveraging,
    /// One of them by rank: other signals among them do no harm while they are few.
    OrderedStatistic,
    /// The greater of the means before and behind: fewest false alarms where the noise changes its level.
    GreatestOf,
    /// The smaller of the means before and behind: a target beside another is still found.
    SmallestOf,
    /// Their mean without the weakest and the loudest.
    TrimmedMean,
}

fn check(looks: usize, training: usize, pfa: f64) -> Result<()> {
    if !(1..=4096).contains(&looks) {
        return Err(Error::OutOfRange { field: "looks", rule: "within 1..=4096", got: looks.to_string() });
    }
    if training == 0 {
        return Err(Error::OutOfRange { field: "training", rule: "at least 1", got: "0".into() });
    }
    if !(1e-15..1.0).contains(&pfa) {
        return Err(Error::OutOfRange { field: "pfa", rule: "from 1e-15 to below 1", got: pfa.to_string() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Mean of `looks` unit exponentials.
    fn cell(rng: &mut ChaCha8Rng, looks: usize) -> f64 {
        let sum: f64 = (0..looks).map(|_| -(1.0 - rng.random::<f64>()).ln()).sum();
        sum / looks as f64
    }

    /// Half width of the binomial 95 % interval of a rate.
    fn interval(pfa: f64, trials: usize) -> f64 {
        1.96 * (pfa * (1.0 - pfa) / trials as f64).sqrt()
    }

    #[test]
    fn the_configuration_names_the_method() {
        let cfar: Cfar = serde_json::from_str(r#"{"method":"ordered_statistic","rank":0.5}"#).unwrap();
        assert_eq!(cfar, Cfar::OrderedStatistic(OrderedStatistic { rank: 0.5 }));
        for cfar in Cfar::ALL {
            let json = serde_json::to_string(cfar).unwrap();
            assert_eq!(serde_json::from_str::<Cfar>(&json).unwrap(), *cfar, "{json}");
        }
        assert!(serde_json::from_str::<Cfar>(r#"{"method":"cell_averaging","size":1}"#).is_err());
    }

    #[test]
    fn refuses_what_has_no_answer() {
        for cfar in Cfar::ALL {
            let error = cfar.multiplier(1, 0, 0.1).unwrap_err();
            assert_eq!(error.to_string(), "training must be at least 1, got 0");
            assert!(cfar.multiplier(0, 1, 0.1).is_err());
            assert!(cfar.multiplier(1, 1, f64::NAN).is_err());
        }
    }

    #[test]
    fn multiplier_and_pfa_are_inverse_for_every_number_of_looks() {
        for cfar in Cfar::ALL {
            for looks in [1, 2, 4, 32, 100, 1000] {
                for training in [1, 8, 64, 5000] {
                    for pfa in [0.3, 1e-3, 1e-9] {
                        let multiplier = cfar.multiplier(looks, training, pfa).unwrap();
                        let back = cfar.pfa(looks, training, multiplier);
                        assert!(
                            (back / pfa - 1.0).abs() < 1e-6,
                            "{cfar:?} {looks} looks, {training} cells: asked {pfa}, got {back}"
                        );
                    }
                }
            }
        }
    }

    /// The false alarms of every method on noise, for one look and for several.
    #[test]
    fn false_alarms_are_inside_the_binomial_interval() {
        let mut rng = ChaCha8Rng::seed_from_u64(20);
        for cfar in Cfar::ALL {
            for (looks, trials) in [(1, 2_000_000), (4, 300_000)] {
                let asked = [1e-2, 1e-3];
                let multipliers = asked.map(|pfa| cfar.multiplier(looks, 16, pfa).unwrap());
                let mut alarms = [0; 2];
                for _ in 0..trials {
                    let mut training: [f64; 16] = std::array::from_fn(|_| cell(&mut rng, looks));
                    let level = cfar.level(&mut training);
                    let power = cell(&mut rng, looks);
                    for (alarms, multiplier) in alarms.iter_mut().zip(multipliers) {
                        *alarms += usize::from(power >= multiplier * level);
                    }
                }
                for (pfa, alarms) in asked.into_iter().zip(alarms) {
                    let (got, half) = (alarms as f64 / trials as f64, interval(pfa, trials));
                    println!("{cfar:?} {looks} look(s): asked {pfa:.0e}, measured {got:.3e} ± {half:.1e}");
                    assert!((got - pfa).abs() <= half, "{cfar:?} {looks}: {got} for {pfa} ± {half}");
                }
            }
        }
    }

    /// Swerling 1: the target's power is exponential like the noise. `Pd = (1 + α/(N(1+S)))^-N`, jamming.json.
    #[test]
    fn detects_a_fluctuating_target_as_often_as_theory_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let cfar = Cfar::CellAveraging(CellAveraging {});
        let multiplier = cfar.multiplier(1, 16, 1e-3).unwrap();
        let trials = 40_000;
        for (snr_db, want) in
            [(5.0, 0.14206039843737298), (10.0, 0.46455192416788105), (15.0, 0.7690170763412841)]
        {
            let power = 1.0 + 10f64.powf(snr_db / 10.0);
            let closed = (1.0 + multiplier / (16.0 * power)).powi(-16);
            assert!((closed - want).abs() < 1e-9, "{closed} {want}");
            let found = (0..trials).filter(|_| {
                let mut training: [f64; 16] = std::array::from_fn(|_| cell(&mut rng, 1));
                power * cell(&mut rng, 1) >= multiplier * cfar.level(&mut training)
            });
            let got = found.count() as f64 / f64::from(trials);
            let sigma = (want * (1.0 - want) / f64::from(trials)).sqrt();
            println!("CA, 16 cells, Pfa 1e-3, {snr_db} dB: Pd {got:.4}, theory {want:.4} ± {sigma:.4}");
            assert!((got - want).abs() < 4.0 * sigma, "{got} {want}");
        }
    }

    /// Swerling 0: a steady target in noise, against the closed form for one look and for four.
    #[test]
    fn detects_a_steady_target_as_often_as_theory_says() {
        use rand_distr::StandardNormal;
        let mut rng = ChaCha8Rng::seed_from_u64(22);
        let method = CellAveraging {};
        let trials = 20_000;
        for (looks, snr_db) in [(1, 8.0), (1, 12.0), (4, 4.0)] {
            let snr = 10f64.powf(snr_db / 10.0);
            let multiplier = method.multiplier(looks, 16, 1e-3).unwrap();
            let want = method.pd_steady(looks, 16, multiplier, snr);
            let found = (0..trials).filter(|_| {
                let level = (0..16).map(|_| cell(&mut rng, looks)).sum::<f64>() / 16.0;
                let mut part = |mean: f64| mean + rng.sample::<f64, _>(StandardNormal) * 0.5f64.sqrt();
                let power: f64 =
                    (0..looks).map(|_| part(snr.sqrt()).powi(2) + part(0.0).powi(2)).sum::<f64>()
                        / looks as f64;
                power >= multiplier * level
            });
            let got = found.count() as f64 / f64::from(trials);
            let sigma = (want * (1.0 - want) / f64::from(trials)).sqrt();
            println!("CA, steady, {looks} look(s), {snr_db} dB: Pd {got:.4}, theory {want:.4} ± {sigma:.4}");
            assert!((got - want).abs() < 4.0 * sigma, "{got} {want}");
        }
    }
}
