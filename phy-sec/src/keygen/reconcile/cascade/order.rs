//! The public shuffles: one for each pass, the same at both ends and for every frame of a batch.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A pass's order.
pub(crate) struct Order {
    /// Which bit of the string stands at each place.
    pub(crate) bit: Vec<u32>,
    /// The place of each bit of the string, if Bob asked for it.
    pub(crate) place: Vec<u32>,
}

/// Whose orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Alice,
    /// He needs the way back from a bit to its places.
    Bob,
}

/// Makes the orders of a seed, pass by pass, and keeps them for all groups of a batch.
pub(crate) struct Orders {
    seed: [u8; 32],
    bits: usize,
    side: Side,
    made: Vec<Option<Arc<Order>>>,
}

impl Orders {
    pub(crate) fn new(seed: [u8; 32], bits: usize, side: Side) -> Self {
        Self { seed, bits, side, made: Vec::new() }
    }

    /// The order of pass `index`.
    pub(crate) fn get(&mut self, index: usize) -> Arc<Order> {
        if self.made.len() <= index {
            self.made.resize(index + 1, None);
        }
        let made = &mut self.made[index];
        Arc::clone(
            made.get_or_insert_with(|| Arc::new(Order::new(self.bits, self.seed, index as u64, self.side))),
        )
    }
}

impl Order {
    /// Fisher-Yates by the ChaCha20 stream number `stream` of the public seed. Written out, because both ends must
    /// shuffle alike whatever library version they run.
    fn new(bits: usize, seed: [u8; 32], stream: u64, side: Side) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(stream);
        let mut bit: Vec<u32> = (0..bits as u32).collect();
        for last in (1..bit.len()).rev() {
            // The bias of the product's upper half is below length / 2^32.
            let other = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
            bit.swap(last, other as usize);
        }
        let mut place = Vec::new();
        if side == Side::Bob {
            place.resize(bits, 0);
            for (position, &bit) in bit.iter().enumerate() {
                place[bit as usize] = position as u32;
            }
        }
        Self { bit, place }
    }
}
