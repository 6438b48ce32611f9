//! The whole chain over two recordings, both ends in one thread, and what an observer who holds both ends sees.

use std::collections::HashMap;

use kernels::Backend;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::Serialize;

use super::entropy::Estimate;
use super::ledger::Line;
use super::probe::arrangement::Order;
use super::probe::calibrate::{Learnt, arrange};
use super::probe::injection::Check;
use super::probe::overheard::regress;
use super::probe::variation::{Variation, correlation, pearson, resemblance, variation};
use super::probe::{Antennas, Component, Overheard, PairBy, Pairing, Pairs, Trace, pair};
use super::quantize::{LevelCrossing, Quantizer, Role};
use super::session::{self, Authentication, Settings};
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
/// - `eve`: an eavesdropper's measurements of the same exchanges. How well they correlate with Alice's, at the
///   upper end of the 99 % confidence interval, replaces `eve.rho`.
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
        eve_rho: settings.eve.rho,
        eve_kdr: None,
        estimates: Vec::new(),
        ledger: Vec::new(),
    };
    if let Some(eve) = eve {
        let eve = if config.antennas == Antennas::All { &eve.beside(alice.lanes()) } else { eve };
        grant(&mut report, &mut settings, alice, eve, &pairs, config, &process)?;
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

/// Measures what Eve's traces are worth together.
fn grant(
    report: &mut Report,
    settings: &mut Settings,
    alice: &Trace,
    eve: &Overheard,
    pairs: &Pairs,
    config: &Config,
    process: &impl Fn(Array2<f64>) -> Result<Array2<f64>>,
) -> Result<()> {
    // Her rows find those of the pairs as Bob's found Alice's; all views have the same rows.
    let by = Pairing { by: pairs.by, ..config.pairing };
    let views = eve.views().iter().map(|view| pair(alice, view, &by)).collect::<Result<Vec<_>>>()?;
    let Some(first) = views.first() else { return Ok(()) };
    let of_column: HashMap<_, _> =
        first.alice_column.iter().enumerate().map(|(k, column)| (column, k)).collect();
    let common: Vec<(usize, usize)> = pairs
        .alice_column
        .iter()
        .enumerate()
        .filter_map(|(pair, column)| Some((pair, *of_column.get(column)?)))
        .collect();
    let (of_pairs, of_eve): (Vec<_>, Vec<_>) = common.into_iter().unzip();
    let select = |x: &Array2<f64>, columns: &[usize]| x.select(ndarray::Axis(1), columns);
    let a = process(select(&pairs.alice, &of_pairs))?;
    // In which order her lanes are is hers to know: where that matters to the ends, she is granted the one that helps her most.
    let orders: &[Order] = if config.calibrate.is_none() { &[Order::Natural] } else { &Order::ALL };
    let each = if config.component == Component::Complex && a.nrows().is_multiple_of(2) { 2 } else { 1 };
    let mut best = None;
    for &order in orders {
        let of_view = |view: &Pairs| process(arrange(select(&view.bob, &of_eve), order, each));
        let e = views.iter().map(of_view).collect::<Result<Vec<_>>>()?;
        let got = e
            .iter()
            .map(|e| resemblance(&a, e))
            .max_by(|x, y| x.correlation.abs().total_cmp(&y.correlation.abs()));
        let Some(got) = got else { return Ok(()) };
        // One view is herself; several are what follows from all of them.
        let (known, correlation) = match &e[..] {
            [one] => (one.clone(), got.correlation.abs()),
            several => {
                let (known, joint) = regress(&a, several);
                (known, joint.max(got.correlation.abs()))
            }
        };
        if best.as_ref().is_none_or(|(_, most, _)| correlation > *most) {
            best = Some((known, correlation, got));
        }
    }
    let Some((e, correlation, got)) = best else { return Ok(()) };
    // Fisher's interval on the effective number of pairs; no sign helps her less than the other.
    let reach = 2.326 / (got.effective_pairs - 3.0).max(1.0).sqrt();
    let rho = (correlation.min(0.999_999).atanh() + reach).tanh();
    (report.eve_rho, settings.eve.rho) = (rho, rho);
    if !a.is_empty() {
        let b = process(select(&pairs.bob, &of_pairs))?;
        let quantizer = settings.quantize.resolved();
        let alice = quantizer.quantize(Role::Alice, &a, &[])?;
        let [bob, eve] = [
            quantizer.quantize(Role::Bob, &b, &alice.announced)?,
            quantizer.quantize(Role::Bob, &e, &alice.announced)?,
        ];
        let (count, errors) = alice.differences(&bob, &eve);
        report.eve_kdr = (count > 0).then(|| errors as f64 / count as f64);
        // A correlation explains how often she guesses if everything is Gaussian. Who knows some values for certain and others not at all
        // guesses oftener: that counts as it is, once it is more than chance.
        let kept = (0..alice.symbols.len())
            .filter(|&place| alice.kept.get(place) == Some(true) && bob.kept.get(place) == Some(true));
        let (mut hits, mut symbols) = (0usize, 0usize);
        for place in kept {
            symbols += 1;
            hits += usize::from(alice.symbols[place] == eve.symbols[place]);
        }
        let bits = count as f64 / symbols.max(1) as f64;
        let independent = (got.effective_pairs / pairs.len().max(1) as f64).min(1.0);
        let trials = symbols as f64 * independent;
        let model = 2f64.powf(-settings.quantize.min_entropy(rho) * bits);
        let (least, most) = wilson(hits as f64 * independent, trials);
        if trials >= 32.0 && least > model {
            settings.active.guess = settings.active.guess.max(most);
        }
    }
    Ok(())
}

/// The 99 % interval of a probability of which `hits` of `trials` were seen (Wilson, J. Am. Stat. Assoc. 22, 1927).
fn wilson(hits: f64, trials: f64) -> (f64, f64) {
    const Z: f64 = 2.575_829_303_548_901;
    if trials <= 0.0 {
        return (0.0, 1.0);
    }
    let p = hits / trials;
    let centre = p + Z * Z / (2.0 * trials);
    let spread = Z * (p * (1.0 - p) / trials + Z * Z / (4.0 * trials * trials)).sqrt();
    let scale = 1.0 + Z * Z / trials;
    (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
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
