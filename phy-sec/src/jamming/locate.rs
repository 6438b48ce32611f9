//! Where: the position of an emitter from several sensors, with the ellipse that it lies in.
//!
//! Bearings, differences of arrival times and received powers may be mixed. The estimate is the maximum of their Gaussian likelihood: a search over a grid, then
//! damped Gauss-Newton steps; its covariance is the inverse of the Fisher information at the estimate.

mod delay;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

pub use delay::{Delay, delay_bound, gcc_phat};

use crate::{Error, Result};

/// Speed of light, m/s.
pub const LIGHT: f64 = 299_792_458.0;
/// Most measurements that are taken at once.
const MOST: usize = 65_536;

/// What one sensor, or a pair of them, measured. Positions are `[x, y]`, m.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Measurement {
    /// Direction to the emitter, from the y axis towards the x axis.
    Bearing {
        /// Where the sensor is.
        sensor: [f64; 2],
        /// Rad.
        azimuth: f64,
        /// Its standard deviation, rad.
        sigma: f64,
    },
    /// Arrival at `sensor` minus arrival at `reference`. Errors of different measurements are taken for independent.
    Tdoa {
        /// Where the sensor is.
        sensor: [f64; 2],
        /// Where the other one is.
        reference: [f64; 2],
        /// s.
        delay: f64,
        /// Its standard deviation, s.
        sigma: f64,
    },
    /// Received power of an emitter of unknown power: `power_db = P - 10 exponent log10(distance)`.
    Rssi {
        /// Where the sensor is.
        sensor: [f64; 2],
        /// dB over anything, the same for all.
        power_db: f64,
        /// Of the path loss: 2 in free space.
        exponent: f64,
        /// Standard deviation of the shadowing, dB.
        sigma_db: f64,
    },
}

/// A position.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fix {
    /// `[x, y]`, m.
    pub position: [f64; 2],
    /// Covariance of the position, m².
    pub covariance: [[f64; 2]; 2],
    /// The emitter's power at 1 m, dB, where powers were measured.
    pub power_db: Option<f64>,
    /// Sum of the squared errors in standard deviations: about `degrees` if measurements and model agree.
    pub misfit: f64,
    /// Measurements beyond the unknowns.
    pub degrees: usize,
}

/// An ellipse around a position.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ellipse {
    /// Half the longer axis, m.
    pub major: f64,
    /// Half the shorter one, m.
    pub minor: f64,
    /// Direction of the longer one, rad from the y axis towards the x axis, 0 to π.
    pub azimuth: f64,
}

impl Fix {
    /// The ellipse that holds the emitter with probability `confidence`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `confidence` is above 0 and below 1.
    pub fn ellipse(&self, confidence: f64) -> Result<Ellipse> {
        check("confidence", "above 0 and below 1", confidence > 0.0 && confidence < 1.0, confidence)?;
        let [[a, b], [_, c]] = self.covariance;
        let (mean, half) = ((a + c) / 2.0, (0.25 * (a - c).powi(2) + b * b).sqrt());
        // Two degrees of freedom: the quantile of chi square is a logarithm.
        let scale = -2.0 * (1.0 - confidence).ln();
        let azimuth = (0.5 * (2.0 * b).atan2(c - a)).rem_euclid(std::f64::consts::PI);
        Ok(Ellipse {
            major: (scale * (mean + half)).sqrt(),
            minor: (scale * (mean - half).max(0.0)).sqrt(),
            azimuth,
        })
    }

    /// Whether `[x, y]` lies in the ellipse of `confidence`.
    #[must_use]
    pub fn holds(&self, point: [f64; 2], confidence: f64) -> bool {
        let [[a, b], [_, c]] = self.covariance;
        let (x, y) = (point[0] - self.position[0], point[1] - self.position[1]);
        let distance = (c * x * x - 2.0 * b * x * y + a * y * y) / (a * c - b * b);
        distance <= -2.0 * (1.0 - confidence).ln()
    }
}

/// The most likely position behind `measurements`.
///
/// # Errors
/// [`Error::TooShort`] for fewer measurements than unknowns (two, three with powers); [`Error::OutOfRange`] for a standard deviation or exponent that is not
/// positive, and where the sensors leave the position open (all in one line with the emitter, say); [`Error::NotFinite`].
pub fn locate(measurements: &[Measurement]) -> Result<Fix> {
    let powers = measurements.iter().any(|m| matches!(m, Measurement::Rssi { .. }));
    let unknowns = if powers { 3 } else { 2 };
    if measurements.len() < unknowns {
        return Err(Error::TooShort {
            what: "a position",
            need: unknowns,
            unit: "measurements",
            got: measurements.len(),
        });
    }
    check("measurements", "up to 65536", measurements.len() <= MOST, measurements.len())?;
    for (index, measurement) in measurements.iter().enumerate() {
        if !measurement.numbers().iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { what: "measurements", index });
        }
        let (sigma, exponent) = match *measurement {
            Measurement::Bearing { sigma, .. } | Measurement::Tdoa { sigma, .. } => (sigma, 1.0),
            Measurement::Rssi { exponent, sigma_db, .. } => (sigma_db, exponent),
        };
        check("sigma", "above 0", sigma > 0.0, sigma)?;
        check("exponent", "above 0", exponent > 0.0, exponent)?;
    }
    let starts = starts(measurements, powers);
    let fixes = starts.into_iter().filter_map(|start| descend(measurements, start, unknowns));
    fixes.min_by(|a, b| a.misfit.total_cmp(&b.misfit)).ok_or_else(|| Error::OutOfRange {
        field: "measurements",
        rule: "from sensors that leave no direction open",
        got: format!("{} that do", measurements.len()),
    })
}

impl Measurement {
    fn numbers(&self) -> Vec<f64> {
        match *self {
            Self::Bearing { sensor: [x, y], azimuth, sigma } => vec![x, y, azimuth, sigma],
            Self::Tdoa { sensor: [x, y], reference: [u, v], delay, sigma } => vec![x, y, u, v, delay, sigma],
            Self::Rssi { sensor: [x, y], power_db, exponent, sigma_db } => {
                vec![x, y, power_db, exponent, sigma_db]
            }
        }
    }

    fn sensors(&self) -> Vec<[f64; 2]> {
        match *self {
            Self::Bearing { sensor, .. } | Self::Rssi { sensor, .. } => vec![sensor],
            Self::Tdoa { sensor, reference, .. } => vec![sensor, reference],
        }
    }

    /// Error in standard deviations at `[x, y, P]`, and its derivatives.
    fn residual(&self, at: [f64; 3]) -> (f64, [f64; 3]) {
        let towards = |sensor: [f64; 2]| {
            let (x, y) = (at[0] - sensor[0], at[1] - sensor[1]);
            (x, y, x.hypot(y).max(1e-3))
        };
        match *self {
            Self::Bearing { sensor, azimuth, sigma } => {
                let (x, y, distance) = towards(sensor);
                let error = x.atan2(y) - azimuth;
                let error =
                    (error + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI;
                let square = distance * distance * sigma;
                (error / sigma, [y / square, -x / square, 0.0])
            }
            Self::Tdoa { sensor, reference, delay, sigma } => {
                let ((x, y, near), (u, v, far)) = (towards(sensor), towards(reference));
                let scale = LIGHT * sigma;
                (
                    (near - far - LIGHT * delay) / scale,
                    [(x / near - u / far) / scale, (y / near - v / far) / scale, 0.0],
                )
            }
            Self::Rssi { sensor, power_db, exponent, sigma_db } => {
                let (x, y, distance) = towards(sensor);
                let slope = -10.0 * exponent / std::f64::consts::LN_10 / (distance * distance) / sigma_db;
                let error = at[2] - 10.0 * exponent * distance.log10() - power_db;
                (error / sigma_db, [slope * x, slope * y, 1.0 / sigma_db])
            }
        }
    }
}

fn misfit(measurements: &[Measurement], at: [f64; 3]) -> f64 {
    measurements.iter().map(|m| m.residual(at).0.powi(2)).sum()
}

/// The local minima of a grid over three times the sensors' extent, each with the power that fits it.
fn starts(measurements: &[Measurement], powers: bool) -> Vec<[f64; 3]> {
    const STEPS: usize = 41;
    let sensors: Vec<[f64; 2]> = measurements.iter().take(4096).flat_map(Measurement::sensors).collect();
    let range = |axis: usize| {
        let low = sensors.iter().map(|s| s[axis]).fold(f64::INFINITY, f64::min);
        let high = sensors.iter().map(|s| s[axis]).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let (x, y) = (range(0), range(1));
    let size = (x.1 - x.0).max(y.1 - y.0).max(1.0);
    let place = |k: usize, range: (f64, f64)| {
        (range.0 + range.1) / 2.0 + 1.5 * size * (2.0 * k as f64 / (STEPS - 1) as f64 - 1.0)
    };
    let points: Vec<(f64, [f64; 3])> = (0..STEPS * STEPS)
        .map(|k| {
            let mut at = [place(k % STEPS, x), place(k / STEPS, y), 0.0];
            if powers {
                // The power enters linearly: its weighted mean.
                let (mut sum, mut weight) = (0.0, 0.0);
                for m in measurements {
                    let (error, slope) = m.residual(at);
                    sum -= error * slope[2];
                    weight += slope[2] * slope[2];
                }
                at[2] = sum / weight;
            }
            (misfit(measurements, at), at)
        })
        .collect();
    // The bottoms of the grid's valleys: the deepest of them need not hold the deepest point between.
    let lowest = |k: usize| {
        let (column, row) = ((k % STEPS) as isize, (k / STEPS) as isize);
        let beside = (-1..=1).flat_map(|d| (-1..=1).map(move |e| (column + d, row + e)));
        let inside = |k: isize| (0..STEPS as isize).contains(&k);
        let mut beside = beside.filter(|&(c, r)| inside(c) && inside(r));
        beside.all(|(c, r)| points[r as usize * STEPS + c as usize].0 >= points[k].0)
    };
    let mut valleys: Vec<(f64, [f64; 3])> =
        (0..STEPS * STEPS).filter(|&k| lowest(k)).map(|k| points[k]).collect();
    valleys.sort_by(|a, b| a.0.total_cmp(&b.0));
    valleys.into_iter().take(12).map(|point| point.1).collect()
}

/// Levenberg-Marquardt from `at`; `None` where the information is singular.
fn descend(measurements: &[Measurement], mut at: [f64; 3], unknowns: usize) -> Option<Fix> {
    let mut cost = misfit(measurements, at);
    let mut damping = 1e-3;
    for _ in 0..200 {
        let (information, gradient) = normal(measurements, at, unknowns);
        let mut damped = information.clone();
        (0..unknowns).for_each(|k| damped[(k, k)] *= 1.0 + damping);
        let step = damped.cholesky()?.solve(&gradient);
        let mut next = at;
        (0..unknowns).for_each(|k| next[k] -= step[k]);
        let new = misfit(measurements, next);
        if new <= cost {
            let done = step.norm() < 1e-9 * (1.0 + at[0].hypot(at[1]));
            (at, cost, damping) = (next, new, (damping * 0.2).max(1e-12));
            if done {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    let (information, _) = normal(measurements, at, unknowns);
    // A direction that nothing measures makes it singular but for rounding.
    let scale = DMatrix::from_fn(unknowns, unknowns, |a, b| {
        information[(a, b)] / (information[(a, a)] * information[(b, b)]).sqrt()
    });
    if !(scale.determinant() > 1e-12) {
        return None;
    }
    let inverse = information.cholesky()?.inverse();
    let covariance = [[inverse[(0, 0)], inverse[(0, 1)]], [inverse[(1, 0)], inverse[(1, 1)]]];
    let finite = covariance.iter().flatten().chain(&at).all(|x| x.is_finite());
    finite.then_some(Fix {
        position: [at[0], at[1]],
        covariance,
        power_db: (unknowns == 3).then_some(at[2]),
        misfit: cost,
        degrees: measurements.len() - unknowns,
    })
}

fn normal(measurements: &[Measurement], at: [f64; 3], unknowns: usize) -> (DMatrix<f64>, DVector<f64>) {
    let mut information = DMatrix::zeros(unknowns, unknowns);
    let mut gradient = DVector::zeros(unknowns);
    for m in measurements {
        let (error, slope) = m.residual(at);
        for a in 0..unknowns {
            gradient[a] += error * slope[a];
            (0..unknowns).for_each(|b| information[(a, b)] += slope[a] * slope[b]);
        }
    }
    (information, gradient)
}

fn check(field: &'static str, rule: &'static str, ok: bool, got: impl std::fmt::Display) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
}

#[cfg(test)]
mod tests;
