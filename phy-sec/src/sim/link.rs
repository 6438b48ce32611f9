//! A reciprocal link: what Alice, Bob and Eve measure of one fading channel.
//!
//! In round `k` Alice sends at `k · interval`: Bob measures, and so does Eve, who stands near Bob. Bob answers
//! `probing_delay` later and Alice measures. Alice and Bob see the same physical channel (reciprocity of
//! antennas and propagation: Balanis, Antenna Theory, section 3.8) through
//! - the time between them, which costs a correlation of `J0(2π·f_d·delay)`;
//! - their own estimation noise, independent at each receiver;
//! - their own radio chains, which are not reciprocal: a fixed ripple over frequency, and per packet a gain
//!   step, a carrier phase and a timing offset ([`Asymmetry`]).
//!
//! Eve's scattered paths correlate with Bob's by `J0(2π·d/λ)` (Clarke 1968; Jakes 1974, section 1.3) or by a
//! given rho; a constant (line-of-sight) path she knows fully, which is the cautious assumption. Several antennas of hers are independent
//! of one another given the channel, each with that correlation: rho² with each other. Large-scale fading ([`LargeScale`]) is common to the ends, and
//! hers as far as stated; what blocks the path in a rhythm ([`Blocking`]) blocks it for all.

use std::f64::consts::TAU;

use ndarray::{Array2, Array3};
use num_complex::{Complex32, Complex64};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::fading::{FadingConfig, TappedDelayLine};
use super::{angle, from_db, gaussian, j0, require};
use crate::channel::Csi;
use crate::{Error, Result};

/// Where Eve stands, as far as the channel is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Eve {
    /// So many wavelengths from Bob, in an isotropic scatter field: `rho = J0(2π·d/λ)`.
    Wavelengths(f64),
    /// A given correlation of the scattered gains, within ±1.
    Correlation(f64),
}

impl Eve {
    /// Correlation of her scattered gains with Bob's.
    #[must_use]
    pub fn rho(self) -> f64 {
        match self {
            Self::Wavelengths(distance) => j0(TAU * distance),
            Self::Correlation(rho) => rho,
        }
    }
}

/// What a radio chain adds to a channel measurement, drawn for each of the three receivers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asymmetry {
    /// RMS gain ripple over the subcarriers, dB, fixed for the whole session.
    pub ripple_db: f64,
    /// RMS phase ripple over the subcarriers, rad, fixed for the whole session.
    pub ripple_phase: f64,
    /// RMS gain error per packet (gain control), dB.
    pub gain_db: f64,
    /// RMS timing offset per packet, s: a phase slope over frequency.
    pub timing: f64,
    /// A uniform carrier phase for each packet, as unsynchronized oscillators have it.
    pub random_phase: bool,
}

/// Shadowing: a log-normal gain, common to all antennas and subcarriers, that changes slowly (Gudmundson, Electronics Letters
/// 27(23), 1991: an exponential autocorrelation).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LargeScale {
    /// Standard deviation, dB; 0 for none.
    pub deviation_db: f64,
    /// Time in which its correlation falls to 1/e, s.
    pub time: f64,
    /// Correlation of Eve's shadowing, in dB, with the ends': 1 where she is behind the same corner.
    pub eve: f64,
}

impl Default for LargeScale {
    fn default() -> Self {
        Self { deviation_db: 0.0, time: 10.0, eve: 1.0 }
    }
}

/// Somebody walks up and down in the path, or opens and closes a door: anybody who watches knows when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocking {
    /// Of the rhythm, s.
    pub period: f64,
    /// Share of the period for which the path is blocked.
    pub duty: f64,
    /// What that takes of the gain, dB.
    pub depth_db: f64,
}

impl Blocking {
    /// The factor of the gain at time `t`, s.
    #[must_use]
    pub fn at(&self, t: f64) -> f64 {
        if (t / self.period).rem_euclid(1.0) < self.duty { from_db(-self.depth_db).sqrt() } else { 1.0 }
    }
}

/// A probing session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// The channel between Alice and Bob.
    pub fading: FadingConfig,
    /// How many rounds.
    pub rounds: usize,
    /// From one round to the next, s.
    pub interval: f64,
    /// From Alice's packet to Bob's answer, s.
    pub probing_delay: f64,
    /// How many subcarriers, centred on the carrier.
    pub subcarriers: usize,
    /// From one subcarrier to the next, Hz.
    pub spacing: f64,
    /// Independently fading antennas at the measuring end.
    pub antennas: usize,
    /// Mean power of the gains over that of the estimation noise at Alice and at Bob, dB.
    pub snr_db: f64,
    /// The same at Eve, dB.
    pub eve_snr_db: f64,
    /// Eve's place.
    pub eve: Eve,
    /// Antennas of hers for each antenna of the ends, 1 to 8: her series has `antennas · eve_antennas`, those for the ends' first one first.
    pub eve_antennas: usize,
    /// Shadowing.
    pub large_scale: LargeScale,
    /// Rhythms that the path is blocked in, each on its own.
    pub blocking: Vec<Blocking>,
    /// The radio chains.
    pub asymmetry: Asymmetry,
    /// Probability that a receiver misses a packet, which then has no row in its series.
    pub loss: f64,
}

impl Default for LinkConfig {
    /// 1,000 rounds, 100 ms apart, on 52 subcarriers of 802.11 with 20 dB, 1 ms to the answer, Eve 10 λ away.
    fn default() -> Self {
        Self {
            fading: FadingConfig::default(),
            rounds: 1000,
            interval: 0.1,
            probing_delay: 1e-3,
            subcarriers: 52,
            spacing: 312.5e3,
            antennas: 1,
            snr_db: 20.0,
            eve_snr_db: 20.0,
            eve: Eve::Wavelengths(10.0),
            eve_antennas: 1,
            large_scale: LargeScale::default(),
            blocking: Vec::new(),
            asymmetry: Asymmetry::default(),
            loss: 0.0,
        }
    }
}

/// What the three measured.
#[derive(Debug, Clone)]
pub struct Probes {
    /// Alice's estimates from Bob's answers.
    pub alice: Csi,
    /// Bob's estimates from Alice's packets.
    pub bob: Csi,
    /// Eve's estimates from Alice's packets.
    pub eve: Csi,
}

impl LinkConfig {
    /// Correlation of Alice's and Bob's complex gains that theory predicts for Rayleigh taps without
    /// asymmetry: `J0(2π·f_d·delay) / (1 + 1/snr)`.
    #[must_use]
    pub fn expected_correlation(&self) -> f64 {
        j0(TAU * self.fading.doppler * self.probing_delay) / (1.0 + from_db(-self.snr_db))
    }

    /// The same for Eve's and Bob's: `rho / √((1 + 1/snr_bob)(1 + 1/snr_eve))`.
    #[must_use]
    pub fn expected_eve_correlation(&self) -> f64 {
        self.eve.rho() / ((1.0 + from_db(-self.snr_db)) * (1.0 + from_db(-self.eve_snr_db))).sqrt()
    }

    /// The subcarriers' frequencies from the carrier, Hz, ascending.
    #[must_use]
    pub fn frequencies(&self) -> Vec<f64> {
        let middle = (self.subcarriers as f64 - 1.0) / 2.0;
        (0..self.subcarriers).map(|k| (k as f64 - middle) * self.spacing).collect()
    }

    /// Runs the session.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the field that makes no sense, or for more than 2^27 gains in all.
    pub fn run(&self, rng: &mut ChaCha8Rng) -> Result<Probes> {
        self.check()?;
        let duration = self.rounds as f64 * self.interval + self.probing_delay;
        let shape = (self.rounds, self.subcarriers, self.antennas);
        let [mut alice, mut bob] = [(); 2].map(|()| Array3::zeros(shape));
        let mut eve = Array3::zeros((self.rounds, self.subcarriers, self.antennas * self.eve_antennas));
        let (of_ends, of_eve) = self.shadowing(rng);
        for antenna in 0..self.antennas {
            let here = TappedDelayLine::new(&self.fading, duration, rng)?;
            let there = here.correlated(self.eve.rho(), rng);
            self.measure((&mut alice, antenna), &here, self.probing_delay, self.snr_db, &of_ends, rng);
            self.measure((&mut bob, antenna), &here, 0.0, self.snr_db, &of_ends, rng);
            let first = antenna * self.eve_antennas;
            self.measure((&mut eve, first), &there, 0.0, self.eve_snr_db, &of_eve, rng);
            for another in 1..self.eve_antennas {
                let there = here.correlated(self.eve.rho(), rng);
                self.measure((&mut eve, first + another), &there, 0.0, self.eve_snr_db, &of_eve, rng);
            }
        }
        Ok(Probes {
            alice: self.received(alice, self.probing_delay, rng)?,
            bob: self.received(bob, 0.0, rng)?,
            eve: self.received(eve, 0.0, rng)?,
        })
    }

    /// One antenna's gains, behind a factor for each round, with the receiver's own chain and noise.
    fn measure(
        &self,
        (gains, antenna): (&mut Array3<Complex32>, usize),
        line: &TappedDelayLine,
        delay: f64,
        snr_db: f64,
        shadow: &[f64],
        rng: &mut ChaCha8Rng,
    ) {
        let frequencies = self.frequencies();
        let mut h = line.response(&frequencies, delay, self.interval, self.rounds);
        for (k, mut row) in h.rows_mut().into_iter().enumerate() {
            let t = k as f64 * self.interval + delay;
            let blocked: f64 = self.blocking.iter().map(|blocking| blocking.at(t)).product();
            row *= Complex64::new(blocked * shadow.get(k).copied().unwrap_or(1.0), 0.0);
        }
        self.through_the_chain(&mut h, &frequencies, rng);
        let sigma = from_db(-snr_db).sqrt();
        for ((k, f), h) in h.indexed_iter() {
            let g = h + sigma * gaussian(rng);
            gains[[k, f, antenna]] = Complex32::new(g.re as f32, g.im as f32);
        }
    }

    /// Factors of the ends' gains and of Eve's, round by round; none without shadowing.
    fn shadowing(&self, rng: &mut ChaCha8Rng) -> (Vec<f64>, Vec<f64>) {
        let LargeScale { deviation_db, time, eve } = self.large_scale;
        if deviation_db == 0.0 {
            return (Vec::new(), Vec::new());
        }
        let keep = (-self.interval / time).exp();
        let fresh = (1.0 - keep * keep).sqrt();
        let (mut ends, mut hers) = (normal(rng), normal(rng));
        let factor = |level: f64| (std::f64::consts::LN_10 / 20.0 * deviation_db * level).exp();
        (0..self.rounds)
            .map(|_| {
                ends = keep * ends + fresh * normal(rng);
                hers = keep * hers + fresh * normal(rng);
                (factor(ends), factor(eve * ends + (1.0 - eve * eve).sqrt() * hers))
            })
            .unzip()
    }

    /// One receiver's chain on one antenna: ripple drawn once, the rest per packet.
    fn through_the_chain(&self, h: &mut Array2<Complex64>, frequencies: &[f64], rng: &mut ChaCha8Rng) {
        let Asymmetry { ripple_db, ripple_phase, gain_db, timing, random_phase } = self.asymmetry;
        let neper = std::f64::consts::LN_10 / 20.0;
        let (gain, phase) = (ripple(frequencies.len(), rng), ripple(frequencies.len(), rng));
        let chain: Vec<_> = gain
            .iter()
            .zip(&phase)
            .map(|(g, p)| Complex64::from_polar((neper * ripple_db * g).exp(), ripple_phase * p))
            .collect();
        for mut row in h.rows_mut() {
            let step = (neper * gain_db * normal(rng)).exp();
            let turn = if random_phase { angle(rng) } else { 0.0 };
            let offset = timing * normal(rng);
            for ((h, chain), f) in row.iter_mut().zip(&chain).zip(frequencies) {
                *h *= chain * Complex64::from_polar(step, turn - TAU * f * offset);
            }
        }
    }

    /// Drops the packets that were missed and adds times and sequence numbers.
    fn received(&self, gains: Array3<Complex32>, delay: f64, rng: &mut ChaCha8Rng) -> Result<Csi> {
        let kept: Vec<usize> = (0..self.rounds).filter(|_| rng.random::<f64>() >= self.loss).collect();
        let time = kept.iter().map(|&k| k as f64 * self.interval + delay).collect();
        let sequence = kept.iter().map(|&k| k as u64).collect();
        let gains = if kept.len() == self.rounds { gains } else { gains.select(ndarray::Axis(0), &kept) };
        Csi::new(gains, time, Some(sequence))
    }

    /// Whether there can be such a link.
    pub(crate) fn check(&self) -> Result<()> {
        let seconds = |field, value: f64| {
            require(value.is_finite() && value >= 0.0, field, "a number of seconds, 0 or more", value)
        };
        seconds("interval", self.interval)?;
        seconds("probing_delay", self.probing_delay)?;
        let doppler = self.fading.doppler;
        require(doppler.is_finite() && doppler >= 0.0, "doppler", "a number of Hz, 0 or more", doppler)?;
        seconds("timing", self.asymmetry.timing)?;
        require(self.spacing.is_finite(), "spacing", "finite", self.spacing)?;
        for (field, value) in [("snr_db", self.snr_db), ("eve_snr_db", self.eve_snr_db)] {
            require(!value.is_nan() && value > -300.0, field, "a number of dB above -300", value)?;
        }
        for (field, value) in [
            ("ripple_db", self.asymmetry.ripple_db),
            ("ripple_phase", self.asymmetry.ripple_phase),
            ("gain_db", self.asymmetry.gain_db),
        ] {
            require((0.0..=100.0).contains(&value), field, "within 0 and 100", value)?;
        }
        require((0.0..=1.0).contains(&self.loss), "loss", "a probability", self.loss)?;
        if let Eve::Wavelengths(d) = self.eve {
            require(d.is_finite() && d >= 0.0, "eve", "a distance of 0 or more wavelengths", d)?;
        }
        let of_eve = self.eve_antennas;
        require((1..=8).contains(&of_eve), "eve_antennas", "within 1 and 8", of_eve)?;
        let LargeScale { deviation_db, time, eve } = self.large_scale;
        require((0.0..=40.0).contains(&deviation_db), "deviation_db", "within 0 and 40", deviation_db)?;
        require(time.is_finite() && time > 0.0, "time", "a positive number of seconds", time)?;
        require((0.0..=1.0).contains(&eve), "large_scale.eve", "a correlation within 0 and 1", eve)?;
        require(self.blocking.len() <= 64, "blocking", "at most 64 rhythms", self.blocking.len())?;
        for Blocking { period, duty, depth_db } in self.blocking.iter().copied() {
            require(period.is_finite() && period > 0.0, "period", "a positive number of seconds", period)?;
            require((0.0..=1.0).contains(&duty), "duty", "within 0 and 1", duty)?;
            require((0.0..=200.0).contains(&depth_db), "depth_db", "within 0 and 200", depth_db)?;
        }
        let rho = self.eve.rho();
        require((-1.0..=1.0).contains(&rho), "eve", "a correlation within -1 and 1", rho)?;
        let gains = [self.rounds, self.subcarriers, self.antennas, self.eve_antennas]
            .iter()
            .try_fold(1usize, |product, &n| product.checked_mul(n))
            .filter(|&product| product <= 1 << 27);
        match gains {
            Some(0) => Err(Error::Shape {
                what: "rounds, subcarriers and antennas",
                need: "at least [1, 1, 1]".into(),
                got: format!("[{}, {}, {}]", self.rounds, self.subcarriers, self.antennas),
            }),
            Some(_) => Ok(()),
            None => require(false, "rounds", "few enough for 2^27 gains in all", self.rounds),
        }
    }
}

/// A smooth random function over the band, of unit mean square: four cosines of a random half-period each.
fn ripple(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let waves: Vec<_> = (1..=4).map(|k| (f64::from(k), angle(rng))).collect();
    (0..n)
        .map(|i| {
            let x = std::f64::consts::PI * i as f64 / n as f64;
            waves.iter().map(|(k, phase)| (k * x + phase).cos()).sum::<f64>() / 2f64.sqrt()
        })
        .collect()
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

#[cfg(test)]
mod tests;
