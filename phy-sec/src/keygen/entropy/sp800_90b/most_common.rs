//! The share of the most common value. SP 800-90B, section 6.3.1.

use super::sequence::Samples;
use super::{Estimate, Sequence, upper};

pub(super) fn estimate(sequence: &Sequence) -> Estimate {
    let mode = match &sequence.samples {
        Samples::Bits(bits) => bits.count_ones().max(bits.len() - bits.count_ones()),
        Samples::Symbols(symbols, alphabet) => {
            let mut counts = vec![0; *alphabet];
            symbols.iter().for_each(|&symbol| counts[usize::from(symbol)] += 1);
            counts.into_iter().max().unwrap_or(0)
        }
    };
    let p = mode as f64 / sequence.len() as f64;
    let above = upper(p, sequence.len());
    Estimate::new(-above.log2() + 0.0, [("Mode count", mode as f64), ("p-hat", p), ("p_u", above)])
}
