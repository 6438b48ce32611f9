//! Link consistency: packets are lost although the signal is strong. A weak signal explains losses; a strong one does not,
//! and interference does (Xu, Trappe, Zhang and Wood, MobiHoc 2005, pp. 46-57: no single statistic tells a jammer from a bad
//! link, delivery ratio and signal strength together do).
//!
//! What a signal strength delivers is learned from the link without a jammer. How many packets of a window arrive is then
//! beta-binomial in each strength, and the sum over strengths is convolved exactly: the false-alarm probability holds for any
//! number of packets, learned or judged, at most as asked since packets are whole.

use serde::{Deserialize, Serialize};
use statrs::function::{beta::ln_beta, factorial::ln_binomial};

use crate::{Error, Result};

/// One packet that was sent, as the receiver or the sender's acknowledgements tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Packet {
    /// Signal strength at its time, dBm; of a lost packet, that of the last beacon or the last packet heard.
    pub rssi: f64,
    /// Whether it arrived.
    pub delivered: bool,
    /// Correlation of its channel estimate with that of the packet before, 0..=1, where there is one.
    pub csi_correlation: Option<f64>,
}

/// What a link delivers at which strength.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkConsistency {
    bin_width: f64,
    lowest: i64,
    /// Delivered and lost, by strength from `lowest` on.
    counts: Vec<[u32; 2]>,
    /// Channel correlations of the packets delivered, falling.
    correlations: Vec<f64>,
}

/// A window of packets that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LinkJudgement {
    /// Share of packets delivered.
    pub delivery_ratio: f64,
    /// What the link's strengths let one expect.
    pub expected: f64,
    /// Probability that the link alone delivers so few, or fewer.
    pub p_value: f64,
    /// Probability that the packets delivered come from the same place and yet have channels so unlike the last one's; 1 where
    /// there are no estimates.
    pub place_p_value: f64,
    /// Whether either is at most half the probability asked for.
    pub inconsistent: bool,
}

/// Widest span of strengths, in bins; packets in a window, at most.
const BINS: i64 = 512;
const PACKETS: usize = 10_000;

impl LinkConsistency {
    /// Learns from packets without a jammer.
    ///
    /// - `bin_width`: strengths closer than this are one, dB, 0.1..=20
    ///
    /// # Errors
    /// [`Error::OutOfRange`]; [`Error::TooShort`] for fewer than 20 packets; [`Error::NotFinite`].
    pub fn learn(packets: &[Packet], bin_width: f64) -> Result<Self> {
        if !(0.1..=20.0).contains(&bin_width) {
            let (rule, got) = ("within 0.1..=20", bin_width.to_string());
            return Err(Error::OutOfRange { field: "bin_width", rule, got });
        }
        if packets.len() < 20 {
            let got = packets.len();
            return Err(Error::TooShort { what: "link consistency", need: 20, unit: "packets", got });
        }
        check(packets)?;
        let bin = |packet: &Packet| (packet.rssi / bin_width).floor() as i64;
        let lowest = packets.iter().map(bin).min().unwrap_or(0);
        let highest = packets.iter().map(bin).max().unwrap_or(0);
        if highest - lowest >= BINS {
            let (rule, got) = ("a span of at most 512 bins", format!("{}", highest - lowest + 1));
            return Err(Error::OutOfRange { field: "rssi", rule, got });
        }
        let mut counts = vec![[0; 2]; (highest - lowest + 1) as usize];
        for packet in packets {
            counts[(bin(packet) - lowest) as usize][usize::from(!packet.delivered)] += 1;
        }
        let mut correlations: Vec<f64> =
            packets.iter().filter(|p| p.delivered).filter_map(|p| p.csi_correlation).collect();
        correlations.sort_by(|a, b| b.total_cmp(a));
        Ok(LinkConsistency { bin_width, lowest, counts, correlations })
    }

    /// Judges a window of packets, 1..=10,000.
    ///
    /// - `pfa`: probability that the link alone is called inconsistent, at most
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TooShort`], [`Error::NotFinite`].
    pub fn judge(&self, packets: &[Packet], pfa: f64) -> Result<LinkJudgement> {
        super::window::check_pfa(pfa)?;
        let count = packets.len();
        if count == 0 {
            return Err(Error::TooShort { what: "link consistency", need: 1, unit: "packets", got: 0 });
        }
        if count > PACKETS {
            return Err(Error::OutOfRange {
                field: "packets",
                rule: "at most 10000",
                got: count.to_string(),
            });
        }
        check(packets)?;
        let mut sent = vec![0usize; self.counts.len()];
        for packet in packets {
            sent[self.learned(packet.rssi)] += 1;
        }
        // Probability of so many deliveries, over all strengths so far.
        let mut law = vec![1.0];
        let mut expected = 0.0;
        for (&sent, counts) in sent.iter().zip(&self.counts).filter(|(sent, _)| **sent > 0) {
            // Jeffreys' prior: it leaves the frequencies that were learned nearly alone.
            let (a, b) = (f64::from(counts[0]) + 0.5, f64::from(counts[1]) + 0.5);
            expected += sent as f64 * a / (a + b);
            let n = sent as f64;
            let own: Vec<f64> = (0..=sent)
                .map(|i| {
                    let x = i as f64;
                    (ln_binomial(sent as u64, i as u64) + ln_beta(x + a, n - x + b) - ln_beta(a, b)).exp()
                })
                .collect();
            let mut both = vec![0.0; law.len() + sent];
            for (i, p) in law.iter().enumerate() {
                both[i..].iter_mut().zip(&own).for_each(|(both, own)| *both += p * own);
            }
            law = both;
        }
        let delivered = packets.iter().filter(|packet| packet.delivered).count();
        let p_value = law[..=delivered].iter().sum::<f64>().min(1.0);
        let place_p_value = self.place(packets);
        Ok(LinkJudgement {
            delivery_ratio: delivered as f64 / count as f64,
            expected: expected / count as f64,
            p_value,
            place_p_value,
            inconsistent: p_value.min(place_p_value) <= pfa / 2.0,
        })
    }

    /// The bin of the strongest learned strength that is no stronger; the weakest of all below it. A strength never seen is
    /// judged by what a weaker signal delivered.
    fn learned(&self, rssi: f64) -> usize {
        let bin = ((rssi / self.bin_width).floor() as i64).saturating_sub(self.lowest);
        let bin = bin.clamp(0, self.counts.len() as i64 - 1) as usize;
        (0..=bin).rev().find(|&bin| self.counts[bin] != [0; 2]).unwrap_or(0)
    }

    /// The least correlation of the window by its rank among those learned, over all packets that have one.
    fn place(&self, packets: &[Packet]) -> f64 {
        let seen =
            packets.iter().filter(|packet| packet.delivered).filter_map(|packet| packet.csi_correlation);
        let (count, least) = seen.fold((0, f64::INFINITY), |(count, least), c| (count + 1, c.min(least)));
        if count == 0 || self.correlations.is_empty() {
            return 1.0;
        }
        let lower = self.correlations.iter().rev().take_while(|learned| **learned <= least).count();
        (f64::from(count) * (lower + 1) as f64 / (self.correlations.len() + 1) as f64).min(1.0)
    }
}

fn check(packets: &[Packet]) -> Result<()> {
    let good =
        |p: &Packet| p.rssi.is_finite() && p.rssi.abs() < 1e4 && p.csi_correlation.is_none_or(f64::is_finite);
    match packets.iter().position(|packet| !good(packet)) {
        Some(index) => Err(Error::NotFinite { what: "packets", index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;
    use rand::RngExt;

    /// A link whose delivery falls from 0.99 to 0.2 between -70 and -95 dBm; jammed, it loses 60 % besides.
    fn packets(n: usize, strong: bool, jammed: bool, rng: &mut rand_chacha::ChaCha8Rng) -> Vec<Packet> {
        (0..n)
            .map(|_| {
                let rssi =
                    if strong { rng.random_range(-75.0..-55.0) } else { rng.random_range(-95.0..-55.0) };
                let share = (0.99f64).min(0.99 + (rssi + 75.0) * 0.03).max(0.2);
                let arrives = rng.random::<f64>() < if jammed { 0.4 * share } else { share };
                Packet { rssi, delivered: arrives, csi_correlation: Some(rng.random_range(0.9..1.0)) }
            })
            .collect()
    }

    #[test]
    fn losses_at_strength_are_inconsistent_and_losses_of_a_weak_link_are_not() {
        let mut rng = sim::rng(1);
        let link = LinkConsistency::learn(&packets(20_000, false, false, &mut rng), 2.0).unwrap();
        let (trials, mut alarms, mut found) = (4000, [0; 2], 0);
        for _ in 0..trials {
            let judged = link.judge(&packets(60, false, false, &mut rng), 0.1).unwrap();
            // By delivery alone, since each of the two tests has half of what is asked.
            alarms[0] += usize::from(judged.p_value <= 0.05);
            alarms[1] += usize::from(judged.inconsistent);
            found += usize::from(link.judge(&packets(60, true, true, &mut rng), 1e-3).unwrap().inconsistent);
        }
        let rates = alarms.map(|alarms| alarms as f64 / trials as f64);
        println!(
            "link consistency, 60 packets: asked 5e-2 and 1e-1, measured {rates:?}; jammed found {found}"
        );
        let sigma = (0.1 * 0.9 / trials as f64).sqrt();
        assert!(rates[0] > 0.025 && rates[0] < 0.05 + 3.0 * sigma, "{rates:?}");
        assert!(rates[1] < 0.1 + 3.0 * sigma, "{rates:?}");
        assert!(found > trials * 99 / 100, "{found}");
        // A weak link that loses half is what it always was.
        let weak: Vec<_> =
            (0..60).map(|i| Packet { rssi: -91.0, delivered: i % 2 == 0, csi_correlation: None }).collect();
        let judged = link.judge(&weak, 1e-3).unwrap();
        assert!(!judged.inconsistent && judged.place_p_value == 1.0, "{judged:?}");
        let strong: Vec<_> = weak.iter().map(|p| Packet { rssi: -60.0, ..*p }).collect();
        assert!(link.judge(&strong, 1e-9).unwrap().inconsistent);
    }

    #[test]
    fn packets_of_another_place_are_inconsistent() {
        let mut rng = sim::rng(2);
        let link = LinkConsistency::learn(&packets(20_000, true, false, &mut rng), 2.0).unwrap();
        let mut window = packets(20, true, false, &mut rng);
        window.iter_mut().for_each(|packet| packet.delivered = true);
        assert!(!link.judge(&window, 1e-2).unwrap().inconsistent);
        window[7].csi_correlation = Some(0.3);
        assert!(link.judge(&window, 1e-2).unwrap().inconsistent);
    }

    #[test]
    fn refuses_what_it_can_not_learn_from() {
        let packet = Packet { rssi: -50.0, delivered: true, csi_correlation: None };
        assert!(LinkConsistency::learn(&[packet; 19], 1.0).is_err());
        let mut many = vec![packet; 30];
        assert!(LinkConsistency::learn(&many, 1.0).unwrap().judge(&[], 0.1).is_err());
        many[3].rssi = f64::NAN;
        assert_eq!(
            LinkConsistency::learn(&many, 1.0).unwrap_err().to_string(),
            "packets holds a NaN or an infinity at index 3"
        );
        many[3].rssi = 9000.0;
        assert!(LinkConsistency::learn(&many, 1.0).is_err());
    }
}
