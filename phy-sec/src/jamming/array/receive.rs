//! What an array hears of sources in known directions: for tests, calibration rehearsals and notebooks.

use ndarray::Array2;
use num_complex::{Complex32, Complex64};
use rand_chacha::ChaCha8Rng;

use super::Geometry;
use crate::{Error, Result, sim};

/// A narrowband signal and where it comes from.
#[derive(Debug, Clone)]
pub struct Arrival<'a> {
    /// Rad.
    pub azimuth: f64,
    /// Rad.
    pub elevation: f64,
    /// As one antenna hears it.
    pub signal: &'a [Complex32],
}

impl Geometry {
    /// `[antenna, sample]`: the sum of the arrivals, each with its phase at each antenna, and white noise of `noise_power`.
    ///
    /// # Errors
    /// Those of [`Geometry::check`]; [`Error::Shape`] unless every signal has `samples` samples.
    pub fn receive(
        &self,
        arrivals: &[Arrival],
        samples: usize,
        noise_power: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Array2<Complex32>> {
        self.check()?;
        if let Some(odd) = arrivals.iter().find(|arrival| arrival.signal.len() != samples) {
            return Err(Error::Shape {
                what: "a signal",
                need: format!("[{samples}]"),
                got: format!("[{}]", odd.signal.len()),
            });
        }
        let mut x = Array2::zeros((self.antennas(), samples));
        for mut row in x.rows_mut() {
            row.iter_mut().zip(sim::noise(rng, samples, noise_power)).for_each(|(x, noise)| *x = noise);
        }
        for arrival in arrivals {
            let steering: Vec<Complex64> = self.steering(arrival.azimuth, arrival.elevation);
            for (mut row, phase) in x.rows_mut().into_iter().zip(steering) {
                let phase = Complex32::new(phase.re as f32, phase.im as f32);
                row.iter_mut().zip(arrival.signal).for_each(|(x, s)| *x += phase * s);
            }
        }
        Ok(x)
    }
}
