//! The ten estimators of NIST SP 800-90B (January 2018), section 6.3, for sources that are not independent and identically
//! distributed, and the assessment that takes the least of them (section 3.1.3).
//!
//! Figures are those of NIST's own tool (`ea_non_iid`), intermediate values included; where the tool resolves what the
//! standard leaves open, the file says so. The ledger of a session does not use these: a session has hundreds of bits, the
//! standard asks for a million samples. They judge a quantizer's output over a long recording, '90B-style'.
//!
//! An estimator is a file with `estimate`, its `mod` line, and its row in the table.

mod aligned;
mod bit_string;
pub(super) mod collision;
mod compression;
pub mod iid;
mod lag;
mod lz78y;
mod markov;
mod most_common;
mod multi_mcw;
mod multi_mmc;
mod prediction;
mod sequence;
mod suffix;
mod trie;
mod tuple;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::Z;
use crate::{Error, Result};
pub(crate) use sequence::{Alphabet, Sequence};

/// More bits than that would take tens of gigabytes to sort.
const MOST_BITS: usize = 1 << 28;

/// What one estimator says of one sequence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Which one.
    pub name: &'static str,
    /// Bits of min-entropy per symbol; `None` where the sequence is too short for this estimator.
    pub min_entropy: Option<f64>,
    /// The intermediate values, under the names that NIST's tool prints them with.
    pub values: BTreeMap<&'static str, f64>,
}

impl Estimate {
    fn new<const N: usize>(min_entropy: f64, values: [(&'static str, f64); N]) -> Self {
        Self { name: "", min_entropy: Some(min_entropy), values: values.into() }
    }

    fn too_short() -> Self {
        Self { name: "", min_entropy: None, values: BTreeMap::new() }
    }
}

macro_rules! table {
    ($($(#[$doc:meta])* $name:literal $estimator:ident $estimate:path, $title:literal $bits_only:literal;)*) => {
        /// An estimator of section 6.3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Estimator {
            $($(#[$doc])* $estimator,)*
        }

        impl Estimator {
            /// Every one, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$estimator),*];

            /// Its name in reports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$estimator => $name,)* }
            }

            /// Its title in the output of NIST's tool.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$estimator => $title,)* }
            }

            /// Whether the standard defines it for bits alone.
            #[must_use]
            pub fn bits_only(self) -> bool {
                match self { $(Self::$estimator => $bits_only,)* }
            }

            fn estimate(self, sequence: &Sequence) -> Estimate {
                let estimate = match self { $(Self::$estimator => $estimate(sequence),)* };
                Estimate { name: self.name(), ..estimate }
            }
        }
    };
}

table! {
    /// Section 6.3.1: the share of the most common value.
    "most_common_value" MostCommonValue most_common::estimate, "Most Common Value" false;
    /// Section 6.3.2: the time until a value repeats.
    "collision" Collision collision::estimate, "Collision" true;
    /// Section 6.3.3: each bit given the one before.
    "markov" Markov markov::estimate, "Markov" true;
    /// Section 6.3.4: Maurer's universal statistic.
    "compression" Compression compression::estimate, "Compression" true;
    /// Section 6.3.5: the most frequent tuple of each length.
    "t_tuple" TTuple tuple::most_frequent, "t-Tuple" false;
    /// Section 6.3.6: how often longer tuples repeat.
    "longest_repeated_substring" LongestRepeatedSubstring tuple::repeated, "LRS" false;
    /// Section 6.3.7: predicts the most common value of four windows.
    "multi_mcw" MultiMcw multi_mcw::estimate, "MultiMCW Prediction" false;
    /// Section 6.3.8: predicts the value of up to 128 samples ago.
    "lag" Lag lag::estimate, "Lag Prediction" false;
    /// Section 6.3.9: predicts by Markov models of order 1 to 16.
    "multi_mmc" MultiMmc multi_mmc::estimate, "MultiMMC Prediction" false;
    /// Section 6.3.10: predicts by a dictionary of what followed the last 1 to 16 values.
    "lz78y" Lz78y lz78y::estimate, "LZ78Y Prediction" false;
}

/// Everything that the non-IID track says of a recording of noise samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    /// How many samples.
    pub samples: usize,
    /// Width of a sample.
    pub bits_per_symbol: u32,
    /// How many different values there are.
    pub alphabet: usize,
    /// Of the samples as they are. Collision, Markov and compression only where there are two values.
    pub original: Vec<Estimate>,
    /// Of the samples' bits in a row, most significant first; empty where there are no more than two values.
    pub bitstring: Vec<Estimate>,
    /// Least of `original`, bits per sample.
    pub h_original: f64,
    /// Least of `bitstring`, bits per bit; `None` where that is empty.
    pub h_bitstring: Option<f64>,
    /// The assessed min-entropy, bits per sample: the lesser of `h_original` and `bits_per_symbol * h_bitstring`.
    pub min_entropy: f64,
}

/// Assesses `samples`, values of `bits_per_symbol` bits, one a byte.
///
/// The estimators run on as many threads as rayon's current pool has. A million samples is the least that the standard
/// accepts; fewer give an estimate all the same, whose confidence bounds are the wider. Samples that never change are worth 0.
///
/// # Errors
/// [`Error::TooShort`] below two samples; [`Error::OutOfRange`] if `bits_per_symbol` is not within 1..=8, a sample does not
/// fit it, or there are more than 2^28 bits.
pub fn assess(samples: &[u8], bits_per_symbol: u32) -> Result<Assessment> {
    check(samples, bits_per_symbol)?;
    let alphabet = Alphabet::of(samples);
    let mut report = Assessment {
        samples: samples.len(),
        bits_per_symbol,
        alphabet: alphabet.size(),
        original: Vec::new(),
        bitstring: Vec::new(),
        h_original: 0.0,
        h_bitstring: None,
        min_entropy: 0.0,
    };
    if alphabet.size() < 2 {
        return Ok(report);
    }
    let width = f64::from(bits_per_symbol);
    let mut sequences = vec![Sequence::symbols(samples, &alphabet)];
    if alphabet.size() > 2 {
        let bits = sequences[0].beside(samples, bits_per_symbol);
        sequences.push(bits);
    }
    let mut done: Vec<_> = in_parallel(&sequences);
    done.sort_unstable_by_key(|&(which, at, _)| (which, at));
    for (which, _, estimate) in done {
        [&mut report.original, &mut report.bitstring][which].push(estimate);
    }
    let least = |estimates: &[Estimate], most: f64| {
        estimates.iter().filter_map(|estimate| estimate.min_entropy).fold(most, f64::min)
    };
    report.h_original = least(&report.original, width);
    report.h_bitstring = (alphabet.size() > 2).then(|| least(&report.bitstring, 1.0));
    report.min_entropy = report.h_bitstring.map_or(report.h_original, |h| report.h_original.min(width * h));
    Ok(report)
}

/// Every estimator of every sequence, with the number of its sequence and its own: one after the other to whatever thread is
/// free, the slowest first, so that the last to start are short ones.
fn in_parallel(sequences: &[Sequence]) -> Vec<(usize, usize, Estimate)> {
    use Estimator::{LongestRepeatedSubstring, Lz78y, MultiMmc, TTuple};
    let place = |first| Estimator::ALL.iter().position(|&e| e == first).unwrap_or(0);
    let done = Mutex::new(Vec::new());
    let run = |which: usize, at: usize| {
        let estimate = Estimator::ALL[at].estimate(&sequences[which]);
        done.lock().unwrap_or_else(PoisonError::into_inner).push((which, at, estimate));
    };
    let slow = [TTuple, MultiMmc, Lz78y].map(place);
    let others = (0..Estimator::ALL.len()).filter(|at| !slow.contains(at));
    let run = &run;
    rayon::scope_fifo(|scope| {
        for at in slow.into_iter().chain(others) {
            for (which, sequence) in sequences.iter().enumerate().rev() {
                let estimator = Estimator::ALL[at];
                // Goes with the other that asks for the profile of tuples, which is worked out once.
                if estimator == LongestRepeatedSubstring || estimator.bits_only() && !sequence.is_binary() {
                    continue;
                }
                scope.spawn_fifo(move |_| {
                    run(which, at);
                    if estimator == TTuple {
                        run(which, place(LongestRepeatedSubstring));
                    }
                });
            }
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What both tracks ask of their samples.
pub(crate) fn check(samples: &[u8], bits_per_symbol: u32) -> Result<()> {
    let out = |field, rule, got: String| Err(Error::OutOfRange { field, rule, got });
    if !(1..=8).contains(&bits_per_symbol) {
        return out("bits_per_symbol", "within 1..=8", bits_per_symbol.to_string());
    }
    if samples.len() < 2 {
        let got = samples.len();
        return Err(Error::TooShort { what: "entropy assessment", need: 2, unit: "samples", got });
    }
    if samples.len() > MOST_BITS / bits_per_symbol as usize {
        return out("samples", "at most 2^28 bits together", samples.len().to_string());
    }
    match samples.iter().find(|&&sample| u32::from(sample) >> bits_per_symbol != 0) {
        Some(sample) => out("samples", "values of bits_per_symbol bits", sample.to_string()),
        None => Ok(()),
    }
}

/// Upper end of the confidence interval of a probability `p` seen in `n` trials, as every estimator but the last six of
/// the standard takes it: normal, with the sample variance.
pub(super) fn upper(p: f64, n: usize) -> f64 {
    (p + Z * (p * (1.0 - p) / (n as f64 - 1.0)).sqrt()).min(1.0)
}

#[cfg(test)]
mod tests;
