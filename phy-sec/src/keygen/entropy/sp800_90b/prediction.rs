//! What the four predictors of sections 6.3.7 to 6.3.10 share: the scoreboard that follows the best of several, and the
//! entropy behind a number of right predictions and their longest run.

use super::{Estimate, upper};

/// Predictors that compete. The one with the most right predictions so far speaks for all; among equals, the one that was
/// right last, and of those the last in order.
#[derive(Debug, Clone)]
pub(super) struct Scoreboard<const N: usize> {
    score: [u32; N],
    winner: usize,
    tally: Tally,
}

/// Right predictions, and the longest run of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    hits: u64,
    run: u64,
    longest: u64,
}

impl<const N: usize> Scoreboard<N> {
    pub(super) fn new() -> Self {
        Self { score: [0; N], winner: 0, tally: Tally::default() }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// The predictor whose prediction counts.
    pub(super) fn winner(&self) -> usize {
        self.winner
    }

    /// One step: who was right, in order, and what the winner said (`None` for nothing).
    pub(super) fn step(&mut self, right: impl IntoIterator<Item = usize>, winner_right: Option<bool>) {
        // NIST's tool lets a run go on over a step without a prediction.
        if let Some(right) = winner_right {
            self.tally.push(right);
        }
        for predictor in right {
            self.score[predictor] += 1;
            if self.score[predictor] >= self.score[self.winner] {
                self.winner = predictor;
            }
        }
    }

    /// 64 steps, the first in the most significant bit: where each predictor was right, where it said nothing, and which
    /// steps there are.
    pub(super) fn block(&mut self, right: &[u64; N], silent: &[u64; N], valid: u64) {
        let mut gains = [0u32; N];
        for (gain, right) in gains.iter_mut().zip(right) {
            *gain = right.count_ones();
        }
        // Only who can catch up within the block has to be watched step by step.
        let leader = self.score[self.winner];
        let mut watched = [0usize; N];
        let mut count = 0;
        for (predictor, &gain) in gains.iter().enumerate() {
            let near = self.score[predictor] + gain >= leader && gain > 0;
            if near || predictor == self.winner {
                watched[count] = predictor;
                count += 1;
            }
        }
        let watched = &watched[..count];
        if watched.len() == 1 {
            let winner = self.winner;
            self.tally.block(right[winner], valid & !silent[winner]);
            for (score, gain) in self.score.iter_mut().zip(&gains) {
                *score += gain;
            }
            return;
        }
        let (mut hits, mut spoken) = (0, 0);
        let mut steps = valid;
        while steps != 0 {
            let bit = 1 << (63 - steps.leading_zeros());
            steps &= !bit;
            hits |= right[self.winner] & bit;
            spoken |= bit & !silent[self.winner];
            let mut best = self.score[self.winner];
            for &predictor in watched {
                if right[predictor] & bit != 0 {
                    self.score[predictor] += 1;
                    if self.score[predictor] >= best {
                        self.winner = predictor;
                        best = self.score[predictor];
                    }
                }
            }
        }
        self.tally.block(hits, spoken);
        let mut others = watched.iter().peekable();
        for (predictor, gain) in gains.iter().enumerate() {
            if others.next_if_eq(&&predictor).is_none() {
                self.score[predictor] += gain;
            }
        }
    }
}

impl Tally {
    pub(super) fn push(&mut self, right: bool) {
        self.run = if right { self.run + 1 } else { 0 };
        self.hits += u64::from(right);
        self.longest = self.longest.max(self.run);
    }

    /// The steps in `spoken`, the first in its most significant bit, right where `hits` says so.
    pub(super) fn block(&mut self, hits: u64, spoken: u64) {
        let hits = hits & spoken;
        if spoken != u64::MAX {
            let mut steps = spoken;
            while steps != 0 {
                let bit = 1 << (63 - steps.leading_zeros());
                steps &= !bit;
                self.push(hits & bit != 0);
            }
            return;
        }
        self.hits += u64::from(hits.count_ones());
        if hits == u64::MAX {
            self.run += 64;
            self.longest = self.longest.max(self.run);
            return;
        }
        self.longest = self.longest.max(self.run + u64::from(hits.leading_ones()));
        self.run = u64::from(hits.trailing_ones());
        // Runs in the middle: how often the ones can be thinned out from one side before none is left.
        let (mut left, mut length) = (hits, 0);
        while left != 0 {
            left &= left << 1;
            length += 1;
        }
        self.longest = self.longest.max(length);
    }

    /// The estimate from `trials` predictions over an alphabet of `alphabet` symbols: the greater of what the share of right
    /// ones and what their longest run allow, at 99 % confidence.
    pub(super) fn estimate(self, trials: usize, alphabet: usize) -> Estimate {
        let n = trials as f64;
        let (hits, r) = (self.hits as f64, self.longest as f64 + 1.0);
        let p = hits / n;
        let global = if hits > 0.0 { upper(p, trials) } else { 1.0 - 0.01f64.powf(1.0 / n) };
        let mut greatest = global.max(1.0 / alphabet as f64);
        let mut values = vec![("C", hits), ("r", r), ("N", n), ("P_global", p), ("P_global'", global)];
        let target = 0.99f64.ln();
        if greatest < 1.0 && log_no_run(greatest, r, n) > target {
            let (mut low, mut high) = (greatest, 1.0);
            // The probability of no run of r falls as p grows.
            for _ in 0..100 {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                if log_no_run(middle, r, n) > target { low = middle } else { high = middle }
            }
            greatest = high;
            values.push(("P_local", high));
        }
        Estimate { name: "", min_entropy: Some(-greatest.log2() + 0.0), values: values.into_iter().collect() }
    }
}

/// Natural logarithm of the probability that `n` trials of probability `p` hold no run of `r` successes: Feller's
/// approximation (An Introduction to Probability Theory, vol. 1, XIII.7), as section 6.3.7, step 8, has it.
fn log_no_run(p: f64, r: f64, n: f64) -> f64 {
    let q = 1.0 - p;
    // The root x = 1 + y of x = 1 + q p^r x^(r + 1); y is tiny and would drown in x.
    let first = q * p.powf(r);
    let mut y = 0.0f64;
    for _ in 0..70 {
        let next = first * ((r + 1.0) * y.ln_1p()).exp();
        if (next - y).abs() <= 1e-17 * next {
            break;
        }
        y = next;
    }
    ((q - p * y) / (q * (1.0 - r * y))).ln() - (n + 1.0) * y.ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Block by block is step by step, whoever leads, with gaps in what is said.
    #[test]
    fn blocks_are_steps() {
        const N: usize = 5;
        let mut state = 1u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for quiet in [false, true] {
            let (mut fast, mut slow) = (Scoreboard::<N>::new(), Scoreboard::<N>::new());
            for round in 0..400 {
                let silent: [u64; N] =
                    std::array::from_fn(|_| if quiet { next() & next() & next() } else { 0 });
                let right: [u64; N] =
                    std::array::from_fn(|k| (next() | if k == round % 7 { next() } else { 0 }) & !silent[k]);
                let valid = if round == 0 { u64::MAX >> 3 } else { u64::MAX };
                let right = right.map(|right| right & valid);
                fast.block(&right, &silent, valid);
                for step in (0..64).rev().filter(|step| valid >> step & 1 == 1) {
                    let w = slow.winner();
                    let said = (silent[w] >> step & 1 == 0).then_some(right[w] >> step & 1 == 1);
                    slow.step((0..N).filter(|&k| right[k] >> step & 1 == 1), said);
                }
                assert_eq!((fast.winner, fast.score), (slow.winner, slow.score), "{round}");
                let figures = |t: Tally| (t.hits, t.run, t.longest);
                assert_eq!(figures(fast.tally), figures(slow.tally), "{round}");
            }
        }
    }

    /// The probability of no run of `r` by its recursion, exactly.
    #[test]
    fn no_run_of_r() {
        for (p, r, n) in [(0.5, 10usize, 1000usize), (0.7, 20, 2000), (0.3, 6, 5000)] {
            let mut state = vec![0.0; r];
            state[0] = 1.0;
            for _ in 0..n {
                let total: f64 = state.iter().sum();
                for k in (1..r).rev() {
                    state[k] = state[k - 1] * p;
                }
                state[0] = total * (1.0 - p);
            }
            let exact = state.iter().sum::<f64>().ln();
            let got = log_no_run(p, r as f64, n as f64);
            assert!((got - exact).abs() < 1e-3 * exact.abs() + 1e-9, "{p} {r} {n}: {got} {exact}");
        }
    }
}
