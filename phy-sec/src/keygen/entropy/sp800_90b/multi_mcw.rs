//! Predicts the most common value of the last 63, 255, 1023 or 4095 samples, whichever window has been right most often.
//! SP 800-90B, section 6.3.7.

use super::bit_string::BitString;
use super::prediction::Scoreboard;
use super::sequence::Samples;
use super::{Estimate, Sequence};

/// All odd, so that bits never tie.
const WINDOWS: [usize; 4] = [63, 255, 1023, 4095];

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let n = sequence.len();
    if n <= WINDOWS[3] {
        return Estimate::too_short();
    }
    let (board, alphabet) = match &sequence.samples {
        Samples::Bits(bits) => (of_bits(bits), 2),
        Samples::Symbols(symbols, alphabet) => (of_symbols(symbols, *alphabet), *alphabet),
    };
    board.tally().estimate(n - WINDOWS[0], alphabet)
}

fn of_bits(bits: &BitString) -> Scoreboard<4> {
    let mut board = Scoreboard::new();
    let mut ones = [0i32; 4];
    for (k, &word) in bits.words().iter().enumerate() {
        let mut right = [0u64; 4];
        for (window, (&length, (ones, right))) in
            WINDOWS.iter().zip(ones.iter_mut().zip(&mut right)).enumerate()
        {
            let leaving = bits.delayed(k, length);
            let half = length as i32 / 2;
            // Far from a tie the prediction cannot change within the block.
            if window > 0 && (2 * *ones - length as i32).abs() > 128 {
                *right = if *ones > half { word } else { !word };
                *ones += word.count_ones() as i32 - leaving.count_ones() as i32;
            } else {
                let mut count = *ones;
                for step in (0..64).rev() {
                    let bit = (word >> step) as i32 & 1;
                    *right = *right << 1 | u64::from(i32::from(count > half) == bit);
                    count += bit - ((leaving >> step) as i32 & 1);
                }
                *ones = count;
            }
            *right &= bits.valid(k, length);
        }
        board.block(&right, &[0; 4], bits.valid(k, WINDOWS[0]));
    }
    board
}

/// How often each symbol occurs in a window, when it did last, and which is the most common: among equals the last seen.
struct Window {
    length: usize,
    counts: Vec<u32>,
    last: Vec<usize>,
    most: usize,
    /// No other symbol occurs more often.
    others: u32,
}

impl Window {
    fn new(length: usize, alphabet: usize) -> Self {
        Self { length, counts: vec![0; alphabet], last: vec![0; alphabet], most: 0, others: 0 }
    }

    fn push(&mut self, symbols: &[u8], at: usize) {
        let new = usize::from(symbols[at]);
        let old = at.checked_sub(self.length).map(|old| usize::from(symbols[old]));
        self.counts[new] += 1;
        self.last[new] = at;
        if let Some(old) = old {
            self.counts[old] -= 1;
        }
        if new != self.most {
            self.others = self.others.max(self.counts[new]);
        }
        if old == Some(self.most) && new != self.most && self.others >= self.counts[self.most] {
            let rank = |symbol: usize| (self.counts[symbol], self.last[symbol]);
            self.most = (0..self.counts.len()).max_by_key(|&symbol| rank(symbol)).unwrap_or(0);
            let others = (0..self.counts.len()).filter(|&symbol| symbol != self.most);
            self.others = others.map(|symbol| self.counts[symbol]).max().unwrap_or(0);
        } else if new != self.most && self.counts[new] >= self.counts[self.most] {
            self.others = self.others.max(self.counts[self.most]);
            self.most = new;
        }
    }
}

fn of_symbols(symbols: &[u8], alphabet: usize) -> Scoreboard<4> {
    let mut windows = WINDOWS.map(|length| Window::new(length, alphabet));
    let mut board = Scoreboard::new();
    for (at, &symbol) in symbols.iter().enumerate() {
        let is_right = |window: &Window| at >= window.length && window.most == usize::from(symbol);
        if at >= WINDOWS[0] {
            let said = is_right(&windows[board.winner()]);
            board.step((0..4).filter(|&k| is_right(&windows[k])), Some(said));
        }
        windows.iter_mut().for_each(|window| window.push(symbols, at));
    }
    board
}
