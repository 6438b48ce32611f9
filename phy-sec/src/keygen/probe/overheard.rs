//! What an eavesdropper measured, with all of her antennas together.
//!
//! Several antennas see more than the best of them: those that correlate by `rho` with a gain, independent of one another given it, correlate by
//! `√(M·rho²/(1 + (M-1)·rho²))` together. Her joint knowledge of a real series is its linear regression on what each antenna shows, and on what
//! they show *before* the phase is dropped: the principal component of their complex gains, lane by lane, which for equal antennas is the best combination
//! there is.

use nalgebra::{Complex, DMatrix, DVector};
use ndarray::{Array2, Array3, Axis};
use num_complex::Complex32;

use super::{Component, Trace};
use crate::Result;
use crate::channel::Csi;

/// An eavesdropper's measurements: one trace, or one for each of her antennas and one for all of them combined.
#[derive(Debug, Clone, PartialEq)]
pub struct Overheard {
    views: Vec<Trace>,
}

impl From<Trace> for Overheard {
    fn from(trace: Trace) -> Self {
        Self { views: vec![trace] }
    }
}

impl Overheard {
    /// All antennas of `csi`, each as [`Trace::from_csi`] takes the first, and their principal component.
    ///
    /// # Errors
    /// Those of [`Trace::from_csi`].
    pub fn from_csi(csi: &Csi, component: Component) -> Result<Self> {
        let antennas = csi.gains.dim().2;
        let one = |gains: Array3<Complex32>| {
            Trace::from_csi(&Csi { gains, time: csi.time.clone(), sequence: csi.sequence.clone() }, component)
        };
        let mut views = Vec::with_capacity(antennas + 1);
        for antenna in 0..antennas.max(1) {
            let gains = if antennas == 0 { csi.gains.clone() } else { csi.gains.select(Axis(2), &[antenna]) };
            views.push(one(gains)?);
        }
        if antennas > 1 {
            views.push(one(principal(&csi.gains))?);
        }
        Ok(Self { views })
    }

    /// Each of her antennas beside every one of ends that have `lanes` lanes over all of theirs: whichever of hers tells of whichever of
    /// theirs counts.
    #[must_use]
    pub fn beside(&self, lanes: usize) -> Self {
        Self { views: self.views.iter().map(|view| view.repeated(lanes)).collect() }
    }

    /// The traces, of one shape.
    #[must_use]
    pub fn views(&self) -> &[Trace] {
        &self.views
    }
}

/// The combination of the antennas of greatest power, lane by lane: `[time, lane, 1]`.
fn principal(gains: &Array3<Complex32>) -> Array3<Complex32> {
    let (rows, lanes, antennas) = gains.dim();
    let mut combined = Array3::zeros((rows, lanes, 1));
    for lane in 0..lanes {
        let at = |row: usize, antenna: usize| {
            let gain = gains[[row, lane, antenna]];
            Complex::new(f64::from(gain.re), f64::from(gain.im))
        };
        let covariance = DMatrix::from_fn(antennas, antennas, |i, j| {
            (0..rows).map(|row| at(row, i) * at(row, j).conj()).sum::<Complex<f64>>()
        });
        let decomposed = covariance.symmetric_eigen();
        let strongest = decomposed.eigenvalues.imax();
        let vector = decomposed.eigenvectors.column(strongest).into_owned();
        // Its phase is nobody's; that of the first antenna is as good as any.
        let turn = if vector[0].norm() > 0.0 { vector[0] / vector[0].norm() } else { Complex::new(1.0, 0.0) };
        for row in 0..rows {
            let sum: Complex<f64> =
                (0..antennas).map(|antenna| (vector[antenna] / turn).conj() * at(row, antenna)).sum();
            combined[[row, lane, 0]] = Complex32::new(sum.re as f32, sum.im as f32);
        }
    }
    combined
}

/// The regression of each lane of `target` on the same lane of every view, all `[lane, time]`: what is known of it, and the mean of the multiple
/// correlation coefficients (0 to 1; over few columns too high rather than too low).
pub(in crate::keygen) fn regress(target: &Array2<f64>, views: &[Array2<f64>]) -> (Array2<f64>, f64) {
    let (lanes, columns) = target.dim();
    let mut known = Array2::zeros((lanes, columns));
    let (mut sum, mut counted) = (0.0, 0usize);
    for lane in 0..lanes {
        let centred = |series: &Array2<f64>| {
            let row = series.row(lane);
            let mean = row.mean().unwrap_or(0.0);
            DVector::from_iterator(columns, row.iter().map(|x| x - mean))
        };
        let y = centred(target);
        let power = y.norm_squared();
        if power <= 0.0 {
            continue;
        }
        counted += 1;
        let x: Vec<DVector<f64>> = views.iter().map(centred).collect();
        // Unit columns, so that the cut below is a matter of how alike they are and not of their scale.
        let x: Vec<DVector<f64>> =
            x.into_iter().filter(|x| x.norm_squared() > 0.0).map(|x| x.clone() / x.norm()).collect();
        let gram = DMatrix::from_fn(x.len(), x.len(), |i, j| x[i].dot(&x[j]));
        let cross = DVector::from_fn(x.len(), |i, _| x[i].dot(&y));
        let Ok(inverse) = gram.pseudo_inverse(1e-9) else { continue };
        let weights = inverse * cross;
        let fitted = x.iter().zip(&weights).fold(DVector::zeros(columns), |sum, (x, w)| sum + x * *w);
        sum += (fitted.norm_squared() / power).clamp(0.0, 1.0).sqrt();
        known.row_mut(lane).iter_mut().zip(&fitted).for_each(|(known, x)| *known = *x);
    }
    (known, if counted > 0 { sum / counted as f64 } else { 0.0 })
}
