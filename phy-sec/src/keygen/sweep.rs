//! Chains over simulated links, for every combination of what the link and the eavesdropper may be: how many secret bits each
//! probe gives, beside what theory allows.
//!
//! A point is a channel (correlation of the ends, of the eavesdropper, number of probes) and a chain. Its seed is made of the
//! sweep's seed and of the channel's own numbers: all chains of a channel see the same probes, the figures of a point do not
//! depend on what else is swept, and nothing depends on the number of threads.

use kernels::Backend;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::capacity::{self, Capacity};
use super::evaluate::{Granted, Methods, entropy_per_bit, few_enough, name};
use super::preprocess::{Preprocess, RemoveTrend};
use super::probe::{Component, Overheard, Trace};
use super::quantize::{Optimal, Quantizer};
use super::{Config, EveModel, Report, agree_against};
use crate::sim::{self, fading::FadingConfig, link::Eve, link::LinkConfig, profile::Profile};
use crate::{Error, Result};

/// What is swept. Every list is combined with every other one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sweep {
    /// Correlations of the two ends' complex gains, above 0 and below 1; each becomes the signal to noise ratio that gives it.
    pub rho: Vec<f64>,
    /// Signal to noise ratios at both ends, dB; instead of `rho`.
    pub snr_db: Vec<f64>,
    /// Correlations of the eavesdropper's noiseless gains with each end's measured ones, 0 to the root of `rho`. She is
    /// granted as much; with several antennas (`link.eve_antennas`), each of which correlates so, what they know together.
    pub eve_rho: Vec<f64>,
    /// Numbers of probes.
    pub probes: Vec<usize>,
    /// Methods to combine.
    pub methods: Methods,
    /// Which real numbers are taken of a gain; the simulated ends have a common phase.
    pub component: Component,
    /// The link, but for what is listed above. By default one subcarrier of one Rayleigh path, and probes so far apart
    /// that each sees a channel of its own.
    pub link: LinkConfig,
    /// Run each chain also with what the eavesdropper's own simulated trace shows in the ledger.
    pub eve_trace: bool,
}

impl Default for Sweep {
    fn default() -> Self {
        let fading = FadingConfig { profile: Profile::Flat, delay_spread: 0.0, ..FadingConfig::default() };
        Self {
            rho: Vec::new(),
            snr_db: Vec::new(),
            eve_rho: vec![0.5],
            probes: vec![20_000],
            methods: Methods::default(),
            component: Component::Complex,
            link: LinkConfig {
                fading,
                interval: 100.0,
                probing_delay: 0.0,
                subcarriers: 1,
                ..LinkConfig::default()
            },
            eve_trace: false,
        }
    }
}

/// One point. The names are those of the JSON that `phy-sec keygen sweep` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// `phy-sec.sweep/1`.
    pub schema: &'static str,
    /// Correlation of the two ends' complex gains, as theory has it for this link.
    pub rho: f64,
    /// Signal to noise ratio at both ends, dB.
    pub snr_db: f64,
    /// Correlation of each of the eavesdropper's antennas' gains with each end's.
    pub eve_rho: f64,
    /// Correlation of the best combination of her antennas: what the model grants her.
    pub eve_joint_rho: f64,
    /// Probes sent.
    pub probes: usize,
    /// The steps, in words.
    pub preprocess: String,
    /// The quantizer, in a word.
    pub quantize: String,
    /// The one that was used: what `optimal` found for this point, otherwise the same.
    pub resolved: String,
    /// The reconciler.
    pub reconcile: String,
    /// What the eavesdropper is granted in the ledger.
    pub eve: Granted,
    /// Seed of this point's link and session.
    pub seed: u64,
    /// Probes that both ends measured.
    pub pairs: Option<usize>,
    /// Correlation of what the quantizer saw.
    pub correlation: Option<f64>,
    /// Share of raw bits that differ.
    pub kdr: Option<f64>,
    /// Share of the places that became symbols.
    pub kept: Option<f64>,
    /// Bits out of the quantizer.
    pub raw_bits: Option<usize>,
    /// Min-entropy of a raw bit by the ledger, bits.
    pub entropy_per_bit: Option<f64>,
    /// Bits said in public.
    pub leaked_bits: Option<usize>,
    /// Length of the key.
    pub released_bits: usize,
    /// The same over the probes.
    pub bits_per_probe: f64,
    /// Bounds of the secret-key capacity of independent jointly Gaussian complex gains with these correlations, bits a
    /// probe; `None` for several subcarriers or antennas, whose gains are not independent.
    pub capacity_lower: Option<f64>,
    /// The upper one.
    pub capacity_upper: Option<f64>,
    /// `bits_per_probe` over the upper one; `None` without, and where it is 0.
    pub share: Option<f64>,
    /// Why, in a sentence; what was wrong, if the chain cannot be run.
    pub reason: String,
}

/// What a point's channel is.
#[derive(Debug, Clone, Copy, Serialize)]
struct Channel {
    rho: f64,
    snr_db: f64,
    eve_rho: f64,
    probes: usize,
}

/// What is listed, each once: a figure that is asked for twice is the same figure.
fn distinct<T: PartialEq + Copy>(list: &[T]) -> Vec<T> {
    let mut kept = Vec::new();
    for &value in list {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

impl Sweep {
    /// Runs every point, in parallel. The result does not depend on how many threads there are.
    ///
    /// - `base`: the chain, but for what is listed in `methods`; its `component` and `eve` are the sweep's. With several
    ///   numbers of one gain (`component = "complex"`) the default steps are `remove_trend` alone
    ///
    /// Points come in order of `rho` or `snr_db`, `eve_rho`, `probes`, then of the chains.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] or [`Error::Shape`] for a link or a method that makes no sense. A chain that does not fit the
    /// link's measurements is a point that says so.
    pub fn run(&self, base: &Config, seed: u64, backend: &Backend) -> Result<Vec<Point>> {
        let mut base = Config { component: self.component, ..base.clone() };
        if self.link.subcarriers == 1 && base.preprocess.is_none() {
            // The norm over the two parts of a gain would be its magnitude.
            base.preprocess = Some(vec![Preprocess::RemoveTrend(RemoveTrend::default())]);
        }
        base.check()?;
        self.link.check()?;
        let chains = self.methods.chains(&base)?;
        let channels = self.channels()?;
        few_enough("sweep", [channels.len(), chains.len(), 1 + usize::from(self.eve_trace)])?;
        let points: Result<Vec<Vec<Point>>> =
            channels.par_iter().map(|channel| self.of_channel(channel, &chains, seed, backend)).collect();
        Ok(points?.into_iter().flatten().collect())
    }

    /// Every channel, checked.
    fn channels(&self) -> Result<Vec<Channel>> {
        let (rho, snr_db) = (distinct(&self.rho), distinct(&self.snr_db));
        let (eve_rho, probes) = (distinct(&self.eve_rho), distinct(&self.probes));
        // What the time between the two ends' packets leaves of the correlation without noise.
        let noiseless = LinkConfig { snr_db: f64::INFINITY, ..self.link.clone() }.expected_correlation();
        let snr_of = |rho: f64| {
            if rho > 0.0 && rho < 1.0 && rho < noiseless {
                return Ok(10.0 * (rho / (noiseless - rho)).log10());
            }
            let rule = "above 0, and below 1 and what the probing delay leaves";
            Err(Error::OutOfRange { field: "rho", rule, got: rho.to_string() })
        };
        let snrs: Vec<f64> = match (rho.is_empty(), snr_db.is_empty()) {
            (false, false) => {
                let got = "both".to_owned();
                return Err(Error::OutOfRange { field: "rho", rule: "given, or snr_db, not both", got });
            }
            (false, true) => rho.iter().map(|&rho| snr_of(rho)).collect::<Result<_>>()?,
            (true, false) => snr_db,
            (true, true) => vec![self.link.snr_db],
        };
        few_enough("sweep", [snrs.len(), eve_rho.len(), probes.len()])?;
        let mut channels = Vec::new();
        for (index, &snr_db) in snrs.iter().enumerate() {
            let expected = LinkConfig { snr_db, ..self.link.clone() }.expected_correlation();
            // As it was asked for, without the rounding of a logarithm.
            let rho = rho.get(index).copied().unwrap_or(expected);
            for &eve_rho in &eve_rho {
                if !(eve_rho >= 0.0 && eve_rho * eve_rho <= 1.0 / (1.0 + sim::from_db(-snr_db))) {
                    let rule = "0 to the root of the correlation that noise leaves of the ends";
                    return Err(Error::OutOfRange { field: "eve_rho", rule, got: eve_rho.to_string() });
                }
                channels.extend(probes.iter().map(|&probes| Channel { rho, snr_db, eve_rho, probes }));
            }
        }
        Ok(channels)
    }

    fn of_channel(
        &self,
        channel: &Channel,
        chains: &[Config],
        seed: u64,
        backend: &Backend,
    ) -> Result<Vec<Point>> {
        let &Channel { rho, snr_db, eve_rho, probes } = channel;
        let seed = channel.seed(seed);
        // A noiseless Eve whose field correlates a little better than what the ends' noise leaves of it.
        let scattered = (eve_rho * (1.0 + sim::from_db(-snr_db)).sqrt()).min(1.0);
        let link = LinkConfig {
            rounds: probes,
            snr_db,
            eve: Eve::Correlation(scattered),
            eve_snr_db: f64::INFINITY,
            ..self.link.clone()
        };
        let measured = link.run(&mut sim::rng(seed))?;
        let trace = |csi| Trace::from_csi(csi, self.component);
        let (alice, bob) = (trace(&measured.alice)?, trace(&measured.bob)?);
        let eve = Overheard::from_csi(&measured.eve, self.component)?;
        // Her antennas are independent of one another given the gain that they measure.
        let (antennas, among) = (link.eve_antennas, scattered * scattered);
        let joint = eve_rho * (antennas as f64 / (1.0 + (antennas - 1) as f64 * among)).sqrt();
        let joint = joint.min(1.0);
        let of_one = || Capacity::of_model(rho, eve_rho, eve_rho);
        let of_several = || {
            let each = vec![eve_rho; antennas];
            capacity::Eve { alice: each.clone(), bob: each, correlation: among }.capacity(rho)
        };
        let capacity = (link.subcarriers * link.antennas == 1)
            .then(|| if antennas == 1 { of_one() } else { of_several() }.ok())
            .flatten();
        let granted: &[Granted] =
            if self.eve_trace { &[Granted::Model, Granted::Trace] } else { &[Granted::Model] };
        let jobs: Vec<_> =
            chains.iter().flat_map(|chain| granted.iter().map(move |&granted| (chain, granted))).collect();
        let run = |(chain, granted): (&Config, Granted)| {
            let mut chain = chain.clone();
            let quantize = name::name(&chain.quantizer(alice.kind()));
            chain.eve = EveModel::of(joint);
            if let Some(Quantizer::Optimal(optimal)) = &mut chain.quantize {
                // It is for a stated channel: this one.
                let snr_db = snr_db.clamp(-20.0, 100.0);
                let without_noise = (rho * (1.0 + sim::from_db(-snr_db))).min(1.0);
                *optimal = Optimal { rho: without_noise, snr_db, eve_rho: joint, ..optimal.clone() };
            }
            let eve = (granted == Granted::Trace).then_some(&eve);
            let result = agree_against(&alice, &bob, eve, &chain, seed, backend.clone());
            let (report, reason) = match result {
                Ok(agreement) => {
                    let reason = agreement.report.reason.clone();
                    (Some(agreement.report), reason)
                }
                Err(error) => (None, error.to_string()),
            };
            let of = |figure: &dyn Fn(&Report) -> Option<f64>| report.as_ref().and_then(figure);
            let released_bits = report.as_ref().map_or(0, |report| report.released_bits);
            let bits_per_probe = released_bits as f64 / probes as f64;
            // Of a real sample, and a gain is two.
            let [lower, upper] = [|c: &Capacity| 2.0 * c.lower, |c: &Capacity| 2.0 * c.upper]
                .map(|bound| capacity.as_ref().map(bound));
            Point {
                schema: "phy-sec.sweep/1",
                rho,
                snr_db,
                eve_rho,
                eve_joint_rho: joint,
                probes,
                preprocess: name::name_of_steps(&chain.steps(&alice)),
                quantize,
                resolved: name::name(&chain.quantizer(alice.kind()).resolved()),
                reconcile: name::name(&chain.reconcile),
                eve: granted,
                seed,
                pairs: report.as_ref().map(|report| report.pairs),
                correlation: of(&|report| report.correlation_processed),
                kdr: of(&|report| report.kdr),
                kept: of(&|report| report.kept),
                raw_bits: report.as_ref().map(|report| report.raw_bits),
                entropy_per_bit: of(&entropy_per_bit),
                leaked_bits: report.as_ref().and_then(|report| report.leaked_bits),
                released_bits,
                bits_per_probe,
                capacity_lower: lower,
                capacity_upper: upper,
                share: upper.filter(|&upper| upper > 0.0).map(|upper| bits_per_probe / upper),
                reason,
            }
        };
        Ok(jobs.into_par_iter().map(run).collect())
    }
}

impl Channel {
    fn seed(&self, seed: u64) -> u64 {
        let mut hash = Sha256::new();
        hash.update(b"phy-sec sweep");
        hash.update(seed.to_le_bytes());
        for value in [self.rho, self.snr_db, self.eve_rho] {
            hash.update(value.to_le_bytes());
        }
        hash.update((self.probes as u64).to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        digest[..8].iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte))
    }
}

#[cfg(test)]
mod tests;
