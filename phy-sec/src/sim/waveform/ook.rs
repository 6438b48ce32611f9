//! On-off keying, as remote controls and sensors at 433 and 868 MHz send it.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::super::require;
use crate::Result;

/// An on-off keyed transmitter. Its power is 1 while it is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ook {
    /// Sample rate over bit rate.
    pub samples_per_bit: usize,
    /// Length of a raised-cosine edge in samples; 0 for abrupt ones.
    pub rise: usize,
}

impl Default for Ook {
    fn default() -> Self {
        Self { samples_per_bit: 100, rise: 8 }
    }
}

impl Ook {
    /// The signal of `bits`, `samples_per_bit` samples each. An edge begins where its bit does, and the last
    /// bit, if on, falls within its own time.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] if there are no samples in a bit or the edge is longer than it.
    pub fn modulate(&self, bits: &[bool]) -> Result<Vec<Complex32>> {
        let per_bit = self.samples_per_bit;
        require((1..=1 << 20).contains(&per_bit), "samples_per_bit", "within 1 and 2^20", per_bit)?;
        require(self.rise <= per_bit, "rise", "at most samples_per_bit", self.rise)?;
        let edge = |i: usize| {
            let x = (i as f32 + 1.0) / (self.rise as f32 + 1.0);
            0.5 - 0.5 * (std::f32::consts::PI * x).cos()
        };
        let mut x = Vec::with_capacity(bits.len() * per_bit);
        let mut before = false;
        for &bit in bits {
            for i in 0..per_bit {
                let amplitude = match (before, bit) {
                    (false, true) if i < self.rise => edge(i),
                    (true, false) if i < self.rise => 1.0 - edge(i),
                    _ => f32::from(u8::from(bit)),
                };
                x.push(Complex32::new(amplitude, 0.0));
            }
            before = bit;
        }
        if before {
            for (i, x) in x.iter_mut().rev().take(self.rise).enumerate() {
                x.re = x.re.min(edge(i));
            }
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_where_bits_begin() {
        let ook = Ook { samples_per_bit: 10, rise: 3 };
        let x = ook.modulate(&[false, true, true, false, true]).unwrap();
        assert_eq!(x.len(), 50);
        assert!(x[..10].iter().all(|x| x.re == 0.0));
        assert!(x[13..30].iter().all(|x| x.re == 1.0));
        assert!(x[10].re > 0.0 && x[10].re < x[11].re && x[11].re < x[12].re && x[12].re < 1.0);
        assert!((x[10].re + x[30].re - 1.0).abs() < 1e-6);
        assert!(x[33..40].iter().all(|x| x.re == 0.0));
        assert!(x[49].re < 0.5 && x[46].re == 1.0);
        let abrupt = Ook { samples_per_bit: 2, rise: 0 }.modulate(&[true, false]).unwrap();
        assert_eq!(abrupt.iter().map(|x| x.re).collect::<Vec<_>>(), [1.0, 1.0, 0.0, 0.0]);
        assert!(Ook { samples_per_bit: 2, rise: 3 }.modulate(&[true]).is_err());
        assert!(ook.modulate(&[]).unwrap().is_empty());
    }
}
