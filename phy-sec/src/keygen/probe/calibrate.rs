//! What two receivers' hardware makes different, learnt from the first part of the series, which is then public and thrown away.
//!
//! Both ends say their first [`Calibrate::columns`] measurements to each other; no key is made of those. From them both find the same
//! answer to two questions: in which order Bob's lanes are ([`super::arrangement`]), and by which gain on each lane Bob's chain differs from Alice's. The
//! answer is applied to the rest of Bob's series. The last of the public measurements tells something of the first secret one: the ledger is charged
//! for that as if it were that measurement's symbols entirely, four bits a lane; what each measurement tells of the next is the business of its memory
//! estimates.

use ndarray::{Array2, Axis, Slice};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::arrangement::{self, Order};
use super::{Component, Kind, Pairs};
use crate::{Error, Result};

/// What is learnt, from how much.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calibrate {
    /// Pairs at the beginning that both ends say and throw away; 0 for none.
    pub columns: usize,
    /// The order of Bob's lanes: stated, which costs nothing, or `auto`.
    pub order: Orders,
    /// Whether the ends' response to each lane is made equal.
    pub response: bool,
}

/// The order of Bob's lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Orders {
    /// As stated.
    Stated(Order),
    /// To be found.
    Found(Auto),
}

/// To be found; where it cannot be told, that is said and nothing is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auto {
    /// `auto`.
    Auto,
}

impl Default for Orders {
    fn default() -> Self {
        Self::Stated(Order::Natural)
    }
}

/// What was learnt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Learnt {
    /// The order of Bob's lanes; `None`: it cannot be told, and they are left as they are.
    pub order: Option<Order>,
    /// Of an order that was found, see [`arrangement::Arrangement::confidence`]; 1 for a stated one.
    pub confidence: f64,
    /// Root mean square over the lanes of the gain that Bob's series was multiplied with, dB around its mean; 0 where none was.
    pub response_db: f64,
    /// The same of its phase, rad.
    pub response_phase: f64,
    /// What the ledger is charged.
    pub announced_bits: usize,
}

/// Fewer columns than this say nothing.
const LEAST: usize = 48;
/// What is charged for a lane.
const BITS_PER_LANE: usize = 4;

impl Calibrate {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self, component: Component) -> Result<()> {
        let learns = self.response || matches!(self.order, Orders::Found(_));
        if learns && self.columns < LEAST {
            let rule = "at least 48 where something is to be learnt from them";
            return Err(Error::OutOfRange {
                field: "calibrate.columns",
                rule,
                got: self.columns.to_string(),
            });
        }
        if self.response && matches!(component, Component::Real | Component::Imaginary | Component::Phase) {
            let rule = "magnitude, log_magnitude or complex where the response is calibrated";
            return Err(Error::OutOfRange { field: "component", rule, got: format!("{component:?}") });
        }
        Ok(())
    }

    /// Learns from the first columns of `pairs` and applies it to the others, which are all that is left.
    ///
    /// # Errors
    /// Those of [`Self::check`]. With no more than `columns` pairs nothing is left, and nothing is learnt.
    pub fn apply(&self, mut pairs: Pairs, component: Component, kind: Kind) -> Result<(Pairs, Learnt)> {
        self.check(component)?;
        let each = if component == Component::Complex && pairs.bob.nrows().is_multiple_of(2) { 2 } else { 1 };
        let training = |series: &Array2<f64>| {
            series.slice_axis(Axis(1), Slice::from(..self.columns.min(series.ncols()))).to_owned()
        };
        let (a, b) = (training(&pairs.alice), training(&pairs.bob));
        let (order, confidence) = match self.order {
            Orders::Stated(order) => (Some(order), 1.0),
            Orders::Found(Auto::Auto) => {
                let found = arrangement::order(a.view(), b.view(), each);
                (found.found.map(|score| score.order), found.confidence)
            }
        };
        let arranged = |series: Array2<f64>| arrange(series, order.unwrap_or_default(), each);
        let b = arranged(b);
        pairs.bob = arranged(pairs.bob);
        let rest = |series: Array2<f64>| series.slice_axis(Axis(1), Slice::from(a.ncols()..)).to_owned();
        (pairs.alice, pairs.bob) = (rest(pairs.alice), rest(pairs.bob));
        pairs.alice_column.drain(..a.ncols());
        let mut learnt = Learnt {
            order,
            confidence,
            response_db: 0.0,
            response_phase: 0.0,
            announced_bits: if a.ncols() > 0 { BITS_PER_LANE * a.nrows() } else { 0 },
        };
        if self.response && a.ncols() >= LEAST {
            let response = match (kind, component) {
                (Kind::Rssi, _) | (_, Component::LogMagnitude) => {
                    let offsets = offsets(&a, &b);
                    for (mut lane, offset) in pairs.bob.rows_mut().into_iter().zip(&offsets) {
                        lane += *offset;
                    }
                    offsets.iter().map(|offset| Complex64::new(10f64.powf(offset / 20.0), 0.0)).collect()
                }
                (_, Component::Complex) => {
                    let ratios = ratios(&a, &b);
                    turn(&mut pairs.bob, &ratios);
                    ratios
                }
                _ => {
                    let scales = scales(&a, &b);
                    for (mut lane, scale) in pairs.bob.rows_mut().into_iter().zip(&scales) {
                        lane *= *scale;
                    }
                    scales.iter().map(|&scale| Complex64::new(scale, 0.0)).collect::<Vec<_>>()
                }
            };
            (learnt.response_db, learnt.response_phase) = spread(&response);
        }
        Ok((pairs, learnt))
    }
}

/// The lanes of `series`, `each` rows to one, in the order that [`Order::places`] says.
pub(in crate::keygen) fn arrange(series: Array2<f64>, order: Order, each: usize) -> Array2<f64> {
    if order == Order::Natural {
        return series;
    }
    let places = order.places(series.nrows() / each);
    let rows: Vec<usize> =
        places.into_iter().flat_map(|place| (0..each).map(move |k| place * each + k)).collect();
    series.select(Axis(0), &rows)
}

/// Root mean square over the lanes of the level, dB, and of the phase, rad, around their means.
fn spread(response: &[Complex64]) -> (f64, f64) {
    let n = response.len().max(1) as f64;
    let level = response.iter().map(|r| 20.0 * r.norm().log10());
    let mean = level.clone().sum::<f64>() / n;
    let level = (level.map(|level| (level - mean).powi(2)).sum::<f64>() / n).sqrt();
    let whole: Complex64 = response.iter().sum();
    let phase = response.iter().map(|r| (r * whole.conj()).arg().powi(2)).sum::<f64>() / n;
    (level, phase.sqrt())
}

/// Of levels in dB: the mean difference of each lane, its mean over the lanes (gain control) apart.
fn offsets(a: &Array2<f64>, b: &Array2<f64>) -> Vec<f64> {
    let difference = a - b;
    let whole = if difference.nrows() > 1 { difference.mean().unwrap_or(0.0) } else { 0.0 };
    difference.rows().into_iter().map(|lane| lane.mean().unwrap_or(0.0) - whole).collect()
}

/// Of magnitudes: the ratio of each lane's root mean square, the snapshots at unit norm. The norm is that of all lanes, so the
/// answer changes it, and is found in a few rounds.
fn scales(a: &Array2<f64>, b: &Array2<f64>) -> Vec<f64> {
    let powers = |series: &Array2<f64>, scales: &[f64]| {
        let mut powers = vec![0.0; series.nrows()];
        for snapshot in series.columns() {
            let scaled = || snapshot.iter().zip(scales).map(|(x, scale)| (x * scale).powi(2));
            let norm: f64 = scaled().sum();
            if norm > 0.0 {
                powers.iter_mut().zip(scaled()).for_each(|(power, x)| *power += x / norm);
            }
        }
        powers
    };
    let ones = vec![1.0; a.nrows()];
    let want = powers(a, &ones);
    let mut scales = ones;
    for _ in 0..8 {
        let got = powers(b, &scales);
        for ((scale, want), got) in scales.iter_mut().zip(&want).zip(&got) {
            let step = (want / got).sqrt();
            // A lane without any power at an end has no ratio.
            *scale *= if step.is_finite() && step > 0.0 { step } else { 1.0 };
        }
    }
    scales
}

/// Of complex gains, whose real and imaginary parts are neighbouring rows: `a = c·r·b` with a factor `c` for each snapshot (gain
/// control, carrier phase) and `r` for each lane, by alternating least squares. What the factors have in common is the lanes'.
fn ratios(a: &Array2<f64>, b: &Array2<f64>) -> Vec<Complex64> {
    let lanes = a.nrows() / 2;
    let at = |series: &Array2<f64>, lane: usize, t: usize| {
        Complex64::new(series[[2 * lane, t]], series[[2 * lane + 1, t]])
    };
    let usable =
        |ratio: Complex64| if ratio.is_finite() && ratio.norm_sqr() > 0.0 { ratio } else { Complex64::ONE };
    let mut ratios = vec![Complex64::ONE; lanes];
    let mut turns = Complex64::ZERO;
    for _ in 0..8 {
        turns = Complex64::ZERO;
        let (mut cross, mut own) = (vec![Complex64::ZERO; lanes], vec![0.0; lanes]);
        for t in 0..a.ncols() {
            let (mut both, mut power) = (Complex64::ZERO, 0.0);
            for (lane, ratio) in ratios.iter().enumerate() {
                let b = ratio * at(b, lane, t);
                both += at(a, lane, t) * b.conj();
                power += b.norm_sqr();
            }
            let common = usable(both / power);
            turns += common / common.norm();
            for lane in 0..lanes {
                let b = common * at(b, lane, t);
                cross[lane] += at(a, lane, t) * b.conj();
                own[lane] += b.norm_sqr();
            }
        }
        for ((ratio, cross), own) in ratios.iter_mut().zip(&cross).zip(&own) {
            *ratio = usable(cross / own);
        }
    }
    // Where every snapshot has a phase of its own, their mean is any phase, and does no harm.
    let turn = usable(turns / turns.norm());
    ratios.into_iter().map(|ratio| ratio * turn).collect()
}

fn turn(series: &mut Array2<f64>, ratios: &[Complex64]) {
    for (lane, ratio) in ratios.iter().enumerate() {
        for t in 0..series.ncols() {
            let turned = ratio * Complex64::new(series[[2 * lane, t]], series[[2 * lane + 1, t]]);
            (series[[2 * lane, t]], series[[2 * lane + 1, t]]) = (turned.re, turned.im);
        }
    }
}

#[cfg(test)]
mod tests;
