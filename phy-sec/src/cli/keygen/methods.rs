//! Methods as they are named on the command line, for `evaluate` and `sweep`; and their tables.

use anyhow::Context as _;
use phy_sec::keygen::evaluate::{Methods, name};
use phy_sec::keygen::preprocess::Preprocess;
use phy_sec::keygen::quantize::Quantizer;
use phy_sec::keygen::reconcile::Reconciler;

use crate::cli::report;

/// Which methods are combined.
#[derive(clap::Args)]
pub(super) struct MethodArgs {
    /// Quantizer, as NAME or NAME:FIELD=VALUE,...; several values of a field between bars (guard_band:alpha=0.1|0.3) are several
    /// quantizers, `all` is every one with its defaults. May be given more than once; without it the configuration's
    #[arg(long, value_name = "METHOD")]
    quantize: Vec<String>,
    /// Steps before the quantizer, joined by + (unit_norm+remove_trend:window=51), or `none`. May be given more than once
    #[arg(long, value_name = "STEPS")]
    preprocess: Vec<String>,
    /// Reconciler, as a quantizer is given. May be given more than once
    #[arg(long, value_name = "METHOD")]
    reconcile: Vec<String>,
    /// Print the table in Markdown
    #[arg(long)]
    pub(super) markdown: bool,
}

impl MethodArgs {
    pub(super) fn methods(&self) -> anyhow::Result<Methods> {
        let mut methods = Methods::default();
        for text in all_of(&self.quantize, Quantizer::ALL) {
            methods.quantize.extend(name::parse("quantize", &text).context("--quantize")?);
        }
        for text in all_of(&self.preprocess, Preprocess::ALL) {
            methods.preprocess.extend(name::parse_steps(&text).context("--preprocess")?);
        }
        for text in all_of(&self.reconcile, Reconciler::ALL) {
            methods.reconcile.extend(name::parse("reconcile", &text).context("--reconcile")?);
        }
        Ok(methods)
    }
}

fn all_of(texts: &[String], all: &[&str]) -> Vec<String> {
    let one = |text: &String| match text.as_str() {
        "all" => all.iter().map(|&name| name.to_owned()).collect(),
        _ => vec![text.clone()],
    };
    texts.iter().flat_map(one).collect()
}

/// A table of which the columns that say the same in every row are left out, unless they are figures.
///
/// - `columns`: heading, whether it is left out then, and a cell for each row
pub(super) fn table(columns: Vec<(&str, bool, Vec<String>)>, markdown: bool) -> String {
    let differs = |cells: &[String]| cells.windows(2).any(|pair| pair[0] != pair[1]);
    let columns: Vec<_> =
        columns.into_iter().filter(|(_, optional, cells)| !optional || differs(cells)).collect();
    let heads: Vec<&str> = columns.iter().map(|(head, ..)| *head).collect();
    let rows = columns.first().map_or(0, |(.., cells)| cells.len());
    let row = |index: usize| columns.iter().map(move |(.., cells)| cells[index].as_str());
    if !markdown {
        let mut table = report::table(&heads);
        for index in 0..rows {
            table.add_row(row(index));
        }
        return table.to_string();
    }
    // A bar would end the cell.
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let escaped = |cell: &str| cell.replace('|', "\\|");
    let mut lines = vec![
        line(heads.iter().map(|head| escaped(head)).collect()),
        line(vec!["---".to_owned(); heads.len()]),
    ];
    lines.extend((0..rows).map(|index| line(row(index).map(escaped).collect())));
    lines.join("\n")
}

/// A number for a table, `-` for none.
pub(super) fn figure(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_say_nothing_are_left_out() {
        let cells = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let columns = vec![
            ("same", true, cells(&["a", "a"])),
            ("other", true, cells(&["x|y", "z"])),
            ("key", false, cells(&["0", "0"])),
        ];
        assert_eq!(table(columns, true), "| other | key |\n| --- | --- |\n| x\\|y | 0 |\n| z | 0 |");
        assert_eq!(figure(None, 2), "-");
        assert_eq!(figure(Some(0.125), 2), "0.12");
    }
}
