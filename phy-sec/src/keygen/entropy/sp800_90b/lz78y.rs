//! Predicts by a dictionary of what followed the last 1 to 16 samples: the entry that was seen most often speaks.
//! SP 800-90B, section 6.3.10.

use super::bit_string::BitString;
use super::multi_mmc::DEPTHS;
use super::prediction::Tally;
use super::sequence::Samples;
use super::trie::{Limit, Trie};
use super::{Estimate, Sequence};

/// Contexts in the dictionary, of all lengths together.
const CONTEXTS: usize = 65_536;

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let n = sequence.len();
    if n < DEPTHS + 4 {
        return Estimate::too_short();
    }
    match &sequence.samples {
        Samples::Bits(bits) => of_bits(bits).estimate(n - DEPTHS - 1, 2),
        Samples::Symbols(symbols, alphabet) => of_symbols(symbols).estimate(n - DEPTHS - 1, *alphabet),
    }
}

/// How often a zero and a one followed.
type Successors = [u32; 2];

fn of_bits(bits: &BitString) -> Tally {
    let mut tally = Tally::default();
    let mut depths: Vec<Vec<Successors>> = (1..=DEPTHS).map(|depth| vec![[0; 2]; 1 << depth]).collect();
    let mut room = CONTEXTS;
    let mut at = DEPTHS;
    while at < bits.len() && !(at.is_multiple_of(64) && shortest_decides(&depths)) {
        let bit = bits.get(at) as usize;
        let history = if at >= 64 { bits.window(at - 64) } else { bits.window(0) >> (64 - at) } as usize;
        let (mut most, mut said) = (0, None);
        for (depth, table) in depths.iter_mut().enumerate().rev() {
            let successors = &mut table[history & ((2 << depth) - 1)];
            if *successors == [0; 2] {
                if room > 0 {
                    room -= 1;
                    successors[bit] = 1;
                }
                continue;
            }
            let likelier = usize::from(successors[0] <= successors[1]);
            if successors[likelier] > most {
                (most, said) = (successors[likelier], Some(likelier));
            }
            successors[bit] += 1;
        }
        if at > DEPTHS {
            tally.push(said == Some(bit));
        }
        at += 1;
    }
    // From here on at the start of a word.
    let [mut zero, mut one] =
        [depths[0][0], depths[0][1]].map(|[zeros, ones]| i64::from(ones) - i64::from(zeros));
    for k in at.div_ceil(64)..bits.words().len() {
        let word = bits.words()[k];
        let before = bits.delayed(k, 1);
        let mut hits = 0;
        for step in (0..64).rev() {
            let bit = word >> step & 1;
            let surplus = if before >> step & 1 == 0 { &mut zero } else { &mut one };
            hits = hits << 1 | u64::from(u64::from(*surplus >= 0) == bit);
            *surplus += 2 * bit as i64 - 1;
        }
        tally.block(hits, bits.valid(k, 0));
    }
    tally
}

/// Whether the contexts of one bit alone decide from now on.
///
/// A longer context was followed by a bit no more often than each shorter one, so it is heard only where the counts are
/// equal: where the bit before the shorter context was always the same. Once it was not, for every context of one bit and
/// every successor, the shorter one is ahead for good. All contexts of two bits must be there, lest a longer one took the
/// last room in the dictionary in the step that would have brought them.
fn shortest_decides(depths: &[Vec<Successors>]) -> bool {
    (0..2).all(|context| {
        (0..2).all(|bit| {
            let longer = [depths[1][context][bit], depths[1][context | 2][bit]];
            longer[0] > 0 && longer[1] > 0 && depths[0][context][bit] > longer[0].max(longer[1])
        })
    })
}

fn of_symbols(symbols: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let mut trie = Trie::new(Limit::ContextsTogether(CONTEXTS));
    for at in DEPTHS..symbols.len() {
        let (mut most, mut said) = (0, None);
        trie.visit(symbols, at, |_, found| {
            // Upwards: among equals the longest context.
            if found.count >= most {
                (most, said) = (found.count, Some(found.likeliest));
            }
        });
        if at > DEPTHS {
            tally.push(said == Some(symbols[at]));
        }
    }
    tally
}
