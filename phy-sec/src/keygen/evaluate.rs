//! Many chains over many recordings: every combination of preprocessing, quantizer and reconciler that is asked for, with
//! what each leaves of what it began with.
//!
//! Where an eavesdropper's own trace is at hand, each chain is run twice, with the correlation that the configuration grants
//! her and with the one that her trace shows, so that the two key lengths stand beside each other.

pub mod name;

use kernels::Backend;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::preprocess::Preprocess;
use super::probe::{Overheard, Trace};
use super::quantize::Quantizer;
use super::reconcile::Reconciler;
use super::{Config, Report, agree_against};
use crate::{Error, Result};

/// What is combined with what. An empty list is the chain's own method.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Methods {
    /// Lists of steps.
    pub preprocess: Vec<Vec<Preprocess>>,
    /// Quantizers.
    pub quantize: Vec<Quantizer>,
    /// Reconcilers.
    pub reconcile: Vec<Reconciler>,
}

/// Most chains, or points of a sweep: more is a slip of the pen.
const MOST: usize = 100_000;

impl Methods {
    /// Every combination, each a chain that is `base` but for what is listed; reconcilers change fastest.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a method out of range, or more than 100,000 combinations.
    pub fn chains(&self, base: &Config) -> Result<Vec<Config>> {
        fn listed<T: Clone>(list: &[T]) -> Vec<Option<T>> {
            if list.is_empty() { vec![None] } else { list.iter().cloned().map(Some).collect() }
        }
        let lists = (listed(&self.preprocess), listed(&self.quantize), listed(&self.reconcile));
        few_enough("methods", [lists.0.len(), lists.1.len(), lists.2.len()])?;
        let mut chains = Vec::new();
        for preprocess in &lists.0 {
            for quantize in &lists.1 {
                for reconcile in &lists.2 {
                    let chain = Config {
                        preprocess: preprocess.clone().or_else(|| base.preprocess.clone()),
                        quantize: quantize.clone().or_else(|| base.quantize.clone()),
                        reconcile: reconcile.clone().unwrap_or_else(|| base.reconcile.clone()),
                        ..base.clone()
                    };
                    chain.check()?;
                    chains.push(chain);
                }
            }
        }
        Ok(chains)
    }
}

/// Whether the product of `counts` is a number of things that somebody may have meant.
pub(super) fn few_enough<const N: usize>(field: &'static str, counts: [usize; N]) -> Result<()> {
    let product = counts.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    match product.filter(|&product| product <= MOST) {
        Some(_) => Ok(()),
        None => Err(Error::OutOfRange {
            field,
            rule: "at most 100000 combinations",
            got: format!("{counts:?} multiplied"),
        }),
    }
}

/// What the two ends, and perhaps an eavesdropper, measured at one time.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What to call it.
    pub name: String,
    /// Where it came from, for the reports.
    pub source: Vec<String>,
    /// One end's measurements.
    pub alice: Trace,
    /// The other's.
    pub bob: Trace,
    /// The eavesdropper's, with all of her antennas.
    pub eve: Option<Overheard>,
}

/// What the eavesdropper is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granted {
    /// The correlation of the configuration.
    Model,
    /// What her own trace shows.
    Trace,
}

/// One chain over one recording. The names are those of the JSON that `phy-sec keygen evaluate` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `phy-sec.evaluation/1`.
    pub schema: &'static str,
    /// The recording's name.
    pub recording: String,
    /// The steps, in words that [`name::parse_steps`] reads.
    pub preprocess: String,
    /// The quantizer, in a word that [`name::parse`] reads.
    pub quantize: String,
    /// The reconciler.
    pub reconcile: String,
    /// What the eavesdropper is granted.
    pub eve: Granted,
    /// Min-entropy of a raw bit, given its past and the eavesdropper, bits; `None` where there was no ledger.
    pub entropy_per_bit: Option<f64>,
    /// Why the chain cannot be run over these measurements at all; `None` where it was.
    pub error: Option<String>,
    /// What came of it; `None` with an error.
    pub report: Option<Report>,
}

/// Runs every chain over every recording, in parallel. The result does not depend on how many threads there are.
///
/// - `seed`: of everything random that is said in public, the same in each session
///
/// Rows come in order of the recordings, then of the chains, then with the model before the trace of the eavesdropper. A
/// chain that cannot be run over a recording's measurements is a row with `error`.
#[must_use]
pub fn evaluate(recordings: &[Recording], chains: &[Config], seed: u64, backend: &Backend) -> Vec<Row> {
    let granted = |recording: &Recording| {
        let trace = recording.eve.is_some().then_some(Granted::Trace);
        [Some(Granted::Model), trace].into_iter().flatten()
    };
    let jobs: Vec<_> = recordings
        .iter()
        .flat_map(|recording| chains.iter().map(move |chain| (recording, chain)))
        .flat_map(|(recording, chain)| granted(recording).map(move |eve| (recording, chain, eve)))
        .collect();
    let run = |(recording, chain, granted): (&Recording, &Config, Granted)| {
        let eve = recording.eve.as_ref().filter(|_| granted == Granted::Trace);
        let result = agree_against(&recording.alice, &recording.bob, eve, chain, seed, backend.clone());
        let (error, report) = match result {
            Ok(mut agreement) => {
                agreement.report.source = recording.source.clone();
                (None, Some(agreement.report))
            }
            Err(error) => (Some(error.to_string()), None),
        };
        Row {
            schema: "phy-sec.evaluation/1",
            recording: recording.name.clone(),
            preprocess: name::name_of_steps(&chain.steps(&recording.alice)),
            quantize: name::name(&chain.quantizer(recording.alice.kind())),
            reconcile: name::name(&chain.reconcile),
            eve: granted,
            entropy_per_bit: report.as_ref().and_then(entropy_per_bit),
            error,
            report,
        }
    };
    jobs.into_par_iter().map(run).collect()
}

/// Min-entropy of a raw bit as the ledger has it; `None` where there is no ledger.
pub(super) fn entropy_per_bit(report: &Report) -> Option<f64> {
    let bits = report.raw_bits as f64;
    report.min_entropy.filter(|_| bits > 0.0).map(|entropy| entropy / bits)
}

#[cfg(test)]
mod tests;
