//! The place of each statistic among those of random orders of the same samples. SP 800-90B, section 5.1.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::super::Alphabet;
use super::Config;
use super::statistic::{Samples, Statistic};

/// A rank within so many of either end is a failure.
const EXTREME: usize = 5;
/// Random orders that are looked at before it is asked which statistics are done with.
const BATCH: usize = 8;

/// How the samples' own statistic compares with those of random orders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rank {
    /// Which statistic.
    pub name: &'static str,
    /// Of the samples as they are.
    pub value: f64,
    /// Random orders with a greater, the same, and a smaller one.
    pub greater: usize,
    /// See `greater`.
    pub equal: usize,
    /// See `greater`.
    pub less: usize,
    /// Whether it is not among the five most extreme at either end.
    pub passes: bool,
}

impl Rank {
    fn passes(&self) -> bool {
        self.greater + self.equal > EXTREME && self.equal + self.less > EXTREME
    }
}

pub(super) fn ranks(samples: &[u8], alphabet: &Alphabet, config: Config) -> Vec<Rank> {
    let own = Samples::new(samples, alphabet);
    let mut ranks: Vec<Rank> = Statistic::ALL
        .iter()
        .map(|statistic| {
            let value = own.measure(*statistic);
            Rank { name: statistic.name(), value, greater: 0, equal: 0, less: 0, passes: false }
        })
        .collect();
    let mut done = 0;
    while done < config.permutations {
        let open: Vec<usize> = (0..ranks.len()).filter(|&k| !ranks[k].passes).collect();
        if open.is_empty() {
            break;
        }
        let batch = BATCH.min(config.permutations - done);
        let values: Vec<Vec<f64>> = (done..done + batch)
            .into_par_iter()
            .map(|number| {
                let mut order = samples.to_vec();
                let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
                rng.set_stream(number as u64);
                shuffle(&mut order, &mut rng);
                let order = Samples::new(&order, alphabet);
                open.iter().map(|&k| order.measure(Statistic::ALL[k])).collect()
            })
            .collect();
        for values in values {
            for (&k, value) in open.iter().zip(values) {
                let rank = &mut ranks[k];
                let count = if value > rank.value {
                    &mut rank.greater
                } else if value < rank.value {
                    &mut rank.less
                } else {
                    &mut rank.equal
                };
                *count += 1;
            }
        }
        done += batch;
        ranks.iter_mut().for_each(|rank| rank.passes = rank.passes());
    }
    ranks
}

/// Fisher and Yates. The place is the high half of a product, whose bias of 2^-36 for a million samples no rank of 10,000 shows.
fn shuffle(samples: &mut [u8], rng: &mut impl Rng) {
    for last in (1..samples.len()).rev() {
        let place = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        samples.swap(last, place as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every order of four is as frequent as every other.
    #[test]
    fn shuffles_are_uniform() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..24_000 {
            let mut order = [0u8, 1, 2, 3];
            shuffle(&mut order, &mut rng);
            *counts.entry(order).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        let statistic: f64 = counts.values().map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0).sum();
        assert!(statistic < 49.7, "{statistic}"); // 0.999 quantile of 23 degrees of freedom
    }
}
