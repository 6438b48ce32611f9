//! What attackers know of the raw bits, beside what the ledger says: injected probes, rhythms, shadowing, several antennas. Prints
//! the tables of `docs/results/probing.md`.
//!
//! ```sh
//! cargo run --release -p phy-sec --no-default-features --example keygen_adversaries
//! ```

use num_complex::Complex32;
use phy_sec::channel::Csi;
use phy_sec::keygen::probe::{Component, Overheard, injection::Active};
use phy_sec::keygen::{Config, Report, agree_against};
use phy_sec::sim::adversary::injection::{Chosen, Injection};
use phy_sec::sim::fading::FadingConfig;
use phy_sec::sim::link::{Blocking, Eve, LargeScale, LinkConfig, Probes};
use phy_sec::sim::profile::Profile;
use phy_sec::sim::{from_db, rng};

fn main() -> phy_sec::Result<()> {
    injected()?;
    rhythms()?;
    shadowing()?;
    antennas()
}

/// 6,000 rounds as good as independent, on one flat path, at 30 dB.
fn sparse() -> LinkConfig {
    let fading = FadingConfig { profile: Profile::Flat, doppler: 10.0, ..Default::default() };
    LinkConfig {
        fading,
        rounds: 6000,
        interval: 1.234,
        subcarriers: 1,
        probing_delay: 0.0,
        snr_db: 30.0,
        ..Default::default()
    }
}

fn run(probes: &Probes, eve: Option<&Csi>, config: &Config) -> phy_sec::Result<Report> {
    let (alice, bob) = (config.trace(&probes.alice)?, config.trace(&probes.bob)?);
    let eve = eve.map(|csi| Overheard::from_csi(csi, config.component)).transpose()?;
    Ok(agree_against(&alice, &bob, eve.as_ref(), config, 1, Default::default())?.report)
}

/// How often who holds `known` has the raw bit right, and what that leaves of it.
fn attacker(probes: &Probes, known: &Csi, config: &Config) -> phy_sec::Result<String> {
    let wrong = run(probes, Some(known), config)?.eve_kdr.unwrap_or(0.5);
    let right = wrong.max(1.0 - wrong);
    Ok(format!("{right:.3} | {:.3}", -right.log2() + 0.0))
}

/// What the ledger says of a bit, and the key's length.
fn ledger(report: &Report) -> String {
    let each = report.min_entropy.unwrap_or(0.0) / report.raw_bits.max(1) as f64;
    format!("{each:.3}, {}", report.released_bits)
}

fn injected() -> phy_sec::Result<()> {
    println!(
        "| injected at both ends | attacker is right | leaves of a bit | ledger alone: a bit, key | share granted | his record as --eve |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for chosen in [Chosen::Fading, Chosen::Extremes] {
        for share in [0.05, 0.1, 0.2, 0.5, 1.0] {
            let mut probes = sparse().run(&mut rng(1))?;
            let injection = Injection { share, chosen, snr_db: 30.0, ..Default::default() };
            let known = injection.apply(&mut probes, &mut rng(2))?.known;
            let config = Config::default();
            let active = Active { injected: share, ..Default::default() };
            let granted = Config { active, ..Config::default() };
            println!(
                "| {:.0} %, {chosen:?} | {} | {} | {} | {} |",
                share * 100.0,
                attacker(&probes, &known, &config)?,
                ledger(&run(&probes, None, &config)?),
                ledger(&run(&probes, None, &granted)?),
                ledger(&run(&probes, Some(&known), &config)?)
            );
        }
    }
    Ok(())
}

fn rhythms() -> phy_sec::Result<()> {
    println!(
        "\n| path blocked with periods of, rounds | rest of the channel | attacker is right | leaves of a bit | ledger alone: a bit, key |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let three = vec![3.718_281_8, 5.141_592_6, 8.577_215_6];
    for periods in [vec![7.3], vec![2.37], vec![2.618_033_988], three[..2].to_vec(), three.clone()] {
        for doppler in [0.0, 10.0] {
            let fading = FadingConfig {
                profile: Profile::Flat,
                doppler,
                k_factor_db: Some(15.0),
                ..Default::default()
            };
            let blocking: Vec<_> =
                periods.iter().map(|&period| Blocking { period, duty: 0.5, depth_db: 6.0 }).collect();
            let link = LinkConfig { fading, blocking, interval: 1.0, ..sparse() };
            let probes = link.run(&mut rng(3))?;
            let mut known = probes.eve.clone();
            for (mut row, t) in known.gains.outer_iter_mut().zip(&known.time) {
                let factor: f64 = link.blocking.iter().map(|blocking| blocking.at(*t)).product();
                row.fill(Complex32::new(factor as f32, 0.0));
            }
            let config = Config::default();
            let rest = if doppler > 0.0 { "Rician, 15 dB" } else { "static" };
            println!(
                "| {periods:?} | {rest} | {} | {} |",
                attacker(&probes, &known, &config)?,
                ledger(&run(&probes, None, &config)?)
            );
        }
    }
    Ok(())
}

fn shadowing() -> phy_sec::Result<()> {
    println!(
        "\n| shadowing of 8 dB that Eve shares, 1/e after | preprocessing | her rho as measured | she is right | leaves of a bit | ledger alone: a bit, key | with --eve |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for time in [0.5, 2.0, 10.0, 40.0] {
        for preprocess in ["null", r#"[{"method":"kalman","ratio":0.1}]"#, r#"[{"method":"difference"}]"#] {
            let large_scale = LargeScale { deviation_db: 8.0, time, eve: 1.0 };
            let probes =
                LinkConfig { large_scale, eve: Eve::Correlation(0.0), ..sparse() }.run(&mut rng(4))?;
            let steps = serde_json::from_str(preprocess).expect("a list of steps");
            let config =
                Config { component: Component::LogMagnitude, preprocess: steps, ..Config::default() };
            let traced = run(&probes, Some(&probes.eve), &config)?;
            println!(
                "| {time} s | `{preprocess}` | {:.3} | {} | {} | {} |",
                traced.eve_rho,
                attacker(&probes, &probes.eve, &config)?,
                ledger(&run(&probes, None, &config)?),
                ledger(&traced)
            );
        }
    }
    Ok(())
}

fn antennas() -> phy_sec::Result<()> {
    println!(
        "\n| Eve's antennas, rho each | rho together, theory | granted (real parts) | granted (magnitudes) | her best antenna alone, magnitudes | key, magnitudes |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for rho in [0.3, 0.6] {
        for count in [1usize, 2, 4, 8] {
            let link =
                LinkConfig { eve: Eve::Correlation(rho), eve_antennas: count, eve_snr_db: 30.0, ..sparse() };
            let probes = link.run(&mut rng(5))?;
            let noise = 1.0 + from_db(-30.0);
            let (each, among) = (rho / noise, rho * rho / noise);
            let theory = (count as f64 * each * each / (1.0 + (count as f64 - 1.0) * among)).sqrt();
            let of = |component| run(&probes, Some(&probes.eve), &Config { component, ..Config::default() });
            let magnitudes = of(Component::Magnitude)?;
            let alone = Csi { gains: probes.eve.gains.select(ndarray::Axis(2), &[0]), ..probes.eve.clone() };
            println!(
                "| {count}, {rho} | {theory:.3} | {:.3} | {:.3} | {:.3} | {} |",
                of(Component::Real)?.eve_rho,
                magnitudes.eve_rho,
                run(&probes, Some(&alone), &Config::default())?.eve_rho,
                magnitudes.released_bits
            );
        }
    }
    Ok(())
}
