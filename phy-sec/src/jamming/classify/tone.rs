//! One unmodulated carrier: all of the excess in the main lobe of the window.

use super::{Class, Evidence, Verdict, describe};

/// Bins that the main lobe of the Hann window holds down to -10 dB, wherever between bins the carrier is.
pub(super) const WIDEST: usize = 4;

pub(super) fn recognize(evidence: &Evidence) -> Option<Verdict> {
    let groups = evidence.groups(evidence.excess, 0.1, 1);
    let &[(start, length)] = groups.as_slice() else { return None };
    if length > WIDEST {
        return None;
    }
    let n = evidence.bins();
    let loudest = |a: &usize, b: &usize| evidence.excess[a % n].total_cmp(&evidence.excess[b % n]);
    let peak = (start..start + length).max_by(loudest)? % n;
    let at = |bin: usize| evidence.excess[bin % n].max(f64::MIN_POSITIVE);
    // Under a Hann window the larger neighbour's amplitude ratio r gives the offset (2r - 1)/(r + 1):
    // Grandke, IEEE Trans. Instrum. Meas. 32(2), 1983.
    let (below, above) = (at(peak + n - 1), at(peak + 1));
    let r = (below.max(above) / at(peak)).sqrt();
    let offset = ((2.0 * r - 1.0) / (r + 1.0)).clamp(0.0, 0.5) * if above >= below { 1.0 } else { -1.0 };
    let mut frequency = evidence.frequency(peak as f64 + offset);
    if frequency < -evidence.sample_rate / 2.0 {
        frequency += evidence.sample_rate;
    }
    let band = (peak, 1);
    let mut parameters = describe(evidence, band);
    parameters.insert("center_frequency".into(), frequency.into());
    Some(Verdict {
        class: Class::Tone,
        band,
        parameters,
        why: "one line, no wider than the window makes it".into(),
    })
}
