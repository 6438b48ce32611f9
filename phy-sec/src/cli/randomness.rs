//! `phy-sec randomness FILE`: the SP 800-22 tests on a file of bits.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use phy_sec::bits::Bits;
use phy_sec::keygen::randomness::{self, Config, Report, Row, TestReport};

use super::{Context, Outcome, files, report};

/// A file of bits.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file
    file: PathBuf,
    /// How it holds the bits
    #[arg(long, value_enum, default_value_t = Format::Bits)]
    format: Format,
    /// Look at the first N bits only
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    bits: Option<usize>,
    /// Cut them into N sequences of equal length, and judge the proportion that passes and the p-values' uniformity
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    sequences: usize,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// Packed, least significant bit of a byte first
    Bits,
    /// Packed, most significant bit of a byte first
    BitsMsb,
    /// The characters 0 and 1, and white space
    Ascii,
    /// A byte of value 0 or 1 for each bit
    Bytes,
}

impl From<Format> for randomness::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Bits => Self::Bits,
            Format::BitsMsb => Self::BitsMsb,
            Format::Ascii => Self::Ascii,
            Format::Bytes => Self::Bytes,
        }
    }
}

/// Bits are tested by the million; something else was meant by more than this.
const LARGEST: u64 = 1 << 30;

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let config: Config = context.config("randomness")?;
    let name = args.file.display().to_string();
    let content = files::read(&args.file, LARGEST)?;
    let mut bits = randomness::parse(&content, args.format.into()).with_context(|| name.clone())?;
    if let Some(wanted) = args.bits {
        bits = Bits::from_words(bits.words().to_vec(), wanted.min(bits.len()))?;
    }
    let mut report = randomness::report(&bits, args.sequences, &config).with_context(|| name.clone())?;
    report.source = name;
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(text(&report))?;
    }
    Ok(if report.conspicuous.is_empty() { Outcome::Quiet } else { Outcome::Notable })
}

fn text(report: &Report) -> String {
    let alone = report.sequences == 1;
    let header =
        if alone { ["", "", "statistic", "p", ""] } else { ["", "", "passed", "wanted", "uniformity"] };
    let mut table = report::table(&header);
    for test in &report.tests {
        if let Some(why) = test.not_applicable.filter(|_| test.applicable == 0) {
            table.add_row([test.test.name(), &why.to_string()]);
        } else if test.rows.len() > 2 {
            table.add_row([test.test.name(), &summary(test, report.config.alpha)]);
        }
        for row in test.rows.iter().filter(|row| test.rows.len() <= 2 || row.conspicuous) {
            let mark = if row.conspicuous { "conspicuous" } else { "" };
            let cells = if alone { single(row, mark) } else { several(row, mark) };
            table.add_row([vec![test.test.name().to_owned(), row.label.clone()], cells].concat());
        }
    }
    let cut = format!("{} bits, {} x {}", report.bits, report.sequences, report.sequence_length);
    format!("{}: {cut}\n\n{table}\n\n{}.\n{}", report.source, report.verdict, report.caveat)
}

fn single(row: &Row, mark: &str) -> Vec<String> {
    vec![format!("{:.6}", row.statistics[0]), format!("{:.6}", row.p_values[0]), mark.to_owned()]
}

fn several(row: &Row, mark: &str) -> Vec<String> {
    let [low, high] = row.proportion_interval;
    let uniformity = row.uniformity.map_or_else(|| "-".to_owned(), |p| format!("{p:.6}"));
    vec![
        format!("{}/{} = {:.4}", row.passed, row.p_values.len(), row.proportion),
        format!("{low:.4}..{high:.4}"),
        format!("{uniformity} {mark}").trim_end().to_owned(),
    ]
}

/// Of a test with many statistics, how many p-values there are, how many are low, and the least.
fn summary(test: &TestReport, alpha: f64) -> String {
    let all = || test.rows.iter().flat_map(|row| row.p_values.iter().map(move |p| (*p, &row.label)));
    let (count, low) = (all().count(), all().filter(|(p, _)| *p < alpha).count());
    let least = all().min_by(|a, b| a.0.total_cmp(&b.0));
    let least = least.map_or_else(String::new, |(p, label)| format!("; least {p:.6} ({label})"));
    format!("{count} p-values, {low} below {alpha} ({:.1} expected){least}", count as f64 * alpha)
}
