//! In which order does the other end count its subcarriers, and which axis are its antennas? Told, as far as it can be, by which
//! arrangement of its lanes changes over time as one's own do.
//!
//! Tools disagree: transforms begin at the carrier or at the lowest frequency (`fftshift`), mixers on the other side mirror the spectrum, arrays are
//! written antenna by antenna or subcarrier by subcarrier. Each candidate is scored by the mean over lanes of the correlation of both ends'
//! changes over time (the snapshots at unit norm, so that gain control is none of them). The best one counts if it beats each
//! other one in a one-sided paired t-test over blocks of time, at a stated confidence, and if under it the ends demonstrably see the same
//! changes ([`super::variation`]); otherwise the answer is *cannot tell*: where the channel stands
//! still, where it is flat over the band, where it is the same either way round.

use ndarray::{Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::variation::variation;
use super::{Pairing, Trace, pair};
use crate::channel::Csi;
use crate::{Error, Result};

/// How an end's lanes follow one another, seen from the other end's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Alike.
    #[default]
    Natural,
    /// As `fftshift` leaves them: the second half first.
    Shifted,
    /// As `ifftshift` leaves them, which differs for odd numbers.
    Unshifted,
    /// From the last to the first.
    Reversed,
    /// Frequency `k` in the place of `-k`, the first lane being the carrier: a mirrored spectrum in natural order.
    Mirrored,
    /// Reversed and shifted.
    ReversedShifted,
}

impl Order {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Natural,
        Self::Shifted,
        Self::Unshifted,
        Self::Reversed,
        Self::Mirrored,
        Self::ReversedShifted,
    ];

    /// Where among `n` lanes the other end has each of one's own, `[lane]`.
    #[must_use]
    pub fn places(self, n: usize) -> Vec<usize> {
        let place = |lane: usize| match self {
            Self::Natural => lane,
            Self::Shifted => (lane + n / 2) % n,
            Self::Unshifted => (lane + n - n / 2) % n,
            Self::Reversed => n - 1 - lane,
            Self::Mirrored => (n - lane) % n,
            Self::ReversedShifted => n - 1 - (lane + n / 2) % n,
        };
        (0..n).map(place).collect()
    }
}

/// A candidate's score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Order of the subcarriers.
    pub order: Order,
    /// Whether subcarriers and antennas change places.
    pub transposed: bool,
    /// Mean correlation over time, -1 to 1.
    pub correlation: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arrangement {
    /// The other end's arrangement; `None`: it cannot be told.
    pub found: Option<Score>,
    /// One minus the chance that the best candidate is only by accident better than one of the others; 0 where nothing can be compared.
    pub confidence: f64,
    /// Every different candidate, the best one first.
    pub scores: Vec<Score>,
}

/// What is asked for before an arrangement counts.
pub const CONFIDENCE: f64 = 0.999;
/// Blocks of time whose differences are tested.
const BLOCKS: usize = 12;
/// Fewer pairs than this say nothing.
const LEAST_PAIRS: usize = 4 * BLOCKS;

/// The order of Bob's lanes, from pairs `[lane, time]` of which Bob's are in an unknown one.
///
/// - `each`: neighbouring rows that stay together (2 where a lane is a real and an imaginary part)
#[must_use]
pub fn order(alice: ArrayView2<'_, f64>, bob: ArrayView2<'_, f64>, each: usize) -> Arrangement {
    let each = each.max(1);
    let groups = alice.nrows() / each;
    let candidates = Order::ALL.map(|order| {
        let rows =
            order.places(groups).into_iter().flat_map(|group| (0..each).map(move |k| group * each + k));
        (order, false, rows.collect())
    });
    best(alice, bob, candidates.into())
}

/// The arrangement of Bob's gains, seen from Alice's: order of the subcarriers, and whether his subcarriers and antennas changed
/// places, in the array's shape or in its memory alone.
///
/// Rows find each other by `pairing`; magnitudes are compared.
///
/// # Errors
/// [`Error::Shape`] for ends with different numbers of gains in a row; those of [`pair`].
pub fn detect(alice: &Csi, bob: &Csi, pairing: &Pairing) -> Result<Arrangement> {
    let (_, subcarriers, antennas) = alice.gains.dim();
    let (_, others, of_each) = bob.gains.dim();
    if subcarriers * antennas != others * of_each {
        let (need, got) = (
            format!("[time, {subcarriers}, {antennas}] in any order"),
            format!("[time, {others}, {of_each}]"),
        );
        return Err(Error::Shape { what: "Bob's gains", need, got });
    }
    let trace = |csi: &Csi| {
        let (rows, n, m) = csi.gains.dim();
        let values = Array2::from_shape_fn((n * m, rows), |(lane, row)| {
            f64::from(csi.gains[[row, lane / m.max(1), lane % m.max(1)]].norm())
        });
        Trace::new(values, csi.sequence.clone(), Some(csi.time.clone()), super::Kind::Csi)
    };
    let pairs = pair(&trace(alice)?, &trace(bob)?, pairing)?;
    let mut candidates = Vec::new();
    for transposed in [false, true] {
        for order in Order::ALL {
            candidates.push((order, transposed, rows(order, transposed, subcarriers, antennas)));
        }
    }
    Ok(best(pairs.alice.view(), pairs.bob.view(), candidates))
}

/// Where the other end has each gain of a row, in the order of its memory.
fn rows(order: Order, transposed: bool, subcarriers: usize, antennas: usize) -> Vec<usize> {
    let places = order.places(subcarriers);
    let place = |lane: usize| {
        let (subcarrier, antenna) = (places[lane / antennas], lane % antennas);
        if transposed { antenna * subcarriers + subcarrier } else { subcarrier * antennas + antenna }
    };
    (0..subcarriers * antennas).map(place).collect()
}

impl Arrangement {
    /// Bob's gains arranged as Alice's, which are `[time, subcarriers, antennas]`; as they are if it cannot be told.
    ///
    /// # Errors
    /// [`Error::Shape`] for gains of another number.
    pub fn apply(&self, bob: &Csi, subcarriers: usize, antennas: usize) -> Result<Csi> {
        let (time, n, m) = bob.gains.dim();
        if n * m != subcarriers * antennas {
            let need = format!("[time, {subcarriers}, {antennas}] in any order");
            return Err(Error::Shape { what: "Bob's gains", need, got: format!("[time, {n}, {m}]") });
        }
        let Some(found) = self.found else { return Ok(bob.clone()) };
        let places = rows(found.order, found.transposed, subcarriers, antennas);
        let gains = Array3::from_shape_fn((time, subcarriers, antennas), |(row, subcarrier, antenna)| {
            let place = places[subcarrier * antennas + antenna];
            bob.gains[[row, place / m, place % m]]
        });
        Csi::new(gains, bob.time.clone(), bob.sequence.clone())
    }
}

/// Scores the candidates, each a permutation of Bob's rows, and tests the best against the others.
fn best(
    alice: ArrayView2<'_, f64>,
    bob: ArrayView2<'_, f64>,
    candidates: Vec<(Order, bool, Vec<usize>)>,
) -> Arrangement {
    let mut different: Vec<(Order, bool, Vec<usize>)> = Vec::new();
    for candidate in candidates {
        if different.iter().all(|known| known.2 != candidate.2) {
            different.push(candidate);
        }
    }
    let n = alice.ncols().min(bob.ncols());
    let nothing = Arrangement { found: None, confidence: 0.0, scores: Vec::new() };
    if n < LEAST_PAIRS || alice.nrows() == 0 || alice.nrows() != bob.nrows() {
        return nothing;
    }
    let (a, b) = (changes(alice), changes(bob));
    // Of each candidate the score in each block.
    let block = |k: usize| k * n / BLOCKS..(k + 1) * n / BLOCKS;
    let mut scored: Vec<(Score, Vec<f64>)> = different
        .iter()
        .map(|(order, transposed, rows)| {
            // Each block by its own correlation: a few in which much happened would otherwise be all that counts.
            let blocks: Vec<f64> = (0..BLOCKS)
                .map(|k| {
                    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
                    for (lane, &row) in rows.iter().enumerate() {
                        for t in block(k) {
                            let (x, y) = (a[[lane, t]], b[[row, t]]);
                            both += x * y;
                            one += x * x;
                            other += y * y;
                        }
                    }
                    if one * other > 0.0 { both / (one * other).sqrt() } else { 0.0 }
                })
                .collect();
            let correlation = blocks.iter().sum::<f64>() / BLOCKS as f64;
            (Score { order: *order, transposed: *transposed, correlation }, blocks)
        })
        .collect();
    scored.sort_by(|x, y| y.0.correlation.total_cmp(&x.0.correlation));
    let Some(((first, blocks), others)) = scored.split_first() else { return nothing };
    let accidents: f64 = others.iter().map(|(_, other)| accident(blocks, other)).sum();
    // A single candidate has to beat unrelated series.
    let unrelated = accident(blocks, &[0.0; BLOCKS]);
    let confidence = (1.0 - accidents - unrelated).clamp(0.0, 1.0);
    // Blocks of slow series are no independent trials: the ends must also demonstrably see the same changes.
    let chosen = different.iter().find(|known| (known.0, known.1) == (first.order, first.transposed));
    let common = chosen.is_some_and(|known| variation(&a, &b.select(ndarray::Axis(0), &known.2)).is_common());
    Arrangement {
        found: (confidence >= CONFIDENCE && common).then_some(*first),
        confidence,
        scores: scored.iter().map(|(score, _)| *score).collect(),
    }
}

/// Snapshots at unit norm, each lane then without its mean and at unit variance; a lane that stands still is 0.
fn changes(series: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut series = series.to_owned();
    if series.nrows() > 1 {
        for mut snapshot in series.columns_mut() {
            let norm = snapshot.iter().map(|x| x * x).sum::<f64>().sqrt();
            if norm > 0.0 {
                snapshot /= norm;
            }
        }
    }
    for mut lane in series.rows_mut() {
        let mean = lane.mean().unwrap_or(0.0);
        lane -= mean;
        let deviation = (lane.iter().map(|x| x * x).sum::<f64>() / lane.len().max(1) as f64).sqrt();
        // What is left of equal numbers is rounding.
        let still = deviation <= 1e-12 * mean.abs();
        lane.mapv_inplace(|x| if still { 0.0 } else { x / deviation });
    }
    series
}

/// The chance that paired differences of mean 0 would favour `better` as much (Student's t).
fn accident(better: &[f64], worse: &[f64]) -> f64 {
    let n = better.len() as f64;
    let differences: Vec<f64> = better.iter().zip(worse).map(|(x, y)| x - y).collect();
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = mean / (variance / n).sqrt();
    match StudentsT::new(0.0, 1.0, n - 1.0) {
        Ok(distribution) if t.is_finite() => distribution.sf(t),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests;
