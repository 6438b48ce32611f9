//! The channel of an 802.11 frame from its long training field (IEEE 802.11-2020, 17.3.3), least squares.
//!
//! A frame is found by its short training field, which repeats itself every 16 samples (Schmidl and Cox, IEEE Trans. Commun.
//! 45(12), 1997); the phase of that repetition is a first estimate of the carrier frequency offset. The long training symbol is then
//! found by correlation with what the standard says it is, and the phase between its two copies refines the offset (Moose, IEEE
//! Trans. Commun. 42(10), 1994). The two copies are averaged and divided by the sequence: least squares, and so of variance
//! `σ²·52/128` on each of 52 subcarriers in noise of `σ²` a sample.

use kernels::{
    Backend,
    correlate::{autocorrelation, conjugate_dot},
    fft::{Batch, Direction},
    nco::Nco,
    xcorr::Template,
};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{require, series};
use crate::channel::Csi;
use crate::sim::waveform::wifi::{LONG_TRAINING, SAMPLE_RATE, long_training_symbol};
use crate::{Error, Result};

/// Samples of a long training symbol.
const SYMBOL: usize = 64;
/// Of a period of the short training field, and of the window in which it is looked for.
const SHORT: usize = 16;
const WINDOW: usize = 96;
/// Samples from where a short training field is suspected to where its frame's long one has certainly ended.
const SEGMENT: usize = 448;
/// Subcarriers -26 to 26 without 0.
pub const SUBCARRIERS: usize = 52;

/// How frames are found and measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wifi {
    /// Least normalised correlation (of powers, 0 to 1) with the long training symbol, the mean of its two copies. Noise reaches
    /// the default with a probability of 1e-10 at one place.
    pub threshold: f64,
    /// Samples by which the transforms begin before the strongest path, into the guard interval: earlier paths by that
    /// much cause no interference. The turn of phase that it makes is undone.
    pub advance: usize,
}

impl Default for Wifi {
    fn default() -> Self {
        Self { threshold: 0.3, advance: 8 }
    }
}

/// One frame's training field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// First sample of the first of the two long training symbols.
    pub start: usize,
    /// Carrier frequency offset, Hz, within ±625 kHz.
    pub cfo: f64,
    /// Gains on subcarriers -26 to -1 and 1 to 26. Their phase is that in the middle of the two symbols, the time origin of their slope
    /// over frequency is `start`.
    pub gains: [Complex32; SUBCARRIERS],
}

impl Wifi {
    /// # Errors
    /// [`Error::OutOfRange`], naming the field.
    pub fn check(&self) -> Result<()> {
        require((0.1..=1.0).contains(&self.threshold), "threshold", "within 0.1 and 1", self.threshold)?;
        require(self.advance <= 31, "advance", "at most 31 samples", self.advance)
    }

    /// `[frame, 52, 1]`, each at the middle of its long training field.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for another sample rate than 20 MHz.
    pub(super) fn estimate(&self, x: &[Complex32], sample_rate: f64, backend: &Backend) -> Result<Csi> {
        let ok = (sample_rate / SAMPLE_RATE - 1.0).abs() < 1e-3;
        require(ok, "sample_rate", "that of the frames, 20e6", sample_rate)?;
        let fields = self.fields(x, backend)?;
        let time = fields.iter().map(|field| (field.start + SYMBOL) as f64 / sample_rate).collect();
        let gains = fields.iter().flat_map(|field| field.gains).collect();
        series(gains, SUBCARRIERS, time)
    }

    /// The training fields in `x`, complex baseband at 20 MHz.
    ///
    /// # Errors
    /// Those of [`Self::check`].
    pub fn fields(&self, x: &[Complex32], backend: &Backend) -> Result<Vec<Field>> {
        self.check()?;
        let mut measure = Measure::new(*self, backend)?;
        let (mut fields, mut at) = (Vec::new(), 0);
        while let Some(suspect) = repetition(x, at) {
            at = match measure.field(&x[suspect..])? {
                Some(field) => {
                    let start = suspect + field.start;
                    fields.push(Field { start, ..field });
                    start + 2 * SYMBOL
                }
                // What repeats itself without being a frame (a carrier) is passed over in steps shorter than a short training field.
                None => suspect + 5 * SHORT,
            };
        }
        Ok(fields)
    }
}

/// The first place from `from` on at which `x` repeats itself after 16 samples, as far as 80 of 112 samples of the field at 0 dB do.
fn repetition(x: &[Complex32], from: usize) -> Option<usize> {
    const LEAST: f64 = 0.2;
    let wide = |x: &Complex32| Complex64::new(x.re.into(), x.im.into());
    let x = x.get(from..)?;
    let places = (x.len() + 1).checked_sub(WINDOW + SHORT).filter(|&places| places > 0)?;
    let product = |n: usize| wide(&x[n + SHORT]) * wide(&x[n]).conj();
    let energy = |n: usize| wide(&x[n]).norm_sqr();
    let mut sum: Complex64 = (0..WINDOW).map(product).sum();
    let mut early: f64 = (0..WINDOW).map(energy).sum();
    let mut late: f64 = (SHORT..SHORT + WINDOW).map(energy).sum();
    for n in 0..places {
        // Rounding may leave a little less than nothing of an energy that has gone.
        if early > 0.0 && late > 0.0 && sum.norm_sqr() > LEAST * early * late {
            return Some(from + n);
        }
        if n + 1 < places {
            sum += product(n + WINDOW) - product(n);
            early += energy(n + WINDOW) - energy(n);
            late += energy(n + WINDOW + SHORT) - energy(n + SHORT);
        }
    }
    None
}

/// What a frame's measurement needs again and again.
struct Measure {
    config: Wifi,
    backend: Backend,
    search: Template,
    transform: Batch,
}

impl Measure {
    fn new(config: Wifi, backend: &Backend) -> Result<Self> {
        Ok(Self {
            config,
            backend: backend.clone(),
            search: Template::new(backend, &long_training_symbol())?,
            transform: Batch::new(backend, SYMBOL, Direction::Forward)?,
        })
    }

    /// The field of the frame whose short training field is suspected around the beginning of `x`.
    fn field(&mut self, x: &[Complex32]) -> Result<Option<Field>> {
        let mut x = x[..SEGMENT.min(x.len())].to_vec();
        // At least 80 samples in the middle of the short training field, wherever in it the suspicion fell.
        let short = x.get(60..60 + 5 * SHORT + SHORT).unwrap_or(&x);
        let turn = autocorrelation(&self.backend, short, SHORT).arg();
        let coarse = f64::from(turn) / (std::f64::consts::TAU * SHORT as f64) * SAMPLE_RATE;
        Nco::new(&self.backend, -coarse, SAMPLE_RATE)?.push(&mut x);

        let rho = self.search.correlate(&x);
        let advance = self.config.advance;
        let pair = |start: usize| f64::from(rho[start] + rho[start + SYMBOL]) / 2.0;
        let Some(start) =
            (advance..rho.len().saturating_sub(SYMBOL)).max_by(|&a, &b| pair(a).total_cmp(&pair(b)))
        else {
            return Ok(None);
        };
        if pair(start) < self.config.threshold {
            return Ok(None);
        }
        let (first, second) = x[start..start + 2 * SYMBOL].split_at(SYMBOL);
        let turn = f64::from(conjugate_dot(&self.backend, second, first).arg());
        let fine = turn / (std::f64::consts::TAU * SYMBOL as f64) * SAMPLE_RATE;
        // The transforms' window with the finer offset taken out, and no turn in its middle: an error of the offset then turns
        // the first copy as far back as the second one on.
        let mut window = x[start - advance..start - advance + 2 * SYMBOL].to_vec();
        let middle = std::f64::consts::TAU / SAMPLE_RATE
            * (fine * (SYMBOL + advance) as f64 + coarse * (start + SYMBOL) as f64);
        Nco::new(&self.backend, -fine, SAMPLE_RATE)?.with_phase(middle).push(&mut window);
        let gains = self.gains(&window)?;
        Ok(Some(Field { start, cfo: coarse + fine, gains }))
    }

    /// Least squares over the two symbols in `window`, which begins `advance` samples early.
    fn gains(&mut self, window: &[Complex32]) -> Result<[Complex32; SUBCARRIERS]> {
        let mut bins = [Complex32::ZERO; 2 * SYMBOL];
        self.transform.process(window, &mut bins)?;
        Ok(std::array::from_fn(|index| {
            let k = subcarrier(index);
            let bin = k.rem_euclid(SYMBOL as i32) as usize;
            let mean = (bins[bin] + bins[SYMBOL + bin]) / 2.0;
            let turn = std::f64::consts::TAU * f64::from(k) * self.config.advance as f64 / SYMBOL as f64;
            let (sin, cos) = turn.sin_cos();
            // 52 subcarriers of unit power make a transmission of unit power; the transform is unscaled.
            let scale = (SUBCARRIERS as f32).sqrt() / SYMBOL as f32 * LONG_TRAINING[(k + 26) as usize];
            mean * Complex32::new(cos as f32, sin as f32) * scale
        }))
    }
}

/// Number of the subcarrier at `index` of a row.
#[must_use]
pub fn subcarrier(index: usize) -> i32 {
    let k = index as i32 - 26;
    if k < 0 { k } else { k + 1 }
}

/// The gains from two long training symbols whose place is known and whose carrier frequency offset is none: the least-squares
/// definition that [`Wifi`] ends in.
///
/// - `symbols`: 128 samples
///
/// # Errors
/// [`Error::Shape`] for another length.
pub fn long_training(symbols: &[Complex32], backend: &Backend) -> Result<[Complex32; SUBCARRIERS]> {
    if symbols.len() != 2 * SYMBOL {
        let got = format!("[{}]", symbols.len());
        return Err(Error::Shape { what: "long training symbols", need: "[128]".into(), got });
    }
    Measure::new(Wifi { advance: 0, ..Wifi::default() }, backend)?.gains(symbols)
}
