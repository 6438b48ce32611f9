//! Linear regression over every other time, on any number of the leading columns: one Cholesky factor serves them all.

use zeroize::Zeroizing;

/// Times that a regression is fitted over, at most: many times more than columns.
const FITTED: usize = 1 << 14;
/// Regularisation, in standard deviations of what chance makes of the greatest eigenvalue of independent columns.
const RIDGE: f64 = 0.3;

/// The columns over every other time, and their moments.
pub(super) struct Fold {
    first: usize,
    columns: Vec<Zeroizing<Vec<i8>>>,
    /// The lower triangle of the Cholesky factor of the moments, `[row][column]`; the leading part of it is that of the
    /// leading columns.
    factor: Vec<Vec<f64>>,
}

impl Fold {
    pub(super) fn new(columns: &[Zeroizing<Vec<i8>>], first: usize) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| every_other(column, first)).collect();
        let times = columns[0].len().clamp(1, FITTED) as f64;
        let ridge = RIDGE * (times * columns.len() as f64).sqrt();
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let mut line: Vec<f64> = columns[..=index].iter().map(|other| moment(column, other)).collect();
            line[index] += ridge;
            for k in 0..index {
                let done = inner(&line[..k], &factor[k][..k]);
                line[k] = (line[k] - done) / factor[k][k];
            }
            // The ridge keeps it above 0; rounding does not take more of it than this.
            line[index] = (line[index] - inner(&line[..index], &line[..index])).max(1e-3).sqrt();
            factor.push(line);
        }
        Self { first, columns, factor }
    }

    /// Weights of the `known` leading columns that predict `target`, which is of all times.
    pub(super) fn fit(&self, known: usize, target: &[i8]) -> Vec<f64> {
        let target = every_other(target, self.first);
        let mut weights: Vec<f64> = Vec::with_capacity(known);
        for (column, factor) in self.columns[..known].iter().zip(&self.factor) {
            let index = weights.len();
            weights.push((moment(column, &target) - inner(&weights, &factor[..index])) / factor[index]);
        }
        for index in (0..known).rev() {
            let (earlier, rest) = weights.split_at_mut(index);
            let factor = &self.factor[index];
            rest[0] /= factor[index];
            for (weight, factor) in earlier.iter_mut().zip(factor) {
                *weight -= rest[0] * factor;
            }
        }
        weights
    }

    pub(super) fn predict(&self, weights: &[f64]) -> Zeroizing<Vec<f32>> {
        let mut sums = Zeroizing::new(vec![0.0; self.columns[0].len()]);
        for (&weight, column) in weights.iter().zip(&self.columns) {
            let weight = weight as f32;
            for (sum, &x) in sums.iter_mut().zip(column.iter()) {
                *sum += weight * f32::from(x);
            }
        }
        sums
    }
}

fn every_other(column: &[i8], first: usize) -> Zeroizing<Vec<i8>> {
    Zeroizing::new(column.iter().copied().skip(first).step_by(2).collect())
}

/// Over the times that are fitted.
fn moment(a: &[i8], b: &[i8]) -> f64 {
    a.iter().zip(b).take(FITTED).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>().into()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
