//! Mode S replies (ICAO Annex 10, volume IV, section 3.1.2): preamble, pulse-position bits, CRC-24, address.
//!
//! A chip lasts half a microsecond. At two samples a microsecond one chip falls onto two samples unless the clocks happen to agree, and a
//! sample holds parts of two chips: `m[n] = φ·c[n-1] + (1 - φ)·c[n]`. Comparing the halves of a bit then fails where it matters,
//! at φ near a half. The bits are therefore decided as a sequence (Forney, IEEE Trans. Inf. Theory 18(3), 1972), for each of
//! eight φ, and the φ that explains the reply best is taken.

use std::{collections::BTreeSet, ops::Range};

use num_complex::Complex32;
use serde::Serialize;

use crate::{Error, Result};

/// The sample rate for which this is written, Hz: one sample a chip.
pub const SAMPLE_RATE: f64 = 2e6;

/// Chips of the preamble; the pulses are at [`PULSES`].
const PREAMBLE: usize = 16;
const PULSES: [usize; 4] = [0, 2, 7, 9];
/// Which chips are on.
const ON: [f32; PREAMBLE] = [1., 0., 1., 0., 0., 0., 0., 1., 0., 1., 0., 0., 0., 0., 0., 0.];
/// Samples between the preamble's pulses in which no part of one falls.
const QUIET: [usize; 7] = [4, 5, 6, 12, 13, 14, 15];
/// Bits of a short and of a long reply.
const SHORT: usize = 56;
const LONG: usize = 112;
/// Samples from the first of a preamble to the last that a long reply may touch.
const SPAN: usize = PREAMBLE + 2 * LONG + 1;
/// Steps of φ.
const STEPS: usize = 8;

/// One reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// First sample of the preamble.
    pub start: usize,
    /// The part of a sample by which the reply begins later.
    pub fraction: f64,
    /// Samples, preamble included.
    pub samples: usize,
    /// The bits, eight in each: 7 or 14.
    pub octets: Vec<u8>,
    /// Downlink format, 0 to 31.
    pub format: u8,
    /// The remainder of the CRC: 0 for an intact squitter (formats 11, 17 and 18), the address overlaid on the parity for other formats.
    pub remainder: u32,
    /// ICAO address of the sender: what an exact squitter says; for other formats, and for format 11 with an interrogator's code on its parity, an
    /// address that such a squitter of the same recording has. `None` if nothing vouches for it.
    pub address: Option<u32>,
    /// Power of the pulses over that between them, dB.
    pub contrast_db: f64,
}

impl Reply {
    /// Whether the format carries its own address and the CRC is exact.
    #[must_use]
    pub fn exact(&self) -> bool {
        self.announced().is_some() && self.remainder == 0
    }

    /// The address that the reply carries in clear, whether or not its CRC is right.
    #[must_use]
    pub fn announced(&self) -> Option<u32> {
        let clear = matches!(self.format, 11 | 17 | 18);
        clear.then(|| self.octets[1..4].iter().fold(0, |address, octet| address << 8 | u32::from(*octet)))
    }

    /// The samples that carry the address: to be left out of a fingerprint, which would otherwise learn the name instead of the transmitter.
    /// In formats without a clear address those of the parity, on which it is overlaid.
    #[must_use]
    pub fn identifier(&self) -> Range<usize> {
        let first = if self.announced().is_some() { 8 } else { 8 * self.octets.len() - 24 };
        let start = self.start + PREAMBLE + 2 * first;
        start..start + 2 * 24 + 1
    }
}

/// The replies in `x`, in order of time.
///
/// - `x`: complex baseband, `[sample]`
/// - `sample_rate`: Hz, [`SAMPLE_RATE`] to a thousandth
///
/// # Errors
/// [`Error::OutOfRange`] for another rate; [`Error::NotFinite`].
pub fn find(x: &[Complex32], sample_rate: f64) -> Result<Vec<Reply>> {
    if !((sample_rate / SAMPLE_RATE - 1.0).abs() <= 1e-3) {
        let got = sample_rate.to_string();
        return Err(Error::OutOfRange { field: "sample_rate", rule: "that of one sample a chip, 2e6", got });
    }
    if let Some(index) = x.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { what: "samples", index });
    }
    let amplitude: Vec<f32> = x.iter().map(|x| x.norm_sqr().sqrt()).collect();
    let (mut replies, mut at) = (Vec::new(), 0);
    while at + SPAN <= amplitude.len() {
        if candidate(&amplitude[at..]).is_none() {
            at += 1;
            continue;
        }
        // A pulse that falls onto two samples may seem to begin a sample early: what explains the reply best is its beginning.
        let starts = (at..at + 3).filter(|start| start + SPAN <= amplitude.len());
        let begun: Vec<_> =
            starts.filter_map(|start| Some((start, Preamble::of(&amplitude[start..])?))).collect();
        let least = begun.iter().map(|(_, preamble)| preamble.least).fold(f32::INFINITY, f32::min);
        let found = begun.iter().filter_map(|(start, preamble)| {
            reply(&amplitude[*start..], preamble, 1.5 * least + MOST_ERROR).map(|found| (*start, found))
        });
        let Some((start, (reply, _))) = found.min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1)) else {
            at += 1;
            continue;
        };
        at = start + reply.samples;
        replies.push(Reply { start, ..reply });
    }
    let known: BTreeSet<u32> =
        replies.iter().filter(|reply| reply.exact()).filter_map(Reply::announced).collect();
    for reply in &mut replies {
        let claimed = match reply.announced() {
            Some(address) if reply.remainder == 0 || reply.format == 11 && reply.remainder < 128 => address,
            Some(_) => continue,
            None => reply.remainder,
        };
        reply.address = Some(claimed).filter(|address| known.contains(address));
    }
    Ok(replies)
}

/// Levels of a pulse and of the silence beside it, if `m` begins with a preamble.
struct Levels {
    pulse: f32,
    silence: f32,
}

fn candidate(m: &[f32]) -> Option<Levels> {
    let m: &[f32; PREAMBLE + 1] = m.first_chunk()?;
    // The first look, at most places the only one.
    let pair = |n: usize| m[n] + m[n + 1];
    if pair(0) <= pair(4) || pair(2) <= pair(5) || pair(7) <= pair(12) || pair(9) <= pair(14).min(pair(13)) {
        return None;
    }
    // Both samples that a pulse may fall onto.
    let weakest = PULSES.iter().map(|&p| m[p] + m[p + 1]).fold(f32::INFINITY, f32::min);
    let silence = QUIET.iter().map(|&q| m[q]).sum::<f32>() / QUIET.len() as f32;
    if weakest < 2.0 * CONTRAST * silence {
        return None;
    }
    // Both samples have the silence's noise in them.
    let pulse = PULSES.iter().map(|&p| m[p] + m[p + 1]).sum::<f32>() / PULSES.len() as f32 - 2.0 * silence;
    (pulse > 0.0).then_some(Levels { pulse, silence })
}

/// The least ratio of a pulse's amplitude to the silence's in a preamble.
const CONTRAST: f32 = 1.3;

/// Bits, and how much of the reply they do not explain (mean square over the pulse's).
struct Decided {
    bits: u128,
    error: f32,
    fraction: usize,
}

/// A preamble and how far each `φ` is from explaining it.
struct Preamble {
    levels: Levels,
    errors: [f32; STEPS],
    least: f32,
}

impl Preamble {
    fn of(m: &[f32]) -> Option<Preamble> {
        let levels = candidate(m)?;
        let errors = preamble(m, &levels);
        let least = errors.iter().copied().fold(f32::INFINITY, f32::min);
        (least <= MOST_ERROR * PREAMBLE as f32).then_some(Preamble { levels, errors, least })
    }
}

/// The reply that `m` begins with and how badly it is explained, if it is one: from those `φ` that explain the preamble to `within`.
fn reply(m: &[f32], preamble: &Preamble, within: f32) -> Option<(Reply, f32)> {
    let Preamble { levels, errors, .. } = preamble;
    let likely = (0..STEPS).filter(|&fraction| errors[fraction] <= within);
    let mut all: Vec<Decided> =
        likely.map(|fraction| decide(m, fraction, levels, errors[fraction])).collect();
    all.sort_by(|a, b| a.error.total_cmp(&b.error));
    let made = |decided: &Decided| {
        let format = (decided.bits >> (LONG - 5)) as u8;
        let bits = if format < 16 { SHORT } else { LONG };
        let octets: Vec<u8> = (0..bits / 8).map(|i| (decided.bits >> (LONG - 8 * (i + 1))) as u8).collect();
        Reply {
            start: 0,
            fraction: decided.fraction as f64 / STEPS as f64,
            samples: PREAMBLE + 2 * bits,
            remainder: remainder(&octets),
            octets,
            format,
            address: None,
            contrast_db: 20.0 * f64::from(levels.pulse / levels.silence.max(f32::MIN_POSITIVE)).log10(),
        }
    };
    // A neighbour that fits nearly as well may have the one bit right in which the best is wrong: the CRC knows.
    let best = all.first()?;
    let mut near = all.iter().take_while(|d| d.error < 2.0 * best.error).map(|d| (made(d), best.error));
    let exact = near.find(|(reply, _)| reply.exact());
    exact.or_else(|| (best.error < MOST_UNPROVEN).then(|| (made(best), best.error)))
}

/// Squares of what each `φ` does not explain of the preamble, over the pulse's: a parabola in `φ`.
fn preamble(m: &[f32], levels: &Levels) -> [f32; STEPS] {
    let scale = levels.pulse.recip();
    let (mut constant, mut slope, mut bend) = (0.0, 0.0, 0.0);
    let mut before = 0.0;
    for (m, on) in m.iter().zip(ON) {
        let off = (m - levels.silence) * scale - on;
        let turn = before - on;
        constant += off * off;
        slope += off * turn;
        bend += turn * turn;
        before = on;
    }
    std::array::from_fn(|fraction| {
        let phi = fraction as f32 / STEPS as f32;
        constant + phi * (phi * bend - 2.0 * slope)
    })
}

/// The same for a reply that no CRC proves: chosen so that the simulated noise of the tests holds none.
const MOST_UNPROVEN: f32 = 0.02;
/// Beyond this share of the pulse's power the preamble is none.
const MOST_ERROR: f32 = 0.08;

/// The sequence of bits that is nearest to `m`, which begins with the preamble.
fn decide(m: &[f32], fraction: usize, levels: &Levels, known: f32) -> Decided {
    let phi = fraction as f32 / STEPS as f32;
    let scale = 1.0 / levels.pulse.max(f32::MIN_POSITIVE);
    let chip = |n: usize| (m[n] - levels.silence) * scale;
    let square = |x: f32| x * x;
    // The state is the last chip: bit 1 is on, off; bit 0 is off, on. Before the first bit it was off.
    let mut cost = [known, known];
    let mut path = [0u128; 2];
    let mut first = true;
    for bit in 0..LONG {
        let (a, b) = (chip(PREAMBLE + 2 * bit), chip(PREAMBLE + 2 * bit + 1));
        let mut next = [(0.0, 0u128); 2];
        for (value, next) in next.iter_mut().enumerate() {
            let on = value as f32;
            let own = square(b - phi * on - (1.0 - phi) * (1.0 - on));
            let from = |last: usize| {
                // After bit 1 the last chip was off, after bit 0 on.
                let chip = if first { 0.0 } else { 1.0 - last as f32 };
                cost[last] + square(a - phi * chip - (1.0 - phi) * on)
            };
            let (zero, one) = (from(0), from(1));
            let (least, last) = if one < zero { (one, 1) } else { (zero, 0) };
            *next = (least + own, path[last] << 1 | value as u128);
        }
        (cost, path) = ([next[0].0, next[1].0], [next[0].1, next[1].1]);
        first = false;
        // A short reply ends here, and what follows is silence.
        if bit + 1 == SHORT {
            let best = usize::from(cost[1] < cost[0]);
            if path[best] >> (SHORT - 1) == 0 {
                let error = cost[best] / (PREAMBLE + 2 * SHORT) as f32;
                return Decided { bits: path[best] << (LONG - SHORT), error, fraction };
            }
        }
    }
    let best = usize::from(cost[1] < cost[0]);
    Decided { bits: path[best], error: cost[best] / (PREAMBLE + 2 * LONG) as f32, fraction }
}

/// The remainder of the CRC of all octets, the last three of which are the parity: generator `0xFFF409`
/// (Annex 10, 3.1.2.3.3.1.2).
#[must_use]
pub fn remainder(octets: &[u8]) -> u32 {
    let Some(message) = octets.len().checked_sub(3) else { return 0 };
    let mut crc = 0u32;
    for octet in &octets[..message] {
        crc ^= u32::from(*octet) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x100_0000 != 0 {
                crc ^= 0x1FF_F409;
            }
        }
    }
    let parity = octets[message..].iter().fold(0, |parity, octet| parity << 8 | u32::from(*octet));
    crc ^ parity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    /// Squitters that the literature decodes: Sun, The 1090 Megahertz Riddle, 2nd edition, 2021.
    const SQUITTERS: [(&str, u32); 3] = [
        ("8D4840D6202CC371C32CE0576098", 0x4840D6),
        ("8D40621D58C382D690C8AC2863A7", 0x40621D),
        ("8D485020994409940838175B284F", 0x485020),
    ];

    fn octets(hexadecimal: &str) -> Vec<u8> {
        (0..hexadecimal.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hexadecimal[i..i + 2], 16).unwrap())
            .collect()
    }

    /// Adds a reply that begins `fraction` of a sample after `start`.
    fn add(x: &mut [Complex32], start: usize, fraction: f32, octets: &[u8], amplitude: f32) {
        let mut chips: Vec<bool> = (0..PREAMBLE).map(|n| PULSES.contains(&n)).collect();
        for bit in octets.iter().flat_map(|octet| (0..8).rev().map(move |i| octet >> i & 1 == 1)) {
            chips.extend([bit, !bit]);
        }
        for (n, _) in chips.iter().enumerate().filter(|(_, on)| **on) {
            let turn = Complex32::from_polar(amplitude, 0.02 * (start + n) as f32);
            x[start + n] += turn * (1.0 - fraction);
            x[start + n + 1] += turn * fraction;
        }
    }

    #[test]
    fn the_crc_of_published_squitters_is_exact() {
        for (squitter, _) in SQUITTERS {
            let mut octets = octets(squitter);
            assert_eq!(remainder(&octets), 0, "{squitter}");
            octets[5] ^= 4;
            assert_ne!(remainder(&octets), 0);
        }
        assert_eq!(remainder(&[1, 2]), 0);
    }

    /// Whatever part of a sample it begins late, a reply 20 dB above the noise is read; a short one whose parity holds the address of
    /// one of the long ones is given to it, another is not.
    #[test]
    fn replies_are_read_at_every_part_of_a_sample() {
        let mut x = sim::noise(&mut sim::rng(1), 20_000, 0.01);
        let mut wanted = Vec::new();
        for i in 0..32 {
            let (squitter, address) = SQUITTERS[i % 3];
            let start = 100 + 600 * i + i % 7;
            add(&mut x, start, i as f32 / 32.0, &octets(squitter), 1.0);
            wanted.push((start, address));
        }
        // Format 4; its remainder is that of the first four octets, and the address on top.
        let overlaid = |address: u32| {
            let mut octets = vec![0x20, 0x00, 0x18, 0xB1, 0, 0, 0];
            let parity = remainder(&octets) ^ address;
            octets[4..].copy_from_slice(&parity.to_be_bytes()[1..]);
            octets
        };
        add(&mut x, 19_400, 0.3, &overlaid(0x4840D6), 1.0);
        add(&mut x, 19_700, 0.6, &overlaid(0x123456), 1.0);
        let replies = find(&x, SAMPLE_RATE).unwrap();
        assert_eq!(replies.len(), 34);
        for (reply, (start, address)) in replies.iter().zip(wanted) {
            assert!(reply.exact() && reply.address == Some(address), "{reply:?}");
            let place = reply.start as f64 + reply.fraction;
            assert!((place - start as f64).abs() < 1.3, "{place} {start}");
            assert_eq!(reply.identifier(), reply.start + 32..reply.start + 81);
        }
        assert_eq!((replies[32].format, replies[32].address), (4, Some(0x4840D6)));
        assert_eq!((replies[33].remainder, replies[33].address), (0x123456, None));
        assert_eq!(replies[33].samples, 16 + 2 * 56);
    }

    #[test]
    fn noise_and_carriers_hold_no_replies() {
        let noise = sim::noise(&mut sim::rng(2), 400_000, 0.1);
        assert!(find(&noise, SAMPLE_RATE).unwrap().is_empty());
        assert!(find(&[Complex32::ONE; 5000], SAMPLE_RATE).unwrap().is_empty());
        assert!(find(&[Complex32::ZERO; 5000], SAMPLE_RATE).unwrap().is_empty());
        assert!(find(&[Complex32::new(f32::MAX, f32::MAX); 5000], SAMPLE_RATE).unwrap().is_empty());
        assert!(find(&[], SAMPLE_RATE).unwrap().is_empty());
        assert!(find(&[Complex32::new(f32::NAN, 0.0); 3], SAMPLE_RATE).is_err());
        assert!(find(&[], 2.4e6).unwrap_err().to_string().contains("2e6"));
    }
}
