//! A conspicuous stretch while it lasts: what is kept of it, and the event that it becomes.

use num_complex::Complex32;

use super::{
    classify::{Class, Evidence, Verdict, classify, like_the_reference, regular},
    config::Config,
    reference::{Judgement, Reference},
};
use crate::event::{Event, SCHEMA};

/// Samples kept for the classification: 64 blocks of the default configuration.
const CAPTURE: usize = 1 << 15;

/// Blocks whose peaks and runs are kept.
const TRACKED: usize = 1 << 12;

/// Conspicuous blocks that may be strays at an event's ends, and the pause that sets them apart.
const STRAY: u64 = 2;
const APART: u64 = 4;

pub(crate) struct Candidate {
    /// First and last conspicuous block.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Conspicuous blocks.
    pub(crate) hot: u64,
    best: Judgement,
    /// Of `summed` conspicuous blocks: their power and their focus.
    power: Vec<f64>,
    /// Of each bin the loudest.
    loudest: Vec<f32>,
    focus: f64,
    summed: u64,
    runs: Vec<(u64, u64)>,
    peaks: Vec<(u64, u32)>,
    iq: Vec<Complex32>,
    /// Whether it goes on from a part already reported, and whether it will be gone on with.
    pub(crate) continued: bool,
}

impl Candidate {
    pub(crate) fn new(block: u64, judgement: Judgement, bins: usize) -> Self {
        Candidate {
            first: block,
            last: block,
            hot: 0,
            best: judgement,
            power: vec![0.0; bins],
            loudest: vec![0.0; bins],
            focus: 0.0,
            summed: 0,
            runs: Vec::new(),
            peaks: Vec::new(),
            iq: Vec::new(),
            continued: false,
        }
    }

    /// The part that follows one already reported.
    pub(crate) fn next_part(block: u64, bins: usize) -> Self {
        let nothing = Judgement { ratio: 0.0, count: 0, conspicuous: false };
        Candidate { continued: true, ..Candidate::new(block, nothing, bins) }
    }

    /// Takes a conspicuous block.
    pub(crate) fn push(&mut self, block: u64, judgement: Judgement, power: &[f32], reference: &Reference) {
        if self.hot == 0 {
            self.first = block;
        }
        self.last = block;
        self.hot += 1;
        if judgement.ratio > self.best.ratio || judgement.count > self.best.count {
            self.best = Judgement {
                ratio: self.best.ratio.max(judgement.ratio),
                count: self.best.count.max(judgement.count),
                conspicuous: true,
            };
        }
        let excess: Vec<f64> =
            power.iter().enumerate().map(|(bin, &p)| (f64::from(p) - reference.mean(bin)).max(0.0)).collect();
        let n = excess.len();
        let peak = (0..n).max_by(|&a, &b| excess[a].total_cmp(&excess[b])).unwrap_or(0);
        let around: f64 = (0..9).map(|d| excess[(peak + n + d - 4) % n]).sum();
        self.summed += 1;
        self.focus += around / excess.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for ((sum, loudest), &power) in self.power.iter_mut().zip(&mut self.loudest).zip(power) {
            *sum += f64::from(power);
            *loudest = loudest.max(power);
        }
        if self.peaks.len() < TRACKED {
            self.peaks.push((block, peak as u32));
        }
        let room = self.runs.len() < TRACKED;
        match self.runs.last_mut() {
            Some((start, length)) if *start + *length == block => *length += 1,
            _ if room => self.runs.push((block, 1)),
            _ => {}
        }
    }

    /// Takes the samples of any block from the first conspicuous one on.
    pub(crate) fn keep(&mut self, samples: &[Complex32]) {
        let room = CAPTURE - self.iq.len();
        self.iq.extend_from_slice(&samples[..room.min(samples.len())]);
    }

    /// The run that this candidate is, for the watch for slow pulses.
    pub(crate) fn pulse(&self) -> (u64, u64) {
        (self.first, self.last - self.first + 1)
    }

    /// Whether enough of it is conspicuous, or what is comes in a rhythm.
    pub(crate) fn dense(&self, min_occupancy: f64) -> bool {
        let blocks = self.last - self.first + 1;
        self.hot as f64 >= min_occupancy * blocks as f64 || regular(&self.runs).is_some()
    }

    /// Leaves out blocks at either end that stand apart from the rest: activity that happened to be near. They
    /// belong to a rhythm if there is one.
    pub(crate) fn trim(&mut self, least: u64, block: usize) {
        if self.runs.len() >= TRACKED || regular(&self.runs).is_some() {
            return;
        }
        let hot = |runs: &[(u64, u64)]| runs.iter().map(|run| run.1).sum::<u64>();
        let apart = |a: (u64, u64), b: (u64, u64)| b.0 - (a.0 + a.1) >= APART;
        let first = self.first;
        while let &[a, b, ..] = self.runs.as_slice()
            && a.1 <= STRAY
            && apart(a, b)
            && hot(&self.runs[1..]) >= least
        {
            self.runs.remove(0);
            self.first = b.0;
        }
        while let &[.., a, b] = self.runs.as_slice()
            && b.1 <= STRAY
            && apart(a, b)
            && hot(&self.runs[..self.runs.len() - 1]) >= least
        {
            self.runs.pop();
            self.last = a.0 + a.1 - 1;
        }
        self.hot = hot(&self.runs);
        let inside = self.first..=self.last;
        self.peaks.retain(|peak| inside.contains(&peak.0));
        let front = (self.first - first) as usize * block;
        self.iq.drain(..front.min(self.iq.len()));
        let kept = (self.last + 1 - self.first) as usize * block;
        self.iq.truncate(kept);
    }

    /// Takes in a candidate of before: pulses further apart than what ends an event.
    pub(crate) fn join(&mut self, earlier: Candidate) {
        self.first = earlier.first;
        self.hot += earlier.hot;
        self.focus += earlier.focus;
        self.summed += earlier.summed;
        self.best.ratio = self.best.ratio.max(earlier.best.ratio);
        self.best.count = self.best.count.max(earlier.best.count);
        self.power.iter_mut().zip(earlier.power).for_each(|(a, b)| *a += b);
        self.runs.splice(0..0, earlier.runs);
        self.peaks.splice(0..0, earlier.peaks);
        self.loudest.iter_mut().zip(earlier.loudest).for_each(|(a, b)| *a = a.max(b));
        // The samples of the two are not adjacent; the runs alone tell the rhythm.
        self.iq.clear();
    }

    /// Has the reference learn from it, if it is the reference's own spectrum, only louder.
    pub(crate) fn teach(&self, config: &Config, reference: &mut Reference) -> bool {
        let alike = like_the_reference(&self.evidence(config, &self.means(reference)));
        if alike {
            reference.learn_stretch(&self.loudest, &self.power, self.summed as usize);
        }
        alike
    }

    /// Per bin, the mean excess of the conspicuous blocks over the reference's mean, and that mean.
    fn means(&self, reference: &Reference) -> (Vec<f64>, Vec<f64>) {
        let mean: Vec<f64> = (0..self.power.len()).map(|bin| reference.mean(bin)).collect();
        let summed = self.summed.max(1) as f64;
        (self.power.iter().zip(&mean).map(|(sum, mean)| sum / summed - mean).collect(), mean)
    }

    fn evidence<'a>(
        &'a self,
        config: &Config,
        (excess, reference): &'a (Vec<f64>, Vec<f64>),
    ) -> Evidence<'a> {
        Evidence {
            sample_rate: config.sample_rate,
            block: config.block(),
            excess,
            reference,
            runs: &self.runs,
            peaks: &self.peaks,
            focus: self.focus / self.summed.max(1) as f64,
            iq: &self.iq,
        }
    }

    /// The event that it is. `examined`: blocks judged so far.
    pub(crate) fn event(&self, config: &Config, reference: &Reference, origin: u64, examined: u64) -> Event {
        let means = self.means(reference);
        let evidence = self.evidence(config, &means);
        let verdict = classify(&evidence);
        let p_value = reference.p_value(&self.best);
        let blocks = self.last - self.first + 1;
        let power = evidence.power(verdict.band);
        let mut event = base(config, &verdict, origin + self.first * config.block() as u64, blocks);
        event.statistic = -p_value.max(1e-300).log10();
        event.threshold = -config.pfa.log10();
        event.confidence = 1.0 - (p_value * examined as f64).min(1.0);
        let quiet = match reference.blocks() {
            0 => "the stated noise allows".to_owned(), // nothing has to be learned then
            blocks => format!("everything learned in {blocks} blocks"),
        };
        event.comment = format!(
            "{}: {}. {} of {blocks} blocks of {} samples were louder than {quiet}; noise \
             alone makes a block as conspicuous as the strongest with probability {:.1e}{}",
            verdict.class,
            verdict.why,
            self.hot,
            config.block(),
            p_value.max(1e-300),
            if self.continued { "; part of a longer event" } else { "" },
        );
        // Below zero, the victim was weaker meanwhile than while it was learned: then there is no figure.
        event.set("jnr_db", 10.0 * (power / reference.noise()).log10());
        let everything = evidence.reference.iter().sum::<f64>() / config.size as f64;
        event.set("jsr_db", 10.0 * (power / everything).log10());
        event.set("occupancy", self.hot as f64 / blocks as f64);
        event.set("continued", self.continued);
        event
    }
}

/// An event with its place and class; the figures of its test are the caller's.
pub(crate) fn base(config: &Config, verdict: &Verdict, sample_start: u64, blocks: u64) -> Event {
    let half = config.sample_rate / 2.0;
    let edge = |bin: f64| (bin - (config.size / 2) as f64) * config.bin_width();
    let (start, length) = (verdict.band.0 as f64, verdict.band.1 as f64);
    // A band over the end of the spectrum is told as the larger of its two parts.
    let (mut low, mut high) = (edge(start - 0.5), edge(start + length - 0.5));
    if high > half && half - low < high - half {
        (low, high) = (-half, high - 2.0 * half);
    }
    let mut parameters = verdict.parameters.clone();
    if let Some(center) = parameters.get("center_frequency").and_then(serde_json::Value::as_f64) {
        let wrapped = center - config.sample_rate * ((center + half) / config.sample_rate).floor();
        parameters.insert("center_frequency".into(), (wrapped + config.center_frequency).into());
    }
    Event {
        schema: SCHEMA.into(),
        sample_start,
        sample_count: blocks * config.block() as u64,
        freq_lower_edge: config.center_frequency + low.max(-half),
        freq_upper_edge: config.center_frequency + high.min(half),
        label: if verdict.class == Class::Unknown { "jamming?" } else { verdict.class.name() }.to_owned(),
        comment: String::new(),
        class: verdict.class.name().to_owned(),
        statistic: 0.0,
        threshold: 0.0,
        pfa: config.pfa,
        confidence: 0.0,
        parameters,
    }
}
