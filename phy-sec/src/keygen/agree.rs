//! The whole chain over two recordings, both ends in one thread, and what an observer who holds both ends sees.

mod grant;

use kernels::Backend;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::Serialize;

use super::entropy::Estimate;
use super::ledger::Line;
use super::probe::calibrate::Learnt;
use super::probe::injection::Check;
use super::probe::variation::{Variation, correlation, pearson, variation};
use super::probe::{Overheard, PairBy, Pairing, Pairs, Trace, pair};
use super::quantize::{LevelCrossing, Quantizer, Role};
use super::session::{self, Authentication};
use super::{Alice, Bob, Config, Outcome, SecretKey, preprocess};
use crate::{Error, Result};

/// What came of it. The names are those of the JSON that `phy-sec keygen agree` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `phy-sec.keygen/1`.
    pub schema: &'static str,
    /// The two inputs, as the caller calls them.
    pub source: Vec<String>,
    /// Exchanges that both ends measured, without those that were given away to calibrate.
    pub pairs: usize,
    /// What calibration learnt, if there was any.
    pub calibration: Option<Learnt>,
    /// Mean over the lanes of the correlation over time, before any processing; `None` where every lane is constant or
    /// there are no pairs.
    pub correlation: Option<f64>,
    /// The same of what the quantizer saw.
    pub correlation_processed: Option<f64>,
    /// Share of the raw bits in which the ends differ, `None` without bits.
    pub kdr: Option<f64>,
    /// How many raw bits differ.
    pub errors: usize,
    /// Share of the places (samples, or pairs of them) that became symbols, `None` without samples.
    pub kept: Option<f64>,
    /// Bits out of the quantizer that both ends kept.
    pub raw_bits: usize,
    /// Lower bound of their min-entropy altogether, given their past and the eavesdropper model; `None` where the
    /// session did not come to its ledger.
    pub min_entropy: Option<f64>,
    /// Bits said in public about them; `None` likewise.
    pub leaked_bits: Option<usize>,
    /// Length of the key; 0 is no key.
    pub released_bits: usize,
    /// Why, in a sentence.
    pub reason: String,
    /// Correlation that the eavesdropper is granted: configured, or the upper end of what was measured.
    pub eve_rho: f64,
    /// Share of the raw bits that Eve's own quantized trace gets wrong, `None` without a trace.
    pub eve_kdr: Option<f64>,
    /// What every estimator said, per bit.
    pub estimates: Vec<Estimate>,
    /// The account.
    pub ledger: Vec<Line>,
}

/// A report, and the keys if there are any.
#[derive(Debug)]
pub struct Agreement {
    /// What came of it.
    pub report: Report,
    /// Alice's key and Bob's.
    pub keys: Option<(SecretKey, SecretKey)>,
}

/// Fewer pairs than this say nothing about the channel.
const LEAST_PAIRS: usize = 32;

/// Agrees on a key over two recordings.
///
/// No session is held where the ends cannot be shown to have measured the same changing channel: no key can come of it.
///
/// - `eve`: an eavesdropper's measurements of the same exchanges. How well they tell Alice's, read, arranged and combined in the way that
///   helps her most, at the upper end of the 99 % confidence interval, replaces `eve`.
/// - `seed`: of everything random that is said in public
///
/// # Errors
/// [`Error::OutOfRange`] for a configuration out of range, [`Error::Shape`] for ends with different numbers of lanes or
/// of different kinds.
pub fn agree(
    alice: &Trace,
    bob: &Trace,
    eve: Option<&Trace>,
    config: &Config,
    seed: u64,
    backend: Backend,
) -> Result<Agreement> {
    let eve = eve.map(|eve| Overheard::from(eve.clone()));
    agree_against(alice, bob, eve.as_ref(), config, seed, backend)
}

/// As [`agree`], against an eavesdropper who may have several antennas: what they tell together is what she is granted.
///
/// # Errors
/// Those of [`agree`].
pub fn agree_against(
    alice: &Trace,
    bob: &Trace,
    eve: Option<&Overheard>,
    config: &Config,
    seed: u64,
    backend: Backend,
) -> Result<Agreement> {
    config.check()?;
    if alice.kind() != bob.kind() {
        let (need, got) = (format!("{:?}", alice.kind()), format!("{:?}", bob.kind()));
        return Err(Error::Shape { what: "Bob's measurements", need, got });
    }
    let (pairs, calibration) =
        config.calibrate.apply(pair(alice, bob, &config.pairing)?, config.component, alice.kind())?;
    // Alice learns what there is to learn; both ends, and Eve, process alike.
    let preprocess::Learnt { steps, series: a, announced_bits } =
        preprocess::learn(&config.steps(alice), pairs.alice.clone())?;
    let process = |mut series: Array2<f64>| {
        for step in &steps {
            series = step.apply(series)?;
        }
        Ok(series)
    };
    let b = process(pairs.bob.clone())?;
    let mut settings = config.session(alice.kind());
    settings.announced_bits = announced_bits + calibration.announced_bits;
    let mut report = Report {
        schema: "phy-sec.keygen/1",
        source: Vec::new(),
        pairs: pairs.len(),
        calibration: (!config.calibrate.is_none()).then_some(calibration),
        correlation: correlation(&pairs.alice, &pairs.bob),
        correlation_processed: correlation(&a, &b),
        kdr: None,
        errors: 0,
        kept: None,
        raw_bits: 0,
        min_entropy: None,
        leaked_bits: None,
        released_bits: 0,
        reason: String::new(),
        eve_rho: settings.eve.joint_rho(),
        eve_kdr: None,
        estimates: Vec::new(),
        ledger: Vec::new(),
    };
    if let Some(eve) = eve {
        grant::grant(&mut report, &mut settings, alice, eve, &pairs, config, &steps)?;
    }
    if !a.is_empty() {
        observe(&mut report, &settings.quantize, &a, &b)?;
    }
    if let Some(reason) = unusable(alice, bob, &pairs, (&a, &b), config, &process)? {
        report.reason = format!("no key: {reason}");
        return Ok(Agreement { report, keys: None });
    }

    // The seed's 64 bits are stretched: what is said must be unpredictable, not secret.
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut public = || std::array::from_fn(|_| (rng.next_u32() & 0xff) as u8);
    // One thread is both ends: there is nobody to be told apart.
    let alice = Alice::new(a, &settings, public(), Authentication::Insecure, &backend)?;
    let bob = Bob::new(b, &settings, public(), Authentication::Insecure, &backend)?;
    let (alice, bob) = session::run(alice, bob)?;
    report.reason = alice.reason();
    if let Some(ledger) = alice.ledger() {
        report.min_entropy = Some(ledger.min_entropy());
        report.leaked_bits = Some(ledger.leaked_bits());
        report.estimates = ledger.estimates().to_vec();
        report.ledger = ledger.lines().to_vec();
    }
    let keys = match (alice, bob) {
        (Outcome::Settled { key: Some(alice), ledger }, Outcome::Settled { key: Some(bob), .. })
            if alice.matches(&bob) =>
        {
            report.released_bits = ledger.released_bits();
            Some((alice, bob))
        }
        _ => None,
    };
    Ok(Agreement { report, keys })
}

/// What only an observer of both ends knows.
fn observe(report: &mut Report, quantizer: &Quantizer, a: &Array2<f64>, b: &Array2<f64>) -> Result<()> {
    let alice = quantizer.quantize(Role::Alice, a, &[])?;
    let bob = quantizer.quantize(Role::Bob, b, &alice.announced)?;
    (report.raw_bits, report.errors) = alice.differences(&bob, &bob);
    let places = alice.symbols.len().max(1);
    let kept = alice.kept.iter().zip(bob.kept.iter()).filter(|(alice, bob)| *alice && *bob).count();
    report.kept = Some(kept as f64 / places as f64);
    report.kdr = (report.raw_bits > 0).then(|| report.errors as f64 / report.raw_bits as f64);
    Ok(())
}

/// Why these measurements cannot give a key, whatever is said over them.
fn unusable(
    alice: &Trace,
    bob: &Trace,
    pairs: &Pairs,
    processed: (&Array2<f64>, &Array2<f64>),
    config: &Config,
    process: &impl Fn(Array2<f64>) -> Result<Array2<f64>>,
) -> Result<Option<String>> {
    let got = variation(processed.0, processed.1);
    if pairs.len() >= LEAST_PAIRS {
        if got.is_common() {
            return spoofed(processed, config);
        }
        let shape = static_profile(alice, bob);
        return Ok(Some(format!(
            "the ends do not demonstrably see the same changes over time (correlation {:.3}, {:.1} standard deviations where {:.0} \
             are needed){shape}",
            got.correlation,
            got.deviations,
            Variation::LIMIT,
        )));
    }
    let by = match pairs.by {
        PairBy::Sequence => "by sequence number".to_owned(),
        PairBy::Order => "by their order".to_owned(),
        PairBy::Auto | PairBy::Time => format!(
            "(there are no sequence numbers at both ends, nor time stamps within {} s of one another)",
            config.pairing.tolerance
        ),
    };
    let mut reason =
        format!("{} measurements can be paired {by}, at least {LEAST_PAIRS} are needed", pairs.len());
    // Not a pairing to build on, but one that shows what the recordings are.
    if pairs.by != PairBy::Sequence {
        let order = pair(alice, bob, &Pairing { by: PairBy::Order, ..config.pairing })?;
        let (a, b) = (process(order.alice)?, process(order.bob)?);
        let got = variation(&a, &b);
        if !got.is_common() {
            reason += &format!(
                "; taken in order they share no change over time (correlation {:.3}){}",
                got.correlation,
                static_profile(alice, bob)
            );
        }
    }
    Ok(Some(reason))
}

/// Whether the ends' excursions show that somebody sends to one of them.
fn spoofed(processed: (&Array2<f64>, &Array2<f64>), config: &Config) -> Result<Option<String>> {
    if config.active.least_common == 0.0 {
        return Ok(None);
    }
    let excursions = match &config.quantize {
        Some(Quantizer::LevelCrossing(excursions)) => excursions.clone(),
        _ => LevelCrossing::default(),
    };
    let check = Check::new(processed.0, processed.1, &excursions)?;
    Ok((check.share() <= config.active.least_common).then(|| {
        format!(
            "of {} excursions that Alice names Bob sees {} ({:.2}; more than {:.2} is asked for): somebody sends to one end alone, or the \
             channel has no excursions",
            check.named,
            check.common,
            check.share(),
            config.active.least_common
        )
    }))
}

/// What to add where both ends saw the same shape over frequency, unchanging.
fn static_profile(alice: &Trace, bob: &Trace) -> String {
    let (a, b) = (ndarray::Array1::from(alice.profile()), ndarray::Array1::from(bob.profile()));
    match pearson(a.view(), b.view()).filter(|r| alice.lanes() >= 8 && *r > 0.9) {
        Some(r) => format!(
            ", only the same mean profile over frequency (r = {r:.2}): the channel is static, and what does not \
             change anybody can measure later"
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
