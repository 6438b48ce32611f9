//! Sessions in numbers: over clean lines, over lines on which somebody tampers with one message, and over channels that hold no
//! secret. Prints the table of `docs/results/sessions.md`.
//!
//! ```sh
//! cargo run --release -p phy-sec --no-default-features --example keygen_attacks            # 10,000 clean ones, as many with a bit inverted
//! cargo run --release -p phy-sec --no-default-features --example keygen_attacks -- 100     # a hundredth of that
//! ```

use kernels::Backend;
use ndarray::Array2;
use phy_sec::keygen::probe::{Component, Kind};
use phy_sec::keygen::session::{Settings, run_over};
use phy_sec::keygen::{
    Alice, Authentication, Bob, Config, EveModel, Outcome, Security, SharedKey, agree, probe::Trace,
};
use phy_sec::sim::adversary::{Tampering, Transport};
use phy_sec::sim::{self, fading::FadingConfig, link::LinkConfig};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Samples of a session.
const SAMPLES: usize = 1600;

/// What became of some sessions.
#[derive(Default, Clone, Copy)]
struct Count {
    sessions: usize,
    /// Both ends hold the same key.
    equal: usize,
    /// Both ends hold a key, and not the same.
    mismatched: usize,
    /// One end holds a key, the other none.
    one_sided: usize,
    /// Neither holds one, and both know it.
    none: usize,
    bits: usize,
}

impl Count {
    fn add(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            equal: self.equal + other.equal,
            mismatched: self.mismatched + other.mismatched,
            one_sided: self.one_sided + other.one_sided,
            none: self.none + other.none,
            bits: self.bits + other.bits,
        }
    }

    fn of(alice: &Outcome, bob: &Outcome) -> Self {
        let mut count = Self { sessions: 1, ..Self::default() };
        match (alice.key(), bob.key()) {
            (Some(a), Some(b)) if a.matches(b) => (count.equal, count.bits) = (1, a.bits()),
            (Some(_), Some(_)) => count.mismatched = 1,
            (None, None) => count.none = 1,
            _ => count.one_sided = 1,
        }
        count
    }

    fn print(self, what: &str) {
        let Self { sessions, equal, mismatched, one_sided, none, bits } = self;
        let mean = bits.checked_div(equal).unwrap_or(0);
        println!("| {what} | {sessions} | {equal} | {mismatched} | {one_sided} | {none} | {mean} |");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let share: usize = std::env::args().nth(1).map_or(Ok(1), |arg| arg.parse())?;
    let share = share.max(1);
    // Small margins and a distant Eve, so that short series give keys that could be lost.
    let config = Config {
        eve: EveModel::of(0.1),
        security: Security { epsilon: 2f64.powi(-16), ..Security::default() },
        ..Config::default()
    };
    let settings = config.session(Kind::Csi);

    println!(
        "| line | sessions | same key at both ends | different keys | a key at one end | no key, both know | bits, mean |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let clean: Vec<u64> = (0..10_000 / share as u64).collect();
    let count = clean.par_iter().map(|&seed| {
        let rho = [0.5, 0.8, 0.9, 0.95, 0.98, 0.995][seed as usize % 6];
        let (alice, bob) = ends(&settings, rho, seed);
        run_over(alice, bob, |_, message| [message.encode()]).map(|(a, b)| Count::of(&a, &b))
    });
    total(count)?.print("clean, correlation 0.5 to 0.995");
    // A link takes much longer to simulate than a session over it.
    let count = clean[..clean.len() / 10].par_iter().map(|&seed| {
        let snr_db = [3.0, 8.0, 12.0, 16.0, 20.0, 26.0][seed as usize % 6];
        let (alice, bob) = over_link(&settings, snr_db, seed)?;
        run_over(alice, bob, |_, message| [message.encode()]).map(|(a, b)| Count::of(&a, &b))
    });
    total(count)?.print("clean, simulated links at 3 to 26 dB");

    let mut recorded = Vec::new();
    let (alice, bob) = ends(&settings, 0.98, u64::MAX);
    run_over(alice, bob, |_, message| {
        recorded.push(message.encode());
        [message.encode()]
    })?;
    for tampering in Tampering::ALL {
        // One session in six is over before its turn comes, and not counted.
        let sessions = if *tampering == Tampering::FlipBit { 12_500 } else { 2_500 } / share as u64;
        let seeds: Vec<u64> = (0..sessions).collect();
        let count = seeds.par_iter().map(|&seed| {
            let (alice, bob) = ends(&settings, 0.98, seed);
            // The first so many messages: nearly every session has as many.
            let mut line = Transport::new(*tampering, recorded.len() * 3 / 4, recorded.clone(), seed);
            let (a, b) = run_over(alice, bob, |_, message| line.carry(message.encode()))?;
            Ok(if line.tampered() { Count::of(&a, &b) } else { Count::default() })
        });
        total(count)?.print(&format!("{tampering:?}, one message"));
    }

    for (what, make) in [
        ("static channel", still as fn(u64) -> phy_sec::Result<(Trace, Trace)>),
        ("stuck receiver", stuck),
        ("periodically blocked path", blocked),
    ] {
        let seeds: Vec<u64> = (0..1_000 / share as u64).collect();
        let count = seeds.par_iter().map(|&seed| {
            let (alice, bob) = make(seed)?;
            let agreement = agree(&alice, &bob, None, &config, seed, Backend::default())?;
            let got = agreement.report.released_bits;
            Ok(Count {
                sessions: 1,
                equal: usize::from(got > 0),
                none: usize::from(got == 0),
                bits: got,
                ..Count::default()
            })
        });
        total(count)?.print(what);
    }
    Ok(())
}

fn total(counts: impl ParallelIterator<Item = phy_sec::Result<Count>>) -> phy_sec::Result<Count> {
    counts.try_reduce(Count::default, |a, b| Ok(a.add(b)))
}

/// Two ends with a shared key that measured one simulated Rayleigh link, a coherence time and more between two probes.
fn over_link(settings: &Settings, snr_db: f64, seed: u64) -> phy_sec::Result<(Alice, Bob)> {
    let mut rng = sim::rng(seed);
    let link = LinkConfig { rounds: SAMPLES, interval: 1.0, subcarriers: 1, snr_db, ..LinkConfig::default() };
    let probes = link.run(&mut rng)?;
    let series = |csi| Trace::from_csi(csi, Component::Real).map(|trace| trace.values().to_owned());
    meet(series(&probes.alice)?, series(&probes.bob)?, settings, &mut rng)
}

/// Two ends with a shared key, over Gaussian series with correlation `rho`.
fn ends(settings: &Settings, rho: f64, seed: u64) -> (Alice, Bob) {
    let mut rng = sim::rng(seed);
    let a = Array2::from_shape_simple_fn((1, SAMPLES), || rng.sample::<f64, _>(StandardNormal));
    let b = a.mapv(|a| rho * a + (1.0 - rho * rho).sqrt() * rng.sample::<f64, _>(StandardNormal));
    meet(a, b, settings, &mut rng).expect("settings in range")
}

/// Two ends with a shared key and what they measured.
fn meet(
    a: Array2<f64>,
    b: Array2<f64>,
    settings: &Settings,
    rng: &mut impl Rng,
) -> phy_sec::Result<(Alice, Bob)> {
    let shared = || Authentication::Shared(SharedKey::new(&[7; 32]).expect("long enough"));
    let [hers, his] = [rng.random(), rng.random()];
    let backend = Backend::default();
    Ok((Alice::new(a, settings, hers, shared(), &backend)?, Bob::new(b, settings, his, shared(), &backend)?))
}

/// Nothing moves: the ends measure a constant channel, each with its own noise.
fn still(seed: u64) -> phy_sec::Result<(Trace, Trace)> {
    let fading = FadingConfig { doppler: 0.0, ..FadingConfig::default() };
    let link = LinkConfig { fading, rounds: 2000, subcarriers: 1, ..LinkConfig::default() };
    let probes = link.run(&mut sim::rng(seed))?;
    let config = Config::default();
    Ok((config.trace(&probes.alice)?, config.trace(&probes.bob)?))
}

/// Both receivers repeat one value for ever.
fn stuck(seed: u64) -> phy_sec::Result<(Trace, Trace)> {
    let value: f64 = sim::rng(seed).random();
    let trace =
        || Trace::new(Array2::from_elem((1, 2000), value), Some((0..2000).collect()), None, Kind::Csi);
    Ok((trace()?, trace()?))
}

/// Somebody opens and closes a door: both ends see the same two levels, of a period that an observer knows as well, in noise.
fn blocked(seed: u64) -> phy_sec::Result<(Trace, Trace)> {
    let mut rng = sim::rng(seed);
    let half = rng.random_range(3..40);
    let mut trace = || {
        let level = |k: usize| if (k / half).is_multiple_of(2) { 1.0 } else { 0.3 };
        let values =
            Array2::from_shape_fn((1, 2000), |(_, k)| level(k) + 0.02 * rng.sample::<f64, _>(StandardNormal));
        Trace::new(values, Some((0..2000).collect()), None, Kind::Csi)
    };
    Ok((trace()?, trace()?))
}
