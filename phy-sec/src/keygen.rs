//! Channel-based key generation: two ends' measurements of one reciprocal channel in, the same secret key at both
//! ends out, with a [`Ledger`] that justifies every bit of it. Or no key.
//!
//! ```text
//! Trace ─pair─► series ─preprocess─► ─quantize─► RawBits ─reconcile─► ReconciledBits ─amplify─► Option<SecretKey>
//! ```
//!
//! Each stage consumes the one before it, so that amplification cannot be skipped and the count of what was said in
//! public travels along. [`Alice`] and [`Bob`] are state machines without input and output; [`agree`] runs both of
//! them in one thread over two recordings and reports what an observer who knows both ends sees.
//!
//! ```
//! use phy_sec::keygen::{Config, agree};
//! use phy_sec::sim::{self, link::LinkConfig};
//!
//! // A mobile channel: every round sees new fading, so every round is worth something.
//! let link = LinkConfig { rounds: 8000, interval: 1.0, subcarriers: 1, snr_db: 35.0, ..LinkConfig::default() };
//! let probes = link.run(&mut sim::rng(1))?;
//! let config = Config::default();
//! let (alice, bob) = (config.trace(&probes.alice)?, config.trace(&probes.bob)?);
//! let agreement = agree(&alice, &bob, None, &config, 1, Default::default())?;
//! println!("{}", agreement.report.reason);
//! # assert!(agreement.report.released_bits > 128, "{}", agreement.report.reason);
//! # Ok::<(), phy_sec::Error>(())
//! ```
//!
//! What is not promised: that the channel in the field follows the eavesdropper model of the ledger. Who the other end is,
//! a session knows by a key that both had before ([`SharedKey`]), or not at all ([`Authentication::Insecure`]).

mod agree;
pub mod amplify;
pub mod capacity;
mod derive;
pub mod entropy;
pub mod evaluate;
mod gaussian;
mod ledger;
pub mod preprocess;
pub mod probe;
pub mod quantize;
pub mod randomness;
pub mod reconcile;
mod secret;
pub mod session;
pub mod sweep;

use serde::{Deserialize, Serialize};

pub use agree::{Agreement, Report, agree, agree_against};
pub use derive::Kdf;
pub use ledger::{Ledger, Line};
pub use secret::{RawBits, ReconciledBits, SecretKey};
pub use session::{Abort, Alice, Authentication, Bob, Message, Outcome, SharedKey, Step};

use crate::channel::Csi;
use crate::{Error, Result};
use preprocess::Preprocess;
use probe::{Antennas, Component, Kind, Pairing, Trace, calibrate::Calibrate, injection::Active};
use quantize::Quantizer;
use reconcile::Reconciler;

/// The whole chain. What is left out is the default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the two ends' measurements find each other.
    pub pairing: Pairing,
    /// Which real number is taken of a complex channel gain.
    pub component: Component,
    /// Which antennas of a channel measurement are lanes.
    pub antennas: Antennas,
    /// What the two receivers' hardware makes different.
    pub calibrate: Calibrate,
    /// Steps between pairing and quantizer, in order; by default those of [`Config::steps`].
    pub preprocess: Option<Vec<Preprocess>>,
    /// The quantizer; by default that of [`Config::quantizer`].
    pub quantize: Option<Quantizer>,
    /// How the error rate is found.
    pub error_rate: ErrorRate,
    /// How the errors are removed.
    pub reconcile: Reconciler,
    /// What the eavesdropper is granted.
    pub eve: EveModel,
    /// What somebody who sends probes himself is granted, and how he is looked for.
    pub active: Active,
    /// What the key may differ from a uniform one.
    pub security: Security,
}

/// How the ends learn their error rate before reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorRate {
    /// Share of the raw bits that are compared in public and thrown away (at least 32 bits, unless it is 0).
    pub sample: f64,
    /// The rate that is taken where nothing is sampled.
    pub assume: f64,
    /// Above this rate the session ends.
    pub limit: f64,
}

impl Default for ErrorRate {
    fn default() -> Self {
        Self { sample: 0.05, assume: 0.05, limit: 0.2 }
    }
}

/// What the eavesdropper's own measurements are worth to her.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EveModel {
    /// Correlation of her (unquantized) series with the two ends' series; 0.5 unless a guard zone says otherwise.
    /// A measured trace of hers overrides it.
    pub rho: f64,
    /// Antennas that each correlate so, independent of one another given the channel, 1 to 1024. She has what they know together.
    pub antennas: usize,
}

impl Default for EveModel {
    fn default() -> Self {
        Self { rho: 0.5, antennas: 1 }
    }
}

impl EveModel {
    /// One antenna, or as much as that.
    #[must_use]
    pub fn of(rho: f64) -> Self {
        Self { rho, antennas: 1 }
    }

    /// Correlation of the best combination of all antennas, `√(M rho² / (1 + (M - 1) rho²))`: what [`capacity::Eve::effective_rho`] says of antennas that
    /// have nothing but the channel in common.
    #[must_use]
    pub fn joint_rho(&self) -> f64 {
        if self.antennas == 1 {
            return self.rho;
        }
        let (m, square) = (self.antennas as f64, self.rho * self.rho);
        (m * square / (1.0 + (m - 1.0) * square)).sqrt().min(1.0)
    }
}

/// The margins of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// Statistical distance of the key from a uniform one that the leftover hash lemma is asked for.
    pub epsilon: f64,
    /// What the key is hashed with.
    pub hash: amplify::Hash,
}

impl Default for Security {
    fn default() -> Self {
        Self { epsilon: 2f64.powi(-40), hash: amplify::Hash::default() }
    }
}

impl Config {
    /// `csi` as the chain takes it: [`Config::component`] of [`Config::antennas`].
    ///
    /// # Errors
    /// Those of [`Trace::new`].
    pub fn trace(&self, csi: &Csi) -> Result<Trace> {
        Trace::from_antennas(csi, self.component, self.antennas)
    }

    /// The steps before the quantizer. Without any in the configuration: the mean is removed; several
    /// subcarriers are first scaled to unit norm per snapshot, which takes the receivers' gain control out.
    #[must_use]
    pub fn steps(&self, trace: &Trace) -> Vec<Preprocess> {
        self.preprocess.clone().unwrap_or_else(|| {
            let norm = (trace.lanes() > 1).then(|| Preprocess::UnitNorm(Default::default()));
            norm.into_iter().chain([Preprocess::RemoveTrend(Default::default())]).collect()
        })
    }

    /// The quantizer. Without one in the configuration: a guard band of 0.3 standard deviations at both ends for CSI;
    /// of 0.6 at Alice alone, around the level that she announces, for RSSI, whose steps of 1 dB are coarse.
    #[must_use]
    pub fn quantizer(&self, kind: Kind) -> Quantizer {
        self.quantize.clone().unwrap_or(Quantizer::GuardBand(match kind {
            Kind::Csi => quantize::GuardBand::default(),
            Kind::Rssi => quantize::GuardBand {
                alpha: 0.6,
                sides: quantize::Sides::Alice,
                level: quantize::LevelFrom::Alice,
            },
        }))
    }

    /// What the two ends of a session must have set alike.
    #[must_use]
    pub fn session(&self, kind: Kind) -> session::Settings {
        session::Settings {
            quantize: self.quantizer(kind).resolved(),
            error_rate: self.error_rate,
            reconcile: self.reconcile.clone(),
            eve: self.eve,
            active: self.active,
            security: self.security,
            announced_bits: 0,
        }
    }

    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        let ErrorRate { sample, assume, limit } = self.error_rate;
        within("error_rate.sample", sample, 0.0, 0.9, "within 0..=0.9")?;
        within("error_rate.assume", assume, 1e-4, 0.5, "within 0.0001..=0.5")?;
        within("error_rate.limit", limit, 1e-4, 0.5, "within 0.0001..=0.5")?;
        within("eve.rho", self.eve.rho, 0.0, 1.0, "within 0..=1")?;
        within("eve.antennas", self.eve.antennas as f64, 1.0, 1024.0, "within 1..=1024")?;
        within("security.epsilon", self.security.epsilon, 2f64.powi(-256), 0.5, "within 2^-256..=0.5")?;
        self.pairing.check()?;
        self.calibrate.check(self.component)?;
        if self.antennas == Antennas::All && !self.calibrate.is_none() {
            let rule = "first where the ends' lanes are calibrated";
            return Err(Error::OutOfRange { field: "antennas", rule, got: "all".into() });
        }
        self.active.check()?;
        if let Some(quantize) = &self.quantize {
            quantize.check()?;
        }
        for step in self.preprocess.iter().flatten() {
            step.check()?;
        }
        self.reconcile.check()
    }
}

/// `value` inside `least..=most`, which no NaN is.
fn within(field: &'static str, value: f64, least: f64, most: f64, rule: &'static str) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange { field, rule, got: value.to_string() })
    }
}
