//! What both ends of a session do alike, from their series to the account.

use kernels::Backend;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use zeroize::{Zeroize, Zeroizing};

use super::authentication::{Authentication, Proof, Sender};
use super::message::Body;
use super::transcript::Transcript;
use super::{Abort, LEAST_BITS, LEAST_SAMPLE, Settings, TAG_BITS};
use crate::bits::Bits;
use crate::keygen::entropy::symbols::{self, Symbols};
use crate::keygen::entropy::{Estimate, Estimator, Sample, rank};
use crate::keygen::ledger::{Disclosed, Ledger, Worth};
use crate::keygen::quantize::Quantized;
use crate::keygen::reconcile::estimate::{from_sample, hopeless};
use crate::keygen::{RawBits, ReconciledBits};
use crate::{Error, Result};

/// The series of one end until it is quantized, wiped afterwards.
pub(super) struct Series(pub(super) Array2<f64>);

impl Drop for Series {
    fn drop(&mut self) {
        for value in &mut self.0 {
            value.zeroize();
        }
    }
}

/// What both ends do alike.
pub(super) struct End {
    pub(super) settings: Settings,
    pub(super) authentication: Authentication,
    pub(super) backend: Backend,
    /// Source of all that this end says at random.
    pub(super) rng: ChaCha20Rng,
    pub(super) lanes: usize,
    pub(super) columns: usize,
    pub(super) transcript: Transcript,
    /// Which places both kept, in order of the rows; and what is public of each.
    pub(super) kept: Vec<u32>,
    pub(super) widths: Vec<u8>,
    pub(super) classes: Vec<u8>,
    /// Rows of places: lanes, or pairs of them.
    pub(super) rows: usize,
    /// Whether the kept places stand for others.
    pub(super) runs: bool,
    /// How many raw bits they hold.
    pub(super) raw: usize,
    pub(super) disclosed: Disclosed,
    /// Where the compared bits are among the kept ones, ascending, and what Alice's were.
    pub(super) sampled: Vec<u32>,
    pub(super) sample: Bits,
    pub(super) error_rate: f64,
}

impl End {
    pub(super) fn new(
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

    pub(super) fn hello(&mut self) -> Body {
        Body::Hello {
            settings: self.settings.digest(),
            lanes: self.lanes as u32,
            samples: self.columns as u32,
            authenticated: self.authentication.is_shared(),
            nonce: self.random(),
        }
    }

    pub(super) fn random(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// Whether the other end means the same.
    pub(super) fn greet(&self, body: &Body) -> std::result::Result<(), Abort> {
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
    pub(super) fn keep(
        &mut self,
        kept: Vec<u32>,
        mut quantized: Quantized,
    ) -> std::result::Result<RawBits, Abort> {
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
    pub(super) fn choose(&mut self, seed: [u8; 32]) {
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
    pub(super) fn compare(&mut self, alice: Bits, bob: &Bits) -> std::result::Result<(), Abort> {
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
            let hopeless = hopeless(self.settings.quantize.min_entropy(self.settings.eve.joint_rho()));
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
    pub(super) fn split(&self, mut raw: RawBits) -> (Bits, RawBits) {
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
    pub(super) fn settle(&mut self, reconciled: &ReconciledBits) -> Ledger {
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
        let rho = self.settings.eve.joint_rho();
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
    pub(super) fn estimate(&self, all: &[bool]) -> Vec<Estimate> {
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
        let bits = |index: usize| &all[starts[index]..starts[index] + usize::from(self.widths[index])];
        let symbol = |index| bits(index).iter().fold(0, |symbol, &bit| symbol << 1 | u8::from(bit));
        let mut values: Vec<u8> = (0..self.kept.len()).map(symbol).collect();
        let place: Vec<u32> = self.kept.iter().map(|place| place % columns).collect();
        let (widths, classes) = (self.widths.as_slice(), self.classes.as_slice());
        let symbols = Symbols { values: &values, widths, classes, place: &place, rows: &rows };
        if !plain {
            estimates.push(symbols::estimate(&symbols));
        }
        estimates.extend(rank::estimate(&symbols));
        values.zeroize();
        estimates
    }

    /// The proof that `sender` gives at the step `label`, over all messages so far and `extra`.
    pub(super) fn proof(&self, sender: Sender, label: &str, bits: &ReconciledBits, extra: &[u8]) -> Proof {
        let bits = Zeroizing::new(bits.bits.to_bytes());
        self.authentication.prove(sender, &bits, &[label.as_bytes(), &self.transcript.digest(), extra])
    }
}
