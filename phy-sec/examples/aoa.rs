//! Directions of arrival against the Cramér-Rao bound: the table of `docs/results/aoa.md`.
//!
//! `cargo run --release --example aoa -- [TRIALS]`

use std::error::Error;

use nalgebra::DMatrix;
use num_complex::Complex64;
use phy_sec::jamming::array::{ArrayConfig, Arrival, Bound, Geometry, Method, cramer_rao, directions};
use phy_sec::sim;

fn main() -> Result<(), Box<dyn Error>> {
    let trials: u64 = std::env::args().nth(1).map_or(Ok(2000), |trials| trials.parse())?;
    let line = |antennas| Geometry::Linear { antennas, spacing: 0.5 };
    let circle = Geometry::Circular { antennas: 8, radius: 0.6 };
    println!(
        "{trials} trials; root mean square error over the bound, dB (share of trials in which MDL counted right, %)"
    );
    for (name, geometry, truth, samples) in [
        ("4 antennas, 1 source, 50 samples", line(4), &[10.0][..], 50),
        ("8 antennas, 1 source, 100 samples", line(8), &[-35.0][..], 100),
        ("8 antennas, 2 sources 12° apart, 100 samples", line(8), &[3.0, 15.0][..], 100),
        ("16 antennas, 3 sources, 200 samples", line(16), &[-20.0, 5.0, 40.0][..], 200),
        ("circle of 8, 2 sources, 100 samples", circle, &[-100.0, 60.0][..], 100),
    ] {
        let truth: Vec<f64> = truth.iter().map(|degrees: &f64| degrees.to_radians()).collect();
        println!(
            "\n{name}\n| SNR (dB) | bound (°) | music | root_music | capon | esprit |\n| --- | --- | --- | --- | --- | --- |"
        );
        for snr_db in [-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 30.0] {
            let power = sim::from_db(snr_db);
            let powers = DMatrix::from_diagonal_element(truth.len(), truth.len(), Complex64::from(power));
            let bound = cramer_rao(&geometry, &truth, 0.0, &powers, 1.0, samples, Bound::Stochastic)?;
            let bound = (bound.iter().map(|b| b * b).sum::<f64>() / truth.len() as f64).sqrt();
            print!("| {snr_db} | {:.4} |", bound.to_degrees());
            for method in Method::ALL {
                let config = ArrayConfig {
                    geometry: geometry.clone(),
                    method: *method,
                    grid: 360,
                    ..Default::default()
                };
                let (mut square, mut counted, mut refused) = (0.0, 0, false);
                for trial in 0..trials {
                    let mut rng = sim::rng(trial);
                    let signals: Vec<_> =
                        truth.iter().map(|_| sim::noise(&mut rng, samples, power)).collect();
                    let arrivals = truth.iter().zip(&signals);
                    let arrivals: Vec<_> = arrivals
                        .map(|(&azimuth, signal)| Arrival { azimuth, elevation: 0.0, signal })
                        .collect();
                    let x = geometry.receive(&arrivals, samples, 1.0, &mut rng)?;
                    let Ok(found) = directions(x.view(), &config) else {
                        refused = true;
                        break;
                    };
                    if found.directions.len() == truth.len() {
                        counted += 1;
                        let errors = found
                            .directions
                            .iter()
                            .zip(&truth)
                            .map(|(found, truth)| (found.azimuth - truth).powi(2));
                        square += errors.sum::<f64>() / truth.len() as f64;
                    }
                }
                if refused {
                    print!(" no line |");
                } else {
                    let loss = 20.0 * ((square / f64::from(counted)).sqrt() / bound).log10();
                    print!(" {loss:.2} ({:.0}) |", 100.0 * f64::from(counted) / trials as f64);
                }
            }
            println!();
        }
    }
    Ok(())
}
