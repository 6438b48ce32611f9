//! How much two ends share, and how much of it can be secret: mutual information and secret-key capacity.
//!
//! For jointly Gaussian measurements in closed form; for measured traces as if they were Gaussian, or by the nearest
//! neighbours of Kraskov, Stögbauer and Grassberger, which assume no distribution. Bits throughout.
//!
//! Capacity is bounded by `I(A;B) - min(I(A;E), I(B;E)) <= C <= min(I(A;B), I(A;B|E))`: Maurer, IEEE Trans. Inf. Theory 39(3),
//! 1993; Ahlswede and Csiszár, IEEE Trans. Inf. Theory 39(4), 1993. The estimates are of averages over independent samples:
//! a slow series has fewer of those than it has samples, and what it says is not a bound on the min-entropy of a key.

mod gaussian;
mod k_d_tree;
mod ksg;
mod quantized;

use nalgebra::DMatrix;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::gaussian::guess;
use crate::{Error, Result};
pub use gaussian::{complex, covariance, real, vector, vector_complex};
pub use ksg::ksg;
pub use quantized::quantized;

/// How the information in traces is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the sample covariance, as if the traces were jointly Gaussian.
    #[default]
    Gaussian,
    /// By nearest neighbours: [`ksg`], four of them.
    Ksg,
}

/// An estimate of mutual information.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Information {
    /// Bits per sample.
    pub bits: f64,
    /// Its standard error, bits, for independent samples. Neighbours' estimate has a bias beside it: see the results.
    pub standard_error: f64,
}

/// Neighbours of the estimate by those.
const NEIGHBOURS: usize = 4;

/// Mutual information of two traces, `[lane, time]`, of the same instants.
///
/// # Errors
/// [`Error::Shape`] if the lengths differ, [`Error::TooShort`] if they do not allow an estimate, [`Error::NotFinite`];
/// [`Error::OutOfRange`] if a trace's lanes determine each other or the other trace.
pub fn mutual_information(a: ArrayView2<f64>, b: ArrayView2<f64>, method: Method) -> Result<Information> {
    match method {
        Method::Gaussian => gaussian::of_traces(a, b),
        Method::Ksg => ksg(a, b, NEIGHBOURS),
    }
}

/// Bounds of the secret-key capacity, and what they are made of; bits per sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Capacity {
    /// I(A;B): what the two ends share.
    pub alice_bob: f64,
    /// I(A;E): what Eve knows of Alice's.
    pub alice_eve: f64,
    /// I(B;E).
    pub bob_eve: f64,
    /// I(A;B|E): what the ends share beyond Eve.
    pub given_eve: f64,
    /// The capacity is no less: `I(A;B) - min(I(A;E), I(B;E))`, or 0.
    pub lower: f64,
    /// The capacity is no more: `min(I(A;B), I(A;B|E))`.
    pub upper: f64,
}

impl Capacity {
    fn new(alice_bob: f64, alice_eve: f64, bob_eve: f64, given_eve: f64) -> Self {
        let lower = (alice_bob - alice_eve.min(bob_eve)).max(0.0);
        Self { alice_bob, alice_eve, bob_eve, given_eve, lower, upper: alice_bob.min(given_eve).max(0.0) }
    }

    /// Of one real Gaussian sample each: correlations of Alice and Bob, Alice and Eve, Bob and Eve.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the three are not within -1..1 or cannot hold together.
    pub fn of_model(rho_ab: f64, rho_ae: f64, rho_be: f64) -> Result<Self> {
        Eve { alice: vec![rho_ae], bob: vec![rho_be], correlation: 0.0 }.capacity(rho_ab)
    }

    /// Of traces `[lane, time]` of the same instants.
    ///
    /// I(A;B|E) is `I(A;B,E) - I(A;E)`.
    ///
    /// # Errors
    /// Those of [`mutual_information`].
    pub fn of_traces(
        a: ArrayView2<f64>,
        b: ArrayView2<f64>,
        e: ArrayView2<f64>,
        method: Method,
    ) -> Result<Self> {
        if b.ncols() != e.ncols() {
            let got = format!("[{}, {}]", e.nrows(), e.ncols());
            return Err(Error::Shape { what: "eve", need: format!("[lane, {}]", b.ncols()), got });
        }
        let both = ndarray::concatenate(ndarray::Axis(0), &[b, e]).map_err(|error| Error::Shape {
            what: "eve",
            need: "[lane, time]".into(),
            got: error.to_string(),
        })?;
        let bits = |a, b| mutual_information(a, b, method).map(|information| information.bits);
        let alice_eve = bits(a, e)?;
        Ok(Self::new(bits(a, b)?, alice_eve, bits(b, e)?, bits(a, both.view())? - alice_eve))
    }
}

/// An eavesdropper with one or more antennas, in the Gaussian model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eve {
    /// Correlation of each antenna's sample with Alice's.
    pub alice: Vec<f64>,
    /// With Bob's.
    pub bob: Vec<f64>,
    /// Of any two antennas' samples with each other.
    #[serde(default)]
    pub correlation: f64,
}

/// Antennas are counted, not streamed.
const MOST_ANTENNAS: usize = 1024;

impl Eve {
    /// Bounds of the capacity of one real Gaussian sample each; of complex ones it is twice that.
    ///
    /// # Errors
    /// [`Error::Shape`] if the antennas of `alice` and `bob` are not as many; [`Error::OutOfRange`] if the correlations cannot
    /// hold together, or one end's sample is known exactly.
    pub fn capacity(&self, rho_ab: f64) -> Result<Capacity> {
        let antennas = self.alice.len();
        if self.bob.len() != antennas || antennas == 0 || antennas > MOST_ANTENNAS {
            let need = format!("[{}], of 1 to {MOST_ANTENNAS} antennas", antennas.max(1));
            return Err(Error::Shape { what: "eve.bob", need, got: format!("[{}]", self.bob.len()) });
        }
        // Alice, Bob, then the antennas.
        let covariance = DMatrix::from_fn(antennas + 2, antennas + 2, |row, column| {
            match (row.min(column), row.max(column)) {
                (low, high) if low == high => 1.0,
                (0, 1) => rho_ab,
                (0, antenna) => self.alice[antenna - 2],
                (1, antenna) => self.bob[antenna - 2],
                _ => self.correlation,
            }
        });
        let part = |lanes: &[usize]| covariance.select_rows(lanes).select_columns(lanes);
        let eve: Vec<usize> = (2..antennas + 2).collect();
        let with = |ends: &[usize]| [ends, &eve[..]].concat();
        let alice_eve = vector(&part(&with(&[0])), 1)?;
        let alice_bob = vector(&part(&[0, 1]), 1)?;
        Ok(Capacity::new(
            alice_bob,
            alice_eve,
            vector(&part(&with(&[1])), 1)?,
            vector(&covariance, 1)? - alice_eve,
        ))
    }

    /// Correlation with Alice's sample of the best combination of all antennas: what a single antenna would have to have.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the correlations cannot hold together.
    pub fn effective_rho(&self) -> Result<f64> {
        let n = self.alice.len();
        let matrix = DMatrix::from_fn(n + 1, n + 1, |row, column| match (row.min(column), row.max(column)) {
            (low, high) if low == high => 1.0,
            (0, antenna) => self.alice[antenna - 1],
            _ => self.correlation,
        });
        // I = -log2(1 - rho²) / 2, turned around.
        Ok((1.0 - (-2.0 * vector(&matrix, 1)?).exp2()).max(0.0).sqrt())
    }
}

/// Min-entropy of one bit that both ends keep, given Eve's own unquantized measurement: average min-entropy, bits.
///
/// - `rho`: correlation of Eve's measurement with both ends', see [`Eve::effective_rho`] for several antennas
/// - `alice`, `bob`: half widths of the guard bands around 0 at the two ends, in standard deviations; 0 for the sign alone
///
/// # Errors
/// [`Error::OutOfRange`] if `rho` is not within -1..=1 or a guard band not within 0..=6.
///
/// # Source
/// Dodis, Ostrovsky, Reyzin and Smith, SIAM J. Comput. 38(1), 2008, section 2.4.
pub fn bit_given_eve(rho: f64, alice: f64, bob: f64) -> Result<f64> {
    super::within("rho", rho, -1.0, 1.0, "within -1..=1")?;
    super::within("alice", alice, 0.0, 6.0, "within 0..=6 standard deviations")?;
    super::within("bob", bob, 0.0, 6.0, "within 0..=6 standard deviations")?;
    Ok(-guess(rho, alice, bob).log2() + 0.0)
}

#[cfg(test)]
mod tests;
