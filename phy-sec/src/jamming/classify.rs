//! What kind of jammer: methods asked in turn, the first that recognizes its own kind decides.
//!
//! A class is a file in `classify/`, its `mod` line and its row in the table below. What none of them
//! recognizes is `unknown`: several lines at once, hopping, a spectrum like the legitimate one but louder.

mod pulsed;
mod sweep;
mod tone;
mod wideband;

use std::fmt;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use pulsed::{RHYTHM, regular};
pub(crate) use wideband::like_the_reference;

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $module:ident,)*) => {
        /// Kind of jammer. In JSON the name in lower case: `tone`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Class {
            $($(#[$doc])* $class,)*
            /// Conspicuous for long enough, and like none of the others.
            Unknown,
        }

        impl Class {
            /// Every class, in the order in which they are asked; `Unknown` last.
            pub const ALL: &'static [Class] = &[$(Class::$class,)* Class::Unknown];

            /// The name in JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Class::$class => stringify!($module),)*
                    Class::Unknown => "unknown",
                }
            }
        }

        /// The first class that recognizes itself in `evidence`.
        pub(crate) fn classify(evidence: &Evidence) -> Verdict {
            $(if let Some(verdict) = $module::recognize(evidence) {
                return verdict;
            })*
            unknown(evidence)
        }
    };
}

classes! {
    /// A carrier whose frequency moves linearly.
    Sweep = sweep,
    /// Switched on and off in a regular rhythm.
    Pulsed = pulsed,
    /// One unmodulated carrier.
    Tone = tone,
    /// Noise over a stretch of the band or all of it.
    Wideband = wideband,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of a conspicuous stretch. Bins ascend in frequency and are a circle.
pub(crate) struct Evidence<'a> {
    pub(crate) sample_rate: f64,
    /// Samples of a block.
    pub(crate) block: usize,
    /// Mean power over the conspicuous blocks minus the reference's mean, `[bin]`.
    pub(crate) excess: &'a [f64],
    /// The reference's mean, `[bin]`.
    pub(crate) reference: &'a [f64],
    /// Runs of conspicuous blocks: first block and number.
    pub(crate) runs: &'a [(u64, u64)],
    /// Of each conspicuous block: its number and the bin of its largest excess.
    pub(crate) peaks: &'a [(u64, u32)],
    /// Mean share of a block's excess that lies within four bins of its peak.
    pub(crate) focus: f64,
    /// Samples from the first conspicuous block on, as many as were kept.
    pub(crate) iq: &'a [Complex32],
}

/// A class with what it was seen by.
pub(crate) struct Verdict {
    pub(crate) class: Class,
    /// First bin and number of bins.
    pub(crate) band: (usize, usize),
    pub(crate) parameters: Map<String, Value>,
    pub(crate) why: String,
}

impl Evidence<'_> {
    pub(crate) fn bins(&self) -> usize {
        self.excess.len()
    }

    /// Stretches of bins whose `power` reaches `share` of the largest, gaps of up to `bridge` bins closed.
    fn groups(&self, power: &[f64], share: f64, bridge: usize) -> Vec<(usize, usize)> {
        let n = power.len();
        let most = power.iter().copied().fold(0.0, f64::max);
        let inside = |bin: usize| most > 0.0 && power[bin % n] >= share * most;
        // Starts after the longest gap, so that no stretch is cut by the end of the line.
        let mut groups: Vec<(usize, usize)> = Vec::new();
        let Some(first) = (0..n).find(|&bin| inside(bin) && (1..=bridge + 1).all(|d| !inside(bin + n - d)))
        else {
            return if inside(0) || (0..n).any(inside) { vec![(0, n)] } else { groups };
        };
        for bin in (first..first + n).filter(|&bin| inside(bin)) {
            match groups.last_mut() {
                Some((start, length)) if bin - (*start + *length - 1) <= bridge + 1 => {
                    *length = bin - *start + 1;
                }
                _ => groups.push((bin, 1)),
            }
        }
        groups.iter_mut().for_each(|group| group.0 %= n);
        groups
    }

    /// The stretch that a wide jammer fills, and its share of the excess.
    fn occupied(&self) -> ((usize, usize), f64) {
        self.stretch(self.excess)
    }

    /// The strongest stretch of `excess`, smoothed over five bins, down to a quarter of the most.
    fn stretch(&self, excess: &[f64]) -> ((usize, usize), f64) {
        let shares = self.shares(excess);
        shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(((0, self.bins()), 0.0))
    }

    /// The shortest way round the spectrum past everything that holds a tenth of the excess: the band of what is in several
    /// places at once.
    fn span(&self) -> (usize, usize) {
        let n = self.bins();
        let mut parts: Vec<(usize, usize)> =
            self.shares(self.excess).into_iter().filter(|part| part.1 >= 0.1).map(|part| part.0).collect();
        parts.sort_unstable();
        let gap = |k: usize| {
            let (this, next) = (parts[k], parts[(k + 1) % parts.len()]);
            (next.0 + n - (this.0 + this.1) % n) % n
        };
        // What is left when the longest gap is cut out.
        let Some(last) = (0..parts.len()).max_by_key(|&k| gap(k)) else { return self.occupied().0 };
        if parts.len() == 1 { parts[0] } else { (parts[(last + 1) % parts.len()].0, n - gap(last)) }
    }

    /// Every stretch of `excess`, smoothed over five bins, down to a quarter of the most; and each one's share of the whole.
    fn shares(&self, excess: &[f64]) -> Vec<((usize, usize), f64)> {
        let n = self.bins();
        let smooth: Vec<f64> =
            (0..n).map(|bin| (0..5).map(|d| excess[(bin + n + d - 2) % n]).sum::<f64>() / 5.0).collect();
        let positive = |bin: usize| excess[bin % n].max(0.0);
        let all = (0..n).map(positive).sum::<f64>().max(f64::MIN_POSITIVE);
        let within = |group: &(usize, usize)| (group.0..group.0 + group.1).map(positive).sum::<f64>() / all;
        self.groups(&smooth, 0.25, 4).into_iter().map(|group| (group, within(&group))).collect()
    }

    /// The frequency of a fractional bin, Hz from the centre of the band.
    fn frequency(&self, bin: f64) -> f64 {
        (bin - (self.bins() / 2) as f64) * self.sample_rate / self.bins() as f64
    }

    /// Mean power of the jammer in the conspicuous blocks: the excess in its band and the window's two bins beside.
    pub(crate) fn power(&self, band: (usize, usize)) -> f64 {
        let n = self.bins();
        let length = (band.1 + 4).min(n);
        (0..length).map(|d| self.excess[(band.0 + n - 2 + d) % n]).sum::<f64>() / n as f64
    }
}

/// `center_frequency` and `bandwidth` of a stretch of bins, Hz; the centre is turned absolute by the monitor.
fn describe(evidence: &Evidence, band: (usize, usize)) -> Map<String, Value> {
    let width = evidence.sample_rate / evidence.bins() as f64;
    let middle = band.0 as f64 + (band.1 as f64 - 1.0) / 2.0;
    let mut parameters = Map::new();
    parameters.insert("center_frequency".into(), evidence.frequency(middle).into());
    parameters.insert("bandwidth".into(), (band.1 as f64 * width).into());
    parameters
}

fn unknown(evidence: &Evidence) -> Verdict {
    let lines = evidence.groups(evidence.excess, 0.1, 1);
    let band = evidence.span();
    let mut parameters = describe(evidence, band);
    let why = if lines.len() > 1 && lines.iter().all(|line| line.1 <= tone::WIDEST) {
        parameters.insert("lines".into(), lines.len().into());
        format!("{} separate lines", lines.len())
    } else if like_the_reference(evidence) {
        "the reference's own spectrum, louder: a change of gain, a nearer legitimate sender, or a jammer that imitates it"
            .to_owned()
    } else if evidence.focus > wideband::NARROW_FOCUS {
        "narrow at any time but not on one frequency".to_owned()
    } else {
        "louder than anything learned, in no shape that has a name here".to_owned()
    };
    Verdict { class: Class::Unknown, band, parameters, why }
}
