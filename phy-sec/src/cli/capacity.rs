//! `phy-sec capacity`: how much two ends could keep secret at all, by a Gaussian model of them and of an eavesdropper.

use anyhow::bail;
use phy_sec::keygen::capacity::{Capacity, Eve, bit_given_eve, quantized};
use serde::Serialize;

use super::{Context, Outcome};

/// The model: correlations of real samples.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of Alice's and Bob's samples
    #[arg(long, value_name = "RHO", allow_negative_numbers = true)]
    rho_ab: f64,
    /// Of Alice's and Eve's samples, for each of Eve's antennas
    #[arg(
        long,
        value_name = "RHO",
        value_delimiter = ',',
        default_value = "0",
        allow_negative_numbers = true
    )]
    rho_ae: Vec<f64>,
    /// Of Bob's and Eve's; without it, the same as Alice's
    #[arg(long, value_name = "RHO", value_delimiter = ',', allow_negative_numbers = true)]
    rho_be: Option<Vec<f64>>,
    /// Of Eve's antennas with each other
    #[arg(long, value_name = "RHO", default_value_t = 0.0, allow_negative_numbers = true)]
    eve_correlation: f64,
    /// Half width of the guard band at both ends, in standard deviations
    #[arg(long, value_name = "ALPHA", default_value_t = 0.0, allow_negative_numbers = true)]
    guard: f64,
}

/// `phy-sec.capacity/1` of `docs/json.md`.
#[derive(Serialize)]
struct Bounds {
    schema: &'static str,
    rho_ab: f64,
    eve: Eve,
    effective_rho: f64,
    #[serde(flatten)]
    capacity: Capacity,
    quantized: Vec<f64>,
    guard: f64,
    bit_given_eve: f64,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let eve = Eve {
        alice: args.rho_ae.clone(),
        bob: args.rho_be.clone().unwrap_or_else(|| args.rho_ae.clone()),
        correlation: args.eve_correlation,
    };
    if !(-1.0 < args.rho_ab && args.rho_ab < 1.0) {
        bail!(
            "--rho-ab must be between -1 and 1, got {}: ends that see the very same have no bound",
            args.rho_ab
        );
    }
    if !(0.0..=6.0).contains(&args.guard) {
        bail!("--guard must be within 0..=6 standard deviations, got {}", args.guard);
    }
    let capacity = eve.capacity(args.rho_ab)?;
    // Whichever end she hears better is the one that she guesses the bit of.
    let of_bob = Eve { alice: eve.bob.clone(), bob: eve.alice.clone(), correlation: eve.correlation };
    let effective_rho = eve.effective_rho()?.max(of_bob.effective_rho()?);
    let report = Bounds {
        schema: "phy-sec.capacity/1",
        rho_ab: args.rho_ab,
        eve,
        effective_rho,
        capacity,
        quantized: (1..=4).map(|bits| quantized(args.rho_ab, bits)).collect::<Result<_, _>>()?,
        guard: args.guard,
        bit_given_eve: bit_given_eve(effective_rho, args.guard, args.guard)?,
    };
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(text(&report))?;
    }
    Ok(Outcome::Quiet)
}

fn text(report: &Bounds) -> String {
    let Capacity { alice_bob, alice_eve, bob_eve, given_eve, lower, upper } = report.capacity;
    let quantized: Vec<String> = report.quantized.iter().map(|bits| format!("{bits:.4}")).collect();
    format!(
        "bits per real sample (complex samples: twice)\n\n\
         I(A;B)    {alice_bob:.4}\nI(A;E)    {alice_eve:.4}\nI(B;E)    {bob_eve:.4}\nI(A;B|E)  {given_eve:.4}\n\n\
         secret-key capacity  {lower:.4} to {upper:.4}\n\n\
         I(A;B) after 1, 2, 3, 4 bits of quantization  {}\n\
         min-entropy of a bit (guard band {} standard deviations), given Eve at correlation {:.4}  {:.4}",
        quantized.join(", "),
        report.guard,
        report.effective_rho,
        report.bit_given_eve,
    )
}
