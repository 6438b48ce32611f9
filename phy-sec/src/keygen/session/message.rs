//! What the two ends say to each other. Everything here is public.

use serde::{Deserialize, Serialize};

use super::{Abort, Proof};
use crate::bits::Bits;
use crate::keygen::reconcile::Ask;
use crate::{Error, Result};

/// Version of the protocol: raised with every change of a message or of what is computed from it.
pub const VERSION: u16 = 3;

/// The longest message that is looked at, bytes.
const LONGEST: usize = 64 << 20;

/// A message of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Of the protocol.
    pub version: u16,
    /// Counted over both ends from 0: what is lost, doubled or out of order shows.
    pub number: u32,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// Both ends, first.
    Hello {
        /// SHA-256 of the settings.
        settings: [u8; 32],
        /// Lanes of the series.
        lanes: u32,
        /// Samples of each lane.
        samples: u32,
        /// Whether the sender has a shared key, and expects the same.
        authenticated: bool,
        /// Never said before: what was said in other sessions proves nothing in this one.
        nonce: [u8; 32],
    },
    /// Which samples count: Alice of all, Bob of those that Alice kept.
    Index {
        /// One bit a place, row after row.
        kept: Bits,
        /// What else Alice's quantizer tells Bob's: its `Quantized::announced`. Levels are IEEE 754 bit patterns, because
        /// decimal fractions need not come back as they went.
        announced: Vec<u64>,
    },
    /// Bits that are compared and thrown away.
    Sample {
        /// Which: Alice chooses, Bob repeats.
        seed: [u8; 32],
        /// The sender's bits.
        bits: Bits,
    },
    /// Alice opens the reconciliation.
    Start {
        /// Of the shuffles.
        seed: [u8; 32],
    },
    /// Bob asks.
    Ask(Ask),
    /// Alice answers.
    Answer {
        /// One bit a question.
        parities: Bits,
    },
    /// Bob thinks that his bits are Alice's.
    Verify {
        /// Over all messages before.
        proof: Proof,
    },
    /// Alice found that they are, and settled the ledger.
    Amplify {
        /// Of the hash.
        seed: [u8; 32],
        /// Length of the key.
        bits: u64,
        /// Over all messages before and this one's content.
        proof: Proof,
    },
    /// Bob has the same ledger and the same bits.
    Confirm {
        /// Over all messages before.
        proof: Proof,
    },
    /// The session is over, and there is no key.
    Abort {
        /// Why.
        reason: Abort,
    },
}

impl Message {
    /// The bytes on the wire: JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Plain structs into memory: this cannot fail, and nothing at all would not be taken for a message.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The message that `bytes` hold.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything that [`Message::encode`] does not make; [`Error::OutOfRange`] above 64 MiB.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > LONGEST {
            let got = bytes.len().to_string();
            return Err(Error::OutOfRange { field: "message", rule: "at most 64 MiB long", got });
        }
        serde_json::from_slice(bytes).map_err(|err| Error::Malformed {
            what: "key agreement message",
            place: format!("column {}", err.column()),
            reason: err.to_string(),
        })
    }
}
