//! What an eavesdropper measured, with all of her antennas together.
//!
//! Several antennas see more than the best of them: those that correlate by `rho` with a gain, independent of one another given it, correlate by
//! `√(M·rho²/(1 + (M-1)·rho²))` together. Her joint knowledge of a real series is its linear regression on what each antenna shows, and on what
//! they show *before* the phase is dropped: the principal component of their complex gains, lane by lane, which for equal antennas is the best combination
//! there is.

pub(in crate::keygen) mod regression;

use nalgebra::{Complex, DMatrix, DVector};
use ndarray::{Array2, Array3, Axis};
use num_complex::Complex32;

use super::{Component, Trace};
use crate::Result;
use crate::channel::Csi;

/// An eavesdropper's measurements: one trace, or one for each of her antennas and one for all of them combined.
///
/// Who has the complex gains knows all that can be made of them: beside the ends' own component she is given the others, and those that depend
/// on the carrier phase also turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Overheard {
    views: Vec<Trace>,
    /// What else she makes of the same gains, of the same shape.
    others: Vec<Trace>,
}

impl From<Trace> for Overheard {
    fn from(trace: Trace) -> Self {
        Self { views: vec![trace], others: Vec::new() }
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
        let mut each: Vec<Array3<Complex32>> =
            (0..antennas).map(|antenna| csi.gains.select(Axis(2), &[antenna])).collect();
        match antennas {
            0 => each.push(csi.gains.clone()), // which is the reader's error
            1 => {}
            _ => each.push(principal(&csi.gains)),
        }
        let (mut views, mut others) = (Vec::with_capacity(each.len()), Vec::new());
        for gains in each {
            for &(other, degrees) in beside(component) {
                let turn = Complex32::cis((degrees as f32).to_radians());
                let gains = if degrees == 0 { gains.clone() } else { gains.mapv(|gain| gain * turn) };
                let gains = Csi { gains, time: csi.time.clone(), sequence: csi.sequence.clone() };
                let trace = Trace::from_csi(&gains, other)?;
                others.push(trace.repeated_each(component.lanes()));
            }
            views.push(one(gains)?);
        }
        Ok(Self { views, others })
    }

    /// Each of her antennas beside every one of ends that have `lanes` lanes over all of theirs: whichever of hers tells of whichever of
    /// theirs counts.
    #[must_use]
    pub fn beside(&self, lanes: usize) -> Self {
        let repeated = |views: &[Trace]| views.iter().map(|view| view.repeated(lanes)).collect();
        Self { views: repeated(&self.views), others: repeated(&self.others) }
    }

    /// The traces, of one shape.
    #[must_use]
    pub fn views(&self) -> &[Trace] {
        &self.views
    }

    /// What else she makes of the same gains, of the same shape as the views.
    pub(in crate::keygen) fn others(&self) -> &[Trace] {
        &self.others
    }
}

/// What is worth knowing beside `component`, each of the gains turned by so many degrees: her carrier phase is not the ends'.
fn beside(component: Component) -> &'static [(Component, i32)] {
    use Component::{Imaginary, Magnitude, Phase, Real};
    match component {
        Component::Magnitude => &[(Real, 0), (Imaginary, 0)],
        Component::LogMagnitude => &[(Magnitude, 0), (Real, 0), (Imaginary, 0)],
        // Both parts are lanes already.
        Component::Complex => &[(Magnitude, 0)],
        Component::Real => &[(Imaginary, 0), (Real, 45), (Real, 135), (Magnitude, 0)],
        Component::Imaginary => &[(Real, 0), (Imaginary, 45), (Imaginary, 135), (Magnitude, 0)],
        // It wraps where her carrier phase says.
        Component::Phase => &[
            (Real, 0),
            (Imaginary, 0),
            (Magnitude, 0),
            (Phase, 45),
            (Phase, 90),
            (Phase, 135),
            (Phase, 180),
            (Phase, 225),
            (Phase, 270),
            (Phase, 315),
        ],
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
