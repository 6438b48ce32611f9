//! Sample covariances, and the averages that make coherent sources look like several.

use ndarray::{Array2, ArrayView2, Axis};
use num_complex::{Complex32, Complex64};

use super::{MOST_ANTENNAS, out};
use crate::{Error, Result};

/// A covariance in the making, from a stream in pieces. Cutting it anywhere changes nothing.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// `Σ x xᴴ`, the lower half.
    sum: Array2<Complex64>,
    count: usize,
}

impl Snapshots {
    /// Of so many antennas.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for one antenna or more than 64.
    pub fn new(antennas: usize) -> Result<Self> {
        if !(2..=MOST_ANTENNAS).contains(&antennas) {
            return Err(out("antennas", "from 2 to 64", antennas));
        }
        Ok(Self { sum: Array2::zeros((antennas, antennas)), count: 0 })
    }

    /// The next samples, `[antenna, sample]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of antennas; [`Error::NotFinite`], and then nothing is taken.
    pub fn push(&mut self, x: ArrayView2<Complex32>) -> Result<()> {
        let antennas = self.sum.nrows();
        if x.nrows() != antennas {
            return Err(Error::Shape {
                what: "samples",
                need: format!("[{antennas}, sample]"),
                got: format!("[{}, {}]", x.nrows(), x.ncols()),
            });
        }
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "samples", index });
        }
        // Pieces that stay in a cache while every pair of antennas is gone through; each sum goes from sample to sample.
        for piece in x.axis_chunks_iter(Axis(1), 2048) {
            let piece = piece.mapv(|x| Complex64::new(x.re.into(), x.im.into()));
            for a in 0..antennas {
                for b in 0..=a {
                    let pairs = piece.row(a).into_iter().zip(piece.row(b));
                    self.sum[[a, b]] = pairs.fold(self.sum[[a, b]], |sum, (a, b)| sum + a * b.conj());
                }
            }
        }
        self.count += x.ncols();
        Ok(())
    }

    /// Samples so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean of everything pushed.
    ///
    /// # Errors
    /// [`Error::TooShort`] for fewer samples than antennas, whose covariance is singular.
    pub fn finish(&self) -> Result<Covariance> {
        let antennas = self.sum.nrows();
        if self.count < antennas {
            return Err(Error::TooShort {
                what: "a covariance",
                need: antennas,
                unit: "samples",
                got: self.count,
            });
        }
        let matrix = Array2::from_shape_fn((antennas, antennas), |(a, b)| {
            let sum = if a >= b { self.sum[[a, b]] } else { self.sum[[b, a]].conj() };
            sum / self.count as f64
        });
        Ok(Covariance { matrix, snapshots: self.count })
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.sum.fill(Complex64::ZERO);
        self.count = 0;
    }
}

/// Covariance of an array's antennas, `E[x xᴴ]`, `[antenna, antenna]`, and the number of samples behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    matrix: Array2<Complex64>,
    snapshots: usize,
}

impl Covariance {
    /// `Σ x xᴴ / T` over the samples of `x`, `[antenna, sample]`, summed in double precision.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for one antenna or more than 64; [`Error::TooShort`] for fewer samples than antennas, whose covariance is singular;
    /// [`Error::NotFinite`].
    pub fn sample(x: ArrayView2<Complex32>) -> Result<Self> {
        let mut sum = Snapshots::new(x.nrows())?;
        sum.push(x)?;
        sum.finish()
    }

    /// A covariance that is known otherwise, `[antenna, antenna]`, as if estimated from `snapshots`.
    ///
    /// # Errors
    /// [`Error::Shape`] unless square and of 2 to 64 antennas, [`Error::OutOfRange`] without snapshots or if it is not Hermitian, [`Error::NotFinite`].
    pub fn new(matrix: Array2<Complex64>, snapshots: usize) -> Result<Self> {
        let (rows, columns) = matrix.dim();
        if rows != columns || !(2..=MOST_ANTENNAS).contains(&rows) {
            return Err(Error::Shape {
                what: "a covariance",
                need: "[n, n] with n from 2 to 64".into(),
                got: format!("[{rows}, {columns}]"),
            });
        }
        if snapshots == 0 {
            return Err(out("snapshots", "at least 1", 0));
        }
        crate::hermitian::Eigen::new(matrix.view())?;
        Ok(Self { matrix, snapshots })
    }

    /// `[antenna, antenna]`.
    #[must_use]
    pub fn matrix(&self) -> ArrayView2<'_, Complex64> {
        self.matrix.view()
    }

    /// How many antennas.
    #[must_use]
    pub fn antennas(&self) -> usize {
        self.matrix.nrows()
    }

    /// Samples that it was estimated from.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// `(R + J R* J) / 2`, `J` the exchange of first and last: for arrays that are their own mirror image, such as lines of equal spacing.
    ///
    /// The number of snapshots stays: sources are then counted with caution.
    ///
    /// # Source
    /// Pillai and Kwon, IEEE Trans. ASSP 37(1), 1989.
    #[must_use]
    pub fn forward_backward(&self) -> Self {
        let n = self.antennas();
        let matrix = Array2::from_shape_fn((n, n), |(a, b)| {
            (self.matrix[[a, b]] + self.matrix[[n - 1 - a, n - 1 - b]].conj()) * 0.5
        });
        Self { matrix, snapshots: self.snapshots }
    }

    /// Mean over the overlapping parts of `size` antennas of a line of equal spacing: `n - size + 1` echoes of one signal come out as as many sources.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `size` is from 2 to the number of antennas.
    ///
    /// # Source
    /// Shan, Wax and Kailath, IEEE Trans. ASSP 33(4), 1985.
    pub fn smoothed(&self, size: usize) -> Result<Self> {
        let n = self.antennas();
        if !(2..=n).contains(&size) {
            return Err(out("smoothing", "0, or from 2 to the number of antennas", size));
        }
        let parts = n - size + 1;
        let matrix = Array2::from_shape_fn((size, size), |(a, b)| {
            (0..parts).map(|first| self.matrix[[first + a, first + b]]).sum::<Complex64>() / parts as f64
        });
        Ok(Self { matrix, snapshots: self.snapshots })
    }

    /// The covariance with every antenna divided by its gain.
    pub(super) fn divided(&self, gains: &[Complex64]) -> Self {
        let n = self.antennas();
        let matrix =
            Array2::from_shape_fn((n, n), |(a, b)| self.matrix[[a, b]] / (gains[a] * gains[b].conj()));
        Self { matrix, snapshots: self.snapshots }
    }
}
