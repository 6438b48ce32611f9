//! Change points: CUSUM and Page-Hinkley, designed by how long they run without an alarm where nothing changes (ARL).
//!
//! The one-sided chart is `S ← max(0, S + z - k)` over standardised values, an alarm at `S ≥ h` (Page, Biometrika 41, 1954,
//! pp. 100-115). Its average run length from `S = s` solves `L(s) = 1 + L(0) Φ(k - s - μ) + ∫₀ʰ L(y) φ(y + k - s - μ) dy`,
//! here on Gauss-Legendre nodes, to which the Markov chain of Brook and Evans (Biometrika 59(3), 1972, pp. 539-549) tends
//! with more and more states. Page-Hinkley's `m - min m` is the same chart written as a walk and its lowest point.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::tracy_widom::legendre;
use crate::{Error, Result};

/// Values until an alarm, on average, of a one-sided chart from 0 on, when the values have the mean `shift`.
///
/// - `k`, `h`, `shift`: in standard deviations of the values, which are Gaussian and independent
///
/// # Errors
/// [`Error::OutOfRange`] unless `k` is within 0..=10, `h` within 0.01..=50, `shift` within -10..=10.
pub fn average_run_length(k: f64, h: f64, shift: f64) -> Result<f64> {
    let within = |field, rule, ok: bool, got: f64| {
        if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
    };
    within("k", "within 0..=10", (0.0..=10.0).contains(&k), k)?;
    within("h", "within 0.01..=50", (0.01..=50.0).contains(&h), h)?;
    within("shift", "within -10..=10", (-10.0..=10.0).contains(&shift), shift)?;
    Ok(run_length(k, h, shift))
}

fn run_length(k: f64, h: f64, shift: f64) -> f64 {
    let normal = Normal::standard();
    let nodes = legendre(24 + (4.0 * h) as usize, h);
    let order = nodes.len() + 1;
    // The first unknown is L(0).
    let place = |i: usize| if i == 0 { 0.0 } else { nodes[i - 1].0 };
    let matrix = DMatrix::from_fn(order, order, |i, j| {
        let from = place(i);
        let step = match j {
            0 => normal.cdf(k - from - shift),
            _ => nodes[j - 1].1 * normal.pdf(nodes[j - 1].0 + k - from - shift),
        };
        f64::from(u8::from(i == j)) - step
    });
    let solved = matrix.lu().solve(&DVector::from_element(order, 1.0));
    // A run so long that the matrix is singular in double precision.
    solved.map_or(f64::INFINITY, |lengths| if lengths[0] > 0.0 { lengths[0] } else { f64::INFINITY })
}

/// A chart for standardised values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Allowance, in standard deviations: half the shift that is to be found soonest.
    pub k: f64,
    /// Decision limit, in standard deviations.
    pub h: f64,
    /// Whether a fall is an alarm, too.
    pub two_sided: bool,
}

impl Chart {
    /// The chart that runs for `run_length` values on average where nothing changes, and finds a change of `shift` standard
    /// deviations soonest (Moustakides, Ann. Statist. 14(4), 1986, pp. 1379-1387).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `shift` is within 0.1..=10 and `run_length` within 10..=1e9.
    pub fn design(shift: f64, run_length: f64, two_sided: bool) -> Result<Self> {
        if !(0.1..=10.0).contains(&shift) {
            return Err(Error::OutOfRange {
                field: "shift",
                rule: "within 0.1..=10",
                got: shift.to_string(),
            });
        }
        if !(10.0..=1e9).contains(&run_length) {
            let (rule, got) = ("within 10..=1e9", run_length.to_string());
            return Err(Error::OutOfRange { field: "run_length", rule, got });
        }
        // Both sides together alarm twice as often: 1/L = 1/L⁺ + 1/L⁻ (Van Dobben de Bruyn, 1968).
        let (k, want) = (shift / 2.0, if two_sided { 2.0 * run_length } else { run_length });
        let (mut low, mut high) = (0.01, 50.0);
        for _ in 0..48 {
            let middle: f64 = 0.5 * (low + high);
            let longer = self::run_length(k, middle, 0.0) > want;
            *(if longer { &mut high } else { &mut low }) = middle;
        }
        Ok(Chart { k, h: 0.5 * (low + high), two_sided })
    }

    /// Values until an alarm, on average, when their mean has moved by `shift` standard deviations.
    ///
    /// # Errors
    /// As [`average_run_length`].
    pub fn run_length(&self, shift: f64) -> Result<f64> {
        let up = average_run_length(self.k, self.h, shift)?;
        if !self.two_sided {
            return Ok(up);
        }
        let down = average_run_length(self.k, self.h, -shift)?;
        Ok(1.0 / (1.0 / up + 1.0 / down))
    }
}

/// An alarm of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Index of the value that raised it.
    pub at: u64,
    /// Index of the first value after the chart was last at 0: when the change began, most likely.
    pub since: u64,
    /// Whether the values rose.
    pub rise: bool,
    /// The chart's value, in standard deviations.
    pub statistic: f64,
}

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident $step:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            chart: Chart,
            mean: f64,
            deviation: f64,
            next: u64,
            /// Rise and fall.
            sides: [Side; 2],
        }

        impl $name {
            /// - `mean`, `deviation`: of the values while nothing changes; the deviation positive
            ///
            /// # Errors
            /// [`Error::OutOfRange`] for them and for the chart.
            pub fn new(chart: Chart, mean: f64, deviation: f64) -> Result<Self> {
                average_run_length(chart.k, chart.h, 0.0)?;
                if !(mean.is_finite() && deviation.is_finite() && deviation > 0.0) {
                    let (rule, got) = ("a positive number, and the mean a number", deviation.to_string());
                    return Err(Error::OutOfRange { field: "deviation", rule, got });
                }
                Ok(Self { chart, mean, deviation, next: 0, sides: [Side::default(); 2] })
            }

            /// The alarms of the next values. After an alarm the chart starts again at 0.
            ///
            /// # Errors
            /// [`Error::NotFinite`].
            pub fn push(&mut self, values: &[f64]) -> Result<Vec<Change>> {
                if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                    return Err(Error::NotFinite { what: "values", index });
                }
                let mut changes = Vec::new();
                let step: fn(&mut Side, f64) = $step;
                for value in values {
                    let z = (value - self.mean) / self.deviation;
                    for (i, side) in self.sides.iter_mut().enumerate().take(1 + usize::from(self.chart.two_sided)) {
                        step(side, if i == 0 { z } else { -z } - self.chart.k);
                        if side.value == 0.0 {
                            side.since = self.next + 1;
                        }
                        if side.value >= self.chart.h {
                            let (at, since, statistic) = (self.next, side.since, side.value);
                            changes.push(Change { at, since, rise: i == 0, statistic });
                            *side = Side { since: at + 1, ..Side::default() };
                        }
                    }
                    self.next += 1;
                }
                Ok(changes)
            }

            /// The rising side's value, in standard deviations.
            pub fn statistic(&self) -> f64 {
                self.sides[0].value
            }

            /// Starts afresh at value 0.
            pub fn reset(&mut self) {
                self.next = 0;
                self.sides = [Side::default(); 2];
            }
        }
    )*};
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Side {
    value: f64,
    since: u64,
    walk: f64,
    lowest: f64,
}

streams! {
    /// The cumulative sum chart in a stream.
    Cusum |side, step| side.value = (side.value + step).max(0.0);
    /// Page and Hinkley's test in a stream: a walk and the lowest that it has been. It alarms with [`Cusum`], value by value.
    PageHinkley |side, step| {
        side.walk += step;
        if side.walk <= side.lowest {
            // Starting at 0 again keeps the walk from losing what is small beside it.
            (side.walk, side.lowest) = (0.0, 0.0);
        }
        side.value = side.walk - side.lowest;
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use rand::RngExt;
    use rand_distr::StandardNormal;

    /// `cusum_ARL_onesided` of jamming.json, a Markov chain of some hundred states whose own error is 4e-5.
    #[test]
    fn run_lengths_of_the_table() {
        for (k, h, lengths) in [
            (
                0.5,
                4.0,
                [
                    335.3621408299637,
                    26.679144641436707,
                    8.383215782839626,
                    3.3427726934341275,
                    2.194481760895747,
                ],
            ),
            (
                0.5,
                5.0,
                [
                    930.851801686633,
                    38.009503867478436,
                    10.375996425512817,
                    4.00887503601483,
                    2.573253265561678,
                ],
            ),
            (
                0.25,
                8.0,
                [
                    736.7255662100065,
                    28.7634327411605,
                    11.393243839681261,
                    5.214167774237477,
                    3.475557569945852,
                ],
            ),
        ] {
            for (shift, want) in [0.0, 0.5, 1.0, 2.0, 3.0].into_iter().zip(lengths) {
                let got = average_run_length(k, h, shift).unwrap();
                assert!((got / want - 1.0).abs() < 1e-4, "{k} {h} {shift}: {got}, the table says {want}");
            }
        }
        // Siegmund's approximation gives h = 4.77 for a run length of 740 with both sides (Hawkins and Olwell: 4.7749 for
        // one of 370.4 a pair).
        let chart = Chart::design(1.0, 370.4, true).unwrap();
        assert!((chart.h - 4.7749).abs() < 2e-3, "{chart:?}");
        assert!((chart.run_length(0.0).unwrap() / 370.4 - 1.0).abs() < 1e-6);
    }

    /// Measured run lengths are those designed, with no change and with one; both charts alarm together.
    #[test]
    fn runs_as_long_as_it_was_designed_to() {
        let chart = Chart::design(1.0, 200.0, false).unwrap();
        let mut rng = sim::rng(1);
        for shift in [0.0, 1.0] {
            let want = chart.run_length(shift).unwrap();
            let (mut cusum, mut hinkley) =
                (Cusum::new(chart, 3.0, 2.0).unwrap(), PageHinkley::new(chart, 3.0, 2.0).unwrap());
            let values: Vec<f64> =
                (0..400_000).map(|_| 3.0 + 2.0 * (shift + rng.sample::<f64, _>(StandardNormal))).collect();
            let alarms = cusum.push(&values).unwrap();
            let others = hinkley.push(&values).unwrap();
            assert_eq!(alarms.len(), others.len());
            assert!(alarms.iter().zip(&others).all(|(a, b)| a.at == b.at && a.since == b.since));
            let lengths: Vec<f64> = std::iter::once(alarms[0].at as f64 + 1.0)
                .chain(alarms.windows(2).map(|pair| (pair[1].at - pair[0].at) as f64))
                .collect();
            let n = lengths.len() as f64;
            let mean = lengths.iter().sum::<f64>() / n;
            let sigma = (lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>()).sqrt() / n;
            println!("CUSUM, shift {shift}: run length {mean:.2}, theory {want:.2} ± {sigma:.2}");
            assert!((mean - want).abs() < 4.0 * sigma, "{shift}: {mean} {want} {sigma}");
        }
    }

    #[test]
    fn says_when_it_began_and_which_way() {
        let chart = Chart::design(1.0, 1e6, true).unwrap();
        let mut values = vec![0.0; 100];
        values.extend([-3.0; 10]);
        let mut cusum = Cusum::new(chart, 0.0, 1.0).unwrap();
        let (a, b) = values.split_at(101);
        let mut changes = cusum.push(a).unwrap();
        changes.extend(cusum.push(b).unwrap());
        assert!(!changes[0].rise && changes[0].since == 100 && changes[0].at < 108, "{changes:?}");
        assert!(cusum.push(&[f64::NAN]).is_err());
        assert!(Cusum::new(chart, 0.0, 0.0).is_err());
        assert!(Chart::design(0.0, 100.0, false).is_err());
    }
}
