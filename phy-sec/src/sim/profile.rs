//! Power-delay profiles: 3GPP TR 38.901 V16.1.0, Tables 7.7.2-1 to 7.7.2-5 (TDL-A to TDL-E), whose delays
//! are scaled by the wanted RMS delay spread as in its section 7.7.3, and simpler ones.

use serde::{Deserialize, Serialize};

use super::{from_db, require};
use crate::Result;

/// One path of a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    /// Delay, s.
    pub delay: f64,
    /// Mean power, linear; the taps of a profile sum to 1.
    pub power: f64,
    /// Power of the constant part over that of the scattered part, linear; 0 is Rayleigh.
    pub k_factor: f64,
}

/// Which paths there are, before scaling by the delay spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// One Rayleigh path: a channel that is flat over any bandwidth.
    Flat,
    /// TDL-A: 23 Rayleigh paths, no line of sight.
    TdlA,
    /// TDL-B: 23 Rayleigh paths, no line of sight.
    TdlB,
    /// TDL-C: 24 Rayleigh paths, no line of sight.
    TdlC,
    /// TDL-D: 13 paths, the first Rician with K = 13.3 dB.
    TdlD,
    /// TDL-E: 14 paths, the first Rician with K = 22 dB.
    TdlE,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] = [Self::Flat, Self::TdlA, Self::TdlB, Self::TdlC, Self::TdlD, Self::TdlE];

    /// The paths at an RMS delay spread of `delay_spread` s, powers summing to 1.
    ///
    /// - `k_factor_db`: if given, the first path's K-factor in its place: its scattered power stays and its
    ///   constant part changes (TR 38.901, equation 7.7.5-1, applied to the first path alone)
    ///
    /// The tables' own delay spread is 1 to within their rounding only (TDL-D: 0.994), so delays are divided by it.
    /// A K-factor given changes the spread in its turn; delays are scaled before that, as in section 7.7.6.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] if `delay_spread` is negative or not finite, or `k_factor_db` not finite.
    pub fn taps(self, delay_spread: f64, k_factor_db: Option<f64>) -> Result<Vec<Tap>> {
        let ok = delay_spread.is_finite() && delay_spread >= 0.0;
        require(ok, "delay_spread", "a number of seconds, 0 or more", delay_spread)?;
        let k_db = k_factor_db.unwrap_or(0.0);
        require(k_db.is_finite(), "k_factor_db", "finite", k_db)?;
        // (delay, scattered power in dB), and the constant part's power in dB.
        let (table, constant): (&[(f64, f64)], Option<f64>) = match self {
            Self::Flat => (&[(0.0, 0.0)], None),
            Self::TdlA => (&TDL_A, None),
            Self::TdlB => (&TDL_B, None),
            Self::TdlC => (&TDL_C, None),
            Self::TdlD => (&TDL_D, Some(-0.2)),
            Self::TdlE => (&TDL_E, Some(-0.03)),
        };
        let mut taps: Vec<Tap> =
            table.iter().map(|&(delay, db)| Tap { delay, power: from_db(db), k_factor: 0.0 }).collect();
        let rician = |tap: &mut Tap, k_factor: f64| {
            let scattered = tap.power / (1.0 + tap.k_factor);
            *tap = Tap { power: scattered * (1.0 + k_factor), k_factor, ..*tap };
        };
        if let Some(db) = constant {
            let k_factor = from_db(db) / taps[0].power;
            rician(&mut taps[0], k_factor);
        }
        normalize(&mut taps);
        let own = rms_delay_spread(&taps);
        for tap in &mut taps {
            tap.delay *= if own > 0.0 { delay_spread / own } else { 0.0 };
        }
        if k_factor_db.is_some() {
            rician(&mut taps[0], from_db(k_db));
            normalize(&mut taps);
        }
        Ok(taps)
    }
}

fn normalize(taps: &mut [Tap]) {
    let total: f64 = taps.iter().map(|tap| tap.power).sum();
    for tap in taps {
        tap.power /= total;
    }
}

/// Square root of the second central moment of the delays, weighted by power, s.
#[must_use]
pub fn rms_delay_spread(taps: &[Tap]) -> f64 {
    let moment = |f: &dyn Fn(&Tap) -> f64| taps.iter().map(|tap| tap.power * f(tap)).sum::<f64>();
    let total = moment(&|_| 1.0);
    let mean = moment(&|tap| tap.delay) / total;
    (moment(&|tap| (tap.delay - mean).powi(2)) / total).sqrt()
}

#[rustfmt::skip]
const TDL_A: [(f64, f64); 23] = [
    (0.0000, -13.4), (0.3819, 0.0), (0.4025, -2.2), (0.5868, -4.0), (0.4610, -6.0), (0.5375, -8.2),
    (0.6708, -9.9), (0.5750, -10.5), (0.7618, -7.5), (1.5375, -15.9), (1.8978, -6.6), (2.2242, -16.7),
    (2.1718, -12.4), (2.4942, -15.2), (2.5119, -10.8), (3.0582, -11.3), (4.0810, -12.7), (4.4579, -16.2),
    (4.5695, -18.3), (4.7966, -18.9), (5.0066, -16.6), (5.3043, -19.9), (9.6586, -29.7),
];

#[rustfmt::skip]
const TDL_B: [(f64, f64); 23] = [
    (0.0000, 0.0), (0.1072, -2.2), (0.2155, -4.0), (0.2095, -3.2), (0.2870, -9.8), (0.2986, -1.2),
    (0.3752, -3.4), (0.5055, -5.2), (0.3681, -7.6), (0.3697, -3.0), (0.5700, -8.9), (0.5283, -9.0),
    (1.1021, -4.8), (1.2756, -5.7), (1.5474, -7.5), (1.7842, -1.9), (2.0169, -7.6), (2.8294, -12.2),
    (3.0219, -9.8), (3.6187, -11.4), (4.1067, -14.9), (4.2790, -9.2), (4.7834, -11.3),
];

#[rustfmt::skip]
#[expect(clippy::approx_constant, reason = "0.6366 is a delay of the table, not 2/π")]
const TDL_C: [(f64, f64); 24] = [
    (0.0000, -4.4), (0.2099, -1.2), (0.2219, -3.5), (0.2329, -5.2), (0.2176, -2.5), (0.6366, 0.0),
    (0.6448, -2.2), (0.6560, -3.9), (0.6584, -7.4), (0.7935, -7.1), (0.8213, -10.7), (0.9336, -11.1),
    (1.2285, -5.1), (1.3083, -6.8), (2.1704, -8.7), (2.7105, -13.2), (4.2589, -13.9), (4.6003, -13.9),
    (5.4902, -15.8), (5.6077, -17.1), (6.3065, -16.0), (6.6374, -15.7), (7.0427, -21.6), (8.6523, -22.8),
];

/// The first path's scattered part; its constant part is at -0.2 dB.
#[rustfmt::skip]
const TDL_D: [(f64, f64); 13] = [
    (0.0000, -13.5), (0.0350, -18.8), (0.6120, -21.0), (1.3630, -22.8), (1.4050, -17.9), (1.8040, -20.1),
    (2.5960, -21.9), (1.7750, -22.9), (4.0420, -27.8), (7.9370, -23.6), (9.4240, -24.8), (9.7080, -30.0),
    (12.5250, -27.7),
];

/// The first path's scattered part; its constant part is at -0.03 dB.
#[rustfmt::skip]
const TDL_E: [(f64, f64); 14] = [
    (0.0000, -22.03), (0.5133, -15.8), (0.5440, -18.1), (0.5630, -19.8), (0.5440, -22.9), (0.7112, -22.4),
    (1.9092, -18.6), (1.9293, -20.8), (1.9589, -22.6), (2.6426, -22.3), (3.7136, -25.6), (5.4524, -20.2),
    (12.0034, -29.8), (20.6519, -29.2),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables are normalized to a delay spread of 1: a slip in one entry would show here.
    #[test]
    fn tables_have_unit_delay_spread() {
        for table in [&TDL_A[..], &TDL_B, &TDL_C] {
            let taps: Vec<_> =
                table.iter().map(|&(delay, db)| Tap { delay, power: from_db(db), k_factor: 0.0 }).collect();
            let spread = rms_delay_spread(&taps);
            assert!((spread - 1.0).abs() < 1e-4, "{spread}");
        }
        for (table, constant) in [(&TDL_D[..], -0.2), (&TDL_E[..], -0.03)] {
            let mut taps: Vec<_> =
                table.iter().map(|&(delay, db)| Tap { delay, power: from_db(db), k_factor: 0.0 }).collect();
            taps[0].power += from_db(constant);
            let spread = rms_delay_spread(&taps);
            // -0.2 dB rounded to 0.05 dB leaves 0.6 % of the spread open.
            assert!((spread - 1.0).abs() < 7e-3, "{spread}");
        }
    }

    #[test]
    fn scaled_spread_is_the_one_asked_for() {
        for profile in Profile::ALL {
            let taps = profile.taps(300e-9, None).unwrap();
            assert!((taps.iter().map(|tap| tap.power).sum::<f64>() - 1.0).abs() < 1e-12);
            let want = if profile == Profile::Flat { 0.0 } else { 300e-9 };
            assert!((rms_delay_spread(&taps) - want).abs() < 1e-15);
        }
    }

    /// Tables 7.7.2-4 and 7.7.2-5: K = 13.3 dB and 22 dB.
    #[test]
    fn k_factors_of_the_standard() {
        for (profile, want) in [(Profile::TdlD, 13.3), (Profile::TdlE, 22.0)] {
            let k_db = 10.0 * profile.taps(1.0, None).unwrap()[0].k_factor.log10();
            assert!((k_db - want).abs() < 1e-9, "{k_db}");
        }
        let taps = Profile::TdlD.taps(1.0, Some(3.0)).unwrap();
        assert!((taps[0].k_factor - from_db(3.0)).abs() < 1e-12);
        let taps = Profile::Flat.taps(0.0, Some(6.0)).unwrap();
        assert!((taps[0].k_factor - from_db(6.0)).abs() < 1e-12 && (taps[0].power - 1.0).abs() < 1e-12);
        assert!(Profile::TdlA.taps(-1.0, None).is_err());
        assert!(Profile::TdlA.taps(1.0, Some(f64::NAN)).is_err());
    }
}
