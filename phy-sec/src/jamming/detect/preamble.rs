//! A known waveform: frames where none should be, preambles that come twice. The likeness `|<x, t>|²/(|x|²|t|²)` at a place
//! does not depend on the noise's power, and its law in white noise is Beta(1, m - 1) for a template of `m` samples: the
//! threshold is exact, `1 - Pfa^(1/(m-1))`.

use kernels::xcorr::Template;
use num_complex::Complex32;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};

use crate::{Backend, Error, Result};

/// A place where the template is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Index of its first sample.
    pub sample_start: u64,
    /// Likeness, 0..=1: its share of the energy there.
    pub likeness: f64,
}

/// Looks for a template in a stream. Cutting the stream anywhere changes nothing.
pub struct Preamble {
    template: Template,
    length: usize,
    threshold: f64,
    likeness: Vec<f32>,
    next: u64,
    /// The best of a run of places less than half a template apart.
    open: Option<Hit>,
}

impl Preamble {
    /// - `template`: at least 8 samples
    /// - `pfa`: probability that a place in white noise reaches the threshold
    ///
    /// # Errors
    /// [`Error::TooShort`]; [`Error::OutOfRange`] for `pfa` and a template without power; [`Error::NotFinite`].
    pub fn new(template: &[Complex32], pfa: f64, backend: &Backend) -> Result<Self> {
        super::window::check_pfa(pfa)?;
        let length = template.len();
        if length < 8 {
            return Err(Error::TooShort { what: "template", need: 8, unit: "samples", got: length });
        }
        if let Some(index) = template.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "template", index });
        }
        if template.iter().all(|x| x.norm_sqr() == 0.0) {
            return Err(Error::OutOfRange {
                field: "template",
                rule: "louder than silence",
                got: "0".into(),
            });
        }
        Ok(Preamble {
            template: Template::new(backend, template)?,
            length,
            threshold: -(pfa.ln() / (length as f64 - 1.0)).exp_m1(),
            likeness: Vec::new(),
            next: 0,
            open: None,
        })
    }

    /// What the likeness has to reach.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The hits that are sure by now: of places less than half a template apart, the likest.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn push(&mut self, x: &[Complex32]) -> Result<Vec<Hit>> {
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index });
        }
        self.likeness.clear();
        self.template.push(x, &mut self.likeness);
        Ok(self.take())
    }

    /// The hits at the end of the stream; then as new.
    pub fn finish(&mut self) -> Vec<Hit> {
        self.likeness.clear();
        self.template.finish(&mut self.likeness);
        let mut hits = self.take();
        hits.extend(self.open.take());
        self.next = 0;
        hits
    }

    /// Starts afresh at sample 0.
    pub fn reset(&mut self) {
        self.template.reset();
        self.next = 0;
        self.open = None;
    }

    fn take(&mut self) -> Vec<Hit> {
        let apart = (self.length / 2).max(1) as u64;
        let mut hits = Vec::new();
        for &likeness in &self.likeness {
            let (at, likeness) = (self.next, f64::from(likeness));
            self.next += 1;
            if self.open.is_some_and(|open| at >= open.sample_start + apart) {
                hits.extend(self.open.take());
            }
            if likeness >= self.threshold && self.open.is_none_or(|open| likeness > open.likeness) {
                self.open = Some(Hit { sample_start: at, likeness });
            }
        }
        hits
    }
}

/// Pairs of hits, by index, of which the second begins while the first's frame still lasts: a preamble collision, a replay, or
/// a jammer that sends preambles.
///
/// - `frame`: how long a frame occupies the channel at least, in samples
pub fn collisions(hits: &[Hit], frame: u64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (i, first) in hits.iter().enumerate() {
        let end = first.sample_start.saturating_add(frame);
        let later = hits.iter().enumerate().skip(i + 1).take_while(|(_, hit)| hit.sample_start < end);
        pairs.extend(later.map(|(j, _)| (i, j)));
    }
    pairs
}

/// The primary synchronization signal of NR, 3GPP TS 38.211 V16 section 7.4.2.2: 127 values of ±1 in the frequency domain.
///
/// # Errors
/// [`Error::OutOfRange`] unless `sector` (`N_ID(2)`) is within 0..=2.
pub fn primary_synchronization(sector: u8) -> Result<[f32; 127]> {
    if sector > 2 {
        return Err(Error::OutOfRange { field: "sector", rule: "within 0..=2", got: sector.to_string() });
    }
    let mut x = [0u8; 127];
    x[..7].copy_from_slice(&[0, 1, 1, 0, 1, 1, 1]);
    for i in 0..120 {
        x[i + 7] = (x[i + 4] + x[i]) % 2;
    }
    Ok(std::array::from_fn(|n| 1.0 - 2.0 * f32::from(x[(n + 43 * usize::from(sector)) % 127])))
}

/// The same as samples: one OFDM symbol without its prefix, its subcarriers 56..=182 of the block's 240 around 0 Hz (section
/// 7.4.3.1), unit mean power.
///
/// - `size`: samples of the symbol; the sample rate is this times the subcarrier spacing
///
/// # Errors
/// [`Error::OutOfRange`] for `sector`, and unless `size` is within 128..=8192.
pub fn primary_synchronization_symbol(sector: u8, size: usize) -> Result<Vec<Complex32>> {
    let sequence = primary_synchronization(sector)?;
    if !(128..=8192).contains(&size) {
        return Err(Error::OutOfRange { field: "size", rule: "within 128..=8192", got: size.to_string() });
    }
    let mut x = vec![Complex32::ZERO; size];
    for (n, value) in sequence.into_iter().enumerate() {
        x[(n + size - 64) % size] = Complex32::new(value / 127f32.sqrt(), 0.0);
    }
    FftPlanner::new().plan_fft_inverse(size).process(&mut x);
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    #[test]
    fn false_alarms_of_places_are_those_asked_for() {
        let template = primary_synchronization_symbol(0, 128).unwrap();
        let x = sim::noise(&mut sim::rng(1), 400_000, 0.2);
        for pfa in [1e-2, 1e-3] {
            let preamble = Preamble::new(&template, pfa, &Backend::default()).unwrap();
            let likeness = Template::new(&Backend::default(), &template).unwrap().correlate(&x);
            let alarms = likeness.iter().filter(|l| f64::from(**l) >= preamble.threshold()).count();
            let got = alarms as f64 / likeness.len() as f64;
            // Neighbouring places share samples, and the template is flat over its band: about half as many independent ones.
            let sigma = (pfa * (1.0 - pfa) / likeness.len() as f64 * 2.0).sqrt();
            println!("preamble, one place: asked {pfa:.0e}, measured {got:.3e} ± {:.1e}", 1.96 * sigma);
            assert!((got - pfa).abs() < 4.0 * sigma, "{got} for {pfa}");
        }
    }

    /// 38.211 gives no values: the sequence is an m-sequence (one period balanced, autocorrelation -1), the three sectors
    /// are its shifts by 43.
    #[test]
    fn the_sequence_is_of_maximum_length() {
        let all: Vec<_> = (0..3).map(|sector| primary_synchronization(sector).unwrap()).collect();
        for (sector, d) in all.iter().enumerate() {
            assert_eq!(d.iter().sum::<f32>(), -1.0);
            for lag in 1..127 {
                let r: f32 = (0..127).map(|n| d[n] * d[(n + lag) % 127]).sum();
                assert_eq!(r, -1.0);
            }
            assert!((0..127).all(|n| d[n] == all[0][(n + 43 * sector) % 127]));
        }
        // x(0..6) = 0 1 1 0 1 1 1, and so the first values of sector 0.
        assert_eq!(all[0][..8], [1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, -1.0]);
        assert!(primary_synchronization(3).is_err());
    }

    #[test]
    fn finds_preambles_and_their_collision() {
        let backend = Backend::default();
        let template = primary_synchronization_symbol(1, 256).unwrap();
        let mut x = sim::noise(&mut sim::rng(2), 20_000, 1.0);
        for (start, amplitude) in [(3000, 1.0), (3900, 0.9), (12_000, 1.0)] {
            x[start..start + 256].iter_mut().zip(&template).for_each(|(x, t)| *x += t * amplitude);
        }
        let mut preamble = Preamble::new(&template, 1e-9, &backend).unwrap();
        let mut hits = preamble.push(&x).unwrap();
        hits.extend(preamble.finish());
        assert_eq!(hits.iter().map(|hit| hit.sample_start).collect::<Vec<_>>(), [3000, 3900, 12_000]);
        assert_eq!(collisions(&hits, 2000), [(0, 1)]);
        assert!(collisions(&hits, 500).is_empty());
        for size in [1, 333, 4096] {
            preamble.reset();
            let mut parts: Vec<_> = x.chunks(size).flat_map(|x| preamble.push(x).unwrap()).collect();
            parts.extend(preamble.finish());
            assert_eq!(parts, hits, "in parts of {size}");
        }
        // Another sector's signal is none of this one's.
        let other = primary_synchronization_symbol(2, 256).unwrap();
        assert!(Preamble::new(&other, 1e-9, &backend).unwrap().push(&x).unwrap().is_empty());
        assert!(Preamble::new(&template[..7], 0.1, &backend).is_err());
    }
}
