//! Where the antennas are, and the phases with which a plane wave meets them.

use std::f64::consts::{FRAC_PI_2, TAU};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{MOST_ANTENNAS, out};
use crate::{Error, Result};

/// Positions of the antennas, in wavelengths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Geometry {
    /// On the x axis, from the origin on. Directions are told apart within ±90° of its broadside, and only if `spacing` is at most a half.
    Linear {
        /// How many.
        antennas: usize,
        /// From one to the next.
        spacing: f64,
    },
    /// On a circle around the origin, the first on the x axis, counted towards y.
    Circular {
        /// How many.
        antennas: usize,
        /// Of the circle.
        radius: f64,
    },
    /// Anywhere: `[x, y, z]` of each.
    Positions(Vec<[f64; 3]>),
}

impl Default for Geometry {
    /// Four antennas half a wavelength apart.
    fn default() -> Self {
        Self::Linear { antennas: 4, spacing: 0.5 }
    }
}

impl Geometry {
    /// How many antennas.
    #[must_use]
    pub fn antennas(&self) -> usize {
        match self {
            Self::Linear { antennas, .. } | Self::Circular { antennas, .. } => *antennas,
            Self::Positions(positions) => positions.len(),
        }
    }

    /// # Errors
    /// [`Error::OutOfRange`] for one antenna or more than [`MOST_ANTENNAS`], or for lengths that are no positive numbers;
    /// [`Error::NotFinite`] for a position.
    pub fn check(&self) -> Result<()> {
        let antennas = self.antennas();
        if !(2..=MOST_ANTENNAS).contains(&antennas) {
            return Err(out("antennas", "from 2 to 64", antennas));
        }
        let length = |field, length: f64| {
            if length > 0.0 && length <= 1e6 {
                Ok(())
            } else {
                Err(out(field, "above 0 and up to 1e6 wavelengths", length))
            }
        };
        match self {
            Self::Linear { spacing, .. } => length("spacing", *spacing),
            Self::Circular { radius, .. } => length("radius", *radius),
            Self::Positions(positions) => {
                if let Some(index) =
                    positions.iter().position(|p| !p.iter().all(|x| x.is_finite() && x.abs() <= 1e6))
                {
                    return Err(Error::NotFinite { what: "positions", index });
                }
                if positions.iter().all(|p| p == &positions[0]) {
                    return Err(out("positions", "not all the same", format!("{:?}", positions[0])));
                }
                Ok(())
            }
        }
    }

    /// `[x, y, z]` of an antenna, in wavelengths.
    #[must_use]
    pub fn position(&self, antenna: usize) -> [f64; 3] {
        match self {
            Self::Linear { spacing, .. } => [antenna as f64 * spacing, 0.0, 0.0],
            Self::Circular { antennas, radius } => {
                let (sin, cos) = (TAU * antenna as f64 / *antennas as f64).sin_cos();
                [radius * cos, radius * sin, 0.0]
            }
            Self::Positions(positions) => positions[antenna],
        }
    }

    /// Range of azimuths that the geometry tells apart, rad: half a turn for antennas in one line along x, else a whole one.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let line = match self {
            Self::Linear { .. } => true,
            Self::Circular { antennas, .. } => *antennas == 2,
            Self::Positions(positions) => positions.iter().all(|p| p[1] == positions[0][1]),
        };
        if line { (-FRAC_PI_2, FRAC_PI_2) } else { (-2.0 * FRAC_PI_2, 2.0 * FRAC_PI_2) }
    }

    /// Phasors of a plane wave from a direction, one for each antenna, relative to the origin: `exp(j 2π pᵀu)` with
    /// `u = (sin az cos el, cos az cos el, sin el)`, rad.
    #[must_use]
    pub fn steering(&self, azimuth: f64, elevation: f64) -> Vec<Complex64> {
        let (sin, cos) = azimuth.sin_cos();
        let (up, flat) = elevation.sin_cos();
        (0..self.antennas())
            .map(|antenna| {
                let [x, y, z] = self.position(antenna);
                Complex64::cis(TAU * (flat * (x * sin + y * cos) + z * up))
            })
            .collect()
    }

    /// Derivative of [`Geometry::steering`] by azimuth.
    #[must_use]
    pub fn derivative(&self, azimuth: f64, elevation: f64) -> Vec<Complex64> {
        let (sin, cos) = azimuth.sin_cos();
        let flat = elevation.cos();
        let steering = self.steering(azimuth, elevation).into_iter().enumerate();
        steering
            .map(|(antenna, phasor)| {
                let [x, y, _] = self.position(antenna);
                phasor * Complex64::new(0.0, TAU * flat * (x * cos - y * sin))
            })
            .collect()
    }
}
