//! Noise over a stretch of the band: the excess fills it evenly, at any time as over all of it.

use super::{Class, Evidence, Verdict, describe};

/// Share of a block's excess around its peak above which the block is narrow.
pub(super) const NARROW_FOCUS: f64 = 0.5;

/// Share of the excess that must lie within the stretch.
const LEAST_SHARE: f64 = 0.75;

pub(super) fn recognize(evidence: &Evidence) -> Option<Verdict> {
    let (band, share) = evidence.occupied();
    if band.1 < 5 || share < LEAST_SHARE {
        return None;
    }
    // Nine bins are the focus itself: of a narrower stretch it says nothing.
    if (band.1 > 24 && evidence.focus > NARROW_FOCUS) || like_the_reference(evidence) {
        return None;
    }
    let full = band.1 * 10 >= evidence.bins() * 9;
    let band = if full { (0, evidence.bins()) } else { band };
    let why = if full { "noise over the whole band" } else { "noise over part of the band" };
    Some(Verdict { class: Class::Wideband, band, parameters: describe(evidence, band), why: why.into() })
}

/// Whether the excess has the reference's own shape, which then must have one: at least 10 dB between its
/// quiet and its loud bins.
pub(super) fn like_the_reference(evidence: &Evidence) -> bool {
    let mut order: Vec<usize> = (0..evidence.bins()).collect();
    order.sort_by(|&a, &b| evidence.reference[a].total_cmp(&evidence.reference[b]));
    let tenth = order.len() / 10;
    let mean = |of: &[f64], bins: &[usize]| -> f64 {
        bins.iter().map(|&bin| of[bin]).sum::<f64>().max(f64::MIN_POSITIVE) / bins.len() as f64
    };
    let (quiet, loud) = (&order[..tenth], &order[order.len() - tenth..]);
    let contrast = |of: &[f64]| 10.0 * (mean(of, loud) / mean(of, quiet)).log10();
    let reference = contrast(evidence.reference);
    reference >= 10.0 && contrast(evidence.excess) >= 0.7 * reference
}
