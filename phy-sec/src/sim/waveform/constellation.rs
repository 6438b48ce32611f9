//! Gray-coded constellations of unit mean power.

use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// A constellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modulation {
    /// Two points.
    Bpsk,
    /// Four points.
    #[default]
    Qpsk,
    /// Eight points on a circle.
    Psk8,
    /// 16 points on a square.
    Qam16,
    /// 64 points on a square.
    Qam64,
    /// 256 points on a square.
    Qam256,
}

impl Modulation {
    /// Every constellation.
    pub const ALL: [Self; 6] = [Self::Bpsk, Self::Qpsk, Self::Psk8, Self::Qam16, Self::Qam64, Self::Qam256];

    /// Bits in one symbol.
    #[must_use]
    pub fn bits(self) -> usize {
        match self {
            Self::Bpsk => 1,
            Self::Qpsk => 2,
            Self::Psk8 => 3,
            Self::Qam16 => 4,
            Self::Qam64 => 6,
            Self::Qam256 => 8,
        }
    }

    /// How many points.
    #[must_use]
    pub fn order(self) -> usize {
        1 << self.bits()
    }

    /// The point of `symbol` (its low [`Self::bits`] bits). For squares the high half of the bits is I, the
    /// low half Q, as in IEEE 802.11-2020 Figure 17-10; neighbours differ in one bit.
    #[must_use]
    pub fn point(self, symbol: usize) -> Complex32 {
        let symbol = symbol & (self.order() - 1);
        match self {
            Self::Bpsk => Complex32::new(2.0 * symbol as f32 - 1.0, 0.0),
            Self::Psk8 => {
                let turn = std::f32::consts::FRAC_PI_4 * gray_rank(symbol) as f32;
                Complex32::from_polar(1.0, turn)
            }
            Self::Qpsk | Self::Qam16 | Self::Qam64 | Self::Qam256 => {
                let half = self.bits() / 2;
                let side = 1usize << half;
                let level = |bits: usize| 2.0 * gray_rank(bits) as f32 - (side as f32 - 1.0);
                let scale = (1.5 / (side * side - 1) as f32).sqrt();
                scale * Complex32::new(level(symbol >> half), level(symbol & (side - 1)))
            }
        }
    }

    /// All points, by symbol.
    #[must_use]
    pub fn points(self) -> Vec<Complex32> {
        (0..self.order()).map(|symbol| self.point(symbol)).collect()
    }

    /// Packs bits into symbols, the first bit highest; what does not fill a symbol is dropped.
    #[must_use]
    pub fn symbols(self, bits: &[bool]) -> Vec<usize> {
        let pack = |bits: &[bool]| bits.iter().fold(0, |symbol, bit| symbol << 1 | usize::from(*bit));
        bits.chunks_exact(self.bits()).map(pack).collect()
    }
}

/// The place of a Gray code word in the sequence: the inverse of `k ^ (k >> 1)`.
fn gray_rank(mut word: usize) -> usize {
    let mut rank = 0;
    while word > 0 {
        rank ^= word;
        word >>= 1;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_power_and_gray() {
        for modulation in Modulation::ALL {
            let points = modulation.points();
            let mean = points.iter().map(|p| p.norm_sqr()).sum::<f32>() / points.len() as f32;
            assert!((mean - 1.0).abs() < 1e-6, "{modulation:?}");
            let distance = |a: usize, b: usize| (points[a] - points[b]).norm();
            let least = (1..points.len()).map(|k| distance(0, k)).fold(f32::MAX, f32::min);
            for a in 0..points.len() {
                for b in 0..a {
                    assert!(distance(a, b) > 0.999 * least);
                    if distance(a, b) < 1.001 * least {
                        assert_eq!((a ^ b).count_ones(), 1, "{modulation:?} {a} {b}");
                    }
                }
            }
        }
    }

    /// IEEE 802.11-2020, Tables 17-13 to 17-15.
    #[test]
    fn points_of_80211() {
        assert_eq!(Modulation::Bpsk.point(0), Complex32::new(-1.0, 0.0));
        let k = 10f32.sqrt();
        for (bits, i) in [(0b00, -3.0), (0b01, -1.0), (0b11, 1.0), (0b10, 3.0)] {
            assert!((Modulation::Qam16.point(bits << 2).re * k - i).abs() < 1e-6);
            assert!((Modulation::Qam16.point(bits).im * k - i).abs() < 1e-6);
        }
        let k = 42f32.sqrt();
        for (bits, i) in
            [(0b000, -7.0), (0b001, -5.0), (0b011, -3.0), (0b010, -1.0), (0b110, 1.0), (0b100, 7.0)]
        {
            assert!((Modulation::Qam64.point(bits << 3).re * k - i).abs() < 1e-5);
        }
    }
}
