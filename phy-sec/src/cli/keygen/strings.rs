//! `phy-sec keygen reconcile A B`: two files of bits that differ here and there, made the same.

use std::path::PathBuf;

use anyhow::Context as _;
use phy_sec::bits::Bits;
use phy_sec::keygen::Config;
use phy_sec::keygen::randomness::parse;
use phy_sec::keygen::reconcile::strings::{Reconciliation, Report, reconcile_strings};

use super::{key_files, write_pair};
use crate::cli::randomness::Format;
use crate::cli::{Context, Outcome, files};

/// Two strings, such as sifted QKD keys.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Alice's bits, which stay
    #[arg(value_name = "A")]
    alice: PathBuf,
    /// Bob's, as many, which are corrected
    #[arg(value_name = "B")]
    bob: PathBuf,
    /// How the files hold the bits
    #[arg(long, value_enum, default_value_t = Format::Bits)]
    format: Format,
    /// Write the two ends' bits to PREFIX.alice.key and PREFIX.bob.key, packed, readable by the owner only. They are not a key
    /// yet, unless --min-entropy makes one of them. Asks for --seed
    #[arg(long, value_name = "PREFIX")]
    out: Option<PathBuf>,
    /// Min-entropy of each bit against whoever listened to the channel, 0 to 1, which you vouch for: the bits are hashed to the key
    /// that is left after what was said ([keygen.security] of --config), and --out writes that
    #[arg(long, value_name = "BITS", allow_negative_numbers = true)]
    min_entropy: Option<f64>,
}

/// Strings are reconciled by the million bits; something else was meant by more than this.
const LARGEST: u64 = 1 << 28;

pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let config: Config = context.config("keygen")?;
    if args.out.is_some() && !context.seed_is_chosen {
        anyhow::bail!(
            "--out writes real bits: give --seed a number that was not used before, for the shuffles are chosen by it"
        );
    }
    let outputs = args.out.as_deref().map(key_files).transpose()?;
    let read = |path: &PathBuf| -> anyhow::Result<Bits> {
        let name = path.display().to_string();
        parse(&files::read(path, LARGEST)?, args.format.into()).with_context(|| name)
    };
    let (alice, bob) = (read(&args.alice)?, read(&args.bob)?);
    let source = vec![args.alice.display().to_string(), args.bob.display().to_string()];
    let _working = context.working("reconciling");
    let mut reconciliation =
        reconcile_strings(alice, bob, &config, context.seed).with_context(|| source.join(", "))?;
    let keys = match args.min_entropy {
        Some(each) => Some(reconciliation.amplify(each, config.security, context.seed, &context.backend)?),
        None => None,
    };
    let Reconciliation { mut report, strings } = reconciliation;
    report.source = source;
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(text(&report))?;
    }
    if let (Some(outputs), Some(keys)) = (&outputs, &keys) {
        if let Some((alice, bob)) = keys {
            write_pair(outputs, alice.expose(), bob.expose())?;
        }
    } else if let (Some(outputs), Some((alice, bob))) = (&outputs, &strings) {
        let [alice, bob] = [alice, bob].map(|bits| zeroize::Zeroizing::new(bits.expose().to_bytes()));
        write_pair(outputs, &alice, &bob)?;
    }
    Ok(if report.verified && keys.is_none_or(|keys| keys.is_some()) {
        Outcome::Quiet
    } else {
        Outcome::Notable
    })
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n\nbits         {}\n", report.source.join(" | "), report.bits);
    if let Some(estimate) = report.estimate {
        text += &format!(
            "sample       {} of {} bits differ: rate {:.4}, 95 % within {:.4}..{:.4}\n",
            report.sample_errors, report.sample_bits, estimate.rate, estimate.low, estimate.high
        );
    }
    if let Some(kdr) = report.kdr {
        text += &format!("kdr          {kdr:.4} of the other {} bits\n", report.remaining_bits);
    }
    if let Some(method) = &report.method {
        text += &format!("method       {method}\n");
        text += &format!(
            "said         {} bits, {} of them to verify, in {} questions",
            report.leaked_bits, report.verification_bits, report.questions
        );
        if let Some(efficiency) = report.efficiency {
            text += &format!("; {efficiency:.4} times the least");
        }
        text += "\n";
    }
    text + "\n" + &report.reason
}
