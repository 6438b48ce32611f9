//! Bands that are left alone: in samples, and as a list of resource blocks for a scheduler.

use std::sync::Arc;

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::{Each, Stage, check, frames::Frames};
use crate::Result;

/// Bins of stated bands become zero in every frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mask {
    /// Lower and upper edge of each, Hz from the centre of the band.
    pub bands: Vec<(f64, f64)>,
    /// Samples of a frame, a power of two from 16 to 65536.
    pub size: usize,
}

impl Default for Mask {
    fn default() -> Self {
        Self { bands: Vec::new(), size: 1024 }
    }
}

impl Mask {
    pub(super) fn stage(&self, channels: usize, sample_rate: f64) -> Result<Box<dyn Stage>> {
        let size = self.size;
        check(
            "size",
            "a power of two within 16 and 65536",
            size.is_power_of_two() && (16..=65536).contains(&size),
            size,
        )?;
        let width = sample_rate / size as f64;
        for &(low, high) in &self.bands {
            let inside = |f: f64| f.abs() <= sample_rate / 2.0 * (1.0 + 1e-9);
            check(
                "bands",
                "ascending edges within half the sample rate",
                inside(low) && inside(high) && low <= high,
                format!("{low} .. {high}"),
            )?;
        }
        // A bin goes if its main lobe, two bins wide, touches a band.
        let frequency =
            |bin: usize| if bin < size / 2 { bin as f64 } else { bin as f64 - size as f64 } * width;
        let touched =
            |f: f64| self.bands.iter().any(|&(low, high)| f > low - 1.5 * width && f < high + 1.5 * width);
        let out: Vec<usize> = (0..size).filter(|&bin| touched(frequency(bin))).collect();
        let change = Arc::new(move |bins: &mut [Complex32]| {
            out.iter().for_each(|&bin| bins[bin] = Complex32::ZERO);
            out.len()
        });
        Ok(Box::new(Each(vec![Frames::new(size, change); channels])))
    }
}

/// Channels or resource blocks side by side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Lower edge of the first, Hz.
    pub start: f64,
    /// Width of each, Hz: 12 subcarriers of 30 kHz are 360e3.
    pub width: f64,
    /// How many, up to 65536.
    pub count: usize,
}

/// Which resources a jammer leaves free: `false` for those that a band, widened by `guard` on both sides, touches. What a scheduler reads.
///
/// - `bands`: lower and upper edges, Hz, on the same scale as `resources`
/// - `guard`: Hz
///
/// # Errors
/// [`crate::Error::OutOfRange`] for a width that is not positive, too many resources, a guard below 0, or edges that are no ascending numbers.
pub fn resource_mask(bands: &[(f64, f64)], resources: &Resources, guard: f64) -> Result<Vec<bool>> {
    check(
        "width",
        "above 0 Hz and finite",
        resources.width > 0.0 && resources.width.is_finite(),
        resources.width,
    )?;
    check("count", "up to 65536", resources.count <= 65536, resources.count)?;
    check("start", "finite", resources.start.is_finite(), resources.start)?;
    check("guard", "0 Hz or more", guard >= 0.0 && guard.is_finite(), guard)?;
    for &(low, high) in bands {
        check(
            "bands",
            "ascending edges",
            low.is_finite() && high.is_finite() && low <= high,
            format!("{low} .. {high}"),
        )?;
    }
    Ok((0..resources.count)
        .map(|k| {
            let low = resources.start + k as f64 * resources.width;
            !bands.iter().any(|band| band.0 - guard < low + resources.width && band.1 + guard > low)
        })
        .collect())
}
