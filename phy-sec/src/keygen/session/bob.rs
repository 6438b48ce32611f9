//! The end that corrects its bits.

use kernels::Backend;
use ndarray::Array2;

use super::alice::places;
use super::authentication::{Authentication, Sender};
use super::{
    Abort, Body, End, Message, Outcome, Role as End_, Series, Settings, Step, Transcript, advance,
    advance_bytes, take,
};
use crate::Result;
use crate::bits::Bits;
use crate::keygen::amplify::amplify;
use crate::keygen::quantize::Role;
use crate::keygen::reconcile::{BobSide, Progress};
use crate::keygen::{Ledger, RawBits, ReconciledBits, SecretKey};

/// Bob's end of a session.
pub struct Bob {
    end: End,
    state: State,
}

#[derive(Default)]
enum State {
    Idle(Series),
    /// Said hello.
    Greeted(Series),
    /// Said which samples he kept, too.
    Indexed(RawBits),
    /// Said his bits to compare.
    Sampled(RawBits),
    /// Asks questions.
    Asking(BobSide),
    /// Said his tag.
    Verified(ReconciledBits),
    /// Said that he is content; releases the key unless Alice objects. With the message that he answered last.
    Confirmed(Option<SecretKey>, Ledger, Message),
    #[default]
    Closed,
}

impl Bob {
    /// Bob's end, over his own series: as [`super::Alice::new`].
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

    /// Takes what came from Alice (`None` when nothing came) and says what to do next. After his last message, silence
    /// is consent.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] after the outcome.
    pub fn step(&mut self, message: Option<Message>) -> Result<Step> {
        advance(self, message)
    }

    /// As [`Bob::step`], from the bytes on the wire. Bytes that are no message end the session.
    ///
    /// # Errors
    /// As [`Bob::step`].
    pub fn step_bytes(&mut self, bytes: Option<&[u8]>) -> Result<Step> {
        advance_bytes(self, bytes)
    }

    fn say(&mut self, body: Body) -> Step {
        Step { send: Some(self.end.transcript.send(body)), outcome: None }
    }

    /// Asks the next question, or says the tag.
    fn pursue(&mut self, mut side: BobSide, answer: Option<&Bits>) -> std::result::Result<Step, Abort> {
        let progress = side.next(answer).map_err(|err| Abort::Malformed { reason: err.to_string() })?;
        match progress {
            Progress::Ask(ask) => {
                self.state = State::Asking(side);
                Ok(self.say(Body::Ask(ask)))
            }
            Progress::Done(bits) if bits.uncorrected() > 0 => {
                Err(Abort::Uncorrected { frames: bits.uncorrected() })
            }
            Progress::Done(bits) => {
                let proof = self.end.proof(Sender::Bob, "verify", &bits, &[]);
                self.state = State::Verified(bits);
                Ok(self.say(Body::Verify { proof }))
            }
        }
    }
}

impl End_ for Bob {
    fn respond(&mut self, body: Body, message: &Message) -> std::result::Result<Step, Abort> {
        let malformed = |err: crate::Error| Abort::Malformed { reason: err.to_string() };
        match (take(&mut self.state), body) {
            (State::Idle(series), hello @ Body::Hello { .. }) => {
                self.end.greet(&hello)?;
                self.end.transcript.absorb(message);
                self.state = State::Greeted(series);
                let hello = self.end.hello();
                Ok(self.say(hello))
            }
            (State::Greeted(series), Body::Index { kept, announced }) => {
                // No quantizer has more places than there are samples.
                if kept.len() > self.end.lanes * self.end.columns {
                    return Err(Abort::Malformed { reason: "the index list has another length".into() });
                }
                self.end.transcript.absorb(message);
                let quantizer = &self.end.settings.quantize;
                let quantized = quantizer.quantize(Role::Bob, &series.0, &announced).map_err(malformed)?;
                if kept.len() != quantized.kept.len() {
                    return Err(Abort::Malformed { reason: "the index list has another length".into() });
                }
                let both = |&place: &u32| quantized.kept.get(place as usize) == Some(true);
                let mine: Bits = places(&kept).map(|place| both(&place)).collect();
                let common = places(&kept).filter(both).collect();
                self.state = State::Indexed(self.end.keep(common, quantized)?);
                Ok(self.say(Body::Index { kept: mine, announced: Vec::new() }))
            }
            (State::Indexed(raw), Body::Sample { seed, bits }) => {
                self.end.transcript.absorb(message);
                self.end.choose(seed);
                let (mine, raw) = self.end.split(raw);
                self.end.compare(bits, &mine)?;
                self.state = State::Sampled(raw);
                Ok(self.say(Body::Sample { seed, bits: mine }))
            }
            (State::Sampled(raw), Body::Start { seed }) => {
                self.end.transcript.absorb(message);
                let side = self.end.settings.reconcile.bob(raw, self.end.error_rate, seed);
                self.pursue(side.map_err(malformed)?, None)
            }
            (State::Asking(side), Body::Answer { parities }) => {
                self.end.transcript.absorb(message);
                self.pursue(side, Some(&parities))
            }
            (State::Verified(bits), Body::Amplify { seed, bits: length, proof }) => {
                let extra = [&seed[..], &length.to_le_bytes()].concat();
                Authentication::check(&self.end.proof(Sender::Alice, "amplify", &bits, &extra), &proof)?;
                self.end.transcript.absorb(message);
                let ledger = self.end.settle(&bits);
                if ledger.released_bits() as u64 != length {
                    return Err(Abort::Verification);
                }
                let proof = self.end.proof(Sender::Bob, "confirm", &bits, &[]);
                let hash = self.end.settings.security.hash;
                let key = amplify(bits, &ledger, hash, seed, &self.end.backend).map_err(malformed)?;
                self.state = State::Confirmed(key, ledger, message.clone());
                Ok(self.say(Body::Confirm { proof }))
            }
            _ => Err(Abort::Unexpected),
        }
    }

    fn silence(&mut self) -> Option<Step> {
        match take(&mut self.state) {
            State::Confirmed(key, ledger, _) => {
                Some(Step { send: None, outcome: Some(Outcome::Settled { key, ledger }) })
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

    fn is_echo(&self, message: &Message) -> bool {
        matches!(&self.state, State::Confirmed(_, _, last) if last == message)
    }
}
