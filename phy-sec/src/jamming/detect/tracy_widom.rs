//! The Tracy-Widom laws of the largest eigenvalue of large random covariance matrices, real (order 1) and complex (order 2),
//! computed and not interpolated.
//!
//! With the operator `B(x, y) = Ai(x + y + s)` on the positive axis, `F1(s) = det(1 - B)` (Ferrari and Spohn, J. Phys. A
//! 38(33), 2005, L557) and `F2(s) = det(1 - B²) = det(1 - B) det(1 + B)`. The determinants are those of the operator on
//! Gauss-Legendre nodes, which converge exponentially: Bornemann, Math. Comp. 79(270), 2010, pp. 871-915.
//!
//! They are limits: for matrices of a few rows the thresholds built on them are far off (an MME test asked 0.1 has 0.007).
//! [`super::Antennas`] calibrates instead.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use statrs::function::gamma::gamma;

use crate::{Error, Result};

/// Which law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TracyWidom {
    /// Order 1: real samples.
    Real,
    /// Order 2: complex samples.
    Complex,
}

/// Where the positive axis is cut off, and nodes on it.
const END: f64 = 16.0;
const NODES: usize = 56;

impl TracyWidom {
    /// Probability of a value up to `s`; 0 below -6, where it is less than 2e-4 (order 1) or 1e-8 (order 2), and 1 above 10.
    pub fn cdf(self, s: f64) -> f64 {
        if s.is_nan() {
            return s;
        }
        if s <= -6.0 {
            return 0.0;
        }
        if s >= 10.0 {
            return 1.0;
        }
        let nodes = legendre(NODES, END);
        let b = DMatrix::from_fn(NODES, NODES, |i, j| {
            (nodes[i].1 * nodes[j].1).sqrt() * airy(nodes[i].0 + nodes[j].0 + s)
        });
        let one = DMatrix::<f64>::identity(NODES, NODES);
        let real = (&one - &b).determinant();
        match self {
            Self::Real => real,
            Self::Complex => real * (one + b).determinant(),
        }
    }

    /// The value that is not reached with probability `p`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `p` is within 0.001..=1 - 1e-9.
    pub fn quantile(self, p: f64) -> Result<f64> {
        if !(1e-3..=1.0 - 1e-9).contains(&p) {
            return Err(Error::OutOfRange {
                field: "p",
                rule: "within 0.001..=1 - 1e-9",
                got: p.to_string(),
            });
        }
        let (mut low, mut high) = (-6.0, 10.0);
        while high - low > 1e-12 {
            let middle = 0.5 * (low + high);
            *(if self.cdf(middle) < p { &mut low } else { &mut high }) = middle;
        }
        Ok(0.5 * (low + high))
    }
}

/// Nodes and weights of Gauss-Legendre quadrature on `0..end`: the roots by Newton's method.
pub(super) fn legendre(n: usize, end: f64) -> Vec<(f64, f64)> {
    (0..n)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..8 {
                let (mut p, mut before) = (1.0, 0.0);
                for k in 0..n {
                    let k = k as f64;
                    (p, before) = (((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0), p);
                }
                slope = n as f64 * (x * p - before) / (x * x - 1.0);
                x -= p / slope;
            }
            (0.5 * end * (x + 1.0), end / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Airy function from -6 on: its power series below 6 and its expansion for large arguments above
/// (NIST Digital Library of Mathematical Functions, 9.4.1 and 9.7.5). About 1e-11 absolute.
fn airy(x: f64) -> f64 {
    if x > 6.0 {
        let zeta = 2.0 / 3.0 * x.powf(1.5);
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..20 {
            let k = f64::from(k);
            term *= -(6.0 * k - 5.0) * (6.0 * k - 1.0) / (72.0 * k * zeta);
            sum += term;
        }
        return sum * (-zeta).exp() / (2.0 * std::f64::consts::PI.sqrt() * x.powf(0.25));
    }
    let at_zero = 1.0 / (9f64.cbrt() * gamma(2.0 / 3.0));
    let slope = -1.0 / (3f64.cbrt() * gamma(1.0 / 3.0));
    let cube = x * x * x;
    let (mut f, mut g) = (1.0, x);
    let (mut even, mut odd) = (f, g);
    for k in 1..60 {
        let k = f64::from(3 * k);
        f *= cube / (k * (k - 1.0));
        g *= cube / (k * (k + 1.0));
        even += f;
        odd += g;
    }
    at_zero * even + slope * odd
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `TW1_quantiles`, `TW2_quantiles` of jamming.json (quadrature in scipy).
    #[test]
    fn quantiles_of_the_table() {
        for (p, real, complex) in [
            (0.01, -3.895432673064276, -3.724445946400532),
            (0.05, -3.180379976937792, -3.1941667321584415),
            (0.1, -2.782427905695296, -2.9013509384759204),
            (0.5, -1.2685746165810776, -1.804912408936577),
            (0.9, 0.4501432890582599, -0.596851297117353),
            (0.95, 0.9793160534695573, -0.23247446976400352),
            (0.99, 2.023449281380185, 0.47763604739078913),
            (0.995, 2.422326585896298, 0.7462270819559687),
            (0.999, 3.272196059002184, 1.31441948008638),
        ] {
            for (law, want) in [(TracyWidom::Real, real), (TracyWidom::Complex, complex)] {
                let got = law.quantile(p).unwrap();
                assert!((got - want).abs() < 2e-8, "{law:?} {p}: {got}, the table says {want}");
            }
        }
        assert!(TracyWidom::Real.quantile(1.0).is_err());
    }

    /// NIST Digital Library of Mathematical Functions, table of values computed with mpmath's `airyai`.
    #[test]
    fn airy_function() {
        for (x, want) in [
            (0.0, 0.355_028_053_887_817_2),
            (1.0, 0.135_292_416_312_881_4),
            (-2.0, 0.227_407_428_201_685_6),
            (5.0, 1.083_444_281_360_744e-4),
            (10.0, 1.104_753_255_289_868_6e-10),
        ] {
            assert!((airy(x) - want).abs() < 1e-10, "{x}: {}", airy(x));
        }
        assert!((airy(5.999_999) - airy(6.000_001)).abs() < 1e-10);
    }
}
