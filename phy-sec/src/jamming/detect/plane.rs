//! A CFAR window over a plane of cells `[row, column]`: a spectrogram `[frame, bin]`, a range-Doppler map.
//!
//! The training cells are those of the rectangle around the cell under test, without the guard rectangle in the middle.
//! Each axis has its own edges: a spectrogram ends in time and is a circle in frequency.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{Cfar, Detection, Edges, Multipliers, OrderedStatistic};
use crate::{Error, Result};

/// Two-dimensional CFAR. Pairs are `[row, column]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plane {
    /// How training cells become a level.
    pub cfar: Cfar,
    /// Cells on each side that are left out next to the one under test, together with those between.
    pub guard: [usize; 2],
    /// Training cells on each side beyond the guard, not both 0.
    pub training: [usize; 2],
    /// From one training cell to the next, at least 1; `[1, 3]` makes bins under a Hann window independent.
    pub stride: [usize; 2],
    /// Powers averaged in each cell.
    pub looks: usize,
    /// False-alarm probability of a cell.
    pub pfa: f64,
    /// What happens at the ends of each axis.
    pub edges: [Edges; 2],
}

impl Default for Plane {
    fn default() -> Self {
        Plane {
            cfar: Cfar::OrderedStatistic(OrderedStatistic::DEFAULT),
            guard: [1, 2],
            training: [2, 4],
            stride: [1, 3],
            looks: 1,
            pfa: 1e-3,
            edges: [Edges::Shrink, Edges::Wrap],
        }
    }
}

/// A cell of a plane that reached its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellOfPlane {
    /// `[row, column]`.
    pub place: [usize; 2],
    /// Its power over the level of its training cells; infinite over a level of zero.
    pub ratio: f64,
    /// What `ratio` had to reach.
    pub multiplier: f64,
    /// Training cells used.
    pub training: usize,
}

impl Plane {
    /// The cells of `cells`, `[row, column]`, that reach their thresholds, row by row.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the configuration; [`Error::TooShort`] when the window does not fit an axis;
    /// [`Error::NotFinite`] for a cell that is no number.
    pub fn detect(&self, cells: ArrayView2<'_, f32>) -> Result<Vec<CellOfPlane>> {
        self.detect_with(cells, &mut Multipliers::default())
    }

    /// [`Plane::detect`] for plane after plane of the same window: its multipliers are computed once.
    ///
    /// # Errors
    /// As [`Plane::detect`].
    pub fn detect_with(
        &self,
        cells: ArrayView2<'_, f32>,
        multipliers: &mut Multipliers,
    ) -> Result<Vec<CellOfPlane>> {
        self.check(&cells)?;
        let [rows, columns] = [cells.nrows(), cells.ncols()];
        // What is used of each axis depends on one coordinate alone.
        let across: Vec<_> = (0..columns).map(|at| self.offsets(1, at, columns)).collect();
        let mut training = Vec::new();
        let mut found = Vec::new();
        for row in 0..rows {
            let down = self.offsets(0, row, rows);
            for (column, across) in across.iter().enumerate() {
                training.clear();
                for &(i, guarded) in &down {
                    let of_row = across.iter().filter(|(_, beside)| !(guarded && *beside));
                    training.extend(of_row.map(|&(j, _)| f64::from(cells[[i, j]])));
                }
                let used = training.len();
                if used == 0 {
                    continue;
                }
                let multiplier = multipliers.get(self.cfar, self.looks, used, self.pfa)?;
                let (level, power) = (self.cfar.level(&mut training), f64::from(cells[[row, column]]));
                if power > 0.0 && power >= multiplier * level {
                    let ratio = power / level;
                    found.push(CellOfPlane { place: [row, column], ratio, multiplier, training: used });
                }
            }
        }
        Ok(found)
    }

    /// Places along `axis` that the window around `at` looks at, in order, and whether each is in the guard.
    fn offsets(&self, axis: usize, at: usize, length: usize) -> Vec<(usize, bool)> {
        let (guard, stride) = (self.guard[axis], self.stride[axis]);
        // A stride that starts at the cell itself: of the guard, only what is on the grid can be a training cell of the
        // other axis.
        let steps = (guard / stride + self.training[axis]) as i64;
        (-steps..=steps)
            .filter_map(|step| {
                let offset = step * stride as i64;
                let place = match self.edges[axis] {
                    Edges::Wrap => (at as i64 + offset).rem_euclid(length as i64),
                    Edges::Shrink => at as i64 + offset,
                };
                let inside = (0..length as i64).contains(&place);
                inside.then_some((place as usize, offset.unsigned_abs() as usize <= guard))
            })
            .collect()
    }

    fn check(&self, cells: &ArrayView2<'_, f32>) -> Result<()> {
        let range = |field, value: usize, least: usize| {
            let rule = if least == 0 { "within 0..=1024" } else { "within 1..=1024" };
            let ok = (least..=1024).contains(&value);
            if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: value.to_string() }) }
        };
        range("training", self.training[0] + self.training[1], 1)?;
        for axis in 0..2 {
            range("guard", self.guard[axis], 0)?;
            range("training", self.training[axis], 0)?;
            range("stride", self.stride[axis], 1)?;
            let (stride, got) = (self.stride[axis], cells.shape()[axis]);
            let need = match self.edges[axis] {
                // The ends of the window must stay a stride apart around the circle.
                Edges::Wrap => stride * (2 * (self.guard[axis] / stride + self.training[axis]) + 1),
                Edges::Shrink => 1,
            };
            if got < need {
                let unit = if axis == 0 { "rows" } else { "columns" };
                return Err(Error::TooShort { what: "CFAR window", need, unit, got });
            }
        }
        match cells.iter().position(|cell| !cell.is_finite()) {
            Some(index) => Err(Error::NotFinite { what: "cells", index }),
            None => Ok(()),
        }
    }
}

impl From<CellOfPlane> for Detection {
    /// The cell as one of the line of its row.
    fn from(cell: CellOfPlane) -> Self {
        let CellOfPlane { place, ratio, multiplier, training } = cell;
        Detection { cell: place[1], ratio, multiplier, training }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn noise(shape: (usize, usize), seed: u64) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn(shape, || -(1.0 - rng.random::<f32>()).ln())
    }

    /// Every method, at every place of the plane, its corners too.
    #[test]
    fn false_alarms_are_the_same_everywhere() {
        for &cfar in Cfar::ALL {
            let window = Plane {
                cfar,
                guard: [1, 1],
                training: [1, 2],
                stride: [1, 1],
                pfa: 0.01,
                ..Plane::default()
            };
            let (planes, rows, columns) = (3000, 5, 9);
            let mut multipliers = Multipliers::default();
            let mut alarms = [[0usize; 9]; 5];
            for plane in 0..planes {
                for cell in
                    window.detect_with(noise((rows, columns), plane).view(), &mut multipliers).unwrap()
                {
                    alarms[cell.place[0]][cell.place[1]] += 1;
                }
            }
            let sigma = (0.0099 / planes as f64).sqrt();
            let total: usize = alarms.iter().flatten().sum();
            for (row, alarms) in alarms.iter().enumerate() {
                let got = alarms.iter().sum::<usize>() as f64 / (9 * planes) as f64;
                // Cells of a row share training cells: the deviation is wider than that of independent ones.
                assert!((got - 0.01).abs() < 2.5 * sigma, "{cfar:?}, row {row}: {got}");
            }
            let got = total as f64 / (45 * planes) as f64;
            assert!((got - 0.01).abs() < 1e-3, "{cfar:?}: {got}");
        }
    }

    #[test]
    fn one_row_is_the_line() {
        let plane = noise((1, 300), 4);
        let window = Plane { guard: [0, 2], training: [0, 8], stride: [1, 1], pfa: 0.05, ..Plane::default() };
        let line =
            super::super::Sliding { guard: 2, training: 8, stride: 1, pfa: 0.05, ..Default::default() };
        let found: Vec<Detection> =
            window.detect(plane.view()).unwrap().into_iter().map(Detection::from).collect();
        assert!(found.len() > 5);
        assert_eq!(found, line.detect(plane.as_slice().unwrap()).unwrap());
    }

    #[test]
    fn finds_a_cell_in_a_corner_and_refuses_what_does_not_fit() {
        let mut cells = noise((6, 64), 5);
        cells[[0, 63]] = 1e4;
        cells[[5, 0]] = 1e4;
        let window = Plane { pfa: 1e-7, ..Plane::default() };
        let places: Vec<_> = window.detect(cells.view()).unwrap().iter().map(|cell| cell.place).collect();
        assert_eq!(places, [[0, 63], [5, 0]]);
        assert_eq!(
            window.detect(noise((6, 20), 1).view()).unwrap_err().to_string(),
            "CFAR window needs at least 27 columns, got 20"
        );
        assert!(Plane { training: [0, 0], ..window }.detect(cells.view()).is_err());
        cells[[2, 2]] = f32::INFINITY;
        assert!(window.detect(cells.view()).is_err());
    }
}
