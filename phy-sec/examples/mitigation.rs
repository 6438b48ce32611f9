//! What each answer gains against each kind of jammer: the tables of `docs/results/mitigation.md`.
//!
//! `cargo run --release --example mitigation`
//!
//! The victim is Gaussian over the whole band (what OFDM with many subcarriers is like), 20 dB over the noise. SINR counts as error whatever is not a multiple of
//! the victim: losses of the answer itself included.

use std::error::Error;

use ndarray::{Array2, ArrayView2};
use num_complex::Complex32;
use phy_sec::jamming::array::{Arrival, Geometry};
use phy_sec::jamming::mitigate::{
    Beam, Blanking, Excision, Mask, Mitigation, Notch, Null, TrackingNotch, mitigate, sinr_db,
};
use phy_sec::sim;
use phy_sec::sim::jammer::{Jammer, Ratio, SweepShape, mix};

const RATE: f64 = 1e6;
const SAMPLES: usize = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let sweep = |period| Jammer::Sweep { shape: SweepShape::Sawtooth, from: -400e3, to: 400e3, period };
    let excision = |size| Mitigation::Excision(Excision { size, ..Default::default() });
    let tracking = || Mitigation::TrackingNotch(TrackingNotch::default());
    let blanking = || Mitigation::Blanking(Blanking::default());
    let lines = vec![-310e3, -40e3, 123_400.0, 260e3];
    let pulsed = |duty| Jammer::Pulsed { period: 2e-3, duty, of: Box::new(Jammer::Barrage) };
    let partial = |bandwidth| Jammer::PartialBand { center: 200e3, bandwidth };
    let mask = |bandwidth: f64| {
        Mitigation::Mask(Mask { bands: vec![(200e3 - bandwidth / 2.0, 200e3 + bandwidth / 2.0)], size: 1024 })
    };
    let hopping =
        Jammer::Hopping { channels: vec![-300e3, -100e3, 150e3, 350e3], dwell: 5e-3, bandwidth: 20e3 };
    let tone = || Jammer::Tone { frequency: 123_400.0 };
    println!(
        "one antenna: gain in SINR, dB (SINR after), at JSR\n\n| jammer | answer | 0 dB | 10 dB | 20 dB | 30 dB |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, jammer, method) in [
        ("tone", tone(), Mitigation::Notch(Notch { frequencies: vec![123_400.0], bandwidth: None })),
        ("tone", tone(), tracking()),
        ("tone", tone(), excision(512)),
        (
            "multi_tone, 4",
            Jammer::MultiTone { frequencies: lines.clone() },
            Mitigation::Notch(Notch { frequencies: lines.clone(), bandwidth: None }),
        ),
        ("multi_tone, 4", Jammer::MultiTone { frequencies: lines }, excision(1024)),
        ("sweep, 16 MHz/s", sweep(0.05), tracking()),
        ("sweep, 16 MHz/s", sweep(0.05), excision(256)),
        ("sweep, 400 MHz/s", sweep(2e-3), tracking()),
        ("sweep, 400 MHz/s", sweep(2e-3), excision(64)),
        ("pulsed, duty 0.1", pulsed(0.1), blanking()),
        ("pulsed, duty 0.3", pulsed(0.3), blanking()),
        ("partial_band, 0.05", partial(50e3), mask(50e3)),
        ("partial_band, 0.2", partial(200e3), mask(200e3)),
        ("hopping, 0.02", hopping, excision(512)),
        ("barrage", Jammer::Barrage, excision(512)),
    ] {
        print!("| {name} | {} |", method.name());
        for jsr in [0.0, 10.0, 20.0, 30.0] {
            let mut rng = sim::rng(1);
            let victim = sim::noise(&mut rng, SAMPLES, 1.0);
            let noise = sim::noise(&mut rng, SAMPLES, 0.01);
            let mixed = mix(&victim, &jammer, Ratio::Jsr(jsr), RATE, &mut rng)?;
            let x: Vec<_> = mixed.samples.iter().zip(&noise).map(|(x, n)| x + n).collect();
            let (y, _) = mitigate(ArrayView2::from_shape((1, SAMPLES), &x)?, method.clone(), RATE)?;
            let after = sinr_db(&victim, &y.row(0).to_vec())?;
            print!(" {:.1} ({after:.1}) |", after - sinr_db(&victim, &x)?);
        }
        println!();
    }
    println!(
        "\nfour antennas, jammer 40° from the victim: gain in SINR over one antenna, dB (SINR after), at JSR\n"
    );
    println!("| jammer | answer | 0 dB | 10 dB | 20 dB | 30 dB |\n| --- | --- | --- | --- | --- | --- |");
    let line = Geometry::Linear { antennas: 4, spacing: 0.5 };
    let beam = |azimuth, loading_db| {
        Mitigation::Beam(Beam { geometry: line.clone(), azimuth, loading_db, ..Default::default() })
    };
    for (name, jammer) in [
        ("barrage", Jammer::Barrage),
        ("sweep, 400 MHz/s", sweep(2e-3)),
        ("reactive", Jammer::Reactive { delay: 1e-4, duration: 1e-3, of: Box::new(Jammer::Barrage) }),
        ("replay, 10 µs", Jammer::Replay { delay: 1e-5 }),
    ] {
        for (answer, method) in [
            ("null", Mitigation::Null(Null::default())),
            ("beam", beam(0.0, Some(10.0))),
            ("beam, 2° wrong", beam(2f64.to_radians(), Some(10.0))),
            ("beam, 2° wrong, no loading", beam(2f64.to_radians(), None)),
        ] {
            print!("| {name} | {answer} |");
            for jsr in [0.0, 10.0, 20.0, 30.0] {
                let mut rng = sim::rng(2);
                let victim = sim::noise(&mut rng, SAMPLES, 1.0);
                let mixed = mix(&victim, &jammer, Ratio::Jsr(jsr), RATE, &mut rng)?;
                let arrivals = [(0.0, &victim), (40f64.to_radians(), &mixed.jammer)];
                let arrivals = arrivals.map(|(azimuth, signal)| Arrival { azimuth, elevation: 0.0, signal });
                let x: Array2<Complex32> = line.receive(&arrivals, SAMPLES, 0.01, &mut rng)?;
                let (y, _) = mitigate(x.view(), method.clone(), RATE)?;
                let after = sinr_db(&victim, &y.row(0).to_vec())?;
                print!(" {:.1} ({after:.1}) |", after - sinr_db(&victim, &x.row(0).to_vec())?);
            }
            println!();
        }
    }
    Ok(())
}
