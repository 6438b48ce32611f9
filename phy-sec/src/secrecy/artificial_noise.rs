//! Artificial noise in the null space of the receiver's channel: it hears none of it, everybody else does.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView1};
use num_complex::{Complex32, Complex64};
use rand_chacha::ChaCha8Rng;

use super::out;
use crate::{Error, Result, sim};

/// A precoder for one receive antenna, after Goel and Negi, IEEE Trans. WC 7(6), 2008.
#[derive(Debug, Clone)]
pub struct ArtificialNoise {
    /// Unit vector along the conjugate channel.
    beam: DVector<Complex64>,
    /// Orthonormal directions that the receiver does not hear, `[antenna, direction]`.
    null: DMatrix<Complex64>,
    share: f64,
}

impl ArtificialNoise {
    /// - `channel`: gain from each antenna to the receiver, 2 to 64 of them
    /// - `share`: of the power that goes into the signal, above 0 and up to 1; the rest is noise
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for one antenna, a channel without power, or a share outside its range; [`Error::NotFinite`].
    pub fn new(channel: ArrayView1<Complex64>, share: f64) -> Result<Self> {
        let n = channel.len();
        if !(2..=64).contains(&n) {
            return Err(out("antennas", "from 2 to 64", n));
        }
        if let Some(index) = channel.iter().position(|h| !h.is_finite()) {
            return Err(Error::NotFinite { what: "the channel", index });
        }
        if !(share > 0.0 && share <= 1.0) {
            return Err(out("share", "above 0 and up to 1", share));
        }
        let beam = DVector::from_iterator(n, channel.iter().map(|h| h.conj()));
        let size = beam.norm();
        if !(size > 0.0 && size.is_finite()) {
            return Err(out("channel", "one with power", size));
        }
        let beam = beam / Complex64::from(size);
        // The Householder reflection that takes the first axis to the beam takes the other axes to its complement.
        let phase = if beam[0].norm() > 0.0 { beam[0] / beam[0].norm() } else { Complex64::ONE };
        let mut v = beam.clone();
        v[0] += phase;
        let square = v.norm_squared();
        let reflection = DMatrix::identity(n, n) - &v * v.adjoint() * Complex64::from(2.0 / square);
        Ok(Self { beam, null: reflection.columns(1, n - 1).into_owned(), share })
    }

    /// What the antennas send, `[antenna, sample]`, of mean power 1 altogether if `symbols` have it: the share of them along the beam, Gaussian noise in every other direction.
    #[must_use]
    pub fn transmit(&self, symbols: &[Complex32], rng: &mut ChaCha8Rng) -> Array2<Complex32> {
        let n = self.beam.len();
        let (signal, noise) = (self.share.sqrt(), ((1.0 - self.share) / (n - 1) as f64).sqrt());
        let mut x = Array2::zeros((n, symbols.len()));
        for (mut column, s) in x.columns_mut().into_iter().zip(symbols) {
            let drawn = sim::noise(rng, n - 1, 1.0);
            for (a, x) in column.iter_mut().enumerate() {
                let mut sum = self.beam[a] * signal * Complex64::new(s.re.into(), s.im.into());
                for (k, w) in drawn.iter().enumerate() {
                    sum += self.null[(a, k)] * noise * Complex64::new(w.re.into(), w.im.into());
                }
                *x = Complex32::new(sum.re as f32, sum.im as f32);
            }
        }
        x
    }

    /// SINR of a single antenna with this channel and without noise of its own, linear; infinite for the receiver.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of antennas.
    pub fn sinr(&self, channel: ArrayView1<Complex64>) -> Result<f64> {
        let n = self.beam.len();
        if channel.len() != n {
            return Err(Error::Shape {
                what: "the channel",
                need: format!("[{n}]"),
                got: format!("[{}]", channel.len()),
            });
        }
        let row = DMatrix::from_fn(1, n, |_, k| channel[k]);
        let signal = self.share * (&row * &self.beam).norm_squared();
        let noise = (1.0 - self.share) / (n - 1) as f64 * (&row * &self.null).norm_squared();
        Ok(signal / noise)
    }
}

/// Probability that the SINR of an eavesdropper with one antenna, a Rayleigh channel and no noise of her own exceeds `threshold`:
/// `(1 + t (1 - φ)/(φ (N - 1)))^-(N - 1)`.
///
/// - `antennas`: of the transmitter, 2 or more
/// - `share`: of the power in the signal, φ, above 0 and up to 1
/// - `threshold`: linear
///
/// # Errors
/// [`Error::OutOfRange`].
///
/// # Source
/// Zhou and McKay, IEEE Trans. VT 59(8), 2010, eq. 8.
pub fn eve_sinr_ccdf(antennas: usize, share: f64, threshold: f64) -> Result<f64> {
    if antennas < 2 {
        return Err(out("antennas", "2 or more", antennas));
    }
    if !(share > 0.0 && share <= 1.0) {
        return Err(out("share", "above 0 and up to 1", share));
    }
    if !(threshold >= 0.0) {
        return Err(out("threshold", "0 or more", threshold));
    }
    let others = (antennas - 1) as f64;
    Ok((1.0 + threshold * (1.0 - share) / (share * others)).powf(-others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(rng: &mut ChaCha8Rng, n: usize) -> ndarray::Array1<Complex64> {
        sim::noise(rng, n, 1.0).iter().map(|h| Complex64::new(h.re.into(), h.im.into())).collect()
    }

    /// jamming.json, `artificial_noise_eve_ccdf_(no eve noise)`, and drawn channels.
    #[test]
    fn eve_hears_noise_as_often_as_it_says() {
        let mut rng = sim::rng(4);
        for (antennas, share, want) in
            [(2, 0.5, 0.5), (4, 0.5, 0.421_875), (4, 0.7, 0.6699218750000001), (8, 0.5, 0.39269590377807634)]
        {
            let closed = eve_sinr_ccdf(antennas, share, 1.0).unwrap();
            assert!((closed - want).abs() < 1e-12, "{closed} {want}");
            let trials = 4000;
            let above = (0..trials).filter(|_| {
                let precoder = ArtificialNoise::new(channel(&mut rng, antennas).view(), share).unwrap();
                precoder.sinr(channel(&mut rng, antennas).view()).unwrap() > 1.0
            });
            let got = above.count() as f64 / f64::from(trials);
            assert!(
                (got - want).abs() < 4.0 * (want * (1.0 - want) / f64::from(trials)).sqrt(),
                "{got} {want}"
            );
        }
    }

    #[test]
    fn the_receiver_hears_no_noise_and_the_power_is_one() {
        let mut rng = sim::rng(5);
        for n in [2, 3, 8, 64] {
            let h = channel(&mut rng, n);
            let precoder = ArtificialNoise::new(h.view(), 0.4).unwrap();
            let symbols = sim::noise(&mut rng, 3000, 1.0);
            let x = precoder.transmit(&symbols, &mut rng);
            let size: f64 = h.iter().map(|h| h.norm_sqr()).sum::<f64>().sqrt();
            for (column, s) in x.columns().into_iter().zip(&symbols) {
                let heard: Complex64 =
                    column.iter().zip(&h).map(|(x, h)| h * Complex64::new(x.re.into(), x.im.into())).sum();
                let want = Complex64::new(s.re.into(), s.im.into()) * size * 0.4f64.sqrt();
                assert!((heard - want).norm() < 1e-5 * size, "{n}: {heard} {want}");
            }
            let power = x.iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() / 3000.0;
            assert!((power - 1.0).abs() < 0.08, "{n}: {power}");
        }
        let one = ndarray::Array1::from_elem(1, Complex64::ONE);
        assert!(ArtificialNoise::new(one.view(), 0.5).is_err());
        assert!(ArtificialNoise::new(ndarray::Array1::zeros(4).view(), 0.5).is_err());
        assert!(ArtificialNoise::new(ndarray::Array1::from_elem(4, Complex64::ONE).view(), 0.0).is_err());
        assert!(eve_sinr_ccdf(1, 0.5, 1.0).is_err() && eve_sinr_ccdf(4, 0.5, f64::NAN).is_err());
    }
}
