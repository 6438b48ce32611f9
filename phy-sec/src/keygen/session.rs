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
mod message;

use std::collections::VecDeque;
use std::mem;

use kernels::Backend;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

pub use alice::Alice;
pub use authentication::{Authentication, Proof, SharedKey};
pub use bob::Bob;
pub use message::{Body, Message, VERSION};

use authentication::Sender;

use super::entropy::symbols::{self, Symbols};
use super::entropy::{Estimate, Estimator, Sample};
use super::ledger::{Disclosed, Worth};
use super::probe::injection::Active;
use super::quantize::{Quantized, Quantizer};
use super::reconcile::Reconciler;
use super::reconcile::estimate::{from_sample, hopeless};
use super::{Config, ErrorRate, EveModel, Ledger, RawBits, ReconciledBits, SecretKey, Security};
use crate::bits::Bits;
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

/// The series of one end until it is quantized, wiped afterwards.
struct Series(Array2<f64>);

impl Drop for Series {
    fn drop(&mut self) {
        for value in &mut self.0 {
            value.zeroize();
        }
    }
}

/// What both ends do alike.
struct End {
    settings: Settings,
    authentication: Authentication,
    backend: Backend,
    /// Source of all that this end says at random.
    rng: ChaCha20Rng,
    lanes: usize,
    columns: usize,
    transcript: Transcript,
    /// Which places both kept, in order of the rows; and what is public of each.
    kept: Vec<u32>,
    widths: Vec<u8>,
    classes: Vec<u8>,
    /// Rows of places: lanes, or pairs of them.
    rows: usize,
    /// Whether the kept places stand for others.
    runs: bool,
    /// How many raw bits they hold.
    raw: usize,
    disclosed: Disclosed,
    /// Where the compared bits are among the kept ones, ascending, and what Alice's were.
    sampled: Vec<u32>,
    sample: Bits,
    error_rate: f64,
}

impl End {
    fn new(
        series: &Array2<f64>,
        settings: &Settings,
        seed: [u8; 32],
        authentication: Authentication,
        backend: &Backend,
    ) -> Result<Self> {
        settings.check()?;
        // Places travel as 32-bit numbers.
        if series.len() > 1 << 31 {
            let got = series.len().to_string();
            return Err(Error::OutOfRange { field: "samples", rule: "at most 2^31", got });
        }
        let settings = Settings { quantize: settings.quantize.resolved(), ..settings.clone() };
        let disclosed = Disclosed { announced: settings.announced_bits.min(1 << 40), ..Disclosed::default() };
        Ok(Self {
            error_rate: settings.error_rate.assume,
            settings,
            authentication,
            backend: backend.clone(),
            rng: ChaCha20Rng::from_seed(seed),
            lanes: series.nrows(),
            columns: series.ncols(),
            transcript: Transcript::default(),
            kept: Vec::new(),
            widths: Vec::new(),
            classes: Vec::new(),
            rows: 0,
            runs: false,
            raw: 0,
            disclosed,
            sampled: Vec::new(),
            sample: Bits::new(),
        })
    }

    fn hello(&mut self) -> Body {
        Body::Hello {
            settings: self.settings.digest(),
            lanes: self.lanes as u32,
            samples: self.columns as u32,
            authenticated: self.authentication.is_shared(),
            nonce: self.random(),
        }
    }

    fn random(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Whether the other end means the same.
    fn greet(&self, body: &Body) -> std::result::Result<(), Abort> {
        match body {
            Body::Hello { authenticated, .. } if *authenticated != self.authentication.is_shared() => {
                Err(Abort::Authentication)
            }
            Body::Hello { settings, lanes, samples, .. }
                if *settings == self.settings.digest()
                    && (*lanes as usize, *samples as usize) == (self.lanes, self.columns) =>
            {
                Ok(())
            }
            _ => Err(Abort::Settings),
        }
    }

    /// Takes over the list of places that both kept, and the bits that stand there.
    fn keep(&mut self, kept: Vec<u32>, mut quantized: Quantized) -> std::result::Result<RawBits, Abort> {
        self.disclosed.announced += quantized.announced_bits;
        self.rows = quantized.kept.len() / self.columns.max(1);
        self.runs = quantized.runs;
        self.widths = kept.iter().map(|&place| quantized.widths[place as usize]).collect();
        self.classes = kept.iter().map(|&place| quantized.classes[place as usize]).collect();
        self.raw = self.widths.iter().map(|&width| usize::from(width)).sum();
        self.kept = kept;
        if self.raw < LEAST_BITS {
            return Err(Abort::TooFewBits { got: self.raw });
        }
        let bits = self.kept.iter().flat_map(|&place| quantized.bits(place as usize)).collect();
        quantized.symbols.zeroize();
        Ok(RawBits::new(bits))
    }

    /// Which of the raw bits are compared: chosen by the public seed, ascending.
    fn choose(&mut self, seed: [u8; 32]) {
        let n = self.raw;
        let share = self.settings.error_rate.sample;
        let count = if share > 0.0 { ((share * n as f64).ceil() as usize).clamp(LEAST_SAMPLE, n) } else { 0 };
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut order: Vec<u32> = (0..n as u32).collect();
        for first in 0..count {
            let other = first + ((u128::from(rng.next_u64()) * (n - first) as u128) >> 64) as usize;
            order.swap(first, other);
        }
        order.truncate(count);
        order.sort_unstable();
        self.sampled = order;
    }

    /// Compares the sampled bits and settles on an error rate: half an error more than was seen, for none seen is not
    /// none there (Jeffreys' prior).
    fn compare(&mut self, alice: Bits, bob: &Bits) -> std::result::Result<(), Abort> {
        let difference = alice.xor(bob).map_err(|err| Abort::Malformed { reason: err.to_string() })?;
        if alice.len() != self.sampled.len() {
            return Err(Abort::Malformed { reason: "another number of bits was to be compared".into() });
        }
        self.disclosed.sample = alice.len();
        let mut limit = self.settings.error_rate.limit;
        if !alice.is_empty() {
            let malformed = |err: Error| Abort::Malformed { reason: err.to_string() };
            let estimate = from_sample(difference.count_ones(), alice.len(), 0.99).map_err(malformed)?;
            self.error_rate = estimate.rate.min(0.5);
            self.sample = alice;
            // Where even the lower end of the interval asks for as much as Eve leaves, nothing can come of it.
            let hopeless = hopeless(self.settings.quantize.min_entropy(self.settings.eve.rho));
            if estimate.low >= hopeless {
                limit = limit.min(hopeless);
            }
        }
        if self.error_rate > limit {
            return Err(Abort::ErrorRate { rate: self.error_rate, limit });
        }
        Ok(())
    }

    /// The compared bits, and the others.
    fn split(&self, mut raw: RawBits) -> (Bits, RawBits) {
        let (mut sample, mut rest) = (Bits::new(), Vec::with_capacity(raw.len()));
        let mut chosen = self.sampled.iter().peekable();
        for (index, bit) in raw.bits.iter().enumerate() {
            if chosen.next_if(|&&place| place as usize == index).is_some() {
                sample.push(bit);
            } else {
                rest.push(bit);
            }
        }
        let kept = rest.iter().copied().collect();
        rest.zeroize();
        raw.bits.zeroize();
        (sample, RawBits::new(kept))
    }

    /// The account, the same at both ends: it rests on Alice's bits and on what was said.
    fn settle(&mut self, reconciled: &ReconciledBits) -> Ledger {
        self.disclosed.reconciliation = reconciled.leaked;
        self.disclosed.verification = 3 * TAG_BITS;
        // Alice's raw bits as they were measured: the compared ones go back to their places.
        let mut all = Vec::with_capacity(self.raw);
        let (mut sample, mut rest) = (self.sample.iter(), reconciled.bits.iter());
        let mut chosen = self.sampled.iter().peekable();
        for index in 0..self.raw {
            let from_sample = chosen.next_if(|&&place| place as usize == index).is_some();
            all.push(if from_sample { sample.next() } else { rest.next() }.unwrap_or(false));
        }
        let estimates = self.estimate(&all);
        all.zeroize();
        let rho = self.settings.eve.rho;
        let model = 2f64.powf(-self.settings.quantize.min_entropy(rho));
        let (samples, symbols) = (self.lanes * self.columns, self.kept.len());
        let bits = self.raw as f64 / symbols.max(1) as f64;
        let guess = self.settings.active.guess_of(model, samples, symbols, bits);
        Ledger::settle(
            Worth { raw_bits: self.raw, estimates, rho, guess },
            self.disclosed,
            self.settings.security.epsilon,
        )
    }

    /// What the estimators say of the raw bits. They see bit planes: the first bits of all symbols of a row in order of
    /// time, then the second ones, each plane a lane of its own, for a bit resembles the same bit of the symbol before.
    fn estimate(&self, all: &[bool]) -> Vec<Estimate> {
        let columns = self.columns.max(1) as u32;
        let mut starts = Vec::with_capacity(self.kept.len());
        self.widths.iter().fold(0, |start, &width| {
            starts.push(start);
            start + usize::from(width)
        });
        let (mut bits, mut place, mut lanes, mut rows) = (Bits::new(), Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        for row in 0..self.rows as u32 {
            let end = start + self.kept[start..].partition_point(|place| place / columns <= row);
            let widest = self.widths[start..end].iter().copied().max().unwrap_or(1);
            for plane in 0..widest {
                let first = place.len();
                for index in (start..end).filter(|&index| self.widths[index] > plane) {
                    bits.push(all[starts[index] + usize::from(plane)]);
                    place.push(self.kept[index] % columns);
                }
                lanes.push(first..place.len());
            }
            rows.push(start..end);
            start = end;
        }
        let sample = Sample { bits: &bits, place: &place, lanes: &lanes };
        let mut estimates: Vec<Estimate> =
            Estimator::ALL.iter().map(|estimator| estimator.estimate(&sample)).collect();
        bits.zeroize();
        let plain =
            !self.runs && self.widths.iter().all(|&width| width == 1) && self.classes.iter().all(|&c| c == 0);
        if !plain {
            let bits = |index: usize| &all[starts[index]..starts[index] + usize::from(self.widths[index])];
            let symbol = |index| bits(index).iter().fold(0, |symbol, &bit| symbol << 1 | u8::from(bit));
            let mut values: Vec<u8> = (0..self.kept.len()).map(symbol).collect();
            let place: Vec<u32> = self.kept.iter().map(|place| place % columns).collect();
            let (widths, classes) = (self.widths.as_slice(), self.classes.as_slice());
            estimates.push(symbols::estimate(&Symbols {
                values: &values,
                widths,
                classes,
                place: &place,
                rows: &rows,
            }));
            values.zeroize();
        }
        estimates
    }

    /// The proof that `sender` gives at the step `label`, over all messages so far and `extra`.
    fn proof(&self, sender: Sender, label: &str, bits: &ReconciledBits, extra: &[u8]) -> Proof {
        let bits = Zeroizing::new(bits.bits.to_bytes());
        self.authentication.prove(sender, &bits, &[label.as_bytes(), &self.transcript.digest(), extra])
    }
}

/// All messages of the session, in order, as their SHA-256; and the number of the next one.
#[derive(Default)]
struct Transcript {
    hash: Sha256,
    next: u32,
}

impl Transcript {
    fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    fn absorb(&mut self, message: &Message) {
        let bytes = message.encode();
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(&bytes);
        self.next = self.next.wrapping_add(1);
    }

    /// Gives `body` its number.
    fn send(&mut self, body: Body) -> Message {
        let message = Message { version: VERSION, number: self.next, body };
        self.absorb(&message);
        message
    }

    /// Whether a message is of this protocol and the one that is due.
    fn expect(&self, message: &Message) -> std::result::Result<(), Abort> {
        if message.version != VERSION {
            Err(Abort::Version)
        } else if message.number != self.next {
            Err(Abort::Unexpected)
        } else {
            Ok(())
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
