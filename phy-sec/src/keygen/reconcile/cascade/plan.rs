//! The variants: how many passes, how long their blocks.

use serde::{Deserialize, Serialize};

/// What a variant does with a string of a given length and error rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Block length of each pass.
    pub(crate) blocks: Vec<usize>,
    /// After those: halves of the string, until so many passes in a row have found nothing.
    pub(crate) streak: usize,
    /// Search on from every range whose parity is known, not from whole blocks only.
    pub(crate) reuse: bool,
}

/// Passes that no honest run comes near; a streak that never ends does.
pub(crate) const MOST_PASSES: usize = 120;

macro_rules! variants {
    ($($(#[$doc:meta])* $name:literal $variant:ident $plan:expr,)*) => {
        /// Number of passes and growth of the blocks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub enum Variant {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Variant {
            /// The name of every variant, as configuration spells it.
            pub const ALL: &'static [&'static str] = &[$($name),*];

            pub(crate) fn plan(self, bits: usize, error_rate: f64) -> Plan {
                let plan: fn(usize, f64) -> Plan = match self { $(Self::$variant => $plan,)* };
                let mut plan = plan(bits, error_rate.max(1e-5));
                for block in &mut plan.blocks {
                    *block = (*block).clamp(1, bits);
                }
                plan
            }
        }
    };
}

// Block lengths as cascade-cpp rounds them; Q is the error rate, n the length of the string.
variants! {
    /// Brassard and Salvail's: four passes, `k1 = 0.73 / Q`, doubling.
    #[default]
    "original" Original |_, rate| {
        let first = ceil(0.73 / rate);
        Plan { blocks: (0..4).map(|pass| first << pass).collect(), streak: 0, reuse: false }
    },
    /// The paper's modification (1), BICONF: two passes, `k1 = 0.92 / Q`, `k2 = 3 k1`; then random halves until ten in
    /// a row find nothing.
    "biconf" Biconf |_, rate| {
        let first = ceil(0.92 / rate);
        Plan { blocks: vec![first, 3 * first], streak: 10, reuse: false }
    },
    /// Option (2), Yan et al.: ten passes, `k1 = 0.8 / Q`, `k2 = 5 k1`, then `n / 2`.
    "yanetal" Yanetal |bits, rate| {
        let first = ceil(0.80 / rate);
        halves(vec![first, 5 * first], 10, bits, false)
    },
    /// Option (3): sixteen passes, `k1 = 1 / Q`, `k2 = 2 k1`, then `n / 2`.
    "option3" Option3 |bits, rate| {
        let first = ceil(1.0 / rate);
        halves(vec![first, 2 * first], 16, bits, false)
    },
    /// Option (4): option (3), and known parities of parts of blocks are searched from.
    "option4" Option4 |bits, rate| {
        let first = ceil(1.0 / rate);
        halves(vec![first, 2 * first], 16, bits, true)
    },
    /// Option (7): fourteen passes, `k1 = 2^⌈log2(1/Q)⌉`, `k2 = 4 k1`, then `n / 2`; parts of blocks as in (4).
    "option7" Option7 |bits, rate| {
        let first = power((1.0 / rate).log2());
        halves(vec![first, 4 * first], 14, bits, true)
    },
    /// Option (8): fourteen passes, `k1 = 2^⌈α⌉`, `k2 = 2^⌈(α+12)/2⌉`, `k3 = 2^12`, then `n / 2`, with
    /// `α = log2(1/Q) - 1/2`; parts of blocks as in (4). Made for `n = 2^14`.
    "option8" Option8 |bits, rate| {
        let alpha = (1.0 / rate).log2() - 0.5;
        halves(vec![power(alpha), power((alpha + 12.0) / 2.0), 4096], 14, bits, true)
    },
}

fn ceil(length: f64) -> usize {
    length.ceil() as usize
}

/// The power of two whose exponent is `exponent` rounded up.
fn power(exponent: f64) -> usize {
    1 << (exponent.ceil().clamp(0.0, 31.0) as u32)
}

/// `blocks` and then halves of the string, `passes` altogether.
fn halves(mut blocks: Vec<usize>, passes: usize, bits: usize, reuse: bool) -> Plan {
    blocks.resize(passes, bits.div_ceil(2));
    Plan { blocks, streak: 0, reuse }
}

impl Plan {
    /// Block length of pass `pass`; `None` where there is no such pass. Those of a streak are without end.
    pub(crate) fn block(&self, pass: usize, bits: usize) -> Option<usize> {
        match self.blocks.get(pass) {
            Some(&block) => Some(block),
            None if self.streak > 0 && bits > 1 && pass < MOST_PASSES => Some(bits.div_ceil(2)),
            None => None,
        }
    }

    /// The first pass from `pass` on that can find anything: after the first one, a single block as long as the string
    /// has a parity that is known.
    pub(crate) fn next(&self, mut pass: usize, bits: usize) -> usize {
        while pass > 0 && self.block(pass, bits).is_some_and(|block| block >= bits) {
            pass += 1;
        }
        pass
    }
}
