//! The stream: blocks are judged, conspicuous ones gathered, and what lasts is reported.

use std::collections::VecDeque;

use kernels::{
    stft_power::{Detrend, Scaling, StftConfig, StftPower},
    window::Window,
};
use num_complex::Complex32;
use serde_json::Map;

use super::{
    candidate::{Candidate, base},
    classify::{Class, RHYTHM, Verdict, regular},
    config::Config,
    reference::Reference,
    standing::{Line, Standing},
    state::{Seen, State, StateMachine, Transition},
};
use crate::{Backend, Result, event::Event, spectrum::check_finite};

/// Blocks transformed at a time, so that a long piece takes no more memory than a short one.
const BATCH: usize = 64;

/// Mean power below which a block has none.
const WEAKEST: f64 = 1e-33;

/// Part of a block's power that is added to each of its bins. Arithmetic with 32 bits leaves lines some 150 dB below the strongest
/// signal; no receiver reaches that far down, and without a floor they would be the events of a recording without noise.
const FLOOR: f64 = 1e-12;

/// Finds jamming in a stream.
///
/// [`Monitor::push`] takes samples and returns the events that ended with them, [`Monitor::finish`] ends the
/// stream, [`Monitor::gap`] tells of lost samples, [`Monitor::reset`] forgets everything. Cutting the stream
/// anywhere changes nothing.
///
/// An event is reported when it has ended, that is `hold_blocks` after its last conspicuous block, or in
/// parts of `max_duration`.
pub struct Monitor {
    config: Config,
    kernel: StftPower,
    /// Absolute index of block 0.
    origin: u64,
    pending: Vec<Complex32>,
    spectra: Vec<f32>,
    power: Vec<f32>,
    /// Number of the next block.
    block: u64,
    /// Blocks judged.
    examined: u64,
    silent: u64,
    conspicuous: u64,
    dismissed: u64,
    reference: Reference,
    standing: Standing,
    lines: Vec<Followed>,
    candidate: Option<Candidate>,
    short: VecDeque<Candidate>,
    events: Vec<Event>,
    state: StateMachine,
    transitions: Vec<Transition>,
}

fn state_machine(config: &Config) -> StateMachine {
    StateMachine::new(&config.state, config.block() as f64 / config.sample_rate)
}

/// A standing line while it is there.
struct Followed {
    line: Line,
    last: u64,
    power: f64,
}

/// What a [`Monitor`] has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Blocks judged: those that the reference was first learned from are not.
    pub examined: u64,
    /// Blocks without any power: zeros, or samples so small that their squares vanish in 32 bits. Nothing is learned from them.
    pub silent: u64,
    /// Conspicuous ones.
    pub conspicuous: u64,
    /// Blocks that the reference was learned from.
    pub learned: u64,
    /// Conspicuous stretches that were too short to report: activity.
    pub dismissed: u64,
}

impl Monitor {
    /// Plans the transform and starts to learn.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for the configuration.
    pub fn new(config: Config, backend: Backend) -> Result<Self> {
        config.check()?;
        // At a rate of 1 the density of white noise is its power, in every bin.
        let stft = StftConfig {
            size: config.size,
            hop: config.size,
            window: Window::Hann,
            scaling: Scaling::Density,
            detrend: Detrend::None,
            sample_rate: 1.0,
        };
        Ok(Monitor {
            kernel: StftPower::new(stft, backend)?,
            origin: 0,
            pending: Vec::new(),
            spectra: Vec::new(),
            power: vec![0.0; config.size],
            block: 0,
            examined: 0,
            silent: 0,
            conspicuous: 0,
            dismissed: 0,
            reference: Reference::new(&config),
            standing: Standing::new(&config),
            lines: Vec::new(),
            candidate: None,
            short: VecDeque::new(),
            events: Vec::new(),
            state: state_machine(&config),
            transitions: Vec::new(),
            config,
        })
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it has counted since the last [`Monitor::reset`].
    pub fn counts(&self) -> Counts {
        Counts {
            examined: self.examined,
            silent: self.silent,
            conspicuous: self.conspicuous,
            learned: self.reference.blocks() as u64,
            dismissed: self.dismissed,
        }
    }

    /// What the band was like in the last block.
    pub fn state(&self) -> State {
        self.state.state()
    }

    /// The changes of the state since the last call.
    pub fn transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// Power of each bin in the last block, ascending frequency: white noise of power `p` has `p` in every bin.
    pub fn spectrum(&self) -> &[f32] {
        &self.power
    }

    /// Takes the next samples (full scale 1); returns the events that are over.
    ///
    /// # Errors
    /// [`crate::Error::NotFinite`] if `x` holds a NaN or an infinity, [`crate::Error::OutOfRange`] for samples above 1e15; the
    /// stream is then as if `x` had not come.
    pub fn push(&mut self, x: &[Complex32]) -> Result<Vec<Event>> {
        check_finite("samples", x)?;
        self.pending.extend_from_slice(x);
        let pending = std::mem::take(&mut self.pending);
        let whole = pending.len() / self.config.block() * self.config.block();
        for samples in pending[..whole].chunks(BATCH * self.config.block()) {
            self.spectra.resize(samples.len(), 0.0);
            self.kernel.process(samples, &mut self.spectra)?;
            let spectra = std::mem::take(&mut self.spectra);
            let blocks = spectra.chunks_exact(self.config.block());
            for (spectra, samples) in blocks.zip(samples.chunks_exact(self.config.block())) {
                self.average(spectra);
                let (events, conspicuous) = (self.events.len(), self.conspicuous);
                self.step(samples)?;
                self.follow_state(self.events.len() > events, self.conspicuous > conspicuous);
            }
            self.spectra = spectra;
        }
        self.pending = pending;
        self.pending.drain(..whole);
        Ok(std::mem::take(&mut self.events))
    }

    /// Ends the stream: reports what was still going on. The samples after the last whole block are not judged, but
    /// counted: what is pushed afterwards stands behind them.
    ///
    /// # Errors
    /// None at present; the signature is that of every pipeline.
    pub fn finish(&mut self) -> Result<Vec<Event>> {
        self.close(false);
        self.dismissed += self.short.drain(..).count() as u64;
        for line in std::mem::take(&mut self.lines) {
            self.report_line(&line);
        }
        self.transitions.extend(self.state.clear(self.origin + self.block * self.config.block() as u64));
        self.origin += self.pending.len() as u64;
        self.pending.clear();
        Ok(std::mem::take(&mut self.events))
    }

    /// Samples were lost: ends what is going on and starts again at the absolute sample `next`. What was
    /// learned of the radio and its surroundings stays.
    ///
    /// # Errors
    /// As [`Monitor::finish`].
    pub fn gap(&mut self, next: u64) -> Result<Vec<Event>> {
        let events = self.finish()?;
        self.origin = next;
        self.block = 0;
        Ok(events)
    }

    /// Forgets everything, what was learned too; the next sample is number 0.
    pub fn reset(&mut self) {
        (self.origin, self.block) = (0, 0);
        (self.examined, self.silent, self.conspicuous, self.dismissed) = (0, 0, 0, 0);
        self.pending.clear();
        self.reference = Reference::new(&self.config);
        self.standing = Standing::new(&self.config);
        self.lines.clear();
        self.candidate = None;
        self.short.clear();
        self.events.clear();
        self.state = state_machine(&self.config);
        self.transitions.clear();
    }

    /// Mean of a block's spectra, ascending frequency.
    fn average(&mut self, spectra: &[f32]) {
        let (size, looks) = (self.config.size, self.config.looks);
        for bin in 0..size {
            let sum: f64 = (0..looks).map(|look| f64::from(spectra[look * size + bin])).sum();
            self.power[(bin + size / 2) % size] = (sum / looks as f64) as f32;
        }
        let total: f64 = self.power.iter().map(|&power| f64::from(power)).sum();
        // What is hardly above the smallest numbers of 32 bits has lost its digits: it is silence.
        let floor = if total < WEAKEST * size as f64 { None } else { Some((FLOOR * total) as f32) };
        self.power.iter_mut().for_each(|power| *power = floor.map_or(0.0, |floor| *power + floor));
    }

    /// Judges the block whose power is in `self.power`.
    fn step(&mut self, samples: &[Complex32]) -> Result<()> {
        let block = self.block;
        self.block += 1;
        self.silent += u64::from(self.power.iter().all(|&power| power == 0.0));
        self.follow_lines(block)?;
        if !self.reference.ready() {
            self.reference.learn(&self.power);
            return Ok(());
        }
        self.examined += 1;
        let judgement = self.reference.judge(&self.power);
        if judgement.conspicuous {
            self.conspicuous += 1;
            let candidate =
                self.candidate.get_or_insert_with(|| Candidate::new(block, judgement, self.config.size));
            candidate.push(block, judgement, &self.power, &self.reference);
        }
        match &mut self.candidate {
            // Learning pauses while something is going on: what lies between two pulses is not clean either.
            Some(candidate) => {
                candidate.keep(samples);
                let too_long =
                    self.config.blocks(self.config.max_duration).max(self.config.min_blocks) as u64;
                if block - candidate.last >= self.config.hold_blocks as u64 {
                    self.close(false);
                } else if judgement.conspicuous && block + 1 - candidate.first >= too_long {
                    self.close(true);
                }
            }
            None => self.reference.learn(&self.power),
        }
        Ok(())
    }

    /// The state after a block.
    fn follow_state(&mut self, reported: bool, conspicuous: bool) {
        let least = self.config.blocks(self.config.min_duration).max(self.config.min_blocks) as u64;
        // A rhythm is looked for when a stretch ends: here every block would cost as much.
        let lasts = self.candidate.as_ref().is_some_and(|candidate| {
            let blocks = candidate.last - candidate.first + 1;
            candidate.hot >= least && candidate.hot as f64 >= self.config.min_occupancy * blocks as f64
        });
        let open = self.candidate.as_ref().is_some_and(|candidate| candidate.hot > 0 || candidate.continued);
        let seen = Seen { open, lasts, conspicuous, reported };
        let sample = self.origin + self.block * self.config.block() as u64;
        self.transitions.extend(self.state.step(seen, sample));
        // Somebody who never asks is not made to pay for it.
        if self.transitions.len() > 4096 {
            self.transitions.drain(..2048);
        }
    }

    /// Ends the candidate: reports it if it lasted without long pauses or in a rhythm, else keeps it to see
    /// whether it comes back regularly.
    fn close(&mut self, continues: bool) {
        let Some(mut candidate) = self.candidate.take() else { return };
        let least = self.config.blocks(self.config.min_duration).max(self.config.min_blocks) as u64;
        candidate.continued |= continues;
        if candidate.hot > 0 && self.reference.learns() && candidate.teach(&self.config, &mut self.reference)
        {
            self.dismissed += 1;
            return;
        }
        candidate.trim(least, self.config.block());
        if candidate.hot >= least && candidate.dense(self.config.min_occupancy) {
            self.report(&candidate);
            if continues {
                // A part that gets no conspicuous block of its own is never reported.
                self.candidate = Some(Candidate::next_part(self.block, self.config.size));
            }
            return;
        }
        if candidate.hot == 0 {
            return;
        }
        self.short.push_back(candidate);
        let pulses: Vec<(u64, u64)> = self.short.iter().map(Candidate::pulse).collect();
        if pulses.len() >= RHYTHM && regular(&pulses).is_some() {
            let mut train = self.short.drain(..);
            if let Some(first) = train.next() {
                let joined = train.fold(first, |earlier, mut later| {
                    later.join(earlier);
                    later
                });
                self.report(&joined);
            }
        } else if pulses.len() >= RHYTHM {
            self.short.pop_front();
            self.dismissed += 1;
        }
    }

    fn report(&mut self, candidate: &Candidate) {
        self.events.push(candidate.event(&self.config, &self.reference, self.origin, self.examined));
    }

    fn follow_lines(&mut self, block: u64) -> Result<()> {
        // With a known noise power a standing line is conspicuous like anything else.
        if self.config.noise_power.is_none() {
            for line in self.standing.push(&self.power)? {
                let power = line.power;
                self.lines.push(Followed { line, last: block, power });
            }
        }
        let too_long = self.config.blocks(self.config.max_duration) as u64;
        let mut gone = Vec::new();
        let power = &self.power;
        self.lines.retain_mut(|followed| {
            if f64::from(power[followed.line.bin]) >= followed.power / 4.0 {
                followed.last = block;
            }
            let ends = block - followed.last >= self.config.hold_blocks as u64 || block > too_long;
            if ends {
                gone.push(Followed { line: followed.line.clone(), ..*followed });
            }
            !ends
        });
        for line in gone {
            self.report_line(&line);
        }
        Ok(())
    }

    /// A standing line as an event.
    fn report_line(&mut self, followed: &Followed) {
        let line = &followed.line;
        let frequency = (line.bin as f64 - (self.config.size / 2) as f64) * self.config.bin_width();
        let mut parameters = Map::new();
        parameters.insert("center_frequency".into(), frequency.into());
        parameters.insert("bandwidth".into(), self.config.bin_width().into());
        let verdict =
            Verdict { class: Class::Tone, band: (line.bin, 1), parameters, why: "a standing line".into() };
        let mut event = base(&self.config, &verdict, self.origin, followed.last + 1);
        event.statistic = line.ratio;
        event.threshold = line.multiplier;
        event.pfa = line.pfa;
        // The bins looked at, each with the chance of a false alarm.
        event.confidence = 1.0 - (line.pfa * self.config.size as f64).min(1.0);
        event.comment = "a steady line that was there from the first block on: a jammer that was on before, or a \
                         spur of the receiver; the samples can not tell the two apart. The statistic is its power \
                         over that of the bins beside it"
            .into();
        event.set("jnr_db", 10.0 * (line.power * 1.5 / line.others).log10());
        event.set("from_first_block", true);
        self.events.push(event);
    }
}
