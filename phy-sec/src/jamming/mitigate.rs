//! Answering a jammer: what can be taken out of the samples, with the gain that it has.
//!
//! ```text
//! [antenna, sample] ─► Mitigator ─► [antenna or beam, sample], as many samples; what was removed
//! ```
//!
//! A method is a file in `mitigate/`, its `mod` line and its row in the table below. [`suggest()`] says which one fits an event; [`resource_mask`] which
//! channels to leave. Measured gains: docs/results/mitigation.md.

mod beam;
mod blanking;
mod excision;
mod frames;
mod mask;
mod notch;
mod null;
mod suggest;
mod tracking_notch;

use ndarray::{Array2, ArrayView2, Axis};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

pub use beam::{Beam, weights};
pub use blanking::Blanking;
pub use excision::Excision;
pub use mask::{Mask, Resources, resource_mask};
pub use notch::Notch;
pub use null::Null;
pub use suggest::{Suggestion, suggest};
pub use tracking_notch::TrackingNotch;

use crate::{Error, Result};

/// Most samples of all antennas that one block of an adaptive method may hold.
const MOST_BLOCK: usize = 1 << 22;

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident,)*) => {
        /// Ways to take a jammer out: `{"method": "notch", "frequencies": [1e5]}`; what is left out is the default.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "method", rename_all = "snake_case")]
        pub enum Mitigation {
            $($(#[$doc])* $method($method),)*
        }

        impl Mitigation {
            /// Every method as it is by default.
            #[must_use]
            pub fn all() -> Vec<Mitigation> {
                vec![$(Mitigation::$method($method::default()),)*]
            }

            fn stage(&self, channels: usize, sample_rate: f64) -> Result<Box<dyn Stage>> {
                match self { $(Mitigation::$method(method) => method.stage(channels, sample_rate),)* }
            }
        }
    };
}

methods! {
    /// Fixed zeros at known frequencies.
    Notch,
    /// One zero that follows the strongest line by itself.
    TrackingNotch,
    /// Samples that stand out in time are set to zero.
    Blanking,
    /// Bins that stand out in frequency are set to zero, frame by frame.
    Excision,
    /// Stated bands are set to zero.
    Mask,
    /// The strongest directions of an array are projected out, whatever they are.
    Null,
    /// One beam of an array with stated responses in stated directions and the least power otherwise (MVDR, LCMV).
    Beam,
}

impl Mitigation {
    /// The name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Notch(_) => "notch",
            Self::TrackingNotch(_) => "tracking_notch",
            Self::Blanking(_) => "blanking",
            Self::Excision(_) => "excision",
            Self::Mask(_) => "mask",
            Self::Null(_) => "null",
            Self::Beam(_) => "beam",
        }
    }

    /// Antennas that it takes at least.
    #[must_use]
    pub fn antennas(&self) -> usize {
        if matches!(self, Self::Null(_) | Self::Beam(_)) { 2 } else { 1 }
    }
}

/// What a stage does with finite samples of the right number of channels.
trait Stage: Send {
    /// Appends what is ready to `out`, one list for each channel that comes out.
    fn push(&mut self, x: ArrayView2<Complex32>, out: &mut [Vec<Complex32>]) -> Result<()>;
    /// The rest.
    fn finish(&mut self, out: &mut [Vec<Complex32>]) -> Result<()>;
    /// Channels that come out.
    fn channels(&self) -> usize;
    /// Samples, or bins of frames, that were set to zero, and all that were looked at; `None` for what takes none out whole.
    fn zeroed(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What came in and what was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Removed {
    /// Samples of each channel that came out so far.
    pub samples: u64,
    /// Mean power of a channel that came in, linear.
    pub power_in: f64,
    /// Mean power of a channel that came out.
    pub power_out: f64,
    /// Share of samples (blanking) or bins (excision, mask) that were set to zero; `null` for the others.
    pub zeroed: Option<f64>,
}

/// A method over a stream. Cutting the stream anywhere changes nothing; as many samples come out as go in, in order, some of them later.
pub struct Mitigator {
    method: Mitigation,
    sample_rate: f64,
    channels: usize,
    stage: Box<dyn Stage>,
    samples_in: u64,
    samples_out: u64,
    energy_in: f64,
    energy_out: f64,
}

impl Mitigator {
    /// - `channels`: antennas of the stream
    /// - `sample_rate`: Hz
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the field that makes no sense, or for too few antennas.
    pub fn new(method: Mitigation, channels: usize, sample_rate: f64) -> Result<Self> {
        check(
            "sample_rate",
            "above 0 Hz and finite",
            sample_rate > 0.0 && sample_rate.is_finite(),
            sample_rate,
        )?;
        let least = method.antennas();
        if !(least..=super::array::MOST_ANTENNAS).contains(&channels) {
            let rule =
                if least > 1 { "from 2 to 64 for a method that works in space" } else { "from 1 to 64" };
            return Err(Error::OutOfRange { field: "channels", rule, got: channels.to_string() });
        }
        let stage = method.stage(channels, sample_rate)?;
        Ok(Self {
            method,
            sample_rate,
            channels,
            stage,
            samples_in: 0,
            samples_out: 0,
            energy_in: 0.0,
            energy_out: 0.0,
        })
    }

    /// Channels that come out: one for a beam, else as many as go in.
    #[must_use]
    pub fn channels_out(&self) -> usize {
        self.stage.channels()
    }

    /// Takes samples, `[antenna, sample]`, and hands over those that are ready, `[channel, sample]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of antennas, [`Error::NotFinite`], and then nothing is taken; [`Error::OutOfRange`] for a covariance that cannot be
    /// inverted.
    pub fn push(&mut self, x: ArrayView2<Complex32>) -> Result<Array2<Complex32>> {
        if x.nrows() != self.channels {
            return Err(Error::Shape {
                what: "samples",
                need: format!("[{}, sample]", self.channels),
                got: format!("[{}, {}]", x.nrows(), x.ncols()),
            });
        }
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index });
        }
        // Sample by sample, so that sums do not depend on where the stream was cut.
        for column in x.columns() {
            self.energy_in += column.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>();
        }
        self.samples_in += x.ncols() as u64;
        self.collect(|stage, out| stage.push(x, out))
    }

    /// Hands over what is left; the next sample begins a new stream. The figures of [`Mitigator::removed`] go on counting.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a covariance that cannot be inverted.
    pub fn finish(&mut self) -> Result<Array2<Complex32>> {
        self.collect(|stage, out| stage.finish(out))
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// None that [`Mitigator::new`] did not have.
    pub fn reset(&mut self) -> Result<()> {
        *self = Self::new(self.method.clone(), self.channels, self.sample_rate)?;
        Ok(())
    }

    /// What was removed so far.
    #[must_use]
    pub fn removed(&self) -> Removed {
        let mean = |energy: f64, count: u64| if count == 0 { 0.0 } else { energy / count as f64 };
        Removed {
            samples: self.samples_out,
            power_in: mean(self.energy_in, self.samples_in * self.channels as u64),
            power_out: mean(self.energy_out, self.samples_out * self.channels_out() as u64),
            zeroed: self.stage.zeroed().map(|(zeroed, all)| mean(zeroed as f64, all)),
        }
    }

    fn collect(
        &mut self,
        work: impl FnOnce(&mut dyn Stage, &mut [Vec<Complex32>]) -> Result<()>,
    ) -> Result<Array2<Complex32>> {
        let mut out = vec![Vec::new(); self.stage.channels()];
        work(self.stage.as_mut(), &mut out)?;
        let samples = out[0].len();
        let mut array = Array2::zeros((out.len(), samples));
        for (mut row, out) in array.axis_iter_mut(Axis(0)).zip(out) {
            row.iter_mut().zip(out).for_each(|(to, from)| *to = from);
        }
        for column in array.columns() {
            self.energy_out += column.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>();
        }
        self.samples_out += samples as u64;
        Ok(array)
    }
}

/// A block at once: [`Mitigator`] over all of `x`, `[antenna, sample]`.
///
/// # Errors
/// Those of [`Mitigator`].
pub fn mitigate(
    x: ArrayView2<Complex32>,
    method: Mitigation,
    sample_rate: f64,
) -> Result<(Array2<Complex32>, Removed)> {
    let mut mitigator = Mitigator::new(method, x.nrows(), sample_rate)?;
    let mut out = mitigator.push(x)?;
    let rest = mitigator.finish()?;
    // Both have the same number of rows.
    out.append(Axis(1), rest.view()).map_err(|error| Error::Shape {
        what: "samples",
        need: "the same channels".into(),
        got: error.to_string(),
    })?;
    Ok((out, mitigator.removed()))
}

/// A stage of one channel, made for each channel of the stream.
struct Each<S>(Vec<S>);

/// What works on every channel by itself.
trait Single: Send {
    fn push(&mut self, x: &mut dyn Iterator<Item = Complex32>, out: &mut Vec<Complex32>);
    fn finish(&mut self, out: &mut Vec<Complex32>);
    fn zeroed(&self) -> Option<(u64, u64)> {
        None
    }
}

impl<S: Single> Stage for Each<S> {
    fn push(&mut self, x: ArrayView2<Complex32>, out: &mut [Vec<Complex32>]) -> Result<()> {
        for ((single, row), out) in self.0.iter_mut().zip(x.rows()).zip(out) {
            single.push(&mut row.iter().copied(), out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut [Vec<Complex32>]) -> Result<()> {
        self.0.iter_mut().zip(out).for_each(|(single, out)| single.finish(out));
        Ok(())
    }

    fn channels(&self) -> usize {
        self.0.len()
    }

    fn zeroed(&self) -> Option<(u64, u64)> {
        self.0.iter().filter_map(Single::zeroed).reduce(|a, b| (a.0 + b.0, a.1 + b.1))
    }
}

fn check(field: &'static str, rule: &'static str, ok: bool, got: impl std::fmt::Display) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::OutOfRange { field, rule, got: got.to_string() }) }
}

/// SINR of `y` as an estimate of `victim`, dB, up to a common factor: whatever is not a multiple of `victim` counts against it. What an answer gains is
/// the difference of this after it and before it.
///
/// # Errors
/// [`Error::Shape`] for two lengths; [`Error::TooShort`] for a victim without power.
pub fn sinr_db(victim: &[Complex32], y: &[Complex32]) -> Result<f64> {
    if victim.len() != y.len() {
        let (need, got) = (format!("[{}]", victim.len()), format!("[{}]", y.len()));
        return Err(Error::Shape { what: "y", need, got });
    }
    let wide = |x: &Complex32| Complex64::new(x.re.into(), x.im.into());
    let (mut cross, mut energy, mut total) = (Complex64::ZERO, 0.0, 0.0);
    for (s, y) in victim.iter().zip(y) {
        cross += wide(s).conj() * wide(y);
        energy += wide(s).norm_sqr();
        total += wide(y).norm_sqr();
    }
    if energy <= 0.0 {
        return Err(Error::TooShort {
            what: "SINR",
            need: 1,
            unit: "samples of the victim with power",
            got: 0,
        });
    }
    let part = cross.norm_sqr() / energy;
    Ok(10.0 * (part / (total - part)).log10())
}

#[cfg(test)]
mod tests;
