//! Which way: the directions of the sources that an antenna array hears.
//!
//! ```text
//! [antenna, sample] ─► covariance ─► how many sources (MDL, AIC) ─► MUSIC, root-MUSIC, Capon, ESPRIT ─► azimuths, standard errors, Cramér-Rao bound
//! ```
//!
//! The signal is narrowband: its bandwidth times the array's length over the speed of light is well below one. Lengths are in wavelengths, so that no frequency
//! is needed. A method is a file in `array/`, its `mod` line and its row in the table below.

mod bound;
mod calibrate;
mod capon;
mod covariance;
mod enumerate;
mod esprit;
mod geometry;
mod music;
mod receive;
mod root_music;
mod roots;
mod search;

use nalgebra::DMatrix;
use ndarray::ArrayView2;
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

pub use bound::{Bound, cramer_rao};
pub use calibrate::Calibration;
pub use covariance::{Covariance, Snapshots};
pub use enumerate::{Criterion, source_number};
pub use geometry::Geometry;
pub use receive::Arrival;

use crate::{Error, Result, hermitian::Eigen};

/// Most antennas that are taken.
pub const MOST_ANTENNAS: usize = 64;

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident = $module:ident,)*) => {
        /// Ways to find directions. In JSON the name in lower case: `root_music`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Method {
            $($(#[$doc])* $method,)*
        }

        impl Method {
            /// Every method.
            pub const ALL: &'static [Method] = &[$(Method::$method,)*];

            /// The name in JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Method::$method => stringify!($module),)* }
            }

            fn estimate(self, scene: &Scene) -> Result<Vec<Estimate>> {
                match self { $(Method::$method => $module::estimate(scene),)* }
            }
        }
    };
}

methods! {
    /// Peaks of the inverse distance to the noise subspace, over every direction; any geometry. Schmidt, IEEE Trans. AP 34(3), 1986.
    Music = music,
    /// The same as the roots of a polynomial: no grid, lines of equal spacing only. Barabell, ICASSP 1983.
    RootMusic = root_music,
    /// Peaks of the power behind a distortionless beam; any geometry. It needs no number of sources to form, only to pick. Capon, Proc. IEEE 57(8), 1969.
    Capon = capon,
    /// The turn from one half of a line to the other, weighted; lines of equal spacing only. Roy and Kailath, IEEE Trans. ASSP 37(7), 1989; weights after
    /// Eriksson and Stoica, IEEE Trans. SP 42(8), 1994.
    Esprit = esprit,
}

/// How to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArrayConfig {
    /// Where the antennas are.
    pub geometry: Geometry,
    /// How directions are found.
    pub method: Method,
    /// How many sources there are; counted by `criterion` if left out.
    pub sources: Option<usize>,
    /// How sources are counted.
    pub criterion: Criterion,
    /// Average the array with its mirror image, for geometries that have one: parts two coherent sources, halves the noise of the covariance.
    pub forward_backward: bool,
    /// Antennas of the overlapping parts of a line that are averaged, so that echoes of one signal count as several sources; 0 for none.
    pub smoothing: usize,
    /// Elevation of every source, rad from the horizontal, within ±π/2.
    pub elevation: f64,
    /// Directions of the grid that peaks are first searched on, 16 to 65536; they are refined afterwards.
    pub grid: usize,
}

impl Default for ArrayConfig {
    fn default() -> Self {
        Self {
            geometry: Geometry::default(),
            method: Method::Music,
            sources: None,
            criterion: Criterion::Mdl,
            forward_backward: false,
            smoothing: 0,
            elevation: 0.0,
            grid: 1440,
        }
    }
}

/// One direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Direction {
    /// Rad, from the broadside of a line (positive towards its last antenna), from the y axis towards the x axis in general.
    pub azimuth: f64,
    /// Rad, by the method's own first-order theory at the values found; `null` where there is none (Capon, after smoothing).
    pub standard_error: Option<f64>,
    /// Root of the stochastic Cramér-Rao bound at the values found, rad; `null` where it does not exist.
    pub bound: Option<f64>,
    /// Power of the source at one antenna, linear; `null` where directions are too close to part it.
    pub power: Option<f64>,
    /// That power over the noise of one antenna, dB.
    pub snr_db: Option<f64>,
}

/// What an array hears.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Directions {
    /// In ascending azimuth. Fewer than `sources` where the method found no more.
    pub directions: Vec<Direction>,
    /// Number of sources that was counted or given.
    pub sources: usize,
    /// Eigenvalues of the covariance that was used, descending.
    pub eigenvalues: Vec<f64>,
    /// Noise power of one antenna, linear: the mean of the eigenvalues beyond the sources.
    pub noise_power: f64,
}

/// A direction as a method finds it.
struct Estimate {
    azimuth: f64,
    variance: Option<f64>,
}

/// What the methods look at.
struct Scene<'a> {
    config: &'a ArrayConfig,
    /// The array, or the part of it that smoothing leaves.
    geometry: Geometry,
    covariance: &'a Covariance,
    eigen: Eigen,
    sources: usize,
    noise_power: f64,
}

impl Scene<'_> {
    fn antennas(&self) -> usize {
        self.eigen.values.len()
    }

    fn signal(&self) -> DMatrix<Complex64> {
        self.eigen.vectors.columns(0, self.sources).into_owned()
    }

    fn noise(&self) -> DMatrix<Complex64> {
        self.eigen.vectors.columns(self.sources, self.antennas() - self.sources).into_owned()
    }

    /// `λσ²/(T(λ - σ²)²)`: variance of the error of each signal eigenvector along any noise eigenvector (Brillinger, Time Series, 1981, section 9.4).
    fn leakage(&self) -> Vec<f64> {
        let (noise, count) = (self.noise_power, self.covariance.snapshots() as f64);
        self.eigen.values[..self.sources].iter().map(|l| l * noise / (count * (l - noise).powi(2))).collect()
    }

    fn variances_are_known(&self) -> bool {
        self.config.smoothing == 0
    }
}

/// The directions of what an array hears.
///
/// - `x`: `[antenna, sample]`, complex baseband, at least two antennas and as many samples as antennas
///
/// # Errors
/// As [`directions_of`], and [`Error::Shape`], [`Error::TooShort`], [`Error::NotFinite`] for samples that make no covariance.
pub fn directions(x: ArrayView2<Complex32>, config: &ArrayConfig) -> Result<Directions> {
    directions_of(&Covariance::sample(x)?, config)
}

/// The directions behind a covariance.
///
/// # Errors
/// [`Error::OutOfRange`] for a configuration that cannot be, as many sources as antennas or more, a covariance without noise (singular) where the method
/// needs its inverse; [`Error::Shape`] if geometry and covariance do not fit.
pub fn directions_of(covariance: &Covariance, config: &ArrayConfig) -> Result<Directions> {
    let (covariance, geometry) = prepared(covariance, config)?;
    let eigen = Eigen::new(covariance.matrix())?;
    let antennas = eigen.values.len();
    let sources = match config.sources {
        Some(sources) => sources,
        None => source_number(&eigen.values, covariance.snapshots(), config.criterion)?,
    };
    if sources >= antennas {
        return Err(out("sources", "below the number of antennas (after smoothing)", sources));
    }
    let noise_power = eigen.values[sources..].iter().sum::<f64>() / (antennas - sources) as f64;
    let noise_power = noise_power.max(0.0);
    let scene = Scene { config, geometry, covariance: &covariance, eigen, sources, noise_power };
    let mut found = if sources == 0 { Vec::new() } else { config.method.estimate(&scene)? };
    found.sort_by(|a, b| a.azimuth.total_cmp(&b.azimuth));
    let azimuths: Vec<f64> = found.iter().map(|estimate| estimate.azimuth).collect();
    let powers = powers(&scene, &azimuths);
    let bounds = powers.as_ref().and_then(|powers| {
        cramer_rao(
            &scene.geometry,
            &azimuths,
            config.elevation,
            powers,
            noise_power,
            covariance.snapshots(),
            Bound::Stochastic,
        )
        .ok()
    });
    let directions = found.iter().enumerate().map(|(k, estimate)| {
        let power = powers.as_ref().map(|powers| powers[(k, k)].re).filter(|power| *power > 0.0);
        Direction {
            azimuth: estimate.azimuth,
            standard_error: estimate.variance.map(f64::sqrt).filter(|error| error.is_finite()),
            bound: bounds.as_ref().map(|bounds| bounds[k]).filter(|bound| bound.is_finite()),
            power,
            snr_db: power.filter(|_| noise_power > 0.0).map(|power| 10.0 * (power / noise_power).log10()),
        }
    });
    Ok(Directions {
        directions: directions.collect(),
        sources,
        eigenvalues: scene.eigen.values.clone(),
        noise_power,
    })
}

/// The pseudospectrum of a method that has one (MUSIC, Capon) over azimuth: `(azimuth, value)`, dB below its peak.
///
/// # Errors
/// As [`directions_of`]; [`Error::OutOfRange`] for a method without a spectrum.
pub fn spectrum(covariance: &Covariance, config: &ArrayConfig) -> Result<Vec<(f64, f64)>> {
    let (covariance, geometry) = prepared(covariance, config)?;
    let eigen = Eigen::new(covariance.matrix())?;
    let sources = match config.sources {
        Some(sources) => sources,
        None => source_number(&eigen.values, covariance.snapshots(), config.criterion)?,
    };
    if sources >= eigen.values.len() {
        return Err(out("sources", "below the number of antennas (after smoothing)", sources));
    }
    let scene = Scene { config, geometry, covariance: &covariance, eigen, sources, noise_power: 0.0 };
    let value: Box<dyn Fn(f64) -> f64> = match config.method {
        Method::Music => Box::new(music::distance(&scene)),
        Method::Capon => Box::new(capon::distance(&scene)?),
        Method::RootMusic | Method::Esprit => {
            return Err(out("method", "music or capon, which have a spectrum", config.method.name()));
        }
    };
    let grid = search::grid(&scene);
    let levels: Vec<f64> =
        grid.iter().map(|&azimuth| -10.0 * value(azimuth).max(f64::MIN_POSITIVE).log10()).collect();
    let peak = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(grid.into_iter().zip(levels).map(|(azimuth, level)| (azimuth, level - peak)).collect())
}

/// The covariance after averaging, and the geometry that belongs to it.
fn prepared(covariance: &Covariance, config: &ArrayConfig) -> Result<(Covariance, Geometry)> {
    config.geometry.check()?;
    let antennas = config.geometry.antennas();
    if covariance.antennas() != antennas {
        return Err(Error::Shape {
            what: "the covariance",
            need: format!("[{antennas}, {antennas}], as the geometry has antennas"),
            got: format!("[{0}, {0}]", covariance.antennas()),
        });
    }
    if !(16..=65536).contains(&config.grid) {
        return Err(out("grid", "within 16 and 65536", config.grid));
    }
    if !(config.elevation.abs() <= std::f64::consts::FRAC_PI_2) {
        return Err(out("elevation", "within -π/2 and π/2 rad", config.elevation));
    }
    let mut covariance = covariance.clone();
    let mut geometry = config.geometry.clone();
    if config.smoothing > 0 {
        let Geometry::Linear { spacing, .. } = geometry else {
            return Err(out("smoothing", "0 for an array that is no line", config.smoothing));
        };
        covariance = covariance.smoothed(config.smoothing)?;
        geometry = Geometry::Linear { antennas: config.smoothing, spacing };
    }
    if config.forward_backward {
        if !matches!(geometry, Geometry::Linear { .. }) {
            return Err(out("forward_backward", "false for an array that is no line", true));
        }
        covariance = covariance.forward_backward();
    }
    Ok((covariance, geometry))
}

/// Covariance of the sources, `A⁺ (R - σ²I) A⁺ᴴ`; `None` where the directions do not part.
fn powers(scene: &Scene, azimuths: &[f64]) -> Option<DMatrix<Complex64>> {
    let steering = steering_matrix(&scene.geometry, azimuths, scene.config.elevation);
    let gram = (steering.adjoint() * &steering).try_inverse()?;
    let inverse = gram * steering.adjoint();
    let mut matrix = to_nalgebra(scene.covariance.matrix());
    for k in 0..scene.antennas() {
        matrix[(k, k)] -= scene.noise_power;
    }
    let powers = &inverse * matrix * inverse.adjoint();
    powers.iter().all(|power| power.is_finite()).then_some(powers)
}

/// Steering vectors as columns, `[antenna, source]`.
fn steering_matrix(geometry: &Geometry, azimuths: &[f64], elevation: f64) -> DMatrix<Complex64> {
    let columns: Vec<Vec<Complex64>> =
        azimuths.iter().map(|&azimuth| geometry.steering(azimuth, elevation)).collect();
    DMatrix::from_fn(geometry.antennas(), azimuths.len(), |row, column| columns[column][row])
}

fn to_nalgebra(matrix: ArrayView2<Complex64>) -> DMatrix<Complex64> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[[row, column]])
}

fn out(field: &'static str, rule: &'static str, got: impl std::fmt::Display) -> Error {
    Error::OutOfRange { field, rule, got: got.to_string() }
}

#[cfg(test)]
mod tests;
