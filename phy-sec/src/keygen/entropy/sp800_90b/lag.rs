//! Predicts the sample of 1 to 128 samples ago, whichever has been right most often. SP 800-90B, section 6.3.8.
//!
//! 64 samples at a time: those equal to the ones `lag` before are the zeros of a word xor its delayed self, over as many
//! bit planes as a symbol has bits.

use super::bit_string::BitString;
use super::prediction::Scoreboard;
use super::sequence::Samples;
use super::{Estimate, Sequence};

const LAGS: usize = 128;

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let n = sequence.len();
    if n < 3 {
        return Estimate::too_short();
    }
    let (planes, alphabet): (Vec<BitString>, usize) = match &sequence.samples {
        Samples::Bits(bits) => return tally(&[bits], n).tally().estimate(n - 1, 2),
        Samples::Symbols(symbols, alphabet) => {
            let width = usize::BITS - (alphabet - 1).leading_zeros();
            let plane = |k: u32| BitString::new(symbols.iter().map(|symbol| symbol >> k & 1), 1);
            ((0..width).map(plane).collect(), *alphabet)
        }
    };
    tally(&planes.iter().collect::<Vec<_>>(), n).tally().estimate(n - 1, alphabet)
}

fn tally(planes: &[&BitString], n: usize) -> Scoreboard<LAGS> {
    let mut board = Scoreboard::<LAGS>::new();
    let spoken = [0; LAGS];
    for k in 0..n.div_ceil(64) {
        let mut differ = [0; LAGS];
        for plane in planes {
            let word = |back: usize| k.checked_sub(back).map_or(0, |k| plane.words()[k]);
            let recent = [word(0), word(1), word(2)];
            for (half, differ) in differ.chunks_exact_mut(64).enumerate() {
                let (now, before) = (recent[half], recent[half + 1]);
                for (lag, differ) in (1u32..64).zip(differ.iter_mut()) {
                    *differ |= recent[0] ^ (now >> lag | before << (64 - lag));
                }
                differ[63] |= recent[0] ^ before;
            }
        }
        let mut right = differ.map(|differ| !differ);
        // Where the lag reaches back beyond the start, and past the end, nothing is right.
        if k <= LAGS / 64 || (k + 1) * 64 > n {
            for (lag, right) in (1..).zip(&mut right) {
                *right &= planes[0].valid(k, lag);
            }
        }
        board.block(&right, &spoken, planes[0].valid(k, 1));
    }
    board
}
