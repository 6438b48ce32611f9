//! Normal equations, solved in the order of the parameters, so that one that the earlier ones already explain is left out.

/// Parameters at most.
pub(super) const MOST: usize = 14;

/// A symmetric matrix, row by row.
pub(super) type Matrix = [[f64; MOST]; MOST];

/// The share of a column that the columns before it must leave over for it to be fitted. Less is rounding, or an error so wide that the value
/// means nothing: a hundred times that of the parameter alone.
const LEAST: f64 = 1e-4;

/// `Re(JᴴJ)`, factored. Columns that were left out have no row in the factor.
pub(super) struct Factor {
    lower: Matrix,
    kept: [bool; MOST],
    scale: [f64; MOST],
}

impl Factor {
    /// Cholesky's factorisation of `matrix` with its diagonal brought to one. A column of zeros is left out.
    pub(super) fn new(matrix: &Matrix) -> Factor {
        let mut scale = [0.0; MOST];
        for (i, scale) in scale.iter_mut().enumerate() {
            let d = matrix[i][i];
            *scale = if d > 0.0 && d.is_finite() { d.sqrt().recip() } else { 0.0 };
        }
        let (mut lower, mut kept) = ([[0.0; MOST]; MOST], [false; MOST]);
        for i in 0..MOST {
            if scale[i] == 0.0 {
                continue;
            }
            for j in 0..=i {
                if j < i && !kept[j] {
                    continue;
                }
                let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let left = matrix[i][j] * scale[i] * scale[j] - done;
                if j < i {
                    lower[i][j] = left / lower[j][j];
                } else {
                    kept[i] = left > LEAST;
                    if kept[i] { lower[i][i] = left.sqrt() } else { lower[i] = [0.0; MOST] }
                }
            }
        }
        Factor { lower, kept, scale }
    }

    /// How many were kept.
    pub(super) fn rank(&self) -> usize {
        self.kept.iter().filter(|kept| **kept).count()
    }

    /// The step for the right-hand side `b`; 0 for what was left out.
    pub(super) fn solve(&self, b: &[f64; MOST]) -> [f64; MOST] {
        let mut x = [0.0; MOST];
        for i in (0..MOST).filter(|&i| self.kept[i]) {
            let done: f64 = (0..i).map(|k| self.lower[i][k] * x[k]).sum();
            x[i] = (b[i] * self.scale[i] - done) / self.lower[i][i];
        }
        for i in (0..MOST).rev().filter(|&i| self.kept[i]) {
            let done: f64 = (i + 1..MOST).map(|k| self.lower[k][i] * x[k]).sum();
            x[i] = (x[i] - done) / self.lower[i][i];
        }
        for (x, scale) in x.iter_mut().zip(self.scale) {
            *x *= scale;
        }
        x
    }

    /// The inverse times `variance`.
    pub(super) fn covariance(&self, variance: f64) -> Covariance {
        let mut matrix = [[0.0; MOST]; MOST];
        for (i, row) in matrix.iter_mut().enumerate().filter(|(i, _)| self.kept[*i]) {
            let mut unit = [0.0; MOST];
            unit[i] = variance;
            *row = self.solve(&unit);
        }
        Covariance { matrix, kept: self.kept }
    }
}

/// Covariance of the parameters that could be told.
pub(super) struct Covariance {
    matrix: Matrix,
    kept: [bool; MOST],
}

impl Covariance {
    /// `None` if either was left out.
    pub(super) fn get(&self, i: usize, j: usize) -> Option<f64> {
        (self.kept[i] && self.kept[j]).then_some(self.matrix[i][j])
    }

    /// Multiplies row and column `i` by `factor`: the parameter in another unit.
    pub(super) fn rescale(&mut self, i: usize, factor: f64) {
        for j in 0..MOST {
            self.matrix[i][j] *= factor;
            self.matrix[j][i] *= factor;
        }
    }

    /// Variance of `a[0]·p[i] + a[1]·p[i + 1]`.
    pub(super) fn quadratic(&self, i: usize, a: [f64; 2]) -> Option<f64> {
        let (first, second, both) = (self.get(i, i)?, self.get(i + 1, i + 1)?, self.get(i, i + 1)?);
        Some((a[0] * a[0] * first + a[1] * a[1] * second + 2.0 * a[0] * a[1] * both).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns (1,0,0), (1,1,0), their sum, and (0,0,2): the third is left out, the others are solved exactly.
    #[test]
    fn what_the_earlier_columns_explain_is_left_out() {
        let columns = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
        let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (mut matrix, mut b) = ([[0.0; MOST]; MOST], [0.0; MOST]);
        for i in 0..4 {
            (0..4).for_each(|j| matrix[i][j] = dot(columns[i], columns[j]));
            b[i] = dot(columns[i], [5.0, 3.0, 8.0]);
        }
        let factor = Factor::new(&matrix);
        assert_eq!(factor.rank(), 3);
        let x = factor.solve(&b);
        for (got, want) in x.iter().zip([2.0, 3.0, 0.0, 4.0]) {
            assert!((got - want).abs() < 1e-12, "{x:?}");
        }
        // (JᵀJ)⁻¹ of the columns kept: [[2, -1], [-1, 1]] and 1/4.
        let covariance = factor.covariance(3.0);
        for (i, j, want) in
            [(0, 0, Some(6.0)), (0, 1, Some(-3.0)), (1, 1, Some(3.0)), (2, 2, None), (3, 3, Some(0.75))]
        {
            match (covariance.get(i, j), want) {
                (Some(got), Some(want)) => assert!((got - want).abs() < 1e-12),
                (got, want) => assert_eq!(got, want),
            }
        }
        assert!((covariance.quadratic(0, [1.0, 2.0]).unwrap() - 6.0).abs() < 1e-12);
    }
}
