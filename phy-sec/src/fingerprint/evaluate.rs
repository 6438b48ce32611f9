//! Evaluation that does not fool its user.
//!
//! The split is by recording unless another is asked for by name: bursts of one recording share receiver, place and
//! noise, and a split that cuts through recordings measures how well those are recognised. The same classifier is run on
//! stretches without a burst: what it gets right there, the receiver gave away.
//!
//! Figures are over bursts; those over recordings (the summed evidence of a recording's bursts) stand beside them.

use std::collections::{BTreeMap, BTreeSet};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    classify::{Example, Method},
    enroll::{EnrollConfig, Gallery, nearest},
};
use crate::{Error, Result};

pub mod metric;

/// Schema of [`Evaluation`].
pub const SCHEMA: &str = "phy-sec.fingerprint/1";

/// What is kept together when bursts are split into those to learn from and those to test on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// All bursts of a recording.
    #[default]
    Recording,
    /// Nothing: optimistic, and named so in the result.
    Random,
}

/// How to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateConfig {
    /// What the folds keep together.
    pub split: Split,
    /// Folds; without it 3, or one for each recording if there are fewer than ten.
    pub folds: Option<usize>,
    /// Classifier and threshold.
    pub enroll: EnrollConfig,
}

/// A burst, or a stretch without one, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Who sent it (of a stretch without a burst: whose recording it is).
    pub emitter: String,
    /// The group it belongs to.
    pub recording: String,
    /// Whether the emitter is to be enrolled; otherwise it plays the stranger.
    pub enrolled: bool,
    /// `[feature]`
    pub features: Vec<Option<f64>>,
}

impl Observation {
    fn example(&self) -> Example<'_> {
        Example { emitter: &self.emitter, recording: &self.recording, features: &self.features }
    }
}

/// What came out. Figures that could not be measured are `None`, `null` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Where the bursts came from.
    pub source: String,
    /// `recording` or `random`.
    pub split: Split,
    /// Parts that were tested in turn.
    pub folds: usize,
    /// The classifier.
    pub classifier: Method,
    /// Enrolled emitters whose bursts were tested.
    pub emitters: usize,
    /// Their bursts.
    pub bursts: usize,
    /// Their recordings.
    pub recordings: usize,
    /// Emitters that were only ever strangers.
    pub unknown_emitters: usize,
    /// Their bursts.
    pub unknown_bursts: usize,
    /// Closed set: share of bursts given to the right emitter, which is one of the enrolled.
    pub accuracy: Option<f64>,
    /// Mean over emitters of that share.
    pub balanced_accuracy: Option<f64>,
    /// Share of recordings given to the right emitter, the evidence of their bursts summed.
    pub recording_accuracy: Option<f64>,
    /// The classifier on stretches without a burst, learnt and tested on such.
    pub noise_only_accuracy: Option<f64>,
    /// The same, mean over emitters.
    pub noise_only_balanced_accuracy: Option<f64>,
    /// Stretches without a burst that were tested.
    pub noise_segments: usize,
    /// What guessing would give: one over the number of emitters.
    pub chance: Option<f64>,
    /// Equal error rate of claimed identities, strangers' claims included.
    pub eer: Option<f64>,
    /// Area under the curve of enrolled against unknown emitters.
    pub auroc_unknown: Option<f64>,
    /// Share of enrolled emitters' bursts that were called unknown at the threshold.
    pub false_rejection: Option<f64>,
    /// Share of strangers' bursts that were given a name at the threshold, over the galleries of all folds.
    pub false_acceptance: Option<f64>,
    /// Share of bursts in which each feature could be measured.
    pub measured: BTreeMap<String, f64>,
    /// What to keep in mind when reading the figures.
    pub warnings: Vec<String>,
}

/// Evaluates on `bursts`, with `noise` as the control.
///
/// - `features`: names of the numbers in each vector
/// - `seed`: of the random split; the split by recording has nothing random
///
/// Emitters with a single recording cannot be tested closed set by recording: they are enrolled as competitors while others are
/// tested, and are strangers while they are tested. A recording that holds several emitters is tested as a whole.
///
/// # Errors
/// [`Error::TooShort`] without two enrolled emitters or, split by recording, two of their recordings; errors of [`Gallery::enroll`];
/// [`Error::OutOfRange`] for one fold, or for more than there are enrolled recordings.
pub fn evaluate(
    source: &str,
    features: &[String],
    bursts: &[Observation],
    noise: &[Observation],
    config: &EvaluateConfig,
    seed: u64,
) -> Result<Evaluation> {
    if let Some(folds) = config.folds.filter(|folds| *folds < 2) {
        return Err(Error::OutOfRange { field: "folds", rule: "at least 2", got: folds.to_string() });
    }
    // A gallery is enrolled for each fold, and one without a recording to test tells nothing.
    let recordings: BTreeSet<&str> = bursts.iter().filter(|b| b.enrolled).map(|b| &*b.recording).collect();
    if let Some(folds) = config.folds.filter(|folds| *folds > recordings.len().max(2)) {
        let got = format!("{folds} for {}", recordings.len());
        return Err(Error::OutOfRange {
            field: "folds",
            rule: "at most the number of enrolled recordings",
            got,
        });
    }
    let enrolled: BTreeSet<&str> = bursts.iter().filter(|b| b.enrolled).map(|b| &*b.emitter).collect();
    if enrolled.len() < 2 {
        return Err(Error::TooShort {
            what: "an evaluation",
            need: 2,
            unit: "enrolled emitters",
            got: enrolled.len(),
        });
    }
    let recordings: BTreeSet<&str> = bursts.iter().filter(|b| b.enrolled).map(|b| &*b.recording).collect();
    if recordings.len() < 2 && config.split == Split::Recording {
        let (what, need, unit) = ("an evaluation by recording", 2, "recordings");
        return Err(Error::TooShort { what, need, unit, got: recordings.len() });
    }
    let run = cross_validate(features, bursts, config, seed)?;
    // A control that cannot be run costs its figures, not the evaluation; why is said in a warning.
    let control = match noise {
        [] => Err("no stretch without a burst".to_owned()),
        noise => cross_validate(features, noise, config, seed).map_err(|error| error.to_string()),
    };
    let known: Vec<&Trial> = run.trials.iter().filter(|t| t.known).collect();
    let strangers: Vec<&Trial> = run.trials.iter().filter(|t| !t.known).collect();
    let emitters: BTreeSet<&str> = known.iter().map(|t| &*bursts[t.index].emitter).collect();
    let groups = |trials: &[&Trial]| {
        trials
            .iter()
            .map(|t| (&*bursts[t.index].emitter, &*bursts[t.index].recording))
            .collect::<BTreeSet<_>>()
            .len()
    };
    let right: Vec<(&str, bool)> = known.iter().map(|t| (&*bursts[t.index].emitter, t.right)).collect();
    let noise_right: Option<Vec<(&str, bool)>> = control.as_ref().ok().map(|c| {
        let tested = c.trials.iter().filter(|t| t.known && emitters.contains(&*noise[t.index].emitter));
        tested.map(|t| (&*noise[t.index].emitter, t.right)).collect()
    });
    let share = |trials: &[&Trial], f: &dyn Fn(&Trial) -> bool| {
        (!trials.is_empty()).then(|| trials.iter().filter(|t| f(t)).count() as f64 / trials.len() as f64)
    };
    let typicality = |trials: &[&Trial]| trials.iter().map(|t| -t.atypicality).collect::<Vec<f64>>();
    let genuine: Vec<f64> = run.trials.iter().filter_map(|t| t.genuine).collect();
    let impostor: Vec<f64> = run.trials.iter().flat_map(|t| t.impostor.iter().copied()).collect();
    let measured = features.iter().enumerate().map(|(j, name)| {
        (name.clone(), bursts.iter().filter(|b| b.features[j].is_some()).count() as f64 / bursts.len() as f64)
    });
    let mut evaluation = Evaluation {
        schema: SCHEMA,
        source: source.to_owned(),
        split: config.split,
        folds: run.folds,
        classifier: config.enroll.classifier,
        emitters: emitters.len(),
        bursts: known.len(),
        recordings: groups(&known),
        unknown_emitters: strangers.iter().map(|t| &*bursts[t.index].emitter).collect::<BTreeSet<_>>().len(),
        unknown_bursts: strangers.iter().map(|t| t.index).collect::<BTreeSet<_>>().len(),
        accuracy: metric::accuracy(&right),
        balanced_accuracy: metric::balanced_accuracy(&right),
        recording_accuracy: recording_accuracy(bursts, &known),
        noise_only_accuracy: noise_right.as_deref().and_then(metric::accuracy),
        noise_only_balanced_accuracy: noise_right.as_deref().and_then(metric::balanced_accuracy),
        noise_segments: noise_right.as_ref().map_or(0, Vec::len),
        chance: (!enrolled.is_empty()).then(|| 1.0 / enrolled.len() as f64),
        eer: metric::eer(&genuine, &impostor),
        auroc_unknown: metric::auroc(&typicality(&known), &typicality(&strangers)),
        false_rejection: share(&known, &|t| t.rejected),
        false_acceptance: share(&strangers, &|t| !t.rejected),
        measured: measured.collect(),
        warnings: Vec::new(),
    };
    evaluation.warnings = warnings(&evaluation, control.err());
    Ok(evaluation)
}

fn warnings(evaluation: &Evaluation, no_control: Option<String>) -> Vec<String> {
    let mut warnings = Vec::new();
    if evaluation.split == Split::Random {
        warnings.push(
            "random split: bursts of one recording are on both sides, which flatters every figure".into(),
        );
    }
    if let (Some(noise), Some(chance), Some(accuracy)) =
        (evaluation.noise_only_balanced_accuracy, evaluation.chance, evaluation.balanced_accuracy)
        && noise > 2.0 * chance
    {
        let text = format!(
            "noise alone gives {:.1} % balanced accuracy (chance {:.1} %, bursts {:.1} %): much of the result may be \
             the receiver's, not the transmitters'",
            100.0 * noise,
            100.0 * chance,
            100.0 * accuracy
        );
        warnings.push(text);
    }
    if let Some(named) = evaluation.false_acceptance.filter(|named| *named > 0.2) {
        warnings.push(format!(
            "{:.0} % of the strangers' bursts were given a name: with so few recordings an emitter, a threshold that keeps \
             false_rejection tells little of strangers",
            100.0 * named
        ));
    }
    if let Some(why) = no_control {
        warnings.push(format!("the noise-only control could not be run: {why}"));
    } else if evaluation.noise_only_balanced_accuracy.is_none() {
        warnings.push("the noise-only control tested none of the emitters whose bursts were tested".into());
    }
    warnings
}

/// One tested burst.
struct Trial {
    index: usize,
    /// Whether its emitter was enrolled in this fold.
    known: bool,
    right: bool,
    rejected: bool,
    atypicality: f64,
    /// Typicality of the true emitter; of the others.
    genuine: Option<f64>,
    impostor: Vec<f64>,
    /// Evidence for each enrolled emitter.
    evidence: Vec<(String, f64)>,
}

struct Run {
    folds: usize,
    trials: Vec<Trial>,
}

fn cross_validate(
    features: &[String],
    observations: &[Observation],
    config: &EvaluateConfig,
    seed: u64,
) -> Result<Run> {
    let (assigned, folds) = folds(observations, config, seed);
    let parts: Vec<Result<Vec<Trial>>> = (0..folds)
        .into_par_iter()
        .map(|fold| {
            let train: Vec<Example> = observations
                .iter()
                .zip(&assigned)
                .filter(|(o, f)| o.enrolled && **f != Some(fold))
                .map(|(o, _)| o.example())
                .collect();
            let gallery = Gallery::enroll(features, &train, &config.enroll)?;
            let test = observations.iter().enumerate().filter(|(i, o)| match assigned[*i] {
                Some(f) => f == fold,
                // Strangers face every gallery: their figures are means over the folds.
                None => !o.enrolled,
            });
            Ok(test.filter_map(|(index, o)| trial(&gallery, index, o)).collect())
        })
        .collect();
    let mut trials = Vec::new();
    for part in parts {
        trials.extend(part?);
    }
    trials.sort_by_key(|t| t.index);
    Ok(Run { folds, trials })
}

fn trial(gallery: &Gallery, index: usize, observation: &Observation) -> Option<Trial> {
    let scores = gallery.model().scores(&observation.features);
    let best = nearest(&scores)?;
    let emitters = gallery.emitters();
    let own = emitters.binary_search(&observation.emitter).ok().filter(|_| observation.enrolled);
    Some(Trial {
        index,
        known: own.is_some(),
        right: own == Some(best.emitter),
        rejected: -best.atypicality < gallery.threshold(),
        atypicality: best.atypicality,
        genuine: own.map(|own| -scores[own].atypicality),
        impostor: scores.iter().filter(|s| Some(s.emitter) != own).map(|s| -s.atypicality).collect(),
        evidence: scores.iter().map(|s| (emitters[s.emitter].clone(), s.evidence)).collect(),
    })
}

/// The fold in which each observation is tested; `None` for strangers in recordings of their own. Strangers are never
/// learnt from, but one that shares a recording with an enrolled emitter is tested where that recording is.
pub(super) fn folds(
    observations: &[Observation],
    config: &EvaluateConfig,
    seed: u64,
) -> (Vec<Option<usize>>, usize) {
    let enrolled = || observations.iter().filter(|o| o.enrolled);
    // Recordings in order of the first emitter in each.
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for o in enrolled() {
        let emitter = first.entry(&o.recording).or_insert(&o.emitter);
        *emitter = (*emitter).min(&o.emitter);
    }
    let groups: BTreeSet<(&str, &str)> = first.into_iter().map(|(recording, of)| (of, recording)).collect();
    let default = if groups.len() < 10 && config.split == Split::Recording { groups.len() } else { 3 };
    let count = config.folds.unwrap_or(default).max(2);
    let mut assigned = vec![None; observations.len()];
    match config.split {
        Split::Recording => {
            // An emitter's recordings go to different folds as far as there are folds; with a fold for each recording, one to each.
            let mut fold: BTreeMap<&str, usize> = BTreeMap::new();
            let mut emitter = ("", 0);
            for (i, group) in groups.iter().enumerate() {
                emitter = if emitter.0 == group.0 { (group.0, emitter.1 + 1) } else { (group.0, 0) };
                fold.insert(group.1, if count >= groups.len() { i } else { emitter.1 % count });
            }
            for (o, assigned) in observations.iter().zip(&mut assigned) {
                *assigned = fold.get(&*o.recording).copied();
            }
        }
        Split::Random => {
            let mut order: Vec<usize> =
                (0..observations.len()).filter(|i| observations[*i].enrolled).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            order.iter().enumerate().for_each(|(i, at)| assigned[*at] = Some(i % count));
        }
    }
    (assigned, count)
}

/// Share of recordings whose bursts' summed evidence is greatest for the right emitter.
fn recording_accuracy(bursts: &[Observation], trials: &[&Trial]) -> Option<f64> {
    let mut sums: BTreeMap<(&str, &str), BTreeMap<&str, f64>> = BTreeMap::new();
    for t in trials {
        let sum = sums.entry((&bursts[t.index].emitter, &bursts[t.index].recording)).or_default();
        t.evidence.iter().for_each(|(name, e)| *sum.entry(name).or_default() += e);
    }
    let right = sums.iter().filter(|((emitter, _), sum)| {
        sum.iter().max_by(|a, b| a.1.total_cmp(b.1)).is_some_and(|(name, _)| name == emitter)
    });
    (!sums.is_empty()).then(|| right.count() as f64 / sums.len() as f64)
}

#[cfg(test)]
mod tests;
