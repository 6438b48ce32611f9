//! Noise over a stretch of the band: the excess fills it evenly, at any time as over all of it.

use super::{Class, Evidence, Verdict, describe};

/// Share of a block's excess around its peak above which the block is narrow.
pub(super) const NARROW_FOCUS: f64 = 0.5;

/// Ratio of the largest to the middle gain over the reference that is still the same spectrum.
const MOST_UNEVEN: f64 = 4.0;

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
/// quiet and its loud bins, and none of the loud ones raised out of proportion.
pub(crate) fn like_the_reference(evidence: &Evidence) -> bool {
    let (n, reference) = (evidence.bins(), evidence.reference);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| reference[a].total_cmp(&reference[b]));
    let tenth = n / 10;
    let mean = |of: &[f64], bins: &[usize]| -> f64 {
        bins.iter().map(|&bin| of[bin]).sum::<f64>().max(f64::MIN_POSITIVE) / bins.len() as f64
    };
    let (quiet, loud) = (&order[..tenth], &order[n - tenth..]);
    let contrast = |of: &[f64]| 10.0 * (mean(of, loud) / mean(of, quiet)).log10();
    let shape = contrast(reference);
    if shape < 10.0 || contrast(evidence.excess) < 0.7 * shape {
        return false;
    }
    // Bins of the reference within 10 dB of its loud ones, smoothed as the excess of a few blocks is rough: a
    // line or an edge of another signal stands out among them.
    let level = 0.1 * mean(reference, loud);
    let smooth = |of: &[f64], bin: usize| (0..5).map(|d| of[(bin + n + d - 2) % n]).sum::<f64>();
    let filled = order.iter().filter(|&&bin| reference[bin] >= level);
    let mut gains: Vec<f64> =
        filled.map(|&bin| smooth(evidence.excess, bin) / smooth(reference, bin)).collect();
    gains.sort_by(f64::total_cmp);
    gains.last().is_some_and(|&most| most <= MOST_UNEVEN * gains[gains.len() / 2])
}
