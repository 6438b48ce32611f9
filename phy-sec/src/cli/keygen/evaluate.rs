//! `phy-sec keygen evaluate`: what chains leave of recordings.

use std::path::{Path, PathBuf};

use anyhow::bail;
use phy_sec::keygen::Config;
use phy_sec::keygen::Report;
use phy_sec::keygen::evaluate::{Granted, Recording, Row, evaluate};

use super::methods::{MethodArgs, figure, table};
use crate::cli::{Context, Outcome};

/// Recordings, and methods.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The two ends' measurements of each recording, as `keygen agree` takes them; - for the second where the first has both
    #[arg(value_name = "A B", required = true)]
    files: Vec<PathBuf>,
    /// What an eavesdropper measured, once for each recording in their order, - where there is none: then each chain is run twice,
    /// with the configured `eve.rho` and with what this shows
    #[arg(long, value_name = "FILE")]
    eve: Vec<PathBuf>,
    #[command(flatten)]
    methods: MethodArgs,
}

/// Runs the command.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let config: Config = context.config("keygen")?;
    let chains = args.methods.methods()?.chains(&config)?;
    let recordings = recordings(args, &config, context)?;
    let working = context.working("evaluating");
    let rows = evaluate(&recordings, &chains, context.seed, &context.backend);
    drop(working);
    // Nothing at all was judged: that is bad input, not a finding.
    if let Some(error) = rows.iter().map(|row| row.error.as_ref()).collect::<Option<Vec<_>>>()
        && let Some(error) = error.first()
    {
        bail!("{}: {error}", rows[0].recording);
    }
    if context.json {
        for row in &rows {
            context.print_json(row)?;
        }
    } else {
        context.print(text(&rows, args.methods.markdown))?;
    }
    Ok(Outcome::Quiet)
}

fn recordings(args: &Args, config: &Config, context: &Context) -> anyhow::Result<Vec<Recording>> {
    let given = |path: &Path| path.as_os_str() != "-";
    // One file alone has both ends in it.
    let alone = [PathBuf::from("-")];
    let files: Vec<&PathBuf> = match args.files.as_slice() {
        [one] => [one].into_iter().chain(&alone).collect(),
        files => files.iter().collect(),
    };
    if !files.len().is_multiple_of(2) {
        bail!(
            "{} files, where each recording takes two; say - for the second where the first has both",
            files.len()
        );
    }
    if !args.eve.is_empty() && args.eve.len() != files.len() / 2 {
        let (got, need) = (args.eve.len(), files.len() / 2);
        bail!(
            "--eve is given {got} times for {need} recordings; say - for one without an eavesdropper's trace"
        );
    }
    let of = |(index, pair): (usize, &[&PathBuf])| {
        let (alice, bob) = (pair[0].as_path(), Some(pair[1].as_path()).filter(|path| given(path)));
        let eve = args.eve.get(index).map(PathBuf::as_path).filter(|path| given(path));
        let source: Vec<String> =
            [Some(alice), bob].into_iter().flatten().map(|path| path.display().to_string()).collect();
        let name = name(alice, bob);
        let (alice, bob) = super::ends(alice, bob, config, context)?;
        let eve = eve.map(|path| super::overheard(path, config)).transpose()?;
        Ok(Recording { name, source, alice, bob, eve })
    };
    files.chunks(2).enumerate().map(of).collect()
}

/// What the two files' names have in common at their beginning, or both names.
fn name(alice: &Path, bob: Option<&Path>) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let a = stem(alice);
    let Some(b) = bob.map(stem) else { return a };
    let common: String = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let common = common.trim_end_matches(|c: char| !c.is_alphanumeric());
    if common.chars().count() >= 4 { common.to_owned() } else { format!("{a}, {b}") }
}

fn text(rows: &[Row], markdown: bool) -> String {
    let column = |cell: &dyn Fn(&Row) -> String| rows.iter().map(cell).collect::<Vec<_>>();
    let of = |row: &Row, cell: &dyn Fn(&Report) -> String| row.report.as_ref().map_or("-".into(), cell);
    let count = |count: Option<usize>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let columns = vec![
        ("recording", true, column(&|row| row.recording.clone())),
        ("preprocess", true, column(&|row| row.preprocess.clone())),
        ("quantizer", true, column(&|row| row.quantize.clone())),
        ("reconciler", true, column(&|row| row.reconcile.clone())),
        (
            "Eve",
            true,
            column(&|row| {
                let how = if row.eve == Granted::Model { "model" } else { "her trace" };
                of(row, &|report| format!("{how}, {:.2}", report.eve_rho))
            }),
        ),
        ("pairs", false, column(&|row| of(row, &|report| report.pairs.to_string()))),
        ("r", false, column(&|row| of(row, &|report| figure(report.correlation, 3)))),
        ("r processed", false, column(&|row| of(row, &|report| figure(report.correlation_processed, 3)))),
        ("KDR", false, column(&|row| of(row, &|report| figure(report.kdr, 4)))),
        ("raw bits", false, column(&|row| of(row, &|report| report.raw_bits.to_string()))),
        ("entropy a bit", false, column(&|row| figure(row.entropy_per_bit, 4))),
        ("leak", false, column(&|row| of(row, &|report| count(report.leaked_bits)))),
        ("key", false, column(&|row| of(row, &|report| report.released_bits.to_string()))),
        (
            "why",
            false,
            column(&|row| {
                let why = |report: &Report| report.reason.clone();
                row.error.clone().unwrap_or_else(|| of(row, &why))
            }),
        ),
    ];
    table(columns, markdown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_called_what_its_files_have_in_common() {
        let of = |a: &str, b: &str| name(Path::new(a), Some(Path::new(b)));
        assert_eq!(of("x/tmp_521_12__alice.dat", "x/tmp_521_12__bob.dat"), "tmp_521_12");
        assert_eq!(of("alice_rssi.csv", "bob_rssi.csv"), "alice_rssi, bob_rssi");
        assert_eq!(name(Path::new("d/both.csv"), None), "both");
    }
}
