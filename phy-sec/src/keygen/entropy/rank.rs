//! Each symbol given those of *all* the other rows together, at the same time and at the last: what few degrees of freedom, seen on
//! many subcarriers and antennas, leave of a bit.
//!
//! A channel of a few taps fills its subcarriers with linear combinations of them. No single neighbour tells much of a
//! subcarrier far away, and a few of them together tell nearly all. So the rows are taken in turn, and each is predicted from those
//! before it by linear regression over their symbols: fitted over every other time, and judged over the times between, and the
//! other way round. By the chain rule the entropy of one time is the sum over the rows, each given those before, and
//!
//! `H(x_k | x_1, ..., x_(k-1)) >= -log2 P(guess of x_k is right)`
//!
//! for the best of guesses; ours is measured, so that what it can be told of counts and noise of a row's own counts as what it is.
//! The chain is run twice, with the last symbols of all rows before and without, and the lesser counts.
//!
//! For the regression a symbol of several bits is its bits, and the normal score of its cell (its label is taken to be a Gray
//! code). It is guessed as a whole: the cell where its predicted score lies, or bit by bit, whichever is right more often.
//!
//! Where there are many more rows than times, a regression learns little; then the number of patterns that so few degrees of
//! freedom can make (`rank/dimension.rs`) is less.

mod dimension;
mod fold;

use std::f64::consts::{LN_2, SQRT_2};

use statrs::function::erf::{erf, erf_inv};
use zeroize::Zeroizing;

use self::fold::Fold;
use super::symbols::Symbols;
use super::{Estimate, Z};

/// Columns of the regression from one time, at most: rows beyond are predicted from so many, evenly spread, and predict none.
const MOST: usize = 256;
/// Scores are counted in so many parts of a standard deviation.
const PARTS: f64 = 40.0;
/// Min-entropy per *bit*; `None` where there are no two rows to tell of each other.
#[must_use]
pub fn estimate(symbols: &Symbols<'_>) -> Option<Estimate> {
    let table = Table::new(symbols)?;
    let most = table.dimension_limit();
    let chains = [table.chain(false), table.chain(true)];
    let (point, bound) =
        chains.iter().fold((most, most), |least, got| (least.0.min(got.0), least.1.min(got.1)));
    Some(Estimate { name: "rank", point, bound: bound.min(point), conditional: false, counts: true })
}

/// What stands at one place: nothing, or a symbol and its width.
type Cell = Option<(u8, u8)>;

/// The symbols by row and time. They are secret.
struct Table {
    times: usize,
    /// The rows, those first that the others are predicted from; `[row][time]`, values and widths (0: dropped).
    values: Vec<Zeroizing<Vec<u8>>>,
    widths: Vec<Vec<u8>>,
    /// How many rows predict others.
    predictors: usize,
    /// Bits of the widest symbol.
    widest: usize,
    bits: f64,
    scores: Scores,
}

impl Table {
    fn new(symbols: &Symbols<'_>) -> Option<Self> {
        let times = symbols.place.iter().max().map_or(0, |&place| place as usize + 1);
        let rows: Vec<_> = symbols.rows.iter().filter(|row| !row.is_empty()).collect();
        if rows.len() < 2 {
            return None;
        }
        let widest = usize::from(symbols.widths.iter().copied().max().unwrap_or(1)).clamp(1, 4);
        let predictors = rows.len().min(MOST / columns_of(widest));
        let mut order: Vec<usize> = (0..predictors).map(|k| k * rows.len() / predictors).collect();
        let spread = order.clone();
        order.extend((0..rows.len()).filter(|row| spread.binary_search(row).is_err()));
        let (mut values, mut widths) = (Vec::new(), Vec::new());
        for row in order {
            let (mut value, mut width) = (Zeroizing::new(vec![0; times]), vec![0; times]);
            for index in rows[row].clone() {
                let time = symbols.place[index] as usize;
                (value[time], width[time]) = (symbols.values[index], symbols.widths[index].min(4));
            }
            values.push(value);
            widths.push(width);
        }
        let bits = symbols.widths.iter().map(|&width| f64::from(width)).sum();
        Some(Self { times, values, widths, predictors, widest, bits, scores: Scores::new() })
    }

    fn get(&self, row: usize, time: usize) -> Cell {
        let width = self.widths[row][time];
        (width > 0).then(|| (self.values[row][time], width))
    }

    /// The columns of a row: its bits, and the score of its cell where that says more.
    fn columns(&self, row: usize, past: bool) -> Vec<Zeroizing<Vec<i8>>> {
        let mut columns = vec![Zeroizing::new(vec![0; self.times]); columns_of(self.widest)];
        let mut last = None;
        for time in 0..self.times {
            let now = self.get(row, time);
            if let Some(symbol) = if past { last } else { now } {
                for (plane, column) in columns.iter_mut().enumerate() {
                    column[time] =
                        if plane < self.widest { sign(symbol, plane) } else { self.scores.of(symbol) };
                }
            }
            last = now.or(last);
        }
        columns
    }

    /// What is predicted of a row: the score, and, of symbols of several bits, each of the bits.
    fn targets(&self, row: usize) -> Vec<Zeroizing<Vec<i8>>> {
        let column = |of: &dyn Fn((u8, u8)) -> i8| {
            Zeroizing::new((0..self.times).map(|time| self.get(row, time).map_or(0, of)).collect())
        };
        let planes = if self.widest > 1 { self.widest } else { 0 };
        let mut targets = vec![column(&|symbol| self.scores.of(symbol))];
        targets.extend((0..planes).map(|plane| column(&|symbol| sign(symbol, plane))));
        targets
    }

    /// The entropy of all rows in turn, per bit: as counted, and at 99 % confidence.
    fn chain(&self, past: bool) -> (f64, f64) {
        let mut columns = vec![Zeroizing::new(vec![1i8; self.times])];
        if past {
            columns.extend((0..self.predictors).flat_map(|row| self.columns(row, true)));
        }
        let before = columns.len();
        columns.extend((0..self.predictors).flat_map(|row| self.columns(row, false)));
        let folds = [0, 1].map(|first| Fold::new(&columns, first));
        drop(columns);

        let mut entropy = 0.0;
        // How far each time lies from what was to be expected of it: errors of the rows at one time go together.
        let mut deviations = vec![0.0; self.times];
        let mut predicted = Zeroizing::new(vec![0.0f32; self.times]);
        for row in 0..self.values.len() {
            let known = before + row.min(self.predictors) * columns_of(self.widest);
            let targets = self.targets(row);
            // By cell, and bit by bit.
            let mut right = [Zeroizing::new(vec![true; self.times]), Zeroizing::new(vec![true; self.times])];
            for (which, target) in targets.iter().enumerate() {
                for (first, fold) in folds.iter().enumerate() {
                    // The weights come from the other times.
                    let weights = folds[1 - first].fit(known, target);
                    let sums = fold.predict(&weights);
                    for (to, &sum) in predicted.iter_mut().skip(first).step_by(2).zip(sums.iter()) {
                        *to = sum;
                    }
                }
                for time in 0..self.times {
                    let Some((value, width)) = self.get(row, time) else { continue };
                    if which == 0 {
                        right[0][time] = Scores::cell(predicted[time], width) == cell_of(value, width);
                    } else if which <= usize::from(width) {
                        right[1][time] &= (predicted[time] > 0.0) == (target[time] > 0);
                    }
                }
            }
            let kept = |time: &usize| self.widths[row][*time] > 0;
            let symbols = (0..self.times).filter(kept).count() as f64;
            let hits =
                |right: &[bool]| (0..self.times).filter(kept).filter(|&time| right[time]).count() as f64;
            let (by_cell, by_bit) = (hits(&right[0]), hits(&right[1]));
            let (hits, right) =
                if self.widest > 1 && by_bit > by_cell { (by_bit, &right[1]) } else { (by_cell, &right[0]) };
            let rate = (hits + 0.5) / (symbols + 1.0);
            entropy -= symbols * rate.log2();
            for time in (0..self.times).filter(kept) {
                deviations[time] += (f64::from(u8::from(right[time])) - rate) / (rate * LN_2);
            }
        }
        let deviation = deviations.iter().map(|d| d * d).sum::<f64>().sqrt();
        let per_bit = |entropy: f64| (entropy / self.bits).clamp(0.0, 1.0);
        (per_bit(entropy), per_bit(entropy.min(self.bits) - Z * deviation))
    }
}

/// Of a row.
fn columns_of(widest: usize) -> usize {
    if widest > 1 { widest + 1 } else { 1 }
}

/// A bit of a symbol, -1 or 1; 0 if it has no such bit.
fn sign((value, width): (u8, u8), plane: usize) -> i8 {
    match usize::from(width).checked_sub(plane + 1) {
        None => 0,
        Some(shift) => 2 * (value >> shift & 1) as i8 - 1,
    }
}

/// Where in the order of cells a Gray label stands.
fn cell_of(label: u8, width: u8) -> u8 {
    let label = label & ((1 << width) - 1);
    let half = label ^ label >> 1;
    half ^ half >> 2
}

/// The median of the normal distribution in each of equally likely cells, by width.
struct Scores([[i8; 16]; 5]);

impl Scores {
    fn new() -> Self {
        let mut scores = [[0; 16]; 5];
        for (width, scores) in scores.iter_mut().enumerate() {
            let cells = 1 << width;
            for (cell, score) in scores.iter_mut().enumerate().take(cells) {
                let share = (cell as f64 + 0.5) / cells as f64;
                *score = (PARTS * SQRT_2 * erf_inv(2.0 * share - 1.0)).round() as i8;
            }
        }
        Self(scores)
    }

    fn of(&self, (value, width): (u8, u8)) -> i8 {
        self.0[usize::from(width)][usize::from(cell_of(value, width))]
    }

    /// The cell where a predicted score lies.
    fn cell(score: f32, width: u8) -> u8 {
        if width == 1 {
            return u8::from(score > 0.0);
        }
        let share = 0.5 + 0.5 * erf(f64::from(score) / (PARTS * SQRT_2));
        let cells = 1u8 << width;
        ((share * f64::from(cells)) as u8).min(cells - 1)
    }
}

#[cfg(test)]
mod tests;
