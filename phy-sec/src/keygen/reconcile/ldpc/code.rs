//! A code: its parity checks, from rate, length and seed.

use std::sync::{Arc, Mutex, PoisonError};

use kernels::ldpc::{Entry, Layout};

use super::degrees::Ensemble;
use super::graph;
use crate::keygen::reconcile::frames::below;
use crate::{Error, Result};

/// Longest code without structure: those are decoded with frames side by side.
const UNSTRUCTURED: usize = 4096;

/// A parity-check matrix.
pub(super) struct Code {
    /// Bits of a frame.
    pub(super) bits: usize,
    /// Size of the circulants; 1 for a matrix without structure.
    pub(super) lanes: usize,
    /// Block row by block row.
    rows: Vec<Vec<Entry>>,
}

/// Size of the circulants of codes of about `bits` bits: as many block columns as the ensemble needs to be told from
/// others, and vectors as long as that allows.
pub(super) fn lanes(bits: usize) -> usize {
    if bits <= UNSTRUCTURED { 1 } else { (bits / 1024).next_power_of_two().clamp(64, 1024) }
}

/// A bit that is left out of the channel, and the check that is left out of the syndrome for it: one in which no other
/// punctured bit takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Puncture {
    pub(super) bit: u32,
    pub(super) check: u32,
}

impl Code {
    /// The code of `bits` bits, a multiple of [`lanes`], with a share of checks next to the ensemble's.
    pub(super) fn new(ensemble: &Ensemble, bits: usize, seed: u64) -> Self {
        let lanes = lanes(bits);
        let columns = bits / lanes;
        let rows = ((1.0 - ensemble.rate) * columns as f64).round().max(2.0) as usize;
        // Circulants keep short cycles away by themselves, so that only the columns of degree 2 need care.
        let distant = if lanes > 1 { 2 } else { 3 };
        let graph = graph::grow(&ensemble.degrees(columns, rows), rows, distant, seed);
        let rows = if lanes > 1 {
            graph::lift(&graph, rows, lanes, seed)
        } else {
            let mut of_row = vec![Vec::new(); rows];
            for (column, rows) in graph.iter().enumerate() {
                rows.iter()
                    .for_each(|&row| of_row[row as usize].push(Entry { column: column as u32, shift: 0 }));
            }
            // Of a very short code some row may have stayed empty.
            of_row.retain(|row| !row.is_empty());
            of_row
        };
        Self { bits: columns * lanes, lanes, rows }
    }

    /// As [`Code::new`]. The last few codes are kept: both ends of a session in one process, or the sessions of an
    /// evaluation, mostly use the same one.
    pub(super) fn shared(ensemble: &'static Ensemble, bits: usize, seed: u64) -> Arc<Self> {
        type Known = (f64, usize, u64, Arc<Code>);
        static LAST: Mutex<Vec<Known>> = Mutex::new(Vec::new());
        let same = |(rate, n, s, _): &&Known| (*rate, *n, *s) == (ensemble.rate, bits, seed);
        let known = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., code)) = known().iter().find(same) {
            return Arc::clone(code);
        }
        let code = Arc::new(Self::new(ensemble, bits, seed));
        let mut known = known();
        known.truncate(3);
        known.insert(0, (ensemble.rate, bits, seed, Arc::clone(&code)));
        code
    }

    /// Checks of a frame.
    pub(super) fn checks(&self) -> usize {
        self.rows.len() * self.lanes
    }

    /// The layout of `frames` frames side by side; of one frame for a code of circulants.
    pub(super) fn layout(&self, frames: usize) -> Result<Layout> {
        let lanes = if self.lanes == 1 { frames } else { self.lanes };
        Layout::new(lanes, self.bits / self.lanes, &self.rows).map_err(|err| Error::OutOfRange {
            field: "code",
            rule: "a matrix of at most 64 bits a check",
            got: err.to_string(),
        })
    }

    /// At most `count` bits to puncture, those of the lowest degree first, in the order in which they are best revealed
    /// again: last to first.
    ///
    /// First bits no check of which has another punctured bit (untainted puncturing: Elkouss et al., IEICE Trans.
    /// Fundamentals E95-A(4), 2012; arXiv:1103.6149), then bits with a check of their own.
    pub(super) fn punctures(&self, count: usize, seed: u64) -> Vec<Puncture> {
        let mut of_column: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.bits / self.lanes];
        for (row, entries) in self.rows.iter().enumerate() {
            for entry in entries {
                of_column[entry.column as usize].push((row, entry.shift as usize));
            }
        }
        let checks_of = |bit: usize| {
            let (column, lane) = (bit / self.lanes, bit % self.lanes);
            let check = move |&(row, shift): &(usize, usize)| {
                row * self.lanes + (lane + self.lanes - shift) % self.lanes
            };
            of_column[column].iter().map(check)
        };
        let mut order: Vec<u32> = (0..self.bits as u32).collect();
        let mut rng = graph::generator(seed, 2);
        for last in (1..order.len()).rev() {
            order.swap(last, below(&mut rng, last + 1));
        }
        order.sort_by_key(|&bit| of_column[bit as usize / self.lanes].len());
        // Punctured bits of each check; and whether the check is spent on one.
        let (mut punctured, mut spent) = (vec![0u8; self.checks()], vec![false; self.checks()]);
        let mut chosen = Vec::with_capacity(count.min(self.bits));
        let mut taken = vec![false; self.bits];
        for tainted in [false, true] {
            for &bit in &order {
                if chosen.len() >= count {
                    return chosen;
                }
                let mut checks = checks_of(bit as usize);
                if taken[bit as usize] || checks_of(bit as usize).any(|check| spent[check]) {
                    continue;
                }
                if !tainted && checks_of(bit as usize).any(|check| punctured[check] > 0) {
                    continue;
                }
                if let Some(check) = checks.find(|&check| punctured[check] == 0) {
                    checks_of(bit as usize).for_each(|check| punctured[check] = 1);
                    (spent[check], taken[bit as usize]) = (true, true);
                    chosen.push(Puncture { bit, check: check as u32 });
                }
            }
        }
        chosen
    }
}
