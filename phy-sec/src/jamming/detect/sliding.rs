//! A CFAR window that slides over a line of cells: along frequency, along time, along range.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cfar, OrderedStatistic};
use crate::{Error, Result};

/// What a window does where the line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edges {
    /// The line is a circle: the bins of a spectrum.
    #[default]
    Wrap,
    /// Only the training cells that exist are used, with the multiplier of their number.
    Shrink,
}

/// One-dimensional CFAR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sliding {
    /// How training cells become a level.
    pub cfar: Cfar,
    /// Cells on each side that are left out next to the one under test.
    pub guard: usize,
    /// Training cells on each side, at least 1.
    pub training: usize,
    /// From one training cell to the next, at least 1; 3 makes bins under a Hann window independent.
    pub stride: usize,
    /// Powers averaged in each cell.
    pub looks: usize,
    /// False-alarm probability of a cell.
    pub pfa: f64,
    /// Where the line ends.
    pub edges: Edges,
}

impl Default for Sliding {
    fn default() -> Self {
        Sliding {
            cfar: Cfar::OrderedStatistic(OrderedStatistic::DEFAULT),
            guard: 2,
            training: 8,
            stride: 3,
            looks: 1,
            pfa: 1e-3,
            edges: Edges::Wrap,
        }
    }
}

/// Multipliers already computed, by the number of training cells. Those of another window are forgotten.
#[derive(Debug, Clone, Default)]
pub struct Multipliers {
    of: Option<(Cfar, usize, f64)>,
    known: BTreeMap<usize, f64>,
}

impl Multipliers {
    pub(super) fn get(&mut self, cfar: Cfar, looks: usize, training: usize, pfa: f64) -> Result<f64> {
        if self.of != Some((cfar, looks, pfa)) {
            *self = Multipliers { of: Some((cfar, looks, pfa)), known: BTreeMap::new() };
        }
        match self.known.get(&training) {
            Some(&multiplier) => Ok(multiplier),
            None => {
                let multiplier = cfar.multiplier(looks, training, pfa)?;
                self.known.insert(training, multiplier);
                Ok(multiplier)
            }
        }
    }
}

/// A cell that reached its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Its place in the line.
    pub cell: usize,
    /// Its power over the level of its training cells; infinite over a level of zero.
    pub ratio: f64,
    /// What `ratio` had to reach.
    pub multiplier: f64,
    /// Training cells used.
    pub training: usize,
}

impl Sliding {
    /// The cells of `cells` that reach their thresholds, in order.
    ///
    /// Each level is computed from its own cells in `f64`: running sums in `f32` are off by 4 % after
    /// 2^24 cells.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration; [`Error::TooShort`] when the window does not fit;
    /// [`Error::NotFinite`] for a cell that is no number.
    pub fn detect(&self, cells: &[f32]) -> Result<Vec<Detection>> {
        self.detect_with(cells, &mut Multipliers::default())
    }

    /// [`Sliding::detect`] for line after line of the same window: its multipliers are computed once.
    ///
    /// # Errors
    /// As [`Sliding::detect`].
    pub fn detect_with(&self, cells: &[f32], multipliers: &mut Multipliers) -> Result<Vec<Detection>> {
        self.check(cells)?;
        let mut training = Vec::with_capacity(2 * self.training.min(cells.len()));
        let mut detections = Vec::new();
        for (cell, &power) in cells.iter().enumerate() {
            self.gather(cells, cell, &mut training);
            let used = training.len();
            if used == 0 {
                continue;
            }
            let multiplier = multipliers.get(self.cfar, self.looks, used, self.pfa)?;
            let (level, power) = (self.cfar.level(&mut training), f64::from(power));
            if power > 0.0 && power >= multiplier * level {
                detections.push(Detection { cell, ratio: power / level, multiplier, training: used });
            }
        }
        Ok(detections)
    }

    /// The training cells of `cell`, in order of place: halves go by it.
    fn gather(&self, cells: &[f32], cell: usize, training: &mut Vec<f64>) {
        training.clear();
        let n = cells.len();
        let distance = |i: usize| self.guard + 1 + i * self.stride;
        // How many there can be on one side of a line that ends.
        let fitting = match self.edges {
            Edges::Wrap => self.training,
            Edges::Shrink => self.training.min(n.saturating_sub(self.guard + 1).div_ceil(self.stride)),
        };
        let before = (0..fitting).rev().filter_map(|i| match self.edges {
            Edges::Wrap => Some((cell + n - distance(i)) % n),
            Edges::Shrink => cell.checked_sub(distance(i)),
        });
        let after = (0..fitting).map(|i| match self.edges {
            Edges::Wrap => (cell + distance(i)) % n,
            Edges::Shrink => cell + distance(i),
        });
        training.extend(before.chain(after).filter_map(|i| cells.get(i)).map(|&power| f64::from(power)));
    }

    fn check(&self, cells: &[f32]) -> Result<()> {
        let fields = [("guard", self.guard, 0), ("training", self.training, 1), ("stride", self.stride, 1)];
        for (field, value, least) in fields {
            if !(least..=1 << 20).contains(&value) {
                let rule = if least == 0 { "within 0..=1048576" } else { "within 1..=1048576" };
                return Err(Error::OutOfRange { field, rule, got: value.to_string() });
            }
        }
        let need = match self.edges {
            // The far ends of the two sides must stay a stride apart as well.
            Edges::Wrap => 2 * (self.guard + 1 + (self.training - 1) * self.stride) + self.stride,
            Edges::Shrink => self.guard + 2,
        };
        if cells.len() < need {
            return Err(Error::TooShort { what: "CFAR window", need, unit: "cells", got: cells.len() });
        }
        match cells.iter().position(|cell| !cell.is_finite()) {
            Some(index) => Err(Error::NotFinite { what: "cells", index }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jamming::detect::CellAveraging;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| -(1.0 - rng.random::<f32>()).ln()).collect()
    }

    /// Every place of the line, the edges too, has the false-alarm rate asked for.
    #[test]
    fn edges_have_the_same_false_alarm_rate() {
        for edges in [Edges::Wrap, Edges::Shrink] {
            for &cfar in Cfar::ALL {
                let window = Sliding {
                    cfar,
                    training: 4,
                    stride: 1,
                    guard: 1,
                    pfa: 0.01,
                    edges,
                    ..Sliding::default()
                };
                let (lines, length) = (10_000, 12);
                let mut multipliers = Multipliers::default();
                let mut alarms = [0usize; 12];
                for line in noise(lines * length, 3).chunks_exact(length) {
                    for detection in window.detect_with(line, &mut multipliers).unwrap() {
                        alarms[detection.cell] += 1;
                    }
                }
                for (cell, alarms) in alarms.into_iter().enumerate() {
                    // Four sigma: 48 places are looked at.
                    let (got, sigma) = (alarms as f64 / lines as f64, (0.0099 / lines as f64).sqrt());
                    assert!((got - 0.01).abs() < 4.0 * sigma, "{edges:?} {cfar:?} {cell}: {got}");
                }
            }
        }
    }

    /// Running sums in f32 lose the cells of a long line: after 2^22 of them a sum of 32 is off by up to 1.7
    /// (jamming.md, 3.4). Here the last cells of such a line are judged as if they stood alone.
    #[test]
    fn no_drift_along_a_long_line() {
        let line = noise(1 << 22, 4);
        let window = Sliding {
            cfar: Cfar::CellAveraging(CellAveraging {}),
            training: 16,
            stride: 1,
            pfa: 1e-2,
            edges: Edges::Shrink,
            ..Sliding::default()
        };
        let offset = line.len() - 1000;
        let alone = window.detect(&line[offset..]).unwrap();
        let moved = window.detect(&line).unwrap().into_iter().filter(|d| d.cell >= offset + 50);
        let moved: Vec<_> = moved.map(|d| Detection { cell: d.cell - offset, ..d }).collect();
        // The first cells of the short line have other neighbours.
        assert_eq!(moved, alone.into_iter().filter(|d| d.cell >= 50).collect::<Vec<_>>());

        let mut prefix = 0f32;
        let mut sums = line.iter().map(|cell| {
            prefix += cell;
            prefix
        });
        let (end, start) = (line.len() - 1, line.len() - 33);
        let at_start = sums.nth(start).unwrap();
        let at_end = sums.nth(end - start - 1).unwrap();
        let true_sum: f64 = line[start + 1..=end].iter().map(|&cell| f64::from(cell)).sum();
        let drift = (f64::from(at_end - at_start) - true_sum).abs();
        assert!(drift > 0.01, "the trap that this test stands for is not there: {drift}");
    }

    #[test]
    fn finds_a_line_at_the_edge_of_the_band() {
        for place in [0, 1, 128, 254, 255] {
            let mut cells = noise(256, 5);
            cells[place] = 1e4;
            let window = Sliding { pfa: 1e-6, ..Sliding::default() };
            let found = window.detect(&cells).unwrap();
            assert_eq!(found.iter().map(|d| d.cell).collect::<Vec<_>>(), [place]);
        }
    }

    #[test]
    fn refuses_windows_that_do_not_fit_and_cells_that_are_no_numbers() {
        let window = Sliding::default();
        let error = window.detect(&[1.0; 20]).unwrap_err();
        assert_eq!(error.to_string(), "CFAR window needs at least 51 cells, got 20");
        let mut cells = [1.0; 64];
        cells[3] = f32::NAN;
        assert_eq!(
            window.detect(&cells).unwrap_err().to_string(),
            "cells holds a NaN or an infinity at index 3"
        );
        assert!(window.detect(&[0.0; 64]).unwrap().is_empty());
        assert!(Sliding { stride: 0, ..window }.detect(&cells).is_err());
    }
}
