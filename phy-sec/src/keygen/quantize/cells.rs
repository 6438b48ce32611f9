//! A partition of the line into labelled cells, and what theory says of it for jointly Gaussian ends: how often the labels
//! differ, what they have in common, and how well an eavesdropper guesses them.
//!
//! Everything is one integral over the outer variable of differences of the normal distribution function, by Simpson's
//! rule with a step that follows the width of the inner transition.

use super::Theory;
use crate::keygen::gaussian::{density, phi};

/// Tails beyond this hold less than 1e-18.
const END: f64 = 9.0;

/// An interval in standard deviations, `from..to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) from: f64,
    pub(super) to: f64,
    /// What a sample in it says: the bits of the symbol.
    pub(super) label: u8,
    /// What is said of it in public.
    pub(super) class: u8,
}

/// Alice's cells, disjoint and ascending; Bob's, disjoint and ascending within each class. What lies in none is dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    /// Bits of a label.
    pub(super) width: u8,
    pub(super) classes: u8,
    pub(super) alice: Vec<Cell>,
    pub(super) bob: Vec<Cell>,
}

/// The `k`-th word of the binary reflected Gray code.
pub(super) fn gray(k: u8) -> u8 {
    k ^ (k >> 1)
}

/// Simpson's rule over `from..to` with steps of at most `step`, on `add(x, weight)`.
fn simpson(from: f64, to: f64, step: f64, mut add: impl FnMut(f64, f64)) {
    let (from, to) = (from.max(-END), to.min(END));
    if from >= to {
        return;
    }
    let halves = 2 * (((to - from) / (2.0 * step)).ceil() as usize).max(2);
    let width = (to - from) / halves as f64;
    for k in 0..=halves {
        let weight = if k == 0 || k == halves { 1.0 } else { 2.0 + 2.0 * (k % 2) as f64 };
        add(from + width * k as f64, weight * width / 3.0);
    }
}

/// A step that resolves transitions of width `spread`.
fn step(spread: f64) -> f64 {
    (spread / 12.0).clamp(5e-4, 0.03)
}

impl Cells {
    fn labels(&self) -> usize {
        1 << self.width
    }

    /// `P(Alice's label, Bob's label, class)`, `[class][alice][bob]`, for correlation `rho`.
    fn joint(&self, rho: f64) -> Vec<f64> {
        let labels = self.labels();
        let mut joint = vec![0.0; usize::from(self.classes) * labels * labels];
        let spread = (1.0 - rho * rho).max(0.0).sqrt().max(1e-6);
        for mine in &self.alice {
            let start = (usize::from(mine.class) * labels + usize::from(mine.label)) * labels;
            let row = &mut joint[start..start + labels];
            let theirs: Vec<&Cell> = self.bob.iter().filter(|cell| cell.class == mine.class).collect();
            simpson(mine.from, mine.to, step(spread), |a, weight| {
                let weight = weight * density(a);
                let below = |edge: f64| phi((edge - rho * a) / spread);
                let mut last = (f64::NEG_INFINITY, 0.0);
                for cell in &theirs {
                    let from = if cell.from == last.0 { last.1 } else { below(cell.from) };
                    let to = below(cell.to);
                    row[usize::from(cell.label)] += weight * (to - from);
                    last = (cell.to, to);
                }
            });
        }
        joint
    }

    pub(super) fn theory(&self, rho: f64) -> Theory {
        let labels = self.labels();
        let joint = self.joint(rho.clamp(-1.0, 1.0));
        let kept: f64 = joint.iter().sum();
        if kept <= 0.0 {
            return Theory::default();
        }
        let (mut wrong, mut information) = (0.0, 0.0);
        for table in joint.chunks(labels * labels) {
            let total: f64 = table.iter().sum();
            let row = |a: usize| table[a * labels..(a + 1) * labels].iter().sum::<f64>();
            let column = |b: usize| (0..labels).map(|a| table[a * labels + b]).sum::<f64>();
            let (rows, columns): (Vec<_>, Vec<_>) = (0..labels).map(|k| (row(k), column(k))).unzip();
            for (index, &p) in table.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                let (a, b) = (index / labels, index % labels);
                wrong += p * f64::from((a ^ b).count_ones());
                information += p * (p * total / (rows[a] * columns[b])).log2();
            }
        }
        Theory {
            kdr: wrong / kept / f64::from(self.width),
            kept: kept.min(1.0),
            mutual_information: (information / kept).max(0.0),
        }
    }

    /// With what probability an eavesdropper guesses a kept symbol, given its class: the mean over her unquantized value
    /// `e` of the greatest posterior, `Σ_class ∫ max_label P(label, class, kept, e) de / P(kept)` (Dodis et al. 2008).
    ///
    /// Her value has correlation `rho` with both ends', whose own correlation is 1 (a genie) or, where Bob drops
    /// samples too, 0.8, whichever serves her better.
    pub(super) fn guess(&self, rho: f64) -> f64 {
        let rho = rho.abs().min(1.0);
        let genie = self.guess_alone(rho);
        if self.bob_keeps_all() { genie } else { genie.max(self.guess_pair(rho, 0.8)) }.clamp(0.0, 1.0)
    }

    fn bob_keeps_all(&self) -> bool {
        (0..self.classes).all(|class| {
            let mut end = f64::NEG_INFINITY;
            for cell in self.bob.iter().filter(|cell| cell.class == class) {
                if cell.from > end {
                    return false;
                }
                end = cell.to;
            }
            end == f64::INFINITY
        })
    }

    /// Both ends see the same value.
    fn guess_alone(&self, rho: f64) -> f64 {
        let mut both = Vec::new();
        for mine in &self.alice {
            for theirs in self.bob.iter().filter(|theirs| theirs.class == mine.class) {
                let (from, to) = (mine.from.max(theirs.from), mine.to.min(theirs.to));
                if from < to {
                    both.push(Cell { from, to, ..*mine });
                }
            }
        }
        let kept: f64 = both.iter().map(|cell| phi(cell.to) - phi(cell.from)).sum();
        let spread = (1.0 - rho * rho).sqrt();
        if kept <= 0.0 || spread < 1e-5 {
            return 1.0;
        }
        let mut right = 0.0;
        let mut posterior = vec![0.0; usize::from(self.classes) * self.labels()];
        simpson(-END, END, step(spread), |e, weight| {
            posterior.fill(0.0);
            let below = |edge: f64| phi((edge - rho * e) / spread);
            let mut last = (f64::NEG_INFINITY, 0.0);
            for cell in &both {
                let from = if cell.from == last.0 { last.1 } else { below(cell.from) };
                let to = below(cell.to);
                posterior[usize::from(cell.class) * self.labels() + usize::from(cell.label)] += to - from;
                last = (cell.to, to);
            }
            right += weight * density(e) * best(&posterior, self.labels());
        });
        right / kept
    }

    /// The ends' values have correlation `pair`.
    fn guess_pair(&self, rho: f64, pair: f64) -> f64 {
        // b given a and e: weights of a and of e, and what is left.
        let rest = 1.0 - rho * rho;
        if rest < 1e-9 || 1.0 + pair < 2.0 * rho * rho {
            return 0.0; // no such triple exists; the other case decides
        }
        let (of_a, of_e) = ((pair - rho * rho) / rest, rho * (1.0 - pair) / rest);
        let left = (1.0 - of_a * pair - of_e * rho).max(1e-12).sqrt();
        let spread = rest.sqrt();
        let (mut right, mut kept) = (0.0, 0.0);
        let mut posterior = vec![0.0; usize::from(self.classes) * self.labels()];
        // Twice in every session: coarse grids, whose error the tests bound.
        simpson(-6.0, 6.0, 0.1, |e, weight| {
            posterior.fill(0.0);
            for mine in &self.alice {
                let place = usize::from(mine.class) * self.labels() + usize::from(mine.label);
                simpson(
                    mine.from.max(-6.0),
                    mine.to.min(6.0),
                    (spread / 4.0).clamp(0.01, 0.1),
                    |a, weight| {
                        let mean = of_a * a + of_e * e;
                        let theirs = self.bob.iter().filter(|theirs| theirs.class == mine.class);
                        let bob: f64 = theirs
                            .map(|cell| phi((cell.to - mean) / left) - phi((cell.from - mean) / left))
                            .sum();
                        posterior[place] += weight * density((a - rho * e) / spread) / spread * bob;
                    },
                );
            }
            let weight = weight * density(e);
            right += weight * best(&posterior, self.labels());
            kept += weight * posterior.iter().sum::<f64>();
        });
        right / kept
    }

    /// The cell of `value` among edges in the lane's own units.
    pub(super) fn find(cells: &[Cell], class: Option<u8>, value: f64) -> Option<&Cell> {
        let fits = |cell: &&Cell| class.is_none_or(|class| class == cell.class);
        cells.iter().filter(fits).find(|cell| cell.from <= value && value < cell.to)
    }
}

/// The sum over the classes of the likeliest label's probability.
fn best(posterior: &[f64], labels: usize) -> f64 {
    posterior.chunks(labels).map(|class| class.iter().copied().fold(0.0, f64::max)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keygen::gaussian;

    /// Signs with a guard band, as cells: the same as the formulas for signs.
    fn band(alice: f64, bob: f64) -> Cells {
        let cells = |alpha: f64| {
            let cell = |from, to, label| Cell { from, to, label, class: 0 };
            vec![cell(f64::NEG_INFINITY, -alpha, 0), cell(alpha, f64::INFINITY, 1)]
        };
        Cells { width: 1, classes: 1, alice: cells(alice), bob: cells(bob) }
    }

    #[test]
    fn signs_are_cells() {
        for (rho, alice, bob) in
            [(0.8, 0.2, 0.2), (0.9, 0.6, 0.6), (0.95, 0.2, 0.0), (0.999, 0.0, 0.0), (0.0, 0.3, 0.3)]
        {
            let (kdr, kept) = gaussian::disagreement(rho, alice, bob);
            let got = band(alice, bob).theory(rho);
            assert!(
                (got.kdr - kdr).abs() < 1e-7 && (got.kept - kept).abs() < 1e-7,
                "{rho}: {got:?} {kdr} {kept}"
            );
        }
        for (rho, alice, bob) in
            [(0.5, 0.0, 0.0), (0.5, 0.3, 0.3), (0.9, 0.6, 0.0), (0.8, 0.6, 0.6), (0.0, 0.4, 0.4)]
        {
            let (got, want) = (band(alice, bob).guess(rho), gaussian::guess(rho, alice, bob));
            assert!((got - want).abs() < 1e-4, "{rho} {alice} {bob}: {got}, {want}");
        }
    }

    #[test]
    fn gray_neighbours_differ_in_one_bit() {
        assert!((0..15).all(|k| (gray(k) ^ gray(k + 1)).count_ones() == 1));
    }
}
