//! Whoever sits on the line between two ends: takes one message and does something to it. Knows bytes, not protocols. And who
//! sends probes himself: [`injection`].

pub mod injection;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tampering {
    /// One bit is inverted.
    FlipBit,
    /// The end is cut off.
    Truncate,
    /// It arrives twice.
    Duplicate,
    /// It does not arrive.
    Drop,
    /// It is held back until after the next message.
    Reorder,
    /// A message recorded before arrives in its place.
    Replay,
}

impl Tampering {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::FlipBit, Self::Truncate, Self::Duplicate, Self::Drop, Self::Reorder, Self::Replay];
}

/// A line on which one message is tampered with.
#[derive(Debug)]
pub struct Transport {
    tampering: Tampering,
    target: usize,
    recorded: Vec<Vec<u8>>,
    held: Option<Vec<u8>>,
    sent: usize,
    rng: ChaCha8Rng,
}

impl Transport {
    /// - `messages`: one of the first so many is the target
    /// - `recorded`: messages of an earlier conversation, in the order in which they were sent; the one with the target's number
    ///   is replayed, or else one of this conversation
    #[must_use]
    pub fn new(tampering: Tampering, messages: usize, recorded: Vec<Vec<u8>>, seed: u64) -> Self {
        let mut rng = super::rng(seed);
        let target = rng.random_range(0..messages.max(1));
        Self { tampering, target, recorded, held: None, sent: 0, rng }
    }

    /// Which message is tampered with, counted over both directions from 0.
    #[must_use]
    pub fn target(&self) -> usize {
        self.target
    }

    /// Whether it came to that.
    #[must_use]
    pub fn tampered(&self) -> bool {
        self.sent > self.target
    }

    /// What arrives because `message` was sent.
    pub fn carry(&mut self, mut message: Vec<u8>) -> Vec<Vec<u8>> {
        let number = self.sent;
        self.sent += 1;
        if number != self.target {
            let mut arrives = vec![message];
            arrives.extend(self.held.take());
            return arrives;
        }
        match self.tampering {
            Tampering::FlipBit if message.is_empty() => vec![message],
            Tampering::FlipBit => {
                let at = self.rng.random_range(0..8 * message.len());
                message[at / 8] ^= 1 << (at % 8);
                vec![message]
            }
            Tampering::Truncate => {
                message.truncate((self.rng.next_u64() % message.len().max(1) as u64) as usize);
                vec![message]
            }
            Tampering::Duplicate => vec![message.clone(), message],
            Tampering::Drop => Vec::new(),
            Tampering::Reorder => {
                self.held = Some(message);
                Vec::new()
            }
            Tampering::Replay => match self.recorded.get(number) {
                Some(earlier) if *earlier != message => vec![earlier.clone()],
                _ => Vec::new(),
            },
        }
    }
}
