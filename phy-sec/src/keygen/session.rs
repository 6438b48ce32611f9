//! Key agreement as two state machines without input and output.
//!
//! Give each end's [`step`](Alice::step) what came from the other, send what it returns, and stop at an outcome:
//!
//! | from | message | content |
//! | --- | --- | --- |
//! | both | `hello` | protocol version, digest of the settings, shape of the series, 32 bytes that were never said before |
//! | both | `index` | which samples were kept; whatever else Alice's quantizer has to tell Bob's |
//! | both | `sample` | bits to find the error rate, then thrown away |
//! | Alice | `start` | seed of the shuffles |
//! | Bob, Alice | `ask`, `answer` | reconciliation |
//! | Bob | `verify` | proof over all messages so far |
//! | Alice | `amplify` | seed and length of the hash, proof over all messages so far and these |
//! | Bob | `confirm` | proof over all messages: Alice releases her key |
//!
//! **A message that was altered anywhere gives no key**, because the proofs cover all of them. A proof is a tag under the
//! reconciled bits (HMAC-SHA256, 64 bits, which the ledger counts), so that each end confirms to the other that it
//! holds them; and, with [`Authentication::Shared`], a tag under the key that both had before, so that each knows who the
//! other is. Without one ([`Authentication::Insecure`]) a session proves that both ends hold the same bits, and nothing more.
//!
//! **Silence is an event**: when nothing comes, call `step(None)`. It ends the session at either end, with an `abort`
//! message to the other; except for Bob after his `confirm`, for whom silence means that Alice is content. So Bob
//! releases last, and one lost message leaves neither end with a key. (Two lost ones can: his `confirm` and her
//! `abort`. No protocol over a lossy channel is free of that.) For the same reason Bob, once he has confirmed, passes over
//! Alice's last message when it comes twice: to break off then would leave her alone with a key.
//!
mod alice;
mod authentication;
mod bob;
mod end;
mod message;
mod transcript;

use std::collections::VecDeque;
use std::mem;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use alice::Alice;
pub use authentication::{Authentication, Proof, SharedKey};
pub use bob::Bob;
pub use message::{Body, Message, VERSION};

use end::{End, Series};
use transcript::Transcript;

use super::probe::injection::Active;
use super::quantize::Quantizer;
use super::reconcile::Reconciler;
use super::{Config, ErrorRate, EveModel, Ledger, SecretKey, Security};
use crate::{Error, Result};

/// Length of a verification tag.
const TAG_BITS: usize = 64;
/// Fewer raw bits than this cannot cover the margins, whatever they hold.
const LEAST_BITS: usize = 64;
/// Fewer compared bits than this say nothing about the error rate.
const LEAST_SAMPLE: usize = 32;

/// What both ends must have set alike. [`Config::session`] makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The quantizer.
    pub quantize: Quantizer,
    /// How the error rate is found.
    pub error_rate: ErrorRate,
    /// How the errors are removed.
    pub reconcile: Reconciler,
    /// What the eavesdropper is granted.
    pub eve: EveModel,
    /// What somebody who sends probes himself is granted.
    #[serde(default)]
    pub active: Active,
    /// What the key may differ from a uniform one.
    pub security: Security,
    /// Bits that Alice said beforehand about the series, so that both ends process theirs alike
    /// ([`super::preprocess::learn`]); the ledger charges them.
    #[serde(default)]
    pub announced_bits: usize,
}

impl Settings {
    fn check(&self) -> Result<()> {
        let Self { quantize, error_rate, reconcile, eve, active, security, .. } = self.clone();
        let quantize = Some(quantize);
        Config { quantize, error_rate, reconcile, eve, active, security, ..Config::default() }.check()
    }

    fn digest(&self) -> [u8; 32] {
        // Serializing plain structs into memory cannot fail; an empty text would fail the comparison, not pass it.
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}

/// Why a session ended without a settled ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Abort {
    /// The two ends speak different versions.
    #[error("the ends speak different versions of the protocol")]
    Version,
    /// The two ends have different settings, or series of different shapes.
    #[error("the ends have different settings, or series of different shapes")]
    Settings,
    /// Too few samples were kept.
    #[error("the quantizer left {got} bits, fewer than {LEAST_BITS}")]
    TooFewBits {
        /// How many there were.
        got: usize,
    },
    /// The bits differ too much.
    #[error("the ends' bits disagree too much: rate {rate:.3}, the limit is {limit:.3}")]
    ErrorRate {
        /// The estimate.
        rate: f64,
        /// The limit.
        limit: f64,
    },
    /// A message does not say what it must.
    #[error("a message cannot be understood: {reason}")]
    Malformed {
        /// What was wrong with it.
        reason: String,
    },
    /// A message came that was not due.
    #[error("a message came that was not due")]
    Unexpected,
    /// Bob knows that he could not correct his bits.
    #[error("reconciliation could not correct {frames} of the frames")]
    Uncorrected {
        /// How many.
        frames: usize,
    },
    /// The ends do not hold the same bits, or did not see the same messages.
    #[error("verification failed: the ends' bits or the messages that they saw differ")]
    Verification,
    /// The other end does not hold the shared key, or one end has one and the other none.
    #[error("authentication failed: the other end does not hold the shared key")]
    Authentication,
    /// A message that was due did not come.
    #[error("the other end fell silent")]
    Silence,
}

/// How a session ended.
#[derive(Debug)]
pub enum Outcome {
    /// Both ends hold the same bits, and the ledger was settled. The key is `None` where the ledger leaves none.
    Settled {
        /// The key.
        key: Option<SecretKey>,
        /// Its account.
        ledger: Ledger,
    },
    /// The session was broken off. There is no key.
    Aborted {
        /// Why.
        reason: Abort,
        /// Whether the other end broke it off.
        by_peer: bool,
    },
}

impl Outcome {
    /// The key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&SecretKey> {
        match self {
            Self::Settled { key, .. } => key.as_ref(),
            Self::Aborted { .. } => None,
        }
    }

    /// The ledger, if the session came that far.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Settled { ledger, .. } => Some(ledger),
            Self::Aborted { .. } => None,
        }
    }

    /// Why, in a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Settled { ledger, .. } => ledger.reason().to_owned(),
            Self::Aborted { reason, .. } => format!("no key: {reason}"),
        }
    }
}

/// What one call of `step` yields.
#[derive(Debug, Default)]
pub struct Step {
    /// To be sent to the other end.
    pub send: Option<Message>,
    /// The end of the session.
    pub outcome: Option<Outcome>,
}

/// Runs both ends in one thread until both are finished. Returns Alice's outcome and Bob's.
///
/// # Errors
/// Those of [`Alice::step`].
pub fn run(alice: Alice, bob: Bob) -> Result<(Outcome, Outcome)> {
    run_over(alice, bob, |_, message| Some(message.encode()))
}

/// As [`run`], over a channel that may alter, lose, double or hold back messages: `channel` gets the number of messages
/// sent before and the message, and returns what arrives at the other end because of it.
///
/// # Errors
/// Those of [`Alice::step`].
pub fn run_over<Arrives: IntoIterator<Item = Vec<u8>>>(
    mut alice: Alice,
    mut bob: Bob,
    mut channel: impl FnMut(usize, &Message) -> Arrives,
) -> Result<(Outcome, Outcome)> {
    let (mut to_alice, mut to_bob) = (VecDeque::new(), VecDeque::new());
    let (mut of_alice, mut of_bob) = (None, None);
    let mut sent = 0;
    let mut carry = |message: Option<Message>, to: &mut VecDeque<Vec<u8>>| {
        if let Some(message) = message {
            to.extend(channel(sent, &message));
            sent += 1;
        }
    };
    loop {
        if of_alice.is_none() {
            let step = alice.step_bytes(to_alice.pop_front().as_deref())?;
            carry(step.send, &mut to_bob);
            of_alice = step.outcome;
        }
        if of_bob.is_none() {
            let step = bob.step_bytes(to_bob.pop_front().as_deref())?;
            carry(step.send, &mut to_alice);
            of_bob = step.outcome;
        }
        match (of_alice, of_bob) {
            (Some(alice), Some(bob)) => return Ok((alice, bob)),
            open => (of_alice, of_bob) = open,
        }
    }
}

/// What an end of a session does with a message, given the right of way by [`advance`].
trait Role {
    /// Answers `message`. Silence, aborts and messages out of turn do not get here.
    fn respond(&mut self, body: Body, message: &Message) -> std::result::Result<Step, Abort>;
    /// What silence means now: `None` is the end of the session.
    fn silence(&mut self) -> Option<Step>;
    fn transcript(&mut self) -> &mut Transcript;
    /// Wipes everything; every further step is a mistake of the caller.
    fn close(&mut self);
    fn is_closed(&self) -> bool;
    /// Whether `message` is the last one once more, at an end that has said all it will: it changes nothing.
    fn is_echo(&self, _message: &Message) -> bool {
        false
    }
}

fn advance(end: &mut impl Role, message: Option<Message>) -> Result<Step> {
    if end.is_closed() {
        let got = "a step after the outcome".into();
        return Err(Error::OutOfRange { field: "session", rule: "stepped until its outcome", got });
    }
    let result = match message {
        None => end.silence().ok_or(Abort::Silence),
        Some(Message { version: VERSION, body: Body::Abort { reason }, .. }) => {
            end.close();
            return Ok(Step { send: None, outcome: Some(Outcome::Aborted { reason, by_peer: true }) });
        }
        Some(message) if end.is_echo(&message) => return Ok(Step::default()),
        Some(message) => end.transcript().expect(&message).and_then(|()| {
            // The content is moved out for the answer; the transcript takes the message as it came.
            end.respond(message.body.clone(), &message)
        }),
    };
    Ok(result.unwrap_or_else(|reason| break_off(end, reason)))
}

fn break_off(end: &mut impl Role, reason: Abort) -> Step {
    let message = end.transcript().send(Body::Abort { reason: reason.clone() });
    end.close();
    Step { send: Some(message), outcome: Some(Outcome::Aborted { reason, by_peer: false }) }
}

fn advance_bytes(end: &mut impl Role, bytes: Option<&[u8]>) -> Result<Step> {
    match bytes.map(Message::decode).transpose() {
        Ok(message) => advance(end, message),
        Err(_) if end.is_closed() => advance(end, None),
        Err(err) => Ok(break_off(end, Abort::Malformed { reason: err.to_string() })),
    }
}

/// Leaves `T::default()` behind.
fn take<T: Default>(value: &mut T) -> T {
    mem::take(value)
}

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
