//! `phy-sec entropy FILE`: min-entropy of a recording of raw samples, after NIST SP 800-90B.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use phy_sec::keygen::entropy::health::{AdaptiveProportion, HealthConfig, RepetitionCount, Verdict};
use phy_sec::keygen::entropy::sp800_90b::{Assessment, Estimate, assess, iid};
use serde::Serialize;

use super::{Context, Outcome, files, report};

/// What to assess.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Raw samples, in the order in which they were measured
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Bits of a sample, 1 to 8; without it, as many as the largest byte takes, or 1 for bits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    bits_per_symbol: Option<u32>,
    /// How the file holds them
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Also test whether the samples may be taken for independent and identically distributed: minutes for a million
    #[arg(long)]
    iid: bool,
    /// With --iid: random orders to compare with
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    permutations: u32,
    /// Also run the health tests, for a source of that many bits of min-entropy a sample
    #[arg(long, value_name = "BITS")]
    health: Option<f64>,
}

/// How a file holds samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// `ascii` if the file has no other characters, `bytes` otherwise
    Auto,
    /// One sample a byte
    Bytes,
    /// The characters 0 and 1; white space does not matter
    Ascii,
    /// Eight bits a byte, the first most significant
    Packed,
}

/// `phy-sec.entropy/1` of `docs/json.md`.
#[derive(Serialize)]
struct Entropy<'a> {
    schema: &'static str,
    source: String,
    format: Format,
    #[serde(flatten)]
    assessment: &'a Assessment,
    iid: Option<&'a iid::Report>,
    health: Option<Health>,
}

#[derive(Clone, Copy, Serialize)]
struct Health {
    #[serde(flatten)]
    config: HealthConfig,
    repetition_cutoff: u32,
    repetition_count: Verdict,
    proportion_cutoff: u32,
    adaptive_proportion: Verdict,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let name = || args.file.display().to_string();
    let (samples, width, format) =
        parse(&files::read(&args.file, LARGEST)?, args.format, args.bits_per_symbol).with_context(name)?;
    let assessment = assess(&samples, width).with_context(name)?;
    let config = iid::Config { permutations: args.permutations as usize, seed: context.seed };
    let track = args.iid.then(|| iid::test(&samples, width, config)).transpose().with_context(name)?;
    let health = args.health.map(|min_entropy| health(&samples, width, min_entropy)).transpose()?;
    if context.json {
        context.print_json(&Entropy {
            schema: "phy-sec.entropy/1",
            source: name(),
            format,
            assessment: &assessment,
            iid: track.as_ref(),
            health,
        })?;
    } else {
        context.print(text(&name(), &assessment, track.as_ref(), health))?;
    }
    Ok(Outcome::Quiet)
}

/// A recording of raw samples is a few megabytes; something else was meant by more.
const LARGEST: u64 = 1 << 28;

/// Samples, one a byte, their width, and the format that they had.
fn parse(bytes: &[u8], format: Format, width: Option<u32>) -> anyhow::Result<(Vec<u8>, u32, Format)> {
    let is_text = |byte: &u8| matches!(byte, b'0' | b'1') || byte.is_ascii_whitespace();
    let format = match format {
        Format::Auto if !bytes.is_empty() && bytes.iter().all(is_text) => Format::Ascii,
        Format::Auto => Format::Bytes,
        format => format,
    };
    let bits: Vec<u8> = match format {
        Format::Auto | Format::Bytes => {
            let largest = bytes.iter().copied().max().unwrap_or(0);
            return Ok((bytes.to_vec(), width.unwrap_or(8 - largest.leading_zeros().min(7)), Format::Bytes));
        }
        Format::Ascii => {
            if let Some(at) = bytes.iter().position(|byte| !is_text(byte)) {
                bail!("byte {at} is neither 0 nor 1 nor white space");
            }
            bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| byte & 1).collect()
        }
        Format::Packed => bytes.iter().flat_map(|byte| (0..8).rev().map(move |k| byte >> k & 1)).collect(),
    };
    let width = width.unwrap_or(1);
    let symbol = |bits: &[u8]| bits.iter().fold(0, |symbol, bit| symbol << 1 | bit);
    Ok((bits.chunks_exact(width as usize).map(symbol).collect(), width, format))
}

fn health(samples: &[u8], bits_per_symbol: u32, min_entropy: f64) -> anyhow::Result<Health> {
    let config = HealthConfig { min_entropy, bits_per_symbol, ..HealthConfig::default() };
    let mut repetition = RepetitionCount::new(config)?;
    let mut proportion = AdaptiveProportion::new(config)?;
    repetition.push(samples);
    proportion.push(samples);
    Ok(Health {
        config,
        repetition_cutoff: config.repetition_cutoff(),
        repetition_count: repetition.finish(),
        proportion_cutoff: config.proportion_cutoff(),
        adaptive_proportion: proportion.finish(),
    })
}

fn text(name: &str, report: &Assessment, track: Option<&iid::Report>, health: Option<Health>) -> String {
    let mut text = format!(
        "{name}: {} samples of {} bits, {} different values\n\n",
        report.samples, report.bits_per_symbol, report.alphabet
    );
    let mut table = report::table(&["estimator", "bits per sample", "bits per bit"]);
    let figure = |estimate: Option<&Estimate>| match estimate.map(|estimate| estimate.min_entropy) {
        None => String::new(),
        Some(None) => "too short".into(),
        Some(Some(bits)) => format!("{bits:.6}"),
    };
    let of = |list: &[Estimate], name: &str| figure(list.iter().find(|estimate| estimate.name == name));
    for estimator in phy_sec::keygen::entropy::sp800_90b::Estimator::ALL {
        let name = estimator.name();
        table.add_row([name.to_owned(), of(&report.original, name), of(&report.bitstring, name)]);
    }
    text += &format!("{table}\n\nmin-entropy  {:.6} bits per sample, by the least\n", report.min_entropy);
    if report.samples < 1_000_000 {
        text += "             (fewer than the million samples that SP 800-90B asks for)\n";
    }
    if let Some(track) = track {
        let verdict = |passes: bool| if passes { "passes" } else { "FAILS" };
        text += &format!("\nindependent and identically distributed: {}\n", verdict(track.passes));
        for rank in track.permutation.iter().filter(|rank| !rank.passes) {
            text += &format!(
                "  {}: {} orders greater, {} equal, {} less\n",
                rank.name, rank.greater, rank.equal, rank.less
            );
        }
        let square = [("independence", &track.independence), ("goodness of fit", &track.goodness_of_fit)];
        for (name, test) in square {
            text += &match test {
                Some(test) => format!("  {name}: p {:.4}, {}\n", test.p_value, verdict(test.passes)),
                None => format!("  {name}: too few samples\n"),
            };
        }
        let repeat = track.longest_repeat;
        text += &format!(
            "  longest repeat: {} samples, p {:.4}, {}\n",
            repeat.length,
            repeat.p_value,
            verdict(repeat.passes)
        );
        // Joined bins leave little of the constraints that the standard takes degrees of freedom for.
        let pairs_of_values = report.alphabet * report.alphabet;
        if track.independence.is_some_and(|test| !test.passes) && report.samples / 2 < 5 * pairs_of_values {
            text += "  (so few pairs of so many values fail the standard's test of independence without being dependent)\n";
        }
        if track.passes {
            text += &format!(
                "  min-entropy  {:.6} bits per sample, by the most common value\n",
                track.min_entropy
            );
        }
    }
    if let Some(health) = health {
        for (name, cutoff, verdict) in [
            ("repetition count", health.repetition_cutoff, health.repetition_count),
            ("adaptive proportion", health.proportion_cutoff, health.adaptive_proportion),
        ] {
            let first =
                verdict.first.map_or_else(String::new, |first| format!(", the first at sample {first}"));
            text += &format!("\n{name}, cut-off {cutoff}: {} alarms{first}", verdict.alarms);
        }
        text += "\n";
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let parsed = |bytes: &[u8], format, width| parse(bytes, format, width).unwrap();
        assert_eq!(parsed(b"01 1\n0", Format::Auto, None), (vec![0, 1, 1, 0], 1, Format::Ascii));
        assert_eq!(parsed(b"0110 1", Format::Auto, Some(2)), (vec![1, 2], 2, Format::Ascii));
        assert_eq!(parsed(&[0, 1, 5], Format::Auto, None), (vec![0, 1, 5], 3, Format::Bytes));
        assert_eq!(parsed(&[0, 0], Format::Auto, None).1, 1);
        assert_eq!(parsed(&[0xa1], Format::Packed, Some(4)), (vec![0xa, 1], 4, Format::Packed));
        assert!(parse(b"012", Format::Ascii, None).is_err());
    }
}
