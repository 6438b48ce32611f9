//! Edges of the keying: how fast the transmitter turns on and off, how far it overshoots, how even its plateau is
//! (10 % to 90 % of the amplitude, IEEE Std 181). Medians over all edges of the burst.

use std::ops::Range;

use num_complex::Complex32;

use super::{Measured, Missing, Segment, median, repeated};

/// log10 of seconds, log10 of seconds, share of the plateau, share of the plateau.
pub const NAMES: &[&str] = &["rise_time", "fall_time", "overshoot", "ripple"];

/// Samples before and after a pulse in which its edges are sought.
const REACH: usize = 24;

/// Longest part of a pulse that counts as its beginning.
const SETTLING: usize = 64;

/// Edges need an amplitude this far above the noise, or 10 % of it is noise.
const LEAST_SNR: f64 = 30.0;

/// Rise time, fall time, overshoot and ripple.
pub fn measure(segment: &Segment) -> [Measured; 4] {
    if segment.snr() < LEAST_SNR {
        return [Err(Missing::BelowNoise); 4];
    }
    let (mut rise, mut fall, mut overshoot, mut ripple) = (vec![], vec![], vec![], vec![]);
    // The burst with what is before and after it: the first edge is the one that counts most.
    let x: Vec<Complex32> = [segment.lead, segment.samples, segment.trail].concat();
    let offset = segment.lead.len();
    let noise = segment.noise_power;
    let amplitude: Vec<f64> = (0..x.len())
        .map(|i| {
            let around = &x[i.saturating_sub(1)..(i + 2).min(x.len())];
            let power = around.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / around.len() as f64;
            (power - noise).max(0.0).sqrt()
        })
        .collect();
    let pulses = &segment.pulses;
    for (i, pulse) in pulses.iter().enumerate() {
        let pulse = pulse.start + offset..pulse.end + offset;
        if pulse.len() < 32 {
            continue;
        }
        let quarter = pulse.len() / 4;
        let mut plateau = amplitude[pulse.start + quarter..pulse.end - quarter].to_vec();
        let Some(level) = median(&mut plateau).filter(|level| *level > 0.0) else { continue };
        let spread = plateau.iter().map(|a| (a / level - 1.0).powi(2)).sum::<f64>() / plateau.len() as f64;
        // A modulated envelope has no plateau.
        if spread > 0.04 {
            continue;
        }
        // Three samples are averaged, and only noise in phase with the carrier shows: a sixth of its power.
        let own = spread - noise / (6.0 * level * level);
        ripple.push(own.max(1e-4).log10() / 2.0);
        let before = i.checked_sub(1).map_or(0, |before| pulses[before].end + offset);
        let after = pulses.get(i + 1).map_or(x.len(), |after| after.start + offset);
        let room = pulse.start.saturating_sub(REACH).max(before)..(pulse.end + REACH).min(after);
        let up = amplitude[room.start..pulse.start + quarter].to_vec();
        let mut down = amplitude[pulse.end - quarter..room.end].to_vec();
        down.reverse();
        if let Some(samples) = edge(&up, level) {
            rise.push((samples / segment.sample_rate).log10());
            let settling: Range<usize> = pulse.start..pulse.start + (pulse.len() / 2).min(SETTLING);
            let top = amplitude[settling].iter().copied().fold(0.0, f64::max);
            overshoot.push(top / level - 1.0);
        }
        if let Some(samples) = edge(&down, level) {
            fall.push((samples / segment.sample_rate).log10());
        }
    }
    [repeated(rise), repeated(fall), repeated(overshoot), repeated(ripple)]
}

/// Samples between the last crossing of 10 % and the first of 90 % of `level`, interpolated.
fn edge(amplitude: &[f64], level: f64) -> Option<f64> {
    let crossing = |i: usize, at: f64| {
        let (low, high) = (amplitude[i - 1], amplitude[i]);
        (i - 1) as f64 + (at - low) / (high - low)
    };
    let high =
        (1..amplitude.len()).find(|&i| amplitude[i] >= 0.9 * level && amplitude[i - 1] < 0.9 * level)?;
    let low = (1..=high).rev().find(|&i| amplitude[i - 1] < 0.1 * level && amplitude[i] >= 0.1 * level)?;
    Some((crossing(high, 0.9 * level) - crossing(low, 0.1 * level)).max(0.05))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ramp of 20 samples crosses from 10 % to 90 % in 16.
    #[test]
    fn ramp() {
        let x: Vec<f64> = (-10..40).map(|i| (f64::from(i) / 20.0).clamp(0.0, 1.0) * 3.0).collect();
        assert!((edge(&x, 3.0).unwrap() - 16.0).abs() < 1e-9);
        assert_eq!(edge(&[1.0; 30], 1.0), None, "no edge in a plateau");
        assert_eq!(edge(&[], 1.0), None);
    }
}
