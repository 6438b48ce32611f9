//! What an eavesdropper can make of all that she has, learnt on one half of the times and judged on the other.
//!
//! Her carrier phase, the signs and the order of her lanes, a delay (a phase that grows with frequency), which of her antennas matter: she finds out what helps
//! her most. Weights that are fitted and judged on the same times flatter noise, by one degree of freedom for each number that is fitted and
//! by the best of many for each that is chosen. So each half is predicted by what was fitted on the other: of unrelated series the
//! correlation is then about nothing, however many there are to choose from, and what is left is no promise of more than she has.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Slice};

use crate::keygen::probe::variation::variation;

/// What she makes of it in one way.
#[derive(Debug, Clone)]
pub(in crate::keygen) struct Known {
    /// What she takes each value of the target for, `[lane, time]`.
    pub(in crate::keygen) series: Array2<f64>,
    /// Mean over the lanes of the correlation of that with the target, 0 to 1.
    pub(in crate::keygen) correlation: f64,
    /// Independent pairs of both.
    pub(in crate::keygen) effective_pairs: f64,
}

/// Shorter series have no halves that say anything.
const LEAST: usize = 64;
/// Most series that one lane is regressed on.
const MOST: usize = 48;
/// Ways of choosing: see [`weights`].
const WAYS: usize = 4;

/// Each lane of `target` as predicted from the rows of all `views`, `[row, time]`, whichever row helps: in several ways, of which the best is
/// the caller's to take. Nothing for short series.
///
/// Of views with as many rows as the target has lanes, the row in the lane's place and its neighbours are taken in any case; of all others those that
/// correlate best where the weights are fitted.
pub(in crate::keygen) fn held_out(target: &Array2<f64>, views: &[Array2<f64>]) -> Vec<Known> {
    let (lanes, n) = target.dim();
    let views: Vec<_> = views.iter().filter(|view| view.ncols() == n && view.nrows() > 0).collect();
    if n < LEAST || lanes == 0 || views.is_empty() {
        return Vec::new();
    }
    let independent = variation(target, target).effective_pairs / 2.0;
    let most = ((independent / 8.0) as usize).clamp(1, MOST);
    let candidates: usize = views.iter().map(|view| view.nrows()).sum();
    // The square of the largest of so many correlations of nothing with nothing.
    let chance = 2.0 * (candidates.max(2) as f64).ln() / independent.max(1.0);
    let mut known = vec![Array2::<f64>::zeros((lanes, n)); WAYS];
    for (fitted, judged) in [(0..n / 2, n / 2..n), (n / 2..n, 0..n / 2)] {
        let part = |series: &Array2<f64>, range: &std::ops::Range<usize>| {
            centred(series.slice_axis(Axis(1), Slice::from(range.clone())))
        };
        let (y, norms) = unit(part(target, &fitted));
        let lists = candidates_of(&y, &views, &fitted, most);
        for (lane, list) in lists.iter().enumerate() {
            let rows = |range: &std::ops::Range<usize>| {
                let width = range.len();
                let mut rows = Array2::zeros((list.len(), width));
                for (mut row, &(view, place)) in rows.rows_mut().into_iter().zip(list) {
                    row.assign(&views[view].row(place).slice_axis(Axis(0), Slice::from(range.clone())));
                }
                centred(rows.view())
            };
            let (x, scales) = unit(rows(&fitted));
            let gram = x.dot(&x.t());
            let cross = x.dot(&y.row(lane));
            let x = rows(&judged);
            for (known, weights) in known.iter_mut().zip(weights(&gram, &cross.view(), list, lane, chance)) {
                for ((row, weight), scale) in x.rows().into_iter().zip(&weights).zip(&scales) {
                    if *weight != 0.0 && *scale > 0.0 {
                        let mut out = known.row_mut(lane);
                        let mut out = out.slice_axis_mut(Axis(0), Slice::from(judged.clone()));
                        out.scaled_add(weight * norms[lane] / scale, &row);
                    }
                }
            }
        }
    }
    known.into_iter().filter_map(|series| judge(target, series)).collect()
}

/// Of each lane what it is regressed on, as view and row: what is in its place and beside it first, then what correlates best.
fn candidates_of(
    y: &Array2<f64>,
    views: &[&Array2<f64>],
    fitted: &std::ops::Range<usize>,
    most: usize,
) -> Vec<Vec<(usize, usize)>> {
    let lanes = y.nrows();
    let mut best: Vec<Vec<(f64, usize, usize)>> = vec![Vec::new(); lanes];
    let mut beside: Vec<Vec<(usize, usize)>> = vec![Vec::new(); lanes];
    for (index, view) in views.iter().enumerate() {
        let x = unit(centred(view.slice_axis(Axis(1), Slice::from(fitted.clone())))).0;
        let cross = y.dot(&x.t());
        for (lane, row) in cross.rows().into_iter().enumerate() {
            let list = &mut best[lane];
            list.extend(row.iter().enumerate().map(|(place, r)| (r.abs(), index, place)));
            list.sort_by(|p, q| q.0.total_cmp(&p.0));
            // The same row under another name says nothing more.
            list.dedup_by(|p, q| (p.0 - q.0).abs() <= 1e-12 * q.0);
            list.retain(|candidate| candidate.0 > 0.0);
            list.truncate(most);
            if x.nrows() == lanes {
                beside[lane].push((index, lane));
            }
        }
    }
    // The other part of a complex gain, and the subcarriers next to it.
    let neighbours = |lane: usize| [lane ^ 1, lane.wrapping_sub(1), lane + 1, lane.wrapping_sub(2), lane + 2];
    best.into_iter()
        .zip(beside)
        .enumerate()
        .map(|(lane, (best, mut list))| {
            list.truncate(most);
            let near = neighbours(lane).into_iter().filter(|&place| place < lanes);
            let near = near.flat_map(|place| {
                (0..views.len()).filter(|&view| views[view].nrows() == lanes).map(move |view| (view, place))
            });
            let best = best.into_iter().map(|(_, view, place)| (view, place));
            // Half of the room for those that correlate, whatever is beside.
            let room = list.len() + most.div_ceil(2);
            let others: Vec<_> = best.take(most.max(4)).collect();
            for candidate in others.into_iter().chain(near.take(room)) {
                if !list.contains(&candidate) && list.len() < 2 * MOST {
                    list.push(candidate);
                }
            }
            list
        })
        .collect()
}

/// Weights of the listed rows in each of the ways: the best row alone, few rows one by one, all in the lane's own place, all of the list.
fn weights(
    gram: &Array2<f64>,
    cross: &ArrayView1<'_, f64>,
    list: &[(usize, usize)],
    lane: usize,
    chance: f64,
) -> [Vec<f64>; WAYS] {
    let m = list.len();
    let strongest = |of: &dyn Fn(usize) -> f64| (0..m).max_by(|&i, &j| of(i).total_cmp(&of(j)));
    let mut alone = vec![0.0; m];
    let Some(first) = strongest(&|j| cross[j].abs()) else { return std::array::from_fn(|_| Vec::new()) };
    alone[first] = cross[first];
    let mut few = alone.clone();
    let mut chosen = vec![first];
    while chosen.len() < m.min(MOST) {
        let left = |j: usize| cross[j] - (0..m).map(|k| gram[[j, k]] * few[k]).sum::<f64>();
        let Some(next) = strongest(&|j| if chosen.contains(&j) { 0.0 } else { left(j).abs() }) else { break };
        let explained: f64 = (0..m).map(|k| few[k] * cross[k]).sum();
        if left(next).powi(2) <= chance * (1.0 - explained).max(0.0) || chosen.contains(&next) {
            break;
        }
        chosen.push(next);
        few = solve(gram, cross, &chosen);
    }
    let own: Vec<usize> = (0..m).filter(|&k| list[k].1 == lane).collect();
    let all: Vec<usize> = (0..m).collect();
    [alone, few, solve(gram, cross, &own), solve(gram, cross, &all)]
}

/// The least squares weights of the rows in `places`, 0 for the others.
fn solve(gram: &Array2<f64>, cross: &ArrayView1<'_, f64>, places: &[usize]) -> Vec<f64> {
    let mut weights = vec![0.0; cross.len()];
    if places.is_empty() {
        return weights;
    }
    // Rows that repeat one another share their weight.
    let ridge = |i, j| if i == j { 1e-9 } else { 0.0 };
    let matrix =
        DMatrix::from_fn(places.len(), places.len(), |i, j| gram[[places[i], places[j]]] + ridge(i, j));
    if let Some(decomposed) = matrix.cholesky() {
        let solved = decomposed.solve(&DVector::from_fn(places.len(), |i, _| cross[places[i]]));
        places.iter().zip(&solved).for_each(|(&place, &weight)| weights[place] = weight);
    }
    weights
}

/// How well `series` tells `target`; it is then given the target's mean, around which the ends decide. `None` if it says nothing at all.
fn judge(target: &Array2<f64>, mut series: Array2<f64>) -> Option<Known> {
    let half = target.ncols() / 2;
    let (mut sum, mut counted, mut known_lanes) = (0.0, 0usize, Vec::new());
    for (lane, (row, known)) in target.rows().into_iter().zip(series.rows()).enumerate() {
        let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
        for range in [0..half, half..target.ncols()] {
            let range = Slice::from(range);
            let (row, known) = (row.slice_axis(Axis(0), range), known.slice_axis(Axis(0), range));
            let mean = row.mean().unwrap_or(0.0);
            for (y, x) in row.iter().zip(known) {
                both += (y - mean) * x;
                one += (y - mean) * (y - mean);
                other += x * x;
            }
        }
        counted += usize::from(one > 0.0);
        if one * other > 0.0 {
            sum += both / (one * other).sqrt();
            known_lanes.push(lane);
        }
    }
    if known_lanes.is_empty() {
        return None;
    }
    let correlation = (sum / counted.max(1) as f64).clamp(0.0, 1.0);
    let known = |x: &Array2<f64>| x.select(Axis(0), &known_lanes);
    let effective_pairs = variation(&known(target), &known(&series)).effective_pairs;
    for (mut known, row) in series.rows_mut().into_iter().zip(target.rows()) {
        known += row.mean().unwrap_or(0.0);
    }
    Some(Known { series, correlation, effective_pairs })
}

/// Each row without its mean.
fn centred(series: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut series = series.to_owned();
    for mut row in series.rows_mut() {
        let mean = row.mean().unwrap_or(0.0);
        row.mapv_inplace(|x| x - mean);
    }
    series
}

/// Each row at unit norm, and what its norm was; a row of what rounding leaves is 0.
fn unit(mut series: Array2<f64>) -> (Array2<f64>, Vec<f64>) {
    let mut norms = Vec::with_capacity(series.nrows());
    for mut row in series.rows_mut() {
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        let norm = if norm.is_finite() && norm > 0.0 { norm } else { 0.0 };
        row.mapv_inplace(|x| if norm > 0.0 { x / norm } else { 0.0 });
        norms.push(norm);
    }
    (series, norms)
}

#[cfg(test)]
mod tests;
