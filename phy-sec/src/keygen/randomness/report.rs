//! All tests on one or many sequences, and what follows: sections 4.2.1 (proportion) and 4.2.2 (uniformity).

use rayon::prelude::*;
use serde::Serialize;
use statrs::function::beta::beta_reg;

use super::{
    Config, Measured, NotApplicable, Test, checked, outcome,
    sequence::{Plan, windows},
    special::igamc,
    within_range,
};
use crate::bits::Bits;
use crate::{Error, Result};

/// What every report says.
pub const CAVEAT: &str = "Passing is a diagnostic, not a proof of entropy: the output of a known generator passes, and is \
    known. Failing shows that the bits are not uniform and independent; not failing shows nothing about what an \
    eavesdropper knows, and nothing about structure that these tests do not look for.";

/// Sequences from which on p-values are tested for uniformity (section 4.2.2).
const ENOUGH: usize = 55;

/// Most sequences of a report, which holds every p-value of each.
const MOST: usize = 10_000;

/// All tests on all sequences: `phy-sec.randomness/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of this form.
    pub schema: &'static str,
    /// Where the bits came from; empty unless the caller says.
    pub source: String,
    /// Bits that were given.
    pub bits: usize,
    /// Sequences that they were cut into.
    pub sequences: usize,
    /// Bits of each; what is left over is not looked at.
    pub sequence_length: usize,
    /// Which tests, and their parameters.
    pub config: Config,
    /// A list for each test.
    pub tests: Vec<TestReport>,
    /// p-values, over all tests and sequences.
    pub p_values: usize,
    /// Of them below `alpha`.
    pub below_alpha: usize,
    /// As many of truly random bits would be.
    pub expected_below_alpha: f64,
    /// The rows that truly random bits would hardly give, as `test` or `test label`.
    pub conspicuous: Vec<String>,
    /// What was found, in a sentence.
    pub verdict: String,
    /// What it does not prove.
    pub caveat: &'static str,
}

/// One test on all sequences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestReport {
    /// Which.
    pub test: Test,
    /// Sequences that it applies to.
    pub applicable: usize,
    /// Why it does not apply to the first of the others.
    pub not_applicable: Option<NotApplicable>,
    /// One for each statistic.
    pub rows: Vec<Row>,
}

/// One statistic of one test on all sequences that it applies to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which statistic, where the test has several.
    pub label: String,
    /// `[sequence]`.
    pub statistics: Vec<f64>,
    /// `[sequence]`.
    pub p_values: Vec<f64>,
    /// Sequences whose p-value is not below `alpha`.
    pub passed: usize,
    /// Their share.
    pub proportion: f64,
    /// Where the standard wants the share: three standard deviations around `1 - alpha`, at most 1. A normal approximation:
    /// over few sequences random bits leave it more often than once in 370 times.
    pub proportion_interval: [f64; 2],
    /// p-value of the p-values' uniformity over ten bins; the standard wants 0.0001 or more. `None` for fewer than 55.
    pub uniformity: Option<f64>,
    /// Whether this row is in [`Report::conspicuous`].
    pub conspicuous: bool,
}

/// Cuts `bits` into `sequences` equal ones and runs the tests on each.
///
/// A row is conspicuous if the least of its p-values, the exact binomial probability of so few passes, or its uniformity is
/// below `alpha` divided by how many of the kind there are: for all of them together, random bits give such a row with a
/// probability of about three `alpha` at most.
///
/// # Errors
/// [`Error::TooShort`] if a sequence has fewer than 100 bits, to which no test applies; [`Error::OutOfRange`] for a
/// parameter, for no sequences or more than 10,000, for no tests, or sequences of more than [`MAX_BITS`](super::MAX_BITS) bits.
pub fn report(bits: &Bits, sequences: usize, config: &Config) -> Result<Report> {
    config.check()?;
    within_range("sequences", sequences, 1..=MOST, "within 1..=10000")?;
    within_range("tests", config.tests.len(), 1..=Test::ALL.len(), "1 to 15 names")?;
    let length = bits.len() / sequences;
    if length < 100 {
        let (what, unit) = ("every sequence of a randomness report", "bits");
        return Err(Error::TooShort { what, need: 100, unit, got: length });
    }
    let plan = Plan::default();
    let measure = |index: usize| -> Result<Vec<Measured>> {
        let words =
            windows(bits.words(), index * length..(index + 1) * length).map(|(word, _)| word).collect();
        let bits = Bits::from_words(words, length)?;
        let sequence = checked(&bits, &plan)?;
        let run = |test: &Test| outcome(*test, &sequence, config);
        Ok(if config.parallel {
            config.tests.par_iter().map(run).collect()
        } else {
            config.tests.iter().map(run).collect()
        })
    };
    let measured: Vec<Vec<Measured>> = if config.parallel {
        (0..sequences).into_par_iter().map(measure).collect::<Result<_>>()?
    } else {
        (0..sequences).map(measure).collect::<Result<_>>()?
    };
    let tests = config.tests.iter().enumerate();
    let mut tests: Vec<TestReport> =
        tests.map(|(index, test)| gather(*test, index, &measured, config.alpha)).collect();

    let p_values = || tests.iter().flat_map(|test| &test.rows).flat_map(|row| &row.p_values);
    let (count, below) = (p_values().count(), p_values().filter(|p| **p < config.alpha).count());
    let rows = tests.iter().map(|test| test.rows.len()).sum::<usize>() as f64;
    let mut conspicuous = Vec::new();
    for test in &mut tests {
        for row in &mut test.rows {
            let least = row.p_values.iter().copied().fold(1.0, f64::min);
            row.conspicuous = least < config.alpha / count as f64
                || few_passes(row, config.alpha) < config.alpha / rows
                || row.uniformity.is_some_and(|p| p < config.alpha / rows);
            if row.conspicuous {
                conspicuous.push(format!("{} {}", test.test.name(), row.label).trim_end().to_owned());
            }
        }
    }
    let expected_below_alpha = count as f64 * config.alpha;
    let verdict = verdict(&tests, count, below, expected_below_alpha, &conspicuous, config.alpha);
    Ok(Report {
        schema: "phy-sec.randomness/1",
        source: String::new(),
        bits: bits.len(),
        sequences,
        sequence_length: length,
        config: config.clone(),
        tests,
        p_values: count,
        below_alpha: below,
        expected_below_alpha,
        conspicuous,
        verdict,
        caveat: CAVEAT,
    })
}

/// The rows of the test at `index` of each sequence's list.
fn gather(test: Test, index: usize, measured: &[Vec<Measured>], alpha: f64) -> TestReport {
    let outcomes = || measured.iter().map(|tests| &tests[index]);
    let applicable: Vec<_> = outcomes().filter_map(|outcome| outcome.as_ref().ok()).collect();
    let row = |row: usize| {
        let p_values: Vec<f64> = applicable.iter().map(|values| values[row].p_value).collect();
        let s = p_values.len();
        let passed = p_values.iter().filter(|p| **p >= alpha).count();
        let spread = 3.0 * (alpha * (1.0 - alpha) / s as f64).sqrt();
        Row {
            label: applicable[0][row].label.clone(),
            statistics: applicable.iter().map(|values| values[row].statistic).collect(),
            passed,
            proportion: passed as f64 / s as f64,
            proportion_interval: [(1.0 - alpha - spread).max(0.0), (1.0 - alpha + spread).min(1.0)],
            uniformity: (s >= ENOUGH).then(|| uniformity(&p_values)),
            p_values,
            conspicuous: false,
        }
    };
    TestReport {
        test,
        applicable: applicable.len(),
        not_applicable: outcomes().find_map(|outcome| outcome.as_ref().err().copied()),
        rows: (0..applicable.first().map_or(0, |values| values.len())).map(row).collect(),
    }
}

/// Chi-squared over ten bins (section 4.2.2).
fn uniformity(p_values: &[f64]) -> f64 {
    let mut bins = [0; 10];
    for p in p_values {
        bins[((p * 10.0) as usize).min(9)] += 1;
    }
    igamc(4.5, super::chi_squared(&bins, &[0.1; 10]) / 2.0)
}

/// Probability that truly random sequences pass no more often than this.
fn few_passes(row: &Row, alpha: f64) -> f64 {
    let (s, failed) = (row.p_values.len(), row.p_values.len() - row.passed);
    if failed == 0 { 1.0 } else { beta_reg(failed as f64, (s - failed + 1) as f64, alpha) }
}

fn verdict(
    tests: &[TestReport],
    count: usize,
    below: usize,
    expected: f64,
    conspicuous: &[String],
    alpha: f64,
) -> String {
    let applied = tests.iter().filter(|test| test.applicable > 0).count();
    let head = format!(
        "{applied} of {} tests apply; {below} of {count} p-values are below {alpha}, where random bits give about {expected:.1}",
        tests.len()
    );
    let list = match conspicuous {
        _ if count == 0 => return "no test applies to so few bits: nothing was found out".into(),
        [] => return format!("{head}; none is conspicuous"),
        few @ [_, ..] if few.len() <= 6 => few.join(", "),
        many => format!("{}, and {} more", many[..6].join(", "), many.len() - 6),
    };
    format!("{head}. These bits are not uniform and independent: {list}")
}
