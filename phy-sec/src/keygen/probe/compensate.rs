//! The time between the two probes of an exchange, compensated: one end's series is read at the other's times by interpolation.
//!
//! A channel of Doppler shift `f` decorrelates within the probing delay `δ` to `J0(2πfδ)`; what was measured before and after says what it was
//! in between. Nothing is read before the first measurement or after the last, and nothing across a gap: such pairs are left out.
//! Only Bob's series is interpolated. The bits that the ledger assesses are Alice's, which stay as they were measured.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{PairBy, Pairs, Trace};
use crate::keygen::within;
use crate::{Error, Result};

/// How a series is read between its measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// It is not: pairs are taken as they were measured.
    #[default]
    None,
    /// A straight line between two measurements.
    Linear,
    /// The cubic through the four around (Lagrange), or what polynomial the fewer on this side of a gap allow.
    Cubic,
    /// The least mean square error for a process of flat spectrum within ±`bandwidth` and noise at -30 dB, from up to
    /// sixteen around (Wiener; for equidistant ones close to band-limited interpolation).
    BandLimited,
}

/// Compensation of the probing delay.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compensation {
    /// How the series is read.
    pub method: Between,
    /// How much later Alice measures than Bob, s: Bob's series is read so much after each of his measurements, on his own clock. Without
    /// it, at Alice's times, which must be of the same clock as his.
    pub delay: Option<f64>,
    /// The longest time between two measurements that is read across, s; 0: one and a half of their median distance.
    pub max_gap: f64,
    /// Of [`Between::BandLimited`], Hz; 0: a quarter of the probing rate. A magnitude changes at up to twice the maximum Doppler shift.
    pub bandwidth: f64,
}

/// Measurements to each side that [`Between::BandLimited`] looks at.
const SIDE: usize = 8;
/// Its noise, over the power of the process.
const NOISE: f64 = 1e-3;

impl Compensation {
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        let Self { delay, max_gap, bandwidth, .. } = *self;
        within("compensate.delay", delay.unwrap_or(0.0), -1e6, 1e6, "within ±1e6 s")?;
        within("compensate.max_gap", max_gap, 0.0, 1e6, "within 0..=1e6 s")?;
        within("compensate.bandwidth", bandwidth, 0.0, 1e12, "within 0..=1e12 Hz")
    }

    /// Reads `values`, `[lane, time]`, measured at `time` (s, in any order), at the times `at`.
    ///
    /// Returns what was read, `[lane, read]`, and which of `at` those are: the others lie outside, or within a gap.
    ///
    /// # Errors
    /// Those of [`Self::check`]; [`Error::Shape`] unless there is a time for each column; [`Error::NotFinite`].
    pub fn read(
        &self,
        values: ArrayView2<'_, f64>,
        time: &[f64],
        at: &[f64],
    ) -> Result<(Array2<f64>, Vec<usize>)> {
        self.check()?;
        if time.len() != values.ncols() {
            let (need, got) = (format!("[{}]", values.ncols()), format!("[{}]", time.len()));
            return Err(Error::Shape { what: "time", need, got });
        }
        for (what, times) in [("time", time), ("times to read at", at)] {
            if let Some(index) = times.iter().position(|t| !t.is_finite()) {
                return Err(Error::NotFinite { what, index });
            }
        }
        // Ascending, one measurement to each time.
        let mut order: Vec<usize> = (0..time.len()).collect();
        order.sort_by(|&i, &j| time[i].total_cmp(&time[j]));
        order.dedup_by(|later, earlier| time[*later] <= time[*earlier]);
        let sorted: Vec<f64> = order.iter().map(|&column| time[column]).collect();
        let mut steps: Vec<f64> = sorted.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        let median = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
        let gap = if self.max_gap > 0.0 { self.max_gap } else { 1.5 * median };
        let bandwidth = if self.bandwidth > 0.0 { self.bandwidth } else { 0.25 / median };

        let (mut which, mut weights) = (Vec::new(), Vec::new());
        for (index, &t) in at.iter().enumerate() {
            if let Some(of) = self.weights(&sorted, t, gap, bandwidth) {
                which.push(index);
                weights.push(of);
            }
        }
        let read = Array2::from_shape_fn((values.nrows(), which.len()), |(lane, k)| {
            let (first, of) = &weights[k];
            of.iter().zip(&order[*first..]).map(|(weight, &column)| weight * values[[lane, column]]).sum()
        });
        Ok((read, which))
    }

    /// What the measurements from a first one on weigh at `t`; `None` where nothing may be read.
    fn weights(&self, time: &[f64], t: f64, gap: f64, bandwidth: f64) -> Option<(usize, Vec<f64>)> {
        let before = time.partition_point(|&measured| measured <= t).checked_sub(1)?;
        if time[before] == t {
            return Some((before, vec![1.0]));
        }
        let joined = |left: usize| time.get(left + 1).is_some_and(|right| right - time[left] <= gap);
        if !joined(before) {
            return None;
        }
        let side = match self.method {
            Between::None | Between::Linear => 1,
            Between::Cubic => 2,
            Between::BandLimited => SIDE,
        };
        let (mut first, mut last) = (before, before + 1);
        while first > 0 && before - first + 1 < side && joined(first - 1) {
            first -= 1;
        }
        while last - before < side && joined(last) {
            last += 1;
        }
        let around = &time[first..=last];
        let weights = match self.method {
            Between::BandLimited => wiener(around, t, bandwidth)?,
            Between::None | Between::Linear | Between::Cubic => lagrange(around, t),
        };
        Some((first, weights))
    }
}

/// The pairs with Bob's series read at the times of Alice's.
pub(super) fn pairs(
    alice: &Trace,
    bob: &Trace,
    (alice_column, bob_column): (&[usize], &[usize]),
    (by, duplicates): (PairBy, usize),
    compensation: &Compensation,
) -> Result<Pairs> {
    let missing = || Error::OutOfRange {
        field: "pairing.compensate",
        rule: "none where the measurements carry no times",
        got: format!("{:?}", compensation.method),
    };
    let of_bob = bob.time.as_ref().ok_or_else(missing)?;
    let at: Vec<f64> = match (compensation.delay, &alice.time) {
        (Some(delay), _) => bob_column.iter().map(|&column| of_bob[column] + delay).collect(),
        (None, Some(of_alice)) => alice_column.iter().map(|&column| of_alice[column]).collect(),
        (None, None) => return Err(missing()),
    };
    let (bob, which) = compensation.read(bob.values.view(), of_bob, &at)?;
    let alice_column: Vec<usize> = which.into_iter().map(|k| alice_column[k]).collect();
    Ok(Pairs { alice: alice.select(&alice_column), bob, alice_column, by, duplicates })
}

/// Of the polynomial through `nodes` at `t`.
fn lagrange(nodes: &[f64], t: f64) -> Vec<f64> {
    let of = |(k, node): (usize, &f64)| {
        let others = nodes.iter().enumerate().filter(|(other, _)| *other != k);
        others.map(|(_, other)| (t - other) / (node - other)).product()
    };
    nodes.iter().enumerate().map(of).collect()
}

/// Of the least mean square error: `(R + noise)⁻¹ r` with the covariance `sin(2πBτ)/(2πBτ)`.
fn wiener(nodes: &[f64], t: f64, bandwidth: f64) -> Option<Vec<f64>> {
    let covariance = |lag: f64| {
        let x = std::f64::consts::TAU * bandwidth * lag;
        if x.abs() < 1e-6 { 1.0 } else { x.sin() / x }
    };
    let n = nodes.len();
    let matrix =
        DMatrix::from_fn(n, n, |i, j| covariance(nodes[i] - nodes[j]) + if i == j { NOISE } else { 0.0 });
    let right = DVector::from_fn(n, |i, _| covariance(nodes[i] - t));
    Some(matrix.cholesky()?.solve(&right).iter().copied().collect())
}

#[cfg(test)]
mod tests;
