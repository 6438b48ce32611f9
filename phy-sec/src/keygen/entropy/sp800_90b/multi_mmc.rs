//! Predicts by what most often followed the last 1 to 16 samples, whichever number of samples has been right most often.
//! SP 800-90B, section 6.3.9.

use super::bit_string::BitString;
use super::prediction::Scoreboard;
use super::sequence::Samples;
use super::trie::{Limit, Trie};
use super::{Estimate, Sequence};

/// Samples that a prediction looks back at.
pub(super) const DEPTHS: usize = 16;
/// Pairs of a context and its successor that each depth remembers.
const PAIRS: usize = 100_000;

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let n = sequence.len();
    if n < 4 {
        return Estimate::too_short();
    }
    match &sequence.samples {
        Samples::Bits(bits) => of_bits(bits).tally().estimate(n - 2, 2),
        Samples::Symbols(symbols, alphabet) => of_symbols(symbols).tally().estimate(n - 2, *alphabet),
    }
}

/// For each context: four times the surplus of ones over zeros among its successors, plus 2 if a one was among them, plus 1
/// if a zero was. Its sign is the prediction, a tie being a one.
type Contexts = [i32; 1 << DEPTHS];

/// The contexts of one length.
struct Depth {
    length: usize,
    mask: u16,
    contexts: Box<Contexts>,
    /// Pairs of a context and a successor that were seen.
    pairs: usize,
}

impl Depth {
    fn new(length: usize) -> Self {
        let zeros = vec![0; 1 << DEPTHS].into_boxed_slice();
        let contexts = zeros.try_into().unwrap_or_else(|_| Box::new([0; 1 << DEPTHS]));
        Self { length, mask: (0xffffu32 >> (DEPTHS - length)) as u16, contexts, pairs: 0 }
    }

    /// 64 steps whose bits are those of `word` and whose contexts end `history`: where it is right, where it is silent.
    fn block(&mut self, word: u64, history: &[u16; 64], valid: u64) -> (u64, u64) {
        if self.pairs == 2 << self.length && valid == u64::MAX {
            // Everything was seen: the surplus alone is left to keep.
            let (mut right, mut rest) = (0, word);
            for history in history {
                let context = &mut self.contexts[usize::from(history & self.mask)];
                let bit = rest >> 63;
                rest <<= 1;
                right = right << 1 | (u64::from(*context < 0) ^ bit);
                *context += 8 * bit as i32 - 4;
            }
            return (right, 0);
        }
        let (mut right, mut silent) = (0, 0);
        for (step, history) in (0..64).rev().zip(history) {
            let bit = word >> step & 1;
            let context = &mut self.contexts[usize::from(history & self.mask)];
            let seen = u64::from(*context & 3 != 0);
            let known = *context >> bit & 1 != 0;
            let valid = valid >> step & 1 == 1;
            right = right << 1 | (seen & (u64::from(*context < 0) ^ bit) & u64::from(valid));
            silent = silent << 1 | (seen ^ 1);
            if valid && (known || self.pairs < PAIRS) {
                self.pairs += usize::from(!known);
                *context = (*context + 8 * bit as i32 - 4) | 1 << bit;
            }
        }
        (right, silent)
    }
}

fn of_bits(bits: &BitString) -> Scoreboard<DEPTHS> {
    let mut board = Scoreboard::new();
    let mut depths: Vec<Depth> = (1..=DEPTHS).map(Depth::new).collect();
    let mut before = 0u64;
    for (k, &word) in bits.words().iter().enumerate() {
        let pair = u128::from(before) << 64 | u128::from(word);
        let history: [u16; 64] = std::array::from_fn(|step| (pair >> (64 - step)) as u16);
        let (mut right, mut silent) = ([0; DEPTHS], [0; DEPTHS]);
        for (index, depth) in depths.iter_mut().enumerate() {
            (right[index], silent[index]) = depth.block(word, &history, bits.valid(k, depth.length));
        }
        before = word;
        board.block(&right, &silent, bits.valid(k, 2));
    }
    board
}

fn of_symbols(symbols: &[u8]) -> Scoreboard<DEPTHS> {
    let mut board = Scoreboard::new();
    let mut trie = Trie::new(Limit::PairsOfEachDepth(PAIRS));
    for at in 1..symbols.len() {
        let mut right = [0; DEPTHS];
        let mut count = 0;
        let winner = board.winner();
        let mut said = None;
        trie.visit(symbols, at, |depth, found| {
            let hit = found.likeliest == symbols[at];
            if depth == winner + 1 {
                said = Some(hit);
            }
            if hit {
                right[count] = depth - 1;
                count += 1;
            }
        });
        if at > 1 {
            board.step(right[..count].iter().copied(), said);
        }
    }
    board
}
