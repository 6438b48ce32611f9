//! `phy-sec demo`: the three pipelines on a scene whose truth is known, or on a folder of real recordings.
//!
//! A pipeline's part is a file with `simulated` and `recorded`, its `mod` line and its row in [`PARTS`].

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    Context, Outcome,
    files::{Kind, Output},
    report,
};

mod fingerprint;
mod jamming;
mod keygen;

/// A pipeline's part on the simulated scene, and on a folder of recordings.
type Part = (fn(&Context) -> anyhow::Result<Section>, fn(&Context, &Path) -> anyhow::Result<Section>);

/// The three pipelines, in the order of the report, under their names in the JSON.
const PARTS: &[(&str, Part)] = &[
    ("keygen", (keygen::simulated, keygen::recorded)),
    ("fingerprint", (fingerprint::simulated, fingerprint::recorded)),
    ("jamming", (jamming::simulated, jamming::recorded)),
];

/// What to run on, and where the report goes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of recordings (with `keygen`, `fingerprint` and `jamming` in it) instead of the simulated scene
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder for `report.json` and `report.html`; those of an earlier demo are replaced
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// One pipeline's part of the report.
#[derive(Default)]
pub(crate) struct Section {
    /// Its heading.
    pub(crate) title: &'static str,
    /// The objects of the JSON report, as `docs/json.md` describes them.
    pub(crate) objects: Vec<Value>,
    /// The table.
    pub(crate) rows: Vec<Row>,
    /// The pictures.
    pub(crate) figures: Vec<Figure>,
}

/// One line of the table: what was so, and what was decided.
#[derive(Default)]
pub(crate) struct Row {
    /// What was looked at.
    pub(crate) scene: String,
    /// What is known of it beforehand.
    pub(crate) truth: String,
    /// What the pipeline decided.
    pub(crate) decision: String,
    /// Whether the two agree; `None` where the truth is not known.
    pub(crate) right: Option<bool>,
    /// The figures behind the decision.
    pub(crate) detail: String,
}

/// A picture of the report.
pub(crate) struct Figure {
    /// Its heading.
    pub(crate) title: String,
    /// What to see in it.
    pub(crate) caption: String,
    /// PNG file content, from [`super::plot`].
    pub(crate) png: Vec<u8>,
}

/// Runs every part and writes the report.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let output = |name: &str, kind| Output::new(&args.out.join(name), kind, &[]);
    let object_file = output("report.json", Kind::ReportJson)?;
    let page_file = output("report.html", Kind::ReportHtml)?;
    let mut sections = Vec::new();
    let progress = context.progress(PARTS.len() as u64, "demo");
    for (_, (simulated, recorded)) in PARTS {
        sections.push(match &args.data {
            None => simulated(context)?,
            Some(data) => recorded(context, data)?,
        });
        progress.inc(1);
    }
    drop(progress);

    let object = json_report(args, context, &sections);
    let facts = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("backend", context.backend.to_string()),
        ("seed", context.seed.to_string()),
    ];
    let heading = match &args.data {
        None => "phy-sec: a simulated scene".to_owned(),
        Some(data) => format!("phy-sec: recordings in {}", name(data)),
    };
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    object_file.write(serde_json::to_string_pretty(&object)?.as_bytes())?;
    page_file.write(report::html(&heading, &facts, &sections).as_bytes())?;

    if context.json {
        context.print_json(&object)?;
    } else {
        context.print(format!("{heading}\nbackend {}, seed {}\n", context.backend, context.seed))?;
        context.print(report::text(&sections))?;
        let page = page_file.path().display();
        context.print(format!("Pictures and figures: {page} (and report.json beside it)"))?;
    }
    // A row whose truth is not known is no fault.
    let wrong = sections.iter().flat_map(|section| &section.rows).any(|row| row.right == Some(false));
    Ok(if wrong { Outcome::Notable } else { Outcome::Quiet })
}

/// `phy-sec.demo/1` of `docs/json.md`.
fn json_report(args: &Args, context: &Context, sections: &[Section]) -> Value {
    let mut object = json!({
        "schema": "phy-sec.demo/1",
        "version": env!("CARGO_PKG_VERSION"),
        "backend": context.backend.to_string(),
        "seed": context.seed,
        "data": args.data.as_deref().map(name),
    });
    for ((name, ..), section) in PARTS.iter().zip(sections) {
        object[*name] = section.objects.clone().into();
    }
    let rows = PARTS.iter().zip(sections).flat_map(|((name, ..), section)| {
        section.rows.iter().map(move |row| {
            json!({
                "pipeline": name, "scene": row.scene, "truth": row.truth,
                "decision": row.decision, "right": row.right, "detail": row.detail,
            })
        })
    });
    object["scenes"] = rows.collect();
    object
}

/// What a folder is called. Where it lies is nobody's business in a report that travels.
fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| ".".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A recording's place inside the folder of recordings: what a report calls it.
fn relative(path: &Path, data: &Path) -> String {
    path.strip_prefix(data).unwrap_or(path).display().to_string()
}
