//! Eigenprojection: whatever comes from the strongest directions is projected out, block by block.

use std::sync::Arc;

use nalgebra::DMatrix;
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{MOST_BLOCK, Stage, check};
use crate::{Result, hermitian::Eigen, jamming::array::Covariance};

/// `I - U Uᴴ`, `U` the eigenvectors of the largest eigenvalues of each block's covariance. It knows neither geometry nor calibration; the victim must be weaker
/// than the jammers, or it is what is projected out. As many channels come out as go in, of one rank less for each source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Null {
    /// How many directions, at least 1 and below the number of antennas.
    pub sources: usize,
    /// Samples of a block, at least two for each antenna.
    pub block: usize,
}

impl Default for Null {
    fn default() -> Self {
        Self { sources: 1, block: 4096 }
    }
}

impl Null {
    pub(super) fn stage(&self, channels: usize, _: f64) -> Result<Box<dyn Stage>> {
        check(
            "sources",
            "at least 1 and below the number of antennas",
            (1..channels).contains(&self.sources),
            self.sources,
        )?;
        let sources = self.sources;
        let weigh = move |covariance: &Covariance| {
            let strongest = Eigen::new(covariance.matrix())?.vectors.columns(0, sources).into_owned();
            Ok(DMatrix::identity(channels, channels) - &strongest * strongest.adjoint())
        };
        Ok(Box::new(Blocks::new(Arc::new(weigh), DMatrix::identity(channels, channels), self.block)?))
    }
}

type Weigh = Arc<dyn Fn(&Covariance) -> Result<DMatrix<Complex64>> + Send + Sync>;

/// Blocks, each multiplied by a matrix `[output, antenna]` of its own covariance.
pub(super) struct Blocks {
    weigh: Weigh,
    /// Of the last block; for a block too short to have its own.
    matrix: DMatrix<Complex64>,
    initial: DMatrix<Complex64>,
    block: usize,
    held: Vec<Vec<Complex32>>,
}

impl Blocks {
    pub(super) fn new(weigh: Weigh, initial: DMatrix<Complex64>, block: usize) -> Result<Self> {
        let antennas = initial.ncols();
        let rule = "at least two samples for each antenna, and 4194304 of all antennas at most";
        check("block", rule, block >= 2 * antennas && block.saturating_mul(antennas) <= MOST_BLOCK, block)?;
        Ok(Self { weigh, matrix: initial.clone(), initial, block, held: vec![Vec::new(); antennas] })
    }

    fn flush(&mut self, out: &mut [Vec<Complex32>]) -> Result<()> {
        let (antennas, samples) = (self.held.len(), self.held[0].len());
        if samples >= 2 * antennas {
            let block = ndarray::Array2::from_shape_fn((antennas, samples), |(a, t)| self.held[a][t]);
            let silent = self.held.iter().flatten().all(|x| *x == Complex32::ZERO);
            if !silent {
                self.matrix = (self.weigh)(&Covariance::sample(block.view())?)?;
            }
        }
        for (row, out) in self.matrix.row_iter().zip(out) {
            out.extend((0..samples).map(|t| {
                let sum: Complex64 = row
                    .iter()
                    .zip(&self.held)
                    .map(|(w, held)| w * Complex64::new(held[t].re.into(), held[t].im.into()))
                    .sum();
                Complex32::new(sum.re as f32, sum.im as f32)
            }));
        }
        self.held.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

impl Stage for Blocks {
    fn push(&mut self, x: ndarray::ArrayView2<Complex32>, out: &mut [Vec<Complex32>]) -> Result<()> {
        for column in x.columns() {
            self.held.iter_mut().zip(column).for_each(|(held, x)| held.push(*x));
            if self.held[0].len() == self.block {
                self.flush(out)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut [Vec<Complex32>]) -> Result<()> {
        self.flush(out)?;
        self.matrix = self.initial.clone();
        Ok(())
    }

    fn channels(&self) -> usize {
        self.matrix.nrows()
    }
}
