//! The model behind the classifiers of this folder: Gaussian emitters with a common covariance, over whichever features
//! a burst has.
//!
//! The covariance is that of a new burst from a *new recording* around an emitter's mean, because that is what has to be
//! recognised: each burst's deviation from the mean of the emitter's *other* recordings. Every recording counts the same, however
//! many bursts it holds. Emitters with a single recording have a mean and no say in the covariance.

use std::collections::{BTreeMap, BTreeSet};

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::{Example, Score};
use crate::{Error, Result};

/// Least spread of a feature within an emitter, as a share of its spread over the population: two or three recordings that
/// happen to agree must not make a feature infallible.
const LEAST_SPREAD: f64 = 0.1;

/// Squares of deviations are bounded: `c² w² / (c² + w²)` (Geman and McClure, Bull. ISI 52, 1987), with this `c`, in standard
/// deviations. One feature that a few recordings left far too narrow then cannot make a stranger of its own emitter, while a
/// stranger is far off in several. Bounding them raises the AUROC of strangers on real remotes (docs/results/fingerprint.md).
const BOUND: f64 = 2.0;
/// Mean and variance of the bounded square of a standard normal deviate, by numerical integration.
const BOUNDED_MEAN: f64 = 0.629_046_165_695_564_4;
const BOUNDED_VARIANCE: f64 = 0.410_947_241_161_607_6;

/// How correlations are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shrinkage {
    /// By Ledoit and Wolf's share towards the identity.
    LedoitWolf,
    /// All the way.
    Diagonal,
}

/// Means, one covariance, and the population they are compared with. Everything is in units of the population's spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// Sorted.
    emitters: Vec<String>,
    /// Recordings behind each mean, `[emitter]`.
    recordings: Vec<u32>,
    /// Population mean, `[feature]`, in the feature's own unit.
    center: Vec<f64>,
    /// Population spread, `[feature]`, in the feature's own unit.
    scale: Vec<f64>,
    /// `[emitter][feature]`, standardised; `None` where the emitter never showed the feature.
    means: Vec<Vec<Option<f64>>>,
    /// Variance within an emitter, `[feature]`, standardised.
    variance: Vec<f64>,
    /// Correlation within an emitter, `[feature][feature]`.
    correlation: Vec<Vec<f64>>,
    /// How far the correlations were shrunk, 0 to 1.
    shrinkage: f64,
}

type Recordings<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a [Option<f64>]>>;

impl Gaussian {
    /// `examples` has been checked: not empty, equal lengths, finite.
    pub(super) fn fit(examples: &[Example], shrinkage: Shrinkage) -> Gaussian {
        let dimension = examples[0].features.len();
        let mut recordings = Recordings::new();
        for example in examples {
            recordings.entry((example.emitter, example.recording)).or_default().push(example.features);
        }
        let emitters: Vec<&str> =
            recordings.keys().map(|k| k.0).collect::<BTreeSet<_>>().into_iter().collect();
        let averages: BTreeMap<_, _> =
            recordings.iter().map(|(key, x)| (*key, average(x, dimension))).collect();
        let of = |emitter: &str, except: &str| -> Vec<Option<f64>> {
            let others = averages.range((emitter, "")..).take_while(|(k, _)| k.0 == emitter);
            let others: Vec<_> = others.filter(|(k, _)| k.1 != except).map(|(_, mean)| &mean[..]).collect();
            average(&others, dimension)
        };
        // No recording has an empty name by accident: one named "" is left out of nothing but itself.
        let raw: Vec<Vec<Option<f64>>> = emitters.iter().map(|e| of(e, "\0")).collect();
        let (center, scale) = population(&raw, examples, dimension);
        let standard = |x: &[Option<f64>]| -> Vec<Option<f64>> {
            x.iter().enumerate().map(|(j, x)| x.map(|x| (x - center[j]) / scale[j])).collect()
        };
        let count = |emitter: &str| recordings.keys().filter(|k| k.0 == emitter).count();

        // One set of deviations a recording; without any emitter that has two recordings, those within recordings.
        let repeated = emitters.iter().any(|e| count(e) > 1);
        let mut deviations: Vec<Vec<Vec<Option<f64>>>> = Vec::new();
        for ((emitter, recording), bursts) in &recordings {
            let n = count(emitter) as f64;
            let (around, factor) = match (n > 1.0, repeated) {
                // A new recording against the mean of n - 1 others has n / (n - 1) times the variance.
                (true, _) => (of(emitter, recording), ((n - 1.0) / n).sqrt()),
                (false, true) => continue,
                (false, false) => {
                    let bursts = bursts.len() as f64;
                    (averages[&(*emitter, *recording)].clone(), (bursts / (bursts - 1.0).max(1.0)).sqrt())
                }
            };
            let around = standard(&around);
            let rows = bursts.iter().map(|x| {
                let pairs = standard(x).into_iter().zip(&around);
                pairs.map(|(x, mean)| Some(factor * (x? - (*mean)?))).collect()
            });
            deviations.push(rows.collect());
        }
        let variance = variances(&deviations, dimension);
        let (correlation, shrinkage) = correlations(&deviations, &variance, shrinkage);
        Gaussian {
            recordings: emitters.iter().map(|e| count(e) as u32).collect(),
            means: raw.iter().map(|m| standard(m)).collect(),
            emitters: emitters.into_iter().map(str::to_owned).collect(),
            center,
            scale,
            variance,
            correlation,
            shrinkage,
        }
    }

    pub(super) fn emitters(&self) -> &[String] {
        &self.emitters
    }

    pub(super) fn dimension(&self) -> usize {
        self.center.len()
    }

    fn standard(&self, features: &[Option<f64>]) -> Vec<Option<f64>> {
        let unit = |(j, x): (usize, &Option<f64>)| x.map(|x| (x - self.center[j]) / self.scale[j]);
        features
            .iter()
            .take(self.dimension())
            .enumerate()
            .map(unit)
            .map(|x| x.filter(|x| x.is_finite()))
            .collect()
    }

    pub(super) fn scores(&self, features: &[Option<f64>]) -> Vec<Score> {
        let x = self.standard(features);
        let mut factors = Vec::new();
        (0..self.emitters.len())
            .map(|emitter| {
                let Some(terms) = self.terms(&x, emitter, &mut factors) else {
                    return Score { emitter, evidence: f64::NEG_INFINITY, atypicality: f64::INFINITY };
                };
                let evidence = 0.5 * (terms.population.sum() - terms.own.sum() + terms.log_determinants);
                Score { emitter, evidence, atypicality: atypicality(&terms.white) }
            })
            .collect()
    }

    pub(super) fn explain(&self, features: &[Option<f64>], emitter: usize) -> Vec<(usize, f64)> {
        let x = self.standard(features);
        let Some(terms) = self.terms(&x, emitter, &mut Vec::new()) else { return Vec::new() };
        let each = terms.log_determinants / terms.present.len() as f64;
        let shares = terms.population.iter().zip(terms.own.iter()).map(|(all, own)| 0.5 * (all - own + each));
        terms.present.iter().copied().zip(shares).collect()
    }

    /// Covariances over the features `present`, factored, from the cache if they are there.
    fn factor<'f>(&self, present: &[usize], factors: &'f mut Vec<Factors>) -> Option<&'f Factors> {
        if let Some(at) = factors.iter().position(|f| f.present == present) {
            return factors.get(at);
        }
        let k = present.len();
        let within = DMatrix::from_fn(k, k, |a, b| {
            let (i, j) = (present[a], present[b]);
            self.correlation[i][j] * (self.variance[i] * self.variance[j]).sqrt()
        });
        // The population's spread is 1 in these units, on top of the spread within.
        let population = &within + DMatrix::identity(k, k);
        let (within, population) = (Cholesky::new(within)?, Cholesky::new(population)?);
        factors.push(Factors { present: present.to_vec(), within, population });
        factors.last()
    }

    fn terms(&self, x: &[Option<f64>], emitter: usize, factors: &mut Vec<Factors>) -> Option<Terms> {
        let mean = self.means.get(emitter)?;
        let both = |j: &usize| x[*j].is_some() && mean[*j].is_some();
        let present: Vec<usize> = (0..x.len()).filter(both).collect();
        if present.is_empty() {
            return None;
        }
        let vector =
            |f: &dyn Fn(usize) -> f64| DVector::from_iterator(present.len(), present.iter().map(|j| f(*j)));
        let x = vector(&|j| x[j].unwrap_or(0.0));
        let own = &x - vector(&|j| mean[j].unwrap_or(0.0));
        let factors = self.factor(&present, factors)?;
        // The mean itself is uncertain: of n recordings, by 1 / n of the variance.
        let inflation = 1.0 + 1.0 / f64::from(self.recordings[emitter].max(1));
        let half = |c: &Cholesky<f64, Dyn>| 2.0 * c.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>();
        let log_determinants =
            half(&factors.population) - half(&factors.within) - present.len() as f64 * inflation.ln();
        let white = factors.within.l_dirty().solve_lower_triangular(&own)? / inflation.sqrt();
        Some(Terms {
            white,
            own: own.component_mul(&factors.within.solve(&own)) / inflation,
            population: x.component_mul(&factors.population.solve(&x)),
            log_determinants,
            present,
        })
    }

    /// Coordinates on the two axes that spread the emitters' means most, in units of the spread within.
    /// Missing features count as the population's mean.
    pub(super) fn project(&self, features: &[Option<f64>]) -> (f64, f64) {
        let d = self.dimension();
        let whole: Vec<usize> = (0..d).collect();
        let mut factors = Vec::new();
        let Some(factor) = self.factor(&whole, &mut factors) else { return (f64::NAN, f64::NAN) };
        let white = |x: &[Option<f64>]| {
            let x = DVector::from_iterator(d, x.iter().map(|x| x.unwrap_or(0.0)));
            factor.within.l_dirty().solve_lower_triangular(&x).unwrap_or(x)
        };
        let means: Vec<DVector<f64>> = self.means.iter().map(|m| white(m)).collect();
        let scatter = means.iter().fold(DMatrix::zeros(d, d), |sum, m| sum + m * m.transpose());
        let eigen = SymmetricEigen::new(scatter);
        let mut order = whole;
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let x = white(&self.standard(features));
        // An eigenvector's sign is arbitrary: the greatest component is made positive.
        let axis = |i: Option<&usize>| {
            let Some(i) = i else { return 0.0 };
            let vector = eigen.eigenvectors.column(*i);
            let sign = vector[vector.icamax()].signum();
            sign * vector.dot(&x)
        };
        (axis(order.first()), axis(order.get(1)))
    }

    pub(super) fn check(&self) -> Result<()> {
        let (emitters, d) = (self.emitters.len(), self.center.len());
        let shape = |what, need: usize, got: usize| {
            if need == got {
                Ok(())
            } else {
                Err(Error::Shape { what, need: format!("[{need}]"), got: format!("[{got}]") })
            }
        };
        let finite = |what, values: Vec<f64>| match values.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(Error::NotFinite { what, index }),
            None => Ok(()),
        };
        let range = |field, rule, ok: bool| {
            if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: "another value".into() }) }
        };
        range(
            "emitters",
            "at least one, sorted, without repetition",
            emitters > 0 && self.emitters.is_sorted_by(|a, b| a < b),
        )?;
        shape("recordings", emitters, self.recordings.len())?;
        shape("scale", d, self.scale.len())?;
        shape("variance", d, self.variance.len())?;
        shape("means", emitters, self.means.len())?;
        shape("correlation", d, self.correlation.len())?;
        self.means.iter().try_for_each(|row| shape("means", d, row.len()))?;
        self.correlation.iter().try_for_each(|row| shape("correlation", d, row.len()))?;
        finite("center", self.center.clone())?;
        finite("means", self.means.iter().flatten().flatten().copied().collect())?;
        finite("correlation", self.correlation.iter().flatten().copied().collect())?;
        let positive = |values: &[f64]| values.iter().all(|v| v.is_finite() && *v > 0.0);
        range("scale", "positive and finite", positive(&self.scale))?;
        range("variance", "positive and finite", positive(&self.variance))?;
        range("shrinkage", "between 0 and 1", (0.0..=1.0).contains(&self.shrinkage))?;
        let symmetric = (0..d).all(|i| {
            (0..i).all(|j| self.correlation[i][j] == self.correlation[j][i])
                && (self.correlation[i][i] - 1.0).abs() < 1e-9
        });
        range("correlation", "symmetric with ones on the diagonal", symmetric)?;
        let whole: Vec<usize> = (0..d).collect();
        range("correlation", "positive definite", d == 0 || self.factor(&whole, &mut Vec::new()).is_some())
    }
}

/// Factored covariances over a set of features.
struct Factors {
    present: Vec<usize>,
    within: Cholesky<f64, Dyn>,
    population: Cholesky<f64, Dyn>,
}

/// The two quadratic forms of a likelihood ratio, by feature.
struct Terms {
    present: Vec<usize>,
    /// The burst's deviation from the emitter, whitened: each feature given those before it.
    white: DVector<f64>,
    own: DVector<f64>,
    population: DVector<f64>,
    log_determinants: f64,
}

/// A sum of bounded squares as a standard normal deviate: the cube root of a Gamma variate of that mean and variance is
/// nearly normal (Wilson and Hilferty, PNAS 17, 1931).
fn atypicality(white: &DVector<f64>) -> f64 {
    let mean = white.len() as f64 * BOUNDED_MEAN;
    let spread = white.len() as f64 * BOUNDED_VARIANCE / (9.0 * mean * mean);
    let bounded = |w: &f64| w * w / (1.0 + w * w / (BOUND * BOUND));
    let sum: f64 = white.iter().map(bounded).sum();
    ((sum / mean).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Mean of what is there, `[feature]`.
fn average(rows: &[&[Option<f64>]], dimension: usize) -> Vec<Option<f64>> {
    (0..dimension)
        .map(|j| {
            let (mut sum, mut count) = (0.0, 0.0);
            rows.iter().filter_map(|row| row[j]).for_each(|v| {
                sum += v;
                count += 1.0;
            });
            (count > 0.0).then(|| sum / count)
        })
        .collect()
}

/// Centre and spread of the emitters' means; with one emitter, of the bursts.
fn population(means: &[Vec<Option<f64>>], examples: &[Example], dimension: usize) -> (Vec<f64>, Vec<f64>) {
    let spread = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt())
    };
    (0..dimension)
        .map(|j| {
            let over_means: Vec<f64> = means.iter().filter_map(|m| m[j]).collect();
            let over_bursts: Vec<f64> = examples.iter().filter_map(|e| e.features[j]).collect();
            if over_bursts.is_empty() {
                return (0.0, 1.0);
            }
            let (center, between) = spread(&over_means);
            let scale = if over_means.len() > 1 { between } else { spread(&over_bursts).1 };
            // A feature that never varies says nothing; any scale will do.
            (center, if scale > 1e-12 * center.abs().max(1e-12) { scale } else { center.abs().max(1.0) })
        })
        .unzip()
}

/// Mean square deviation of each feature, every recording counting the same; the population's where nobody shows it.
fn variances(deviations: &[Vec<Vec<Option<f64>>>], dimension: usize) -> Vec<f64> {
    (0..dimension)
        .map(|j| {
            let per_recording: Vec<f64> = deviations
                .iter()
                .filter_map(|rows| {
                    let squares: Vec<f64> = rows.iter().filter_map(|row| row[j]).map(|v| v * v).collect();
                    (!squares.is_empty()).then(|| squares.iter().sum::<f64>() / squares.len() as f64)
                })
                .collect();
            let mean = per_recording.iter().sum::<f64>() / per_recording.len() as f64;
            if per_recording.is_empty() { 1.0 } else { mean.max(LEAST_SPREAD * LEAST_SPREAD) }
        })
        .collect()
}

/// Correlations over pairs of features that were measured together, shrunk towards none; and by how much.
fn correlations(
    deviations: &[Vec<Vec<Option<f64>>>],
    variance: &[f64],
    shrinkage: Shrinkage,
) -> (Vec<Vec<f64>>, f64) {
    let d = variance.len();
    let identity = |a: usize, b: usize| f64::from(u8::from(a == b));
    // One matrix a recording: the observations of Ledoit and Wolf's estimator.
    let matrices: Vec<DMatrix<f64>> = deviations
        .iter()
        .map(|rows| {
            let mut sum = DMatrix::<f64>::zeros(d, d);
            for row in rows {
                let z = DVector::from_iterator(d, (0..d).map(|j| row[j].unwrap_or(0.0) / variance[j].sqrt()));
                sum += &z * z.transpose();
            }
            sum / rows.len().max(1) as f64
        })
        .collect();
    let n = matrices.len() as f64;
    let mut share = 1.0;
    let mut mean = DMatrix::identity(d, d);
    if shrinkage == Shrinkage::LedoitWolf && n > 1.0 {
        mean = matrices.iter().fold(DMatrix::zeros(d, d), |sum, m| sum + m) / n;
        let off = |m: &DMatrix<f64>| -> f64 { m.norm_squared() - m.diagonal().norm_squared() };
        // β² / δ²: the estimate's own variance over its distance from the target, both off the diagonal, which is kept.
        let noise = matrices.iter().map(|m| off(&(m - &mean))).sum::<f64>() / (n * (n - 1.0));
        share = if off(&mean) > 0.0 { (noise / off(&mean)).clamp(0.0, 1.0) } else { 1.0 };
    }
    loop {
        // Features measured in different bursts make a matrix that need not be positive: then more of the target.
        let shrunk =
            DMatrix::from_fn(
                d,
                d,
                |a, b| {
                    if a == b { 1.0 } else { (1.0 - share) * mean[(a, b)].clamp(-1.0, 1.0) }
                },
            );
        let smallest = SymmetricEigen::new(shrunk.clone()).eigenvalues.min();
        if d == 0 || smallest > 1e-6 || share > 1.0 - 1e-9 {
            let row = |a| {
                (0..d).map(|b| if share > 1.0 - 1e-9 { identity(a, b) } else { shrunk[(a, b)] }).collect()
            };
            return ((0..d).map(row).collect(), share);
        }
        share = 0.5 * (share + 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments of the bounded square under the normal law, by Simpson's rule.
    #[test]
    fn the_constants_are_the_integrals() {
        let steps = 20_000;
        let moment = |power: i32| -> f64 {
            let value = |i: i32| {
                let z = 20.0 * f64::from(i) / f64::from(steps) - 10.0;
                let bounded = z * z / (1.0 + z * z / (BOUND * BOUND));
                bounded.powi(power) * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
            };
            let weight = |i: i32| if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            (0..=steps).map(|i| weight(i) * value(i)).sum::<f64>() * 20.0 / f64::from(steps) / 3.0
        };
        let mean = moment(1);
        assert!((mean - BOUNDED_MEAN).abs() < 1e-10, "{mean}");
        assert!((moment(2) - mean * mean - BOUNDED_VARIANCE).abs() < 1e-10);
    }
}
