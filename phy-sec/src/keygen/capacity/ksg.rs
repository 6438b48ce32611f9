//! Mutual information by nearest neighbours. Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69, 066138 (2004), their first
//! algorithm (equation 8).

use ndarray::ArrayView2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::function::gamma::digamma;

use super::Information;
use super::k_d_tree::Tree;
use crate::{Error, Result};

/// Noise that breaks ties between quantized values, relative to a lane's standard deviation.
const TIE_BREAK: f64 = 1e-9;

/// Parts whose scatter gives the standard error.
const PARTS: usize = 10;

/// Mutual information of two traces, `[lane, time]`, of the same instants, whatever their distribution.
///
/// The standard error is that of up to ten parts, each estimated on its own (after Holmes and Nemenman, Phys. Rev. E 100,
/// 022404, 2019): the terms of the estimate share neighbours, so that their own scatter says too little.
///
/// Each lane is scaled to unit variance first. The estimate is of a continuous quantity: of coarsely quantized traces (RSSI of
/// 1 dB) it is not to be had, and a tie is broken by noise of 1e-9 standard deviations, the same for the same input.
///
/// - `k`: neighbours, 1 to 100; more make the variance less and the bias greater
///
/// # Errors
/// [`Error::OutOfRange`] for `k` and for a constant lane; [`Error::Shape`] if the lengths differ; [`Error::TooShort`] below
/// `2 (k + 2)` instants; [`Error::NotFinite`].
pub fn ksg(a: ArrayView2<f64>, b: ArrayView2<f64>, k: usize) -> Result<Information> {
    if !(1..=100).contains(&k) {
        return Err(Error::OutOfRange { field: "k", rule: "within 1..=100", got: k.to_string() });
    }
    check(a, b, 2 * (k + 2))?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (a, b) = (Points::new(a, &mut rng)?, Points::new(b, &mut rng)?);
    let n = a.len();
    let bits = estimate(&a, &b, k);
    let parts = PARTS.min(n / (k + 2));
    let each: Vec<f64> =
        (0..parts).map(|part| estimate(&a.part(part, parts), &b.part(part, parts), k)).collect();
    let mean = each.iter().sum::<f64>() / parts as f64;
    let variance = each.iter().map(|bits| (bits - mean).powi(2)).sum::<f64>() / (parts - 1) as f64;
    Ok(Information { bits, standard_error: (variance / parts as f64).sqrt() })
}

fn estimate(a: &Points, b: &Points, k: usize) -> f64 {
    let n = a.len();
    let both = Points::joined(a, b);
    let trees = [a, b, &both].map(|points| Tree::new(&points.coordinates, points.dimensions));
    let terms: Vec<f64> = (0..n)
        .into_par_iter()
        .map(|index| {
            // A point is its own nearest neighbour, and nearer to itself than any distance: it stands for the one of n + 1.
            let radius = trees[2].nearest(both.point(index), k + 1);
            let near = |tree: &Tree, points: &Points| {
                digamma(tree.within(points.point(index), radius).max(1) as f64)
            };
            near(&trees[0], a) + near(&trees[1], b)
        })
        .collect();
    let mean = terms.iter().sum::<f64>() / n as f64;
    (digamma(k as f64) + digamma(n as f64) - mean) / std::f64::consts::LN_2
}

/// What every estimate asks of two traces.
pub(super) fn check(a: ArrayView2<f64>, b: ArrayView2<f64>, need: usize) -> Result<()> {
    if a.nrows() == 0 || b.nrows() == 0 || a.ncols() != b.ncols() {
        let got = format!("[{}, {}]", b.nrows(), b.ncols());
        return Err(Error::Shape { what: "b", need: format!("[lane, {}]", a.ncols()), got });
    }
    if a.ncols() < need {
        return Err(Error::TooShort { what: "mutual information", need, unit: "samples", got: a.ncols() });
    }
    for (what, trace) in [("a", a), ("b", b)] {
        if let Some(index) = trace.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what, index });
        }
    }
    Ok(())
}

struct Points {
    coordinates: Vec<f64>,
    dimensions: usize,
}

impl Points {
    fn new(trace: ArrayView2<f64>, rng: &mut ChaCha8Rng) -> Result<Self> {
        let (dimensions, n) = trace.dim();
        let mut coordinates = vec![0.0; dimensions * n];
        for (lane, values) in trace.outer_iter().enumerate() {
            let mean = values.sum() / n as f64;
            let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            if !(deviation > 0.0 && deviation.is_finite()) {
                let got = format!("lane {lane} with a standard deviation of {deviation}");
                return Err(Error::OutOfRange { field: "trace", rule: "one that varies", got });
            }
            for (time, x) in values.iter().enumerate() {
                let noise = TIE_BREAK * (rng.random::<f64>() - 0.5);
                coordinates[time * dimensions + lane] = (x - mean) / deviation + noise;
            }
        }
        Ok(Self { coordinates, dimensions })
    }

    fn joined(a: &Self, b: &Self) -> Self {
        let pairs = (0..a.len()).flat_map(|index| a.point(index).iter().chain(b.point(index)).copied());
        Self { coordinates: pairs.collect(), dimensions: a.dimensions + b.dimensions }
    }

    /// Every `parts`-th point, from point `part` on.
    fn part(&self, part: usize, parts: usize) -> Self {
        let points = (part..self.len()).step_by(parts).flat_map(|index| self.point(index)).copied();
        Self { coordinates: points.collect(), dimensions: self.dimensions }
    }

    fn len(&self) -> usize {
        self.coordinates.len() / self.dimensions
    }

    fn point(&self, index: usize) -> &[f64] {
        &self.coordinates[index * self.dimensions..][..self.dimensions]
    }
}
