//! Each symbol given the one before in its row and everything public about both: how far apart they are, how many bits
//! they have, and how the offsets within their cells differ.
//!
//! The other estimators see bit planes, one after the other; what all bits of a symbol tell together about the next symbol,
//! only this one sees. Distances are told apart in octaves, because kept samples that stand for excursions are tens of
//! samples apart and their distance says how likely the sign has changed.
//!
//! The series behind the symbols remembers more than its last symbol: the longer it has stayed in a cell, the further inside
//! it is, and the likelier it stays (its slowest path is the greatest eigenvalue of its transition there, not the mean over the
//! cell). So the symbol before is seen together with how often it has repeated, as far as there are trials enough to tell.
//!
//! As in the estimate *context*, the adversary is granted the likeliest outcome over all secret predecessors,
//! `H = -log2 Σ_g P(g) max_{s, x} P(x | s, g)`, at the upper ends of the confidence intervals: a lower bound of the average
//! min-entropy (Dodis et al. 2008) of any chain of this order.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Estimate, upper};

/// The symbols that were kept, row after row. All but `values` is public.
#[derive(Debug, Clone, Copy)]
pub struct Symbols<'a> {
    /// The symbols.
    pub values: &'a [u8],
    /// Bits of each.
    pub widths: &'a [u8],
    /// What Alice said of each.
    pub classes: &'a [u8],
    /// When each was measured, ascending within a row.
    pub place: &'a [u32],
    /// Where each row's symbols are.
    pub rows: &'a [Range<usize>],
}

/// Symbols of at most so many values: four bits.
const VALUES: usize = 16;

/// Repetitions are told apart in so many octaves, where at least so many trials show what follows them, so many standard
/// deviations beyond what follows all of them: of hundreds of contexts, some always look telling by chance.
const RUNS: usize = 6;
const TRIALS: f64 = 300.0;
const DEVIATIONS: f64 = 5.0;

/// Min-entropy per *bit*; 0 where there are too few symbols to say anything.
#[must_use]
pub fn estimate(symbols: &Symbols<'_>) -> Estimate {
    // What is public can be ignored: an adversary who does is not worse off on the likeliest path of all, on which the mean
    // over what is public turns.
    let counts = [true, false].map(|heard| count(symbols, heard));
    let least = |probability: &dyn Fn(f64, f64) -> f64| {
        counts.iter().map(|counts| per_bit(counts, probability)).fold(1.0, f64::min)
    };
    let (point, bound) = (least(&|hits, trials| hits / trials), least(&upper));
    Estimate { name: "symbols", point, bound: bound.min(point), conditional: true, counts: true }
}

/// By width, then by what is public: `[octave of times the previous symbol had come][previous symbol][symbol]`.
type Counts = BTreeMap<u8, BTreeMap<[u32; 3], Vec<f64>>>;

fn count(symbols: &Symbols<'_>, heard: bool) -> Counts {
    let classes = u32::from(symbols.classes.iter().copied().max().unwrap_or(0)) + 1;
    let class = |index: usize| if heard { u32::from(symbols.classes[index]) } else { 0 };
    let mut seen = Counts::new();
    for row in symbols.rows {
        let mut before: Option<usize> = None;
        let mut run = 1usize;
        for index in row.clone() {
            let (width, value) = (symbols.widths[index], usize::from(symbols.values[index]) % VALUES);
            let (public, last) = match before {
                None => ([u32::MAX, 0, class(index)], 0),
                Some(last) => {
                    let gap = symbols.place[index].saturating_sub(symbols.place[last]).max(1).ilog2();
                    let offset = (class(index) + classes - class(last)) % classes;
                    (
                        [gap, u32::from(symbols.widths[last]), offset],
                        usize::from(symbols.values[last]) % VALUES,
                    )
                }
            };
            let counts = seen.entry(width).or_default().entry(public);
            let counts = counts.or_insert_with(|| vec![0.0; RUNS * VALUES * VALUES]);
            let octave = (run.ilog2() as usize).min(RUNS - 1);
            counts[(octave * VALUES + last) * VALUES + value] += 1.0;
            run = if before.is_some() && last == value { run + 1 } else { 1 };
            before = Some(index);
        }
    }
    seen
}

fn per_bit(seen: &Counts, probability: &dyn Fn(f64, f64) -> f64) -> f64 {
    let (mut entropy, mut bits) = (0.0, 0.0);
    for (width, contexts) in seen {
        let (mut guessed, mut total) = (0.0, 0.0);
        for counts in contexts.values() {
            let (weight, best) = likeliest(counts, probability);
            guessed += weight * best;
            total += weight;
        }
        entropy -= total * (guessed / total).min(1.0).log2();
        bits += total * f64::from(*width);
    }
    if bits > 0.0 { (entropy / bits).clamp(0.0, 1.0) } else { 0.0 }
}

/// Trials in this public context, and the probability of the likeliest symbol after the most telling past.
fn likeliest(counts: &[f64], probability: &dyn Fn(f64, f64) -> f64) -> (f64, f64) {
    let (mut weight, mut best) = (0.0, 0.0f64);
    for last in 0..VALUES {
        // Runs of at least so many: from all of them to the longest.
        let at_least = |run: usize| {
            let outcome =
                |value| (run..RUNS).map(|run| counts[(run * VALUES + last) * VALUES + value]).sum::<f64>();
            let outcomes = (0..VALUES).map(outcome);
            outcomes.fold((0.0f64, 0.0f64), |(most, trials), count| (most.max(count), trials + count))
        };
        let (mut most, mut trials) = at_least(0);
        if trials <= 0.0 {
            continue;
        }
        weight += trials;
        let whole = most / trials;
        for run in 1..RUNS {
            let (longer, of_longer) = at_least(run);
            let chance = (whole * (1.0 - whole) / of_longer).sqrt();
            let demonstrable = of_longer >= TRIALS && longer / of_longer > whole + DEVIATIONS * chance;
            if demonstrable && longer / of_longer > most / trials {
                (most, trials) = (longer, of_longer);
            }
        }
        best = best.max(probability(most, trials));
    }
    (weight, best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn of(values: &[u8], width: u8, classes: &[u8]) -> Estimate {
        let place: Vec<u32> = (0..values.len() as u32).collect();
        let widths = vec![width; values.len()];
        let rows = [0..values.len()];
        estimate(&Symbols { values, widths: &widths, classes, place: &place, rows: &rows })
    }

    /// A chain over eight values that stays with probability s and else takes any other alike.
    #[test]
    fn a_chain_of_symbols() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for stay in [0.125, 0.5, 0.9] {
            let mut value = 0;
            let values: Vec<u8> = (0..20_000)
                .map(|_| {
                    let other = (rng.next_u32() % 7 + 1) as u8;
                    if (rng.next_u64() as f64 / 2f64.powi(64)) >= stay {
                        value = (value + other) % 8;
                    }
                    value
                })
                .collect();
            let got = of(&values, 3, &vec![0; values.len()]);
            let truth = -f64::log2(stay) / 3.0;
            assert!(got.bound <= truth && got.bound > 0.85 * truth - 0.02, "{stay}: {got:?}, {truth}");
        }
    }

    /// The public offset moves by what the symbol does: it tells the next symbol from the last.
    #[test]
    fn public_offsets_are_conditioned_on() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut value, mut values, mut classes) = (0u8, Vec::new(), Vec::new());
        for _ in 0..20_000 {
            value = (value + (rng.next_u32() % 4) as u8) % 4;
            values.push(value);
            classes.push(value);
        }
        assert!(of(&values, 2, &classes).bound < 0.01);
        assert!(of(&values, 2, &vec![0; values.len()]).bound > 0.85);
    }

    #[test]
    fn too_few_symbols_say_nothing() {
        assert_eq!(of(&[], 2, &[]).bound, 0.0);
        assert!(of(&[1, 2], 2, &[0, 0]).bound < 0.4);
        assert_eq!(of(&[3; 1000], 2, &[0; 1000]).bound, 0.0);
    }
}
