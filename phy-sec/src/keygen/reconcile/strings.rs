//! Two bit strings and nothing else, as they come out of another device (sifted QKD keys, say): error rate, reconciliation,
//! verification, and an account of what was said.

use hmac::{Hmac, KeyInit, Mac};
use kernels::Backend;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::estimate::{ErrorEstimate, from_sample};
use super::{binary_entropy, frames};
use crate::bits::Bits;
use crate::keygen::amplify::vouched;
use crate::keygen::{Config, RawBits, ReconciledBits, SecretKey, Security, within};
use crate::{Error, Result};

/// Length of a verification tag.
const TAG_BITS: usize = 64;

/// What came of it. The names are those of the JSON that `phy-sec keygen reconcile` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `phy-sec.reconciliation/1`.
    pub schema: &'static str,
    /// The two inputs, as the caller calls them.
    pub source: Vec<String>,
    /// Bits of each string.
    pub bits: usize,
    /// How many of them were compared in public and thrown away.
    pub sample_bits: usize,
    /// How many of those differed.
    pub sample_errors: usize,
    /// Estimate from the sample, and the ends of its 95 % interval; `None` where nothing was sampled.
    pub estimate: Option<ErrorEstimate>,
    /// The rate that was worked with.
    pub error_rate: f64,
    /// Share of the other bits that differed, which only an observer of both ends knows; `None` without any.
    pub kdr: Option<f64>,
    /// The reconciler, as configuration spells it; `None` where it did not come to that.
    pub method: Option<serde_json::Value>,
    /// Bits left at each end.
    pub remaining_bits: usize,
    /// Bits said about those in public, the verification's included.
    pub leaked_bits: usize,
    /// Of those, the verification's.
    pub verification_bits: usize,
    /// Bits that reconciliation said over those that the errors ask for at least; `None` without errors.
    pub efficiency: Option<f64>,
    /// Questions that Bob asked.
    pub questions: usize,
    /// Frames that Bob knew not to be corrected.
    pub uncorrected: usize,
    /// Bits of the key that was made of them; `None` where none was asked for.
    pub released_bits: Option<usize>,
    /// Whether the ends' tags are the same.
    pub verified: bool,
    /// What came of it, in a sentence.
    pub reason: String,
}

/// A report, and the strings if they are the same.
#[derive(Debug)]
pub struct Reconciliation {
    /// What came of it.
    pub report: Report,
    /// Alice's and Bob's bits: the ones that were not sampled, in their order.
    pub strings: Option<(ReconciledBits, ReconciledBits)>,
}

impl Reconciliation {
    /// The two ends' keys: the strings hashed to what is left of `min_entropy` bits in each bit (0 to 1, against whoever listened to the
    /// channel: for the caller to vouch for) after what was said. `None` where the strings are not the same or nothing is left;
    /// the report says which.
    ///
    /// - `seed`: of the public hash, not used before
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a `min_entropy` or an epsilon out of range.
    pub fn amplify(
        &mut self,
        min_entropy: f64,
        security: Security,
        seed: u64,
        backend: &Backend,
    ) -> Result<Option<(SecretKey, SecretKey)>> {
        within("min_entropy", min_entropy, 0.0, 1.0, "within 0..=1, bits a bit")?;
        self.report.released_bits = Some(0);
        let Some((alice, bob)) = &self.strings else { return Ok(None) };
        // Not the stream that the shuffles came from.
        let seed: [u8; 32] = Sha256::new()
            .chain_update(b"phy-sec amplification")
            .chain_update(seed.to_le_bytes())
            .finalize()
            .into();
        let of = |end: &ReconciledBits| {
            let whole = min_entropy * end.len() as f64;
            vouched(&end.bits, whole, self.report.leaked_bits, security, seed, backend)
        };
        let keys = of(alice)?.zip(of(bob)?);
        let released = keys.as_ref().map_or(0, |(key, _)| key.bits());
        self.report.released_bits = Some(released);
        self.report.reason += &match released {
            0 => "; nothing is left of them as a key".to_owned(),
            _ => format!("; {released} are left as a key"),
        };
        Ok(keys)
    }
}

/// A tag that shows whether two ends hold the same bits: HMAC-SHA256 under them of a public `seed`, cut to 64 bits. It tells at most
/// 64 bits of them, which whoever uses it must count.
#[must_use]
pub fn tag(bits: &ReconciledBits, seed: [u8; 32]) -> [u8; TAG_BITS / 8] {
    let mut tag = [0; TAG_BITS / 8];
    let key = Zeroizing::new(bits.bits.to_bytes());
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) {
        mac.update(b"phy-sec reconciliation");
        mac.update(&(bits.len() as u64).to_le_bytes());
        mac.update(&seed);
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BITS / 8]);
    }
    tag
}

/// Reconciles two strings, both ends in this process: of `config`, `error_rate` and `reconcile`.
///
/// - `seed`: of all that is drawn in public, after the strings are fixed
///
/// # Errors
/// [`Error::Shape`] for strings of different lengths, [`Error::TooShort`] for less than two bits, [`Error::OutOfRange`] for more
/// than 2^31 and for a configuration out of range.
pub fn reconcile_strings(alice: Bits, bob: Bits, config: &Config, seed: u64) -> Result<Reconciliation> {
    config.check()?;
    if alice.len() != bob.len() {
        let (need, got) = (format!("[{}]", alice.len()), format!("[{}]", bob.len()));
        return Err(Error::Shape { what: "Bob's string", need, got });
    }
    let got = alice.len();
    if got < 2 {
        return Err(Error::TooShort { what: "a string to reconcile", need: 2, unit: "bits", got });
    }
    if got > 1 << 31 {
        return Err(Error::OutOfRange { field: "bits", rule: "at most 2^31", got: got.to_string() });
    }
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut public = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let share = config.error_rate.sample;
    let count =
        if share > 0.0 { ((share * alice.len() as f64).ceil() as usize).min(alice.len() - 1) } else { 0 };
    let mut chosen = frames::order(alice.len(), public());
    chosen.truncate(count);
    chosen.sort_unstable();
    let differ = |index: u32| alice.get(index as usize) != bob.get(index as usize);
    let errors = chosen.iter().filter(|&&index| differ(index)).count();
    let estimate = if count > 0 { Some(from_sample(errors, count, 0.95)?) } else { None };
    let error_rate = estimate.map_or(config.error_rate.assume, |estimate| estimate.rate.min(0.5));
    let mut report = Report {
        schema: "phy-sec.reconciliation/1",
        source: Vec::new(),
        bits: alice.len(),
        sample_bits: count,
        sample_errors: errors,
        estimate,
        error_rate,
        kdr: None,
        method: None,
        remaining_bits: alice.len() - count,
        leaked_bits: 0,
        verification_bits: 0,
        efficiency: None,
        questions: 0,
        uncorrected: 0,
        released_bits: None,
        verified: false,
        reason: String::new(),
    };
    let [alice, bob] = [rest(alice, &chosen), rest(bob, &chosen)];
    let mut difference = alice.xor(&bob)?;
    let n = alice.len() as f64;
    let kdr = difference.count_ones() as f64 / n;
    difference.zeroize();
    report.kdr = Some(kdr);
    if error_rate > config.error_rate.limit {
        report.reason = format!(
            "not reconciled: the strings disagree too much, rate {error_rate:.3}, the limit is {:.3}",
            config.error_rate.limit
        );
        return Ok(Reconciliation { report, strings: None });
    }
    let method = config.reconcile.resolved(alice.len(), error_rate);
    report.method = serde_json::to_value(&method).ok();
    let (alice, bob, questions) =
        method.pair(RawBits::new(alice), RawBits::new(bob), error_rate, public())?;
    let seed = public();
    let same: bool = tag(&alice, seed).ct_eq(&tag(&bob, seed)).into();
    report.verified = same && bob.uncorrected() == 0;
    (report.questions, report.uncorrected) = (questions, bob.uncorrected());
    (report.leaked_bits, report.verification_bits) = (bob.leaked() + TAG_BITS, TAG_BITS);
    report.efficiency = (kdr > 0.0).then(|| bob.leaked() as f64 / (n * binary_entropy(kdr)));
    report.reason = if report.verified {
        format!("{} bits are the same at both ends, {} were said of them", alice.len(), report.leaked_bits)
    } else if report.uncorrected > 0 {
        format!("not reconciled: {} frames could not be corrected", report.uncorrected)
    } else {
        "not reconciled: the ends' tags differ".to_owned()
    };
    let strings = report.verified.then_some((alice, bob));
    Ok(Reconciliation { report, strings })
}

/// The bits that are not `chosen` (ascending).
fn rest(mut bits: Bits, chosen: &[u32]) -> Bits {
    let mut chosen = chosen.iter().peekable();
    // Its length is known: a vector that grows leaves copies behind.
    let mut kept = Vec::with_capacity(bits.len());
    for (index, bit) in bits.iter().enumerate() {
        if chosen.next_if(|&&place| place as usize == index).is_none() {
            kept.push(bit);
        }
    }
    let packed = kept.iter().copied().collect();
    kept.zeroize();
    bits.zeroize();
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keygen::ErrorRate;
    use crate::keygen::reconcile::Reconciler;
    use crate::keygen::reconcile::meet::strings;

    fn config(method: &str) -> Config {
        let reconcile = serde_json::from_value(serde_json::json!({ "method": method })).unwrap();
        Config {
            reconcile,
            error_rate: ErrorRate { sample: 0.1, ..ErrorRate::default() },
            ..Config::default()
        }
    }

    /// Every row of the table, through sample, reconciliation and tag.
    #[test]
    fn every_reconciler_reconciles_strings() {
        for method in Reconciler::ALL {
            let (a, b) = strings(3000, 0.02, 4);
            let original = a.clone();
            let Reconciliation { report, strings } = reconcile_strings(a, b, &config(method), 1).unwrap();
            assert!(report.verified, "{method}: {}", report.reason);
            let (a, b) = strings.unwrap();
            assert_eq!((a.errors(&b).unwrap(), a.len()), (0, 2700), "{method}");
            // What is left of Alice's string is a part of it, in order.
            let mut whole = original.iter();
            assert!(a.expose().iter().all(|bit| whole.any(|other| other == bit)));
            assert_eq!((report.sample_bits, report.remaining_bits), (300, 2700));
            assert_eq!(report.leaked_bits, b.leaked() + 64);
            let (f, estimate) = (report.efficiency.unwrap(), report.estimate.unwrap());
            assert!(f > 1.0 && f < 6.0, "{method}: {f}");
            assert!(estimate.low < report.kdr.unwrap() && report.kdr.unwrap() < estimate.high + 0.02);
        }
    }

    /// More errors than were told of: told too few, a code of fixed strength fails, and that is seen, by itself or by the tag.
    #[test]
    fn what_is_not_corrected_is_not_released() {
        for method in ["bch", "reed_solomon", "winnow"] {
            let (a, b) = strings(2000, 0.08, 1);
            let mut config = config(method);
            config.error_rate = ErrorRate { sample: 0.0, assume: 0.005, limit: 0.2 };
            let Reconciliation { report, strings } = reconcile_strings(a, b, &config, 1).unwrap();
            assert!(!report.verified && strings.is_none(), "{method}: {}", report.reason);
            assert!(report.reason.starts_with("not reconciled"), "{}", report.reason);
        }
        let (a, b) = strings(2000, 0.3, 1);
        let Reconciliation { report, strings } = reconcile_strings(a, b, &config("cascade"), 1).unwrap();
        assert!(strings.is_none() && report.leaked_bits == 0 && report.reason.contains("disagree too much"));
    }

    /// What is left: 0.9 of each of the remaining bits, less what was said, less 2 log2 of epsilon.
    #[test]
    fn strings_become_keys() {
        let reconciled = || {
            let (a, b) = strings(20_000, 0.02, 4);
            reconcile_strings(a, b, &config("cascade"), 1).unwrap()
        };
        let security = Security { epsilon: 2f64.powi(-20), ..Security::default() };
        let mut outcome = reconciled();
        let (alice, bob) = outcome.amplify(0.9, security, 5, &Backend::default()).unwrap().unwrap();
        let want =
            (0.9 * outcome.report.remaining_bits as f64).floor() as usize - outcome.report.leaked_bits - 40;
        assert!(alice.matches(&bob) && alice.bits() == want, "{}", outcome.report.reason);
        assert_eq!(outcome.report.released_bits, Some(want));
        let (other, _) = reconciled().amplify(0.9, security, 6, &Backend::default()).unwrap().unwrap();
        assert!(!alice.matches(&other));
        assert!(reconciled().amplify(0.1, security, 5, &Backend::default()).unwrap().is_none());
        assert!(reconciled().amplify(1.1, security, 5, &Backend::default()).is_err());
    }

    /// One bit of difference changes the tag, and so does the seed.
    #[test]
    fn tags_differ_with_the_bits() {
        let of = |bits: &Bits| ReconciledBits { bits: bits.clone(), leaked: 0, uncorrected: 0 };
        let (a, _) = strings(100, 0.0, 1);
        let first = tag(&of(&a), [1; 32]);
        assert_eq!(first, tag(&of(&a), [1; 32]));
        assert_ne!(first, tag(&of(&a), [2; 32]));
        for place in 0..100 {
            let mut b = a.clone();
            b.flip(place);
            assert_ne!(first, tag(&of(&b), [1; 32]));
        }
        let mut longer = a.clone();
        longer.push(false);
        assert_ne!(first, tag(&of(&longer), [1; 32]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (a, _) = strings(100, 0.0, 1);
        let says = |a: Bits, b: Bits| reconcile_strings(a, b, &config("cascade"), 1).unwrap_err().to_string();
        assert_eq!(says(a.clone(), Bits::zeros(99)), "Bob's string must have shape [100], got [99]");
        assert!(says(Bits::zeros(1), Bits::zeros(1)).contains("needs at least 2 bits"));
    }
}
