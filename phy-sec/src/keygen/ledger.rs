//! The account behind a key: what the raw bits hold that nobody else knows, less everything said about them in public,
//! less the margin. What is left is released; if nothing is left, there is no key.

use serde::Serialize;

use super::entropy::Estimate;

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What it is for.
    pub name: &'static str,
    /// Bits, negative where they are taken away.
    pub bits: f64,
    /// Why as many.
    pub why: String,
}

/// The account, settled. Only a session makes one, so that nobody amplifies more than it allows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ledger {
    raw_bits: usize,
    min_entropy: f64,
    leaked_bits: usize,
    released_bits: usize,
    reason: String,
    estimates: Vec<Estimate>,
    lines: Vec<Line>,
}

/// What was said in public about the raw bits, beside the list of kept samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Disclosed {
    /// Bits that Alice announced so that Bob processes and quantizes as she does.
    pub(super) announced: usize,
    /// Bits compared to find the error rate.
    pub(super) sample: usize,
    /// What reconciliation said.
    pub(super) reconciliation: usize,
    /// Bits of the verification tags.
    pub(super) verification: usize,
}

/// What the raw bits are worth.
#[derive(Debug, Clone)]
pub(super) struct Worth {
    /// How many there are, those included that were compared in public.
    pub(super) raw_bits: usize,
    /// Of every estimator.
    pub(super) estimates: Vec<Estimate>,
    /// Correlation that the eavesdropper is granted.
    pub(super) rho: f64,
    /// With what probability she guesses one bit from her own measurement.
    pub(super) guess: f64,
}

impl Ledger {
    /// Settles the account: see the guide to key generation for each line.
    ///
    /// Memory and eavesdropper are two sources of guesses. Their deficits are added: a bit that is guessed with p
    /// from its past and with q from Eve's measurement is charged as if guessed with `2pq`, which is not less than
    /// `pq / (pq + (1-p)(1-q))`, the probability from both together when they are independent given the bit and agree.
    pub(super) fn settle(worth: Worth, disclosed: Disclosed, epsilon: f64) -> Self {
        let n = worth.raw_bits as f64;
        let least = |conditional: bool| {
            let usable = worth.estimates.iter().filter(|e| e.counts && (conditional || !e.conditional));
            // Nor does rounding make less than nothing of it, or a nothing with a sign.
            usable
                .min_by(|a, b| a.bound.total_cmp(&b.bound))
                .map_or(("none", 0.0), |e| (e.name, e.bound.max(0.0) + 0.0))
        };
        let (memory, plain) = least(false);
        let (strictest, all) = least(true);
        let eve = -worth.guess.clamp(0.5, 1.0).log2() + 0.0;
        let min_entropy = n * (plain + eve - 1.0).max(0.0);
        // Rounding noise is not a bit.
        let indices = (n * (plain - all) - 1e-9).max(0.0).ceil();
        let margin = 2.0 * -epsilon.log2();
        let bits = |count: usize| -(count as f64);
        let line = |name, bits: f64, why: String| Line { name, bits: bits + 0.0, why };

        let lines = vec![
            line("raw_bits", n, "bits out of the quantizer that both ends kept".into()),
            line(
                "memory",
                -n * (1.0 - plain),
                format!("{plain:.4} bit each by the strictest estimator, {memory}, at 99 % confidence"),
            ),
            line(
                "eavesdropper",
                min_entropy - n * plain,
                format!(
                    "Eve, whose measurements correlate by {:.2} with the ends', guesses a kept bit with {:.4} (of a symbol's bits \
                     their geometric mean): {eve:.4} bit each",
                    worth.rho, worth.guess
                ),
            ),
            line(
                "indices",
                -indices,
                format!(
                    "the public list of kept samples and of offsets within cells, through what it says of neighbours ({strictest}: \
                     {all:.4} bit each); what it says of the samples themselves is in the line above"
                ),
            ),
            line(
                "announced",
                bits(disclosed.announced),
                "what Alice said of her series so that Bob processes and quantizes his alike: levels, bits of a block, \
                 what preprocessing learned"
                    .into(),
            ),
            line(
                "sample",
                bits(disclosed.sample),
                "bits compared in public to find the error rate, then thrown away".into(),
            ),
            line("reconciliation", bits(disclosed.reconciliation), "parities that Alice said".into()),
            line(
                "verification",
                bits(disclosed.verification),
                "three tags that prove to each end that the other holds the same bits and saw the same messages"
                    .into(),
            ),
            line(
                "margin",
                -margin,
                format!(
                    "2 log2(1/epsilon) of the leftover hash lemma: the key is within 2^{:.0} of a uniform one",
                    epsilon.log2()
                ),
            ),
        ];
        // The lines add up, except that Eve cannot take more than there is.
        let balance: f64 = lines.iter().map(|line| line.bits).sum();
        let released_bits = if balance >= 1.0 { (balance + 1e-6).floor() as usize } else { 0 };
        let leaked_bits = indices as usize
            + disclosed.announced
            + disclosed.sample
            + disclosed.reconciliation
            + disclosed.verification;
        let held = format!(
            "{} raw bits hold at least {min_entropy:.0} bits of min-entropy ({memory} {plain:.3} a bit, Eve {eve:.3}), {leaked_bits} \
             were said in public and the margin is {margin:.0}",
            worth.raw_bits
        );
        let reason = if released_bits > 0 {
            format!("{released_bits} bits released: {held}")
        } else {
            format!("no key: {held}, which leaves {balance:.0}")
        };
        Self {
            raw_bits: worth.raw_bits,
            min_entropy,
            leaked_bits,
            released_bits,
            reason,
            estimates: worth.estimates,
            lines,
        }
    }

    /// Bits out of the quantizer.
    #[must_use]
    pub fn raw_bits(&self) -> usize {
        self.raw_bits
    }

    /// Lower bound of the min-entropy of all raw bits together, given their past and the eavesdropper model.
    #[must_use]
    pub fn min_entropy(&self) -> f64 {
        self.min_entropy
    }

    /// Everything said about them in public.
    #[must_use]
    pub fn leaked_bits(&self) -> usize {
        self.leaked_bits
    }

    /// Length of the key; 0 is no key.
    #[must_use]
    pub fn released_bits(&self) -> usize {
        self.released_bits
    }

    /// Why, in a sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What every estimator said.
    #[must_use]
    pub fn estimates(&self) -> &[Estimate] {
        &self.estimates
    }

    /// The entries; they add up to the released bits and less than one more, or to less than one.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worth(n: usize, plain: f64, conditional: f64, guess: f64) -> Worth {
        let estimate =
            |name, bound, conditional| Estimate { name, point: bound, bound, conditional, counts: true };
        let estimates = vec![estimate("markov", plain, false), estimate("context", conditional, true)];
        Worth { raw_bits: n, estimates, rho: 0.5, guess }
    }

    /// Worked by hand: 2000 · (0.9 + 0.58496 - 1) = 969.925; 100 for the indices; 64 + 50 + 120 + 128 said; 40 of margin.
    #[test]
    fn the_arithmetic() {
        let disclosed = Disclosed { announced: 64, sample: 50, reconciliation: 120, verification: 128 };
        let ledger = Ledger::settle(worth(2000, 0.9, 0.85, 2.0 / 3.0), disclosed, 2f64.powi(-20));
        let min_entropy = 2000.0 * (0.9 - f64::log2(2.0 / 3.0) - 1.0);
        assert!((ledger.min_entropy() - min_entropy).abs() < 1e-9, "{ledger:?}");
        assert_eq!(ledger.leaked_bits(), 100 + 64 + 50 + 120 + 128);
        let balance: f64 = ledger.lines().iter().map(|line| line.bits).sum();
        assert!((balance - (min_entropy - 462.0 - 40.0)).abs() < 1e-9);
        assert_eq!(ledger.released_bits(), 467);
        assert!(ledger.reason().starts_with("467 bits released"), "{}", ledger.reason());
    }

    #[test]
    fn nothing_left_is_no_key() {
        let disclosed = Disclosed { reconciliation: 354, ..Disclosed::default() };
        let ledger = Ledger::settle(worth(1029, 0.171, 0.171, 0.5), disclosed, 2f64.powi(-40));
        assert_eq!(ledger.released_bits(), 0);
        assert!(
            ledger.reason().starts_with("no key: 1029 raw bits hold at least 176 bits"),
            "{}",
            ledger.reason()
        );
        // Eve takes all there is, never more.
        let ledger = Ledger::settle(worth(1000, 0.3, 0.3, 0.9), Disclosed::default(), 0.5);
        assert_eq!((ledger.min_entropy(), ledger.released_bits()), (0.0, 0));
        assert_eq!(ledger.lines().iter().map(|l| l.bits).sum::<f64>(), -2.0);
    }
}
