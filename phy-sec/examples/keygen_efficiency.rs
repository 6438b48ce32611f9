//! How much of what a Gaussian channel holds each quantizer turns into key: released bits a real sample, through whole
//! sessions with Cascade, over the secret-key capacity.
//!
//! `cargo run --release --example keygen_efficiency -- [SAMPLES]` (131,072 by default) prints the table of
//! `docs/results/keygen.md`. Samples are independent over time; Eve is granted a correlation of 0 or 0.5.

use kernels::Backend;
use ndarray::Array2;
use phy_sec::keygen::probe::Kind;
use phy_sec::keygen::{Alice, Authentication, Bob, Config, ErrorRate, EveModel, session};
use phy_sec::sim;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

const METHODS: &[&str] = &[
    r#"{"method":"threshold"}"#,
    r#"{"method":"guard_band","alpha":0.3}"#,
    r#"{"method":"level_crossing","alpha":0.2,"excursion":2}"#,
    r#"{"method":"adaptive_block"}"#,
    r#"{"method":"differential"}"#,
    r#"{"method":"vector"}"#,
    r#"{"method":"equiprobable","bits":2,"offsets":1}"#,
    r#"{"method":"equiprobable","bits":2,"offsets":2}"#,
    r#"{"method":"equiprobable","bits":3,"offsets":4}"#,
    r#"{"method":"equiprobable","bits":4,"offsets":8}"#,
    "optimal",
];
const CORRELATIONS: &[f64] = &[0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/// Bits a real sample: `I(A;B|E)`, for Eve's correlation `eve` with both ends.
fn capacity(rho: f64, eve: f64) -> f64 {
    let given = (rho - eve * eve) / (1.0 - eve * eve);
    -0.5 * (1.0 - given * given).log2()
}

/// Released bits a real sample, and the method that was used.
fn released(method: &str, rho: f64, eve: f64, samples: usize) -> Result<(f64, String), phy_sec::Error> {
    let method = match method {
        "optimal" => {
            format!(r#"{{"method":"optimal","rho":{rho},"snr_db":100,"eve_rho":{eve},"efficiency":1.2}}"#)
        }
        method => method.to_owned(),
    };
    // Complex gains are two lanes.
    let lanes = if method.contains("vector") { 2 } else { 1 };
    let mut rng = sim::rng((rho * 1e6) as u64);
    let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
    let a = Array2::from_shape_simple_fn((lanes, samples / lanes), &mut draw);
    let b = a.mapv(|a| rho * a + (1.0 - rho * rho).sqrt() * draw());
    let config = Config {
        quantize: serde_json::from_str(&method).ok(),
        error_rate: ErrorRate { sample: 0.005, assume: 0.05, limit: 0.4 },
        eve: EveModel::of(eve),
        ..Config::default()
    };
    let settings = config.session(Kind::Csi);
    let backend = Backend::default();
    let alice = Alice::new(a, &settings, [7; 32], Authentication::Insecure, &backend)?;
    let bob = Bob::new(b, &settings, [8; 32], Authentication::Insecure, &backend)?;
    let (alice, bob) = session::run(alice, bob)?;
    let bits = match (alice.key(), bob.key()) {
        (Some(alice), Some(bob)) if alice.matches(bob) => alice.bits(),
        _ => 0,
    };
    let name = serde_json::to_string(&settings.quantize).unwrap_or_default();
    Ok((bits as f64 / samples as f64, name))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let samples = std::env::args().nth(1).map_or(Ok(1 << 17), |samples| samples.parse())?;
    for eve in [0.0, 0.5] {
        println!("Eve's correlation {eve}: released bits a real sample, and their share of I(A;B|E)\n");
        println!("| quantizer | {} |", row(|rho| format!("rho {rho}")));
        println!("| --- |{}", " --- |".repeat(CORRELATIONS.len()));
        println!("| I(A;B\\|E) | {} |", row(|rho| format!("{:.3}", capacity(rho, eve))));
        let cells: Vec<(&str, f64)> =
            METHODS.iter().flat_map(|method| CORRELATIONS.iter().map(|rho| (*method, *rho))).collect();
        let cells: Vec<(f64, String)> = cells
            .into_par_iter()
            .map(|(method, rho)| released(method, rho, eve, samples))
            .collect::<Result<_, _>>()?;
        for (method, row) in METHODS.iter().zip(cells.chunks(CORRELATIONS.len())) {
            let figure = |((rate, _), rho): (&(f64, String), &f64)| {
                format!("{rate:.3} ({:.0} %)", 100.0 * rate / capacity(*rho, eve))
            };
            let figures: Vec<String> = row.iter().zip(CORRELATIONS).map(figure).collect();
            println!(
                "| `{}` | {} |",
                method.replace(['"', '{', '}'], "").replace("method:", ""),
                figures.join(" | ")
            );
        }
        let chosen = &cells[cells.len() - CORRELATIONS.len()..];
        println!();
        for ((_, name), rho) in chosen.iter().zip(CORRELATIONS) {
            println!("- `optimal` at rho {rho}: `{name}`");
        }
        println!();
    }
    Ok(())
}

fn row(figure: impl Fn(f64) -> String) -> String {
    CORRELATIONS.iter().map(|rho| figure(*rho)).collect::<Vec<_>>().join(" | ")
}
