//! What was said, and that nothing is said out of turn.

use sha2::{Digest, Sha256};

use super::Abort;
use super::message::{Body, Message, VERSION};

/// All messages of the session, in order, as their SHA-256; and the number of the next one.
#[derive(Default)]
pub(super) struct Transcript {
    hash: Sha256,
    pub(super) next: u32,
}

impl Transcript {
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    pub(super) fn absorb(&mut self, message: &Message) {
        let bytes = message.encode();
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(&bytes);
        self.next = self.next.wrapping_add(1);
    }

    /// Gives `body` its number.
    pub(super) fn send(&mut self, body: Body) -> Message {
        let message = Message { version: VERSION, number: self.next, body };
        self.absorb(&message);
        message
    }

    /// Whether a message is of this protocol and the one that is due.
    pub(super) fn expect(&self, message: &Message) -> std::result::Result<(), Abort> {
        if message.version != VERSION {
            Err(Abort::Version)
        } else if message.number != self.next {
            Err(Abort::Unexpected)
        } else {
            Ok(())
        }
    }
}
