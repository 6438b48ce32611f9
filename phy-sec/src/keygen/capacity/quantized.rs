//! What is left of the information of two Gaussian samples when each is quantized to cells of equal probability.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use crate::{Error, Result};

/// Beyond this there is less than 1e-18 of a normal distribution.
const END: f64 = 9.0;
/// Steps of Simpson's rule over a cell.
const STEPS: usize = 256;

/// Mutual information, bits, of two jointly Gaussian samples with correlation `rho` after each was quantized to `2^bits`
/// cells of equal probability.
///
/// # Errors
/// [`Error::OutOfRange`] if `rho` is not within -0.9999..=0.9999 or `bits` not within 1..=6.
pub fn quantized(rho: f64, bits: u32) -> Result<f64> {
    super::super::within("rho", rho, -0.9999, 0.9999, "within -0.9999..=0.9999")?;
    if !(1..=6).contains(&bits) {
        return Err(Error::OutOfRange { field: "bits", rule: "within 1..=6", got: bits.to_string() });
    }
    let normal = Normal::standard();
    let cells = 1usize << bits;
    let edges: Vec<f64> = (0..=cells)
        .map(|k| match k {
            0 => -END,
            k if k == cells => END,
            k => normal.inverse_cdf(k as f64 / cells as f64),
        })
        .collect();
    let spread = (1.0 - rho * rho).sqrt();
    let each = 1.0 / cells as f64;
    let mut information = 0.0;
    // The joint distribution is symmetric about 0: half of Alice's cells say it all.
    for a in edges.windows(2).take(cells / 2) {
        let mut joint = vec![0.0; cells];
        // What b does changes within a few spreads; a cell is cut finely enough for that.
        let steps = 2 * STEPS.max(((a[1] - a[0]) / spread * 16.0) as usize);
        let width = (a[1] - a[0]) / steps as f64;
        for step in 0..=steps {
            let x = a[0] + width * step as f64;
            let weight = match step {
                0 => 1.0,
                step if step == steps => 1.0,
                step if step % 2 == 1 => 4.0,
                _ => 2.0,
            };
            let density = weight * normal.pdf(x) * width / 3.0;
            let mut below = 0.0;
            for (b, joint) in joint.iter_mut().enumerate() {
                let up_to = if b + 1 == cells { 1.0 } else { normal.cdf((edges[b + 1] - rho * x) / spread) };
                *joint += density * (up_to - below);
                below = up_to;
            }
        }
        let terms = joint.iter().filter(|&&p| p > 0.0).map(|&p| p * (p / (each * each)).log2());
        information += 2.0 * terms.sum::<f64>();
    }
    Ok(information.max(0.0))
}
