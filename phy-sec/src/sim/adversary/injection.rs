//! Whoever sends probes himself: the ends measure gains that he chose, and he knows what they measured.

use num_complex::Complex32;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::channel::Csi;
use crate::sim::link::Probes;
use crate::sim::{from_db, gaussian, require};

/// At which ends he injects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// At both, the same gains: what a relay or a controlled reflector can do.
    #[default]
    Both,
    /// At Alice alone, in Bob's name.
    Alice,
    /// At Bob alone, in Alice's name.
    Bob,
}

/// Which gains he chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// Circular Gaussian ones of unit power, which look like fading.
    #[default]
    Fading,
    /// 10 dB above and below unit power by a coin: what quantizers keep.
    Extremes,
}

/// An attacker who injects probes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Injection {
    /// Share of the rounds that are his, 0 to 1.
    pub share: f64,
    /// Where.
    pub ends: Ends,
    /// What.
    pub chosen: Chosen,
    /// Power of the chosen gains over that of the estimation noise at the ends, dB.
    pub snr_db: f64,
    /// Rounds in a row that are his once one is, at least 1: excursions take several.
    pub burst: usize,
}

impl Default for Injection {
    fn default() -> Self {
        Self { share: 0.2, ends: Ends::Both, chosen: Chosen::Fading, snr_db: 20.0, burst: 1 }
    }
}

/// What he did, and what he knows.
#[derive(Debug, Clone)]
pub struct Injected {
    /// Sequence numbers of the rounds that were his.
    pub rounds: Vec<u64>,
    /// What he holds of every round: his gains where they are, and what his receiver (the link's Eve) measured where not.
    pub known: Csi,
}

impl Injection {
    /// Puts his gains in the place of what the ends measured. The same gain goes for all subcarriers and antennas of a round.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] naming the field.
    pub fn apply(&self, probes: &mut Probes, rng: &mut ChaCha8Rng) -> Result<Injected> {
        require((0.0..=1.0).contains(&self.share), "share", "within 0 and 1", self.share)?;
        require(self.burst >= 1, "burst", "at least 1 round", self.burst)?;
        require(self.snr_db.is_finite(), "snr_db", "finite", self.snr_db)?;
        let last = [&probes.alice, &probes.bob, &probes.eve]
            .iter()
            .filter_map(|csi| csi.sequence.as_ref()?.iter().max().copied())
            .max();
        let count = last.map_or(0, |last| last as usize + 1);
        // Runs of `burst` rounds begin as often as leaves his share of them.
        let begin = self.share / (self.burst as f64 * (1.0 - self.share) + self.share);
        let (mut own, mut left, mut choice) = (vec![None; count], 0usize, Complex32::ZERO);
        for chosen in &mut own {
            if left == 0 && (self.share >= 1.0 || rng.random::<f64>() < begin) {
                // A run holds one choice.
                (left, choice) = (self.burst, self.gain(rng));
            }
            if left > 0 {
                left -= 1;
                *chosen = Some(choice);
            }
        }
        let sigma = from_db(-self.snr_db).sqrt();
        let mut put = |csi: &mut Csi, sigma: f64| {
            let sequence = csi.sequence.clone().unwrap_or_default();
            for (mut row, number) in csi.gains.outer_iter_mut().zip(sequence) {
                if let Some(Some(gain)) = own.get(number as usize) {
                    row.mapv_inplace(|_| {
                        let noise = sigma * gaussian(rng);
                        gain + Complex32::new(noise.re as f32, noise.im as f32)
                    });
                }
            }
        };
        if self.ends != Ends::Bob {
            put(&mut probes.alice, sigma);
        }
        if self.ends != Ends::Alice {
            put(&mut probes.bob, sigma);
        }
        let mut known = probes.eve.clone();
        put(&mut known, 0.0);
        let rounds = (0..).zip(&own).filter(|(_, gain)| gain.is_some()).map(|(k, _)| k).collect();
        Ok(Injected { rounds, known })
    }

    fn gain(&self, rng: &mut ChaCha8Rng) -> Complex32 {
        let gain = gaussian(rng);
        match self.chosen {
            Chosen::Fading => Complex32::new(gain.re as f32, gain.im as f32),
            Chosen::Extremes => {
                let level = if rng.random() { 10f32.sqrt() } else { 0.1f32.sqrt() };
                Complex32::from_polar(level, gain.im.atan2(gain.re) as f32)
            }
        }
    }
}
