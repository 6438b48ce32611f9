//! The end whose bits become the key.

use ndarray::Array2;

use super::authentication::{Authentication, Proof, Sender};
use super::{
    Abort, Body, End, Message, Outcome, Role as End_, Series, Settings, Step, Transcript, advance,
    advance_bytes, take,
};
use crate::Result;
use crate::bits::Bits;
use crate::keygen::amplify::amplify;
use crate::keygen::quantize::{Quantized, Role};
use crate::keygen::reconcile::AliceSide;
use crate::keygen::{Ledger, RawBits, SecretKey};
use kernels::Backend;

/// Alice's end of a session.
pub struct Alice {
    end: End,
    state: State,
}

#[derive(Default)]
enum State {
    Idle(Series),
    /// Said hello.
    Greeted(Series),
    /// Said which samples she kept.
    Indexed(Quantized),
    /// Said her bits to compare.
    Sampled(RawBits, Bits, [u8; 32]),
    /// Answers questions.
    Answering(AliceSide),
    /// Said the seed; holds the key back until Bob gives this proof.
    Amplified(Option<SecretKey>, Ledger, Proof),
    #[default]
    Closed,
}

impl Alice {
    /// Alice's end, over her own series.
    ///
    /// - `series`: preprocessed, `[lane, time]`, the same shape at both ends, column by column the same exchanges
    /// - `seed`: of everything random that she says. It may become known once the bits exist, but must not be used twice
    /// - `authentication`: how she knows Bob
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for settings or sizes out of range.
    pub fn new(
        series: Array2<f64>,
        settings: &Settings,
        seed: [u8; 32],
        authentication: Authentication,
        backend: &Backend,
    ) -> Result<Self> {
        let end = End::new(&series, settings, seed, authentication, backend)?;
        Ok(Self { end, state: State::Idle(Series(series)) })
    }

    /// Takes what came from Bob (`None` at the start, and later when nothing came) and says what to do next.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] after the outcome.
    pub fn step(&mut self, message: Option<Message>) -> Result<Step> {
        advance(self, message)
    }

    /// As [`Alice::step`], from the bytes on the wire. Bytes that are no message end the session.
    ///
    /// # Errors
    /// As [`Alice::step`].
    pub fn step_bytes(&mut self, bytes: Option<&[u8]>) -> Result<Step> {
        advance_bytes(self, bytes)
    }

    fn say(&mut self, body: Body) -> Step {
        Step { send: Some(self.end.transcript.send(body)), outcome: None }
    }
}

impl End_ for Alice {
    fn respond(&mut self, body: Body, message: &Message) -> std::result::Result<Step, Abort> {
        // A proof is over the messages before the one that brings it.
        let before = &self.end;
        let malformed = |err: crate::Error| Abort::Malformed { reason: err.to_string() };
        match (take(&mut self.state), body) {
            (State::Greeted(series), hello @ Body::Hello { .. }) => {
                before.greet(&hello)?;
                self.end.transcript.absorb(message);
                let quantizer = &self.end.settings.quantize;
                let levels = quantizer.levels(&series.0);
                let quantized = quantizer.quantize(Role::Alice, &series.0, &[]).map_err(malformed)?;
                self.end.disclosed.levels = 64 * levels.len();
                let kept = quantized.kept.clone();
                self.state = State::Indexed(quantized);
                let levels = levels.into_iter().map(f64::to_bits).collect();
                Ok(self.say(Body::Index { kept, levels }))
            }
            (State::Indexed(quantized), Body::Index { kept, levels }) => {
                let mine: Vec<u32> = places(&quantized.kept).collect();
                if kept.len() != mine.len() || !levels.is_empty() {
                    return Err(Abort::Malformed { reason: "the index list has another length".into() });
                }
                self.end.transcript.absorb(message);
                self.end.keep(
                    mine.iter().zip(kept.iter()).filter(|(_, kept)| *kept).map(|(p, _)| *p).collect(),
                )?;
                let raw = self.end.collect(&quantized.bits);
                let seed = self.end.random();
                self.end.choose(seed);
                let (bits, raw) = self.end.split(raw);
                self.state = State::Sampled(raw, bits.clone(), seed);
                Ok(self.say(Body::Sample { seed, bits }))
            }
            (State::Sampled(raw, mine, chosen), Body::Sample { seed, bits }) => {
                if seed != chosen {
                    return Err(Abort::Malformed { reason: "other bits were compared".into() });
                }
                self.end.transcript.absorb(message);
                self.end.compare(mine, &bits)?;
                let seed = self.end.random();
                let side = self.end.settings.reconcile.alice(raw, self.end.error_rate, seed);
                self.state = State::Answering(side.map_err(malformed)?);
                Ok(self.say(Body::Start { seed }))
            }
            (State::Answering(mut side), Body::Ask(ask)) => {
                self.end.transcript.absorb(message);
                let parities = side.answer(&ask).map_err(malformed)?;
                self.state = State::Answering(side);
                Ok(self.say(Body::Answer { parities }))
            }
            (State::Answering(side), Body::Verify { proof }) => {
                let bits = side.finish();
                Authentication::check(&before.proof(Sender::Bob, "verify", &bits, &[]), &proof)?;
                self.end.transcript.absorb(message);
                let ledger = self.end.settle(&bits);
                let (seed, length) = (self.end.random(), ledger.released_bits() as u64);
                let extra = [&seed[..], &length.to_le_bytes()].concat();
                let proof = self.end.proof(Sender::Alice, "amplify", &bits, &extra);
                let step = self.say(Body::Amplify { seed, bits: length, proof });
                let confirmation = self.end.proof(Sender::Bob, "confirm", &bits, &[]);
                let key = amplify(bits, &ledger, seed, &self.end.backend).map_err(malformed)?;
                self.state = State::Amplified(key, ledger, confirmation);
                Ok(step)
            }
            (State::Amplified(key, ledger, confirmation), Body::Confirm { proof }) => {
                Authentication::check(&confirmation, &proof)?;
                Ok(Step { send: None, outcome: Some(Outcome::Settled { key, ledger }) })
            }
            _ => Err(Abort::Unexpected),
        }
    }

    fn silence(&mut self) -> Option<Step> {
        match take(&mut self.state) {
            State::Idle(series) => {
                self.state = State::Greeted(series);
                let hello = self.end.hello();
                Some(self.say(hello))
            }
            _ => None,
        }
    }

    fn transcript(&mut self) -> &mut Transcript {
        &mut self.end.transcript
    }

    fn close(&mut self) {
        self.state = State::Closed;
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}

/// Where the ones are.
pub(super) fn places(bits: &Bits) -> impl Iterator<Item = u32> + '_ {
    bits.iter().enumerate().filter(|(_, bit)| *bit).map(|(place, _)| place as u32)
}
