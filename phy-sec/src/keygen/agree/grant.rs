//! What an eavesdropper's measurements are worth: read, turned, arranged and combined in the way that helps her most.
//!
//! Two things are measured. Her correlation with Alice's processed lanes, the upper end of whose 99 % interval is granted: as her series stand (its
//! magnitude lane by lane, of the ranks too, all antennas regressed on together), and as predicted from all that she has
//! ([`regression`]). And how often what she takes for Alice's values gives Alice's symbols, which counts where it is more than that
//! correlation explains.

use std::collections::HashMap;

use ndarray::{Array2, Axis, Slice};

use super::Report;
use crate::Result;
use crate::keygen::preprocess::{Decimate, Preprocess};
use crate::keygen::probe::arrangement::Order;
use crate::keygen::probe::calibrate::arrange;
use crate::keygen::probe::overheard::{regress, regression};
use crate::keygen::probe::variation::{normal_scores, pearson, resemblance};
use crate::keygen::probe::{Antennas, Component, Overheard, Pairing, Pairs, Trace, pair};
use crate::keygen::quantize::Role;
use crate::keygen::session::Settings;
use crate::keygen::{Config, EveModel};

/// Grants in `report` and `settings` what Eve's traces are worth together.
///
/// - `steps`: those that the ends took, with nothing left to learn
pub(super) fn grant(
    report: &mut Report,
    settings: &mut Settings,
    alice: &Trace,
    eve: &Overheard,
    pairs: &Pairs,
    config: &Config,
    steps: &[Preprocess],
) -> Result<()> {
    let eve = if config.antennas == Antennas::All { &eve.beside(alice.lanes()) } else { eve };
    // Her rows find those of the pairs as Bob's found Alice's; all views have the same rows.
    let by = Pairing { by: pairs.by, ..config.pairing };
    let paired =
        |views: &[Trace]| views.iter().map(|view| pair(alice, view, &by)).collect::<Result<Vec<_>>>();
    let (views, others) = (paired(eve.views())?, paired(eve.others())?);
    let Some(first) = views.first() else { return Ok(()) };
    let of_column: HashMap<_, _> =
        first.alice_column.iter().enumerate().map(|(k, column)| (column, k)).collect();
    let common: Vec<(usize, usize)> = pairs
        .alice_column
        .iter()
        .enumerate()
        .filter_map(|(pair, column)| Some((pair, *of_column.get(column)?)))
        .collect();
    let (of_pairs, of_eve): (Vec<_>, Vec<_>) = common.into_iter().unzip();
    let select = |x: &Array2<f64>, columns: &[usize]| x.select(Axis(1), columns);
    let a = process(steps, select(&pairs.alice, &of_pairs))?;

    let mut guesses = as_they_stand(&a, &views, &of_eve, config, steps)?;
    guesses.extend(predicted(&a, &views, &others, &of_eve, steps)?);
    // The best one first: its bits are those that are reported.
    guesses.sort_by(|x, y| y.reach().total_cmp(&x.reach()));
    let Some(rho) = guesses.first().map(Guess::reach) else { return Ok(()) };
    (report.eve_rho, settings.eve) = (rho, EveModel::of(rho));
    if a.is_empty() {
        return Ok(());
    }

    let b = process(steps, select(&pairs.bob, &of_pairs))?;
    let quantizer = settings.quantize.resolved();
    let alice = quantizer.quantize(Role::Alice, &a, &[])?;
    let bob = quantizer.quantize(Role::Bob, &b, &alice.announced)?;
    let kept: Vec<usize> = (0..alice.symbols.len())
        .filter(|&place| alice.kept.get(place) == Some(true) && bob.kept.get(place) == Some(true))
        .collect();
    let symbols = kept.len();
    for (index, guess) in guesses.iter().enumerate() {
        let eve = quantizer.quantize(Role::Bob, &guess.series, &alice.announced)?;
        let (count, errors) = alice.differences(&bob, &eve);
        if index == 0 {
            report.eve_kdr = (count > 0).then(|| errors as f64 / count as f64);
        }
        // A correlation explains how often she guesses if everything is Gaussian. Who knows some values for certain and others not at all
        // guesses oftener: that counts as it is, once it is more than chance.
        let hits = kept.iter().filter(|&&place| alice.symbols[place] == eve.symbols[place]).count();
        let independent = (guess.effective_pairs / pairs.len().max(1) as f64).min(1.0);
        let trials = symbols as f64 * independent;
        let bits = count as f64 / symbols.max(1) as f64;
        let model = 2f64.powf(-settings.quantize.min_entropy(rho) * bits);
        let (least, most) = wilson(hits as f64 * independent, trials);
        if trials >= 32.0 && least > model {
            settings.active.guess = settings.active.guess.max(most);
        }
    }
    Ok(())
}

/// What she takes Alice's processed series for, and how well that goes.
struct Guess {
    series: Array2<f64>,
    correlation: f64,
    effective_pairs: f64,
}

impl Guess {
    /// The upper end of Fisher's interval on the effective number of pairs.
    fn reach(&self) -> f64 {
        let reach = 2.326 / (self.effective_pairs - 3.0).max(1.0).sqrt();
        (self.correlation.min(0.999_999).atanh() + reach).tanh()
    }
}

fn process(steps: &[Preprocess], mut series: Array2<f64>) -> Result<Array2<f64>> {
    for step in steps {
        series = step.apply(series)?;
    }
    Ok(series)
}

/// Her views lane by lane: each alone, and all of them regressed on together.
fn as_they_stand(
    a: &Array2<f64>,
    views: &[Pairs],
    columns: &[usize],
    config: &Config,
    steps: &[Preprocess],
) -> Result<Vec<Guess>> {
    // In which order her lanes are is hers to know.
    let orders: &[Order] = if config.calibrate.is_none() { &[Order::Natural] } else { &Order::ALL };
    let each = if config.component == Component::Complex && a.nrows().is_multiple_of(2) { 2 } else { 1 };
    let mut best: Option<(f64, Vec<Guess>)> = None;
    for &order in orders {
        let of_view = |view: &Pairs| process(steps, arrange(view.bob.select(Axis(1), columns), order, each));
        let e = views.iter().map(of_view).collect::<Result<Vec<_>>>()?;
        let alone = e.iter().map(|e| (e, resemblance(a, e)));
        let Some((view, got)) = alone.max_by(|x, y| x.1.correlation.total_cmp(&y.1.correlation)) else {
            continue;
        };
        let effective_pairs = got.effective_pairs;
        let mut guesses =
            vec![Guess { series: upright(a, view.clone()), correlation: got.correlation, effective_pairs }];
        if e.len() > 1 {
            let (mut series, correlation) = regress(a, &e);
            for (mut known, row) in series.rows_mut().into_iter().zip(a.rows()) {
                // The ends decide around their level, which is no secret.
                known += row.mean().unwrap_or(0.0);
            }
            guesses.push(Guess { series, correlation, effective_pairs });
        }
        let most = guesses.iter().map(Guess::reach).fold(0.0, f64::max);
        if best.as_ref().is_none_or(|(known, _)| most > *known) {
            best = Some((most, guesses));
        }
    }
    Ok(best.map_or_else(Vec::new, |(_, guesses)| guesses))
}

/// `series` with those lanes reflected at their mean that go against the same of `target`.
fn upright(target: &Array2<f64>, mut series: Array2<f64>) -> Array2<f64> {
    for (mut lane, row) in series.rows_mut().into_iter().zip(target.rows()) {
        if pearson(row, lane.view()).is_some_and(|r| r < 0.0) {
            let mean = lane.mean().unwrap_or(0.0);
            lane.mapv_inplace(|x| 2.0 * mean - x);
        }
    }
    series
}

/// What follows from all that she has, whichever lane of whatever helps.
fn predicted(
    a: &Array2<f64>,
    views: &[Pairs],
    others: &[Pairs],
    columns: &[usize],
    steps: &[Preprocess],
) -> Result<Vec<Guess>> {
    let mut all = Vec::new();
    for (index, view) in views.iter().chain(others).enumerate() {
        let series = view.bob.select(Axis(1), columns);
        // Steps that mix lanes, or leave some out, mix and leave out hers in the order that she has them: she need not take them.
        if steps.iter().any(mixes) {
            all.push(unmixed(steps, series.clone())?);
        }
        let series = process(steps, series)?;
        // Of ranks: a wild value does not hide the rest, nor does another scale.
        if index < views.len() {
            all.push(normal_scores(&series));
        }
        all.push(series);
    }
    let known = regression::held_out(a, &all);
    Ok(known
        .into_iter()
        .map(|known| Guess {
            series: known.series,
            correlation: known.correlation,
            effective_pairs: known.effective_pairs,
        })
        .collect())
}

fn mixes(step: &Preprocess) -> bool {
    matches!(step, Preprocess::Pca(_) | Preprocess::Decimate(Decimate { lane: 2.., .. }))
}

/// What `steps` do to each lane by itself.
fn unmixed(steps: &[Preprocess], mut series: Array2<f64>) -> Result<Array2<f64>> {
    for step in steps {
        series = match step {
            Preprocess::Pca(method) => {
                let from = method.calibration.min(series.ncols());
                series.slice_axis(Axis(1), Slice::from(from..)).to_owned()
            }
            Preprocess::Decimate(method) => {
                Preprocess::Decimate(Decimate { lane: 1, ..method.clone() }).apply(series)?
            }
            step => step.apply(series)?,
        };
    }
    Ok(series)
}

/// The 99 % interval of a probability of which `hits` of `trials` were seen (Wilson, J. Am. Stat. Assoc. 22, 1927).
fn wilson(hits: f64, trials: f64) -> (f64, f64) {
    const Z: f64 = 2.575_829_303_548_901;
    if trials <= 0.0 {
        return (0.0, 1.0);
    }
    let p = hits / trials;
    let centre = p + Z * Z / (2.0 * trials);
    let spread = Z * (p * (1.0 - p) / trials + Z * Z / (4.0 * trials * trials)).sqrt();
    let scale = 1.0 + Z * Z / trials;
    (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
}

#[cfg(test)]
mod tests;
