//! Eigenvalues alone, without allocating, for covariances by the hundred thousand (the draws that thresholds are calibrated by): Householder reduction to a real tridiagonal matrix, then the
//! implicit QL iteration (Golub and Van Loan, Matrix Computations, 4th edition, sections 8.3.1 and 8.3.3).

use num_complex::Complex64;

/// Scratch for matrices of one order.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    order: usize,
    /// `[row, column]`; the caller writes it, both triangles.
    pub(crate) entries: Vec<Complex64>,
    values: Vec<f64>,
    beside: Vec<f64>,
    v: Vec<Complex64>,
    p: Vec<Complex64>,
}

impl Scratch {
    pub(crate) fn new(order: usize) -> Self {
        Scratch {
            order,
            entries: vec![Complex64::ZERO; order * order],
            values: vec![0.0; order],
            beside: vec![0.0; order],
            v: vec![Complex64::ZERO; order],
            p: vec![Complex64::ZERO; order],
        }
    }

    pub(crate) fn order(&self) -> usize {
        self.order
    }

    /// The eigenvalues of what is written in `entries`, in no order; `entries` is used up.
    pub(crate) fn eigenvalues(&mut self) -> &[f64] {
        self.reduce();
        self.iterate();
        &self.values
    }

    fn reduce(&mut self) {
        let n = self.order;
        let Scratch { entries: a, values, beside, v, p, .. } = self;
        for k in 0..n {
            values[k] = a[k * n + k].re;
            if k + 1 == n {
                break;
            }
            let size: f64 = (k + 1..n).map(|i| a[i * n + k].norm_sqr()).sum::<f64>().sqrt();
            beside[k] = size;
            let first = a[(k + 1) * n + k];
            // The reflection that turns the column below the diagonal into one entry; its phase does not matter.
            let phase = if first == Complex64::ZERO { Complex64::ONE } else { first / first.norm() };
            for i in k + 1..n {
                v[i] = a[i * n + k];
            }
            v[k + 1] += phase * size;
            let square: f64 = v[k + 1..n].iter().map(Complex64::norm_sqr).sum();
            if k + 2 == n || square < 1e-300 {
                continue;
            }
            let two = 2.0 / square;
            let mut along = 0.0;
            for i in k + 1..n {
                let row = &a[i * n + k + 1..i * n + n];
                p[i] = row.iter().zip(&v[k + 1..n]).map(|(a, v)| a * v).sum::<Complex64>() * two;
                along += (v[i].conj() * p[i]).re;
            }
            let share = along / square;
            for i in k + 1..n {
                p[i] -= v[i] * share;
            }
            for i in k + 1..n {
                let (vi, pi) = (v[i], p[i]);
                let row = &mut a[i * n + k + 1..i * n + n];
                for ((a, v), p) in row.iter_mut().zip(&v[k + 1..n]).zip(&p[k + 1..n]) {
                    *a -= vi * p.conj() + pi * v.conj();
                }
            }
        }
    }

    fn iterate(&mut self) {
        let n = self.order;
        let (d, e) = (&mut self.values, &mut self.beside);
        if n > 0 {
            e[n - 1] = 0.0;
        }
        for l in 0..n {
            for _ in 0..60 {
                let small = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
                let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
                if m == l {
                    break;
                }
                let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
                let mut r = (g * g + 1.0).sqrt();
                g = d[m] - d[l] + e[l] / (g + r.copysign(g));
                let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
                let mut split = false;
                for i in (l..m).rev() {
                    let (f, b) = (s * e[i], c * e[i]);
                    // Covariances are nowhere near the ends of the double range: no `hypot`, which is slow.
                    r = (f * f + g * g).sqrt();
                    e[i + 1] = r;
                    if r == 0.0 {
                        d[i + 1] -= p;
                        e[m] = 0.0;
                        split = true;
                        break;
                    }
                    (s, c) = (f / r, g / r);
                    g = d[i + 1] - p;
                    r = (d[i] - g) * s + 2.0 * c * b;
                    p = s * r;
                    d[i + 1] = g + p;
                    g = c * r - b;
                }
                if !split {
                    d[l] -= p;
                    e[l] = g;
                    e[m] = 0.0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::DMatrix;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Against nalgebra, every order up to 24; multiples of the identity and rank one too.
    #[test]
    fn agrees_with_nalgebra() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for n in 1..=24usize {
            for kind in 0..3 {
                let u: Vec<_> = (0..n)
                    .map(|_| Complex64::new(rng.random::<f64>() - 0.5, rng.random::<f64>() - 0.5))
                    .collect();
                let matrix = match kind {
                    0 => {
                        let half = DMatrix::from_fn(n, n, |_, _| {
                            Complex64::new(rng.random::<f64>() - 0.5, rng.random::<f64>() - 0.5)
                        });
                        &half * half.adjoint()
                    }
                    1 => DMatrix::from_fn(n, n, |i, j| u[i] * u[j].conj()),
                    _ => DMatrix::identity(n, n) * Complex64::new(3.0, 0.0),
                };
                let mut want: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().collect();
                let mut scratch = Scratch::new(n);
                for i in 0..n {
                    for j in 0..n {
                        scratch.entries[i * n + j] = matrix[(i, j)];
                    }
                }
                let mut got = scratch.eigenvalues().to_vec();
                want.sort_by(f64::total_cmp);
                got.sort_by(f64::total_cmp);
                for (got, want) in got.iter().zip(&want) {
                    assert!(
                        (got - want).abs() < 1e-12 * n as f64 * (1.0 + want.abs()),
                        "{n} {kind}: {got} {want}"
                    );
                }
            }
        }
    }
}
