//! How many patterns a few degrees of freedom can make.
//!
//! `n` levels on linear functions of `d` numbers cut the space of those into at most `Σ_(i <= d) C(n, i)` cells (Schläfli; Cover,
//! IEEE Trans. Electron. Comput. EC-14(3), 1965), however the numbers are distributed: the symbols of one time, levels on the
//! rows, show no more patterns than that.
//!
//! `d` is counted from the signs alone. For a normal vector the correlations of the signs give those of the values by the arcsine law.
//! The eigenvectors of their matrix over every other time are held against the matrix of the times between, where directions
//! without power have a mean of 0 and the deviation of one correlation, however many rows there are. What is left beside
//! the directions that stand out of that is taken for noise of each row, which moves values over levels: another
//! `h(q)` a level, `q = acos(√(1 - v)) / π` for a share `v` of the power.

use std::f64::consts::{FRAC_PI_2, PI};

use nalgebra::{DMatrix, SymmetricEigen};
use zeroize::Zeroizing;

use super::{Table, sign};

/// Standard deviations that a direction has to stand out by.
const DEVIATIONS: f64 = 3.0;
/// Steps after which an eigendecomposition is given up.
const STEPS: usize = 100_000;

impl Table {
    /// The logarithm of the number of patterns, over the bits: at most so much entropy a bit. 1 where no limit is seen.
    pub(super) fn dimension_limit(&self) -> f64 {
        let Some((dimension, noise)) = self.dimension() else { return 1.0 };
        let crossing = (1.0 - noise).clamp(0.0, 1.0).sqrt().acos() / PI;
        let each = crate::keygen::reconcile::binary_entropy(crossing);
        let mut of_levels: Vec<Option<f64>> = Vec::new();
        let mut entropy = 0.0;
        for time in 0..self.times {
            let (mut levels, mut bits) = (0usize, 0.0f64);
            for widths in &self.widths {
                levels += (1usize << widths[time]) - 1;
                bits += f64::from(widths[time]);
            }
            if of_levels.len() <= levels {
                of_levels.resize(levels + 1, None);
            }
            let most = *of_levels[levels].get_or_insert_with(|| patterns(levels, dimension));
            entropy += bits.min(most + levels as f64 * each);
        }
        (entropy / self.bits).min(1.0)
    }

    /// Directions that have power, and the share of the power beside them, at least; `None` if they may be too many to limit
    /// anything.
    fn dimension(&self) -> Option<(usize, f64)> {
        let rows = self.predictors;
        let [(learnt, _), (judged, trials)] = [0, 1].map(|first| self.correlations(first));
        // Of a correlation of signs, as that of values; and of the quadratic form, which counts each pair twice.
        let deviation = FRAC_PI_2 * (2.0 / trials.max(1.0)).sqrt();
        // With fewer times even independent rows may not stand out.
        if DEVIATIONS * deviation > 1.0 {
            return None;
        }
        let vectors = SymmetricEigen::try_new(learnt, f64::EPSILON, STEPS)?.eigenvectors;
        let powers: Vec<f64> = (0..rows)
            .map(|k| {
                let vector = vectors.column(k);
                vector.dot(&(&judged * vector))
            })
            .collect();
        let strong = powers.iter().filter(|&&power| power > DEVIATIONS * deviation).count();
        // Half as many directions as rows make half of all patterns.
        if strong == 0 || 2 * strong >= rows {
            return None;
        }
        let rest: f64 = powers.iter().filter(|&&power| power <= DEVIATIONS * deviation).sum();
        // Of the strong directions, which are not known exactly, at most so much is seen beside them.
        let mistaken = strong as f64 / trials + DEVIATIONS * deviation / (rows as f64).sqrt();
        Some((strong, (rest / rows as f64 - mistaken).clamp(0.0, 1.0)))
    }

    /// Correlations of the values that the rows' first bits are the signs of, over every other time; and the mean number of
    /// times that two rows have in common.
    fn correlations(&self, first: usize) -> (DMatrix<f64>, f64) {
        let times = || (first..self.times).step_by(2);
        let signs: Vec<Zeroizing<Vec<i8>>> = (0..self.predictors)
            .map(|row| times().map(|time| self.get(row, time).map_or(0, |symbol| sign(symbol, 0))).collect())
            .map(Zeroizing::new)
            .collect();
        let mut matrix = DMatrix::identity(self.predictors, self.predictors);
        let mut common = 0.0;
        for row in 0..self.predictors {
            for other in 0..row {
                let pairs = signs[row].iter().zip(signs[other].iter());
                let (sum, trials) = pairs.fold((0i32, 0i32), |(sum, trials), (&a, &b)| {
                    (sum + i32::from(a * b), trials + i32::from((a * b).abs()))
                });
                let correlation = (FRAC_PI_2 * f64::from(sum) / f64::from(trials.max(1))).sin();
                (matrix[(row, other)], matrix[(other, row)]) = (correlation, correlation);
                common += f64::from(trials);
            }
        }
        (matrix, common / (self.predictors * (self.predictors - 1) / 2) as f64)
    }
}

/// The logarithm of the number of cells that so many levels can make of so many dimensions, in bits.
fn patterns(levels: usize, dimension: usize) -> f64 {
    let (mut term, mut sum) = (0.0f64, 0.0f64);
    for i in 1..=dimension.min(levels) {
        term += ((levels + 1 - i) as f64 / i as f64).log2();
        let (great, small) = if term > sum { (term, sum) } else { (sum, term) };
        sum = great + (small - great).exp2().ln_1p() / std::f64::consts::LN_2;
    }
    sum
}
