//! `labels.csv`: which file holds whose transmissions. Somebody else's file: nothing in it is trusted.

use std::{
    collections::HashMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use phy_sec::fingerprint::enroll::same_rate;
use sdr_io::{Datatype, OpenOptions};

use crate::cli::files::{self, quoted};

/// Its name inside the folder.
pub(super) const FILE: &str = "labels.csv";

/// The largest that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// One recording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) file: String,
    pub(crate) emitter: String,
    pub(crate) enrolled: bool,
    pub(crate) recording: String,
    /// How many there are, where the table says so.
    pub(crate) samples: Option<u64>,
    pub(crate) datatype: Datatype,
    pub(crate) sample_rate: f64,
}

impl Label {
    /// What the recording does not say itself.
    pub(super) fn options(&self) -> OpenOptions {
        OpenOptions {
            datatype: Some(self.datatype),
            sample_rate: Some(self.sample_rate),
            ..OpenOptions::default()
        }
    }
}

/// The sample rates, each once, of recordings that would be compared with each other; what a feature measures depends on
/// the rate.
pub(super) fn rates<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<f64> {
    let mut rates: Vec<f64> = labels.map(|label| label.sample_rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup_by(|a, b| same_rate(*a, *b));
    rates
}

/// Reads `folder/labels.csv` and checks that every file named in it is a plain file of that folder.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Label>> {
    let path = folder.join(FILE);
    let content = files::read_text(&path, MOST_BYTES)?;
    let labels = parse(&content).with_context(|| format!("{} cannot be used", path.display()))?;
    let home = fs::canonicalize(folder)?;
    let mut seen: HashMap<PathBuf, &str> = HashMap::new();
    for label in &labels {
        let file = folder.join(&label.file);
        let real = fs::canonicalize(&file).with_context(|| format!("cannot read {}", file.display()))?;
        ensure!(
            real.starts_with(&home) && real.is_file(),
            "{} is not a file inside the folder",
            file.display()
        );
        // As two recordings it would stand on both sides of a split by recording.
        if let Some(other) = seen.insert(real, &label.file) {
            bail!(
                "{}: {} is listed twice, or is the same file as {}",
                path.display(),
                quoted(&label.file),
                quoted(other)
            );
        }
    }
    Ok(labels)
}

fn parse(content: &str) -> anyhow::Result<Vec<Label>> {
    let mut reader = csv::Reader::from_reader(content.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers()?.clone();
    let column = |name: &str| match header.iter().position(|h| h.trim() == name) {
        Some(at) => Ok(at),
        None => {
            let names: Vec<&str> = header.iter().collect();
            bail!("there is no column {name:?}; the first line is {}", quoted(&names.join(",")))
        }
    };
    let at = ["file", "emitter", "role", "recording", "datatype", "sample_rate"].map(column);
    let [file, emitter, role, recording, datatype, sample_rate] = at;
    let at = [file?, emitter?, role?, recording?, datatype?, sample_rate?];
    let samples = column("samples").ok();
    let mut labels = Vec::new();
    for (i, row) in reader.records().enumerate() {
        let row = row?;
        let line = i + 2;
        let [file, emitter, role, recording, datatype, rate] = at.map(|at| row.get(at).unwrap_or("").trim());
        let mut parts = Path::new(file).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        ensure!(
            plain && !file.contains(['/', '\\', '\0', '?']),
            "line {line}: {} is not the plain name of a file in this folder",
            quoted(file)
        );
        ensure!(
            !emitter.is_empty() && !recording.is_empty(),
            "line {line}: emitter and recording must not be empty"
        );
        let enrolled = match role {
            "enrolled" => true,
            "unknown" => false,
            other => bail!("line {line}: role {} is neither \"enrolled\" nor \"unknown\"", quoted(other)),
        };
        let sample_rate = rate.parse::<f64>().ok().filter(|r| r.is_finite() && *r > 0.0);
        let Some(sample_rate) = sample_rate else {
            bail!("line {line}: sample_rate {} is not a positive number", quoted(rate))
        };
        let samples = match samples.map(|at| row.get(at).unwrap_or("").trim()) {
            None | Some("") => None,
            Some(text) => match text.parse::<u64>() {
                Ok(samples) if samples > 0 => Some(samples),
                _ => bail!("line {line}: samples {} is not a positive whole number", quoted(text)),
            },
        };
        let datatype = Datatype::parse(datatype).with_context(|| format!("line {line}"))?;
        let [file, emitter, recording] = [file, emitter, recording].map(str::to_owned);
        labels.push(Label { file, emitter, enrolled, recording, samples, datatype, sample_rate });
    }
    ensure!(!labels.is_empty(), "no recording is listed");
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "file,emitter,role,recording,samples,datatype,sample_rate\n";

    #[test]
    fn reads_what_it_should() {
        let labels =
            parse(&format!("\u{feff}{HEADER}a.cu8,door bell,enrolled,a-1,100,cu8,250000\n")).unwrap();
        assert_eq!(labels.len(), 1);
        assert_eq!(
            (&*labels[0].emitter, labels[0].enrolled, labels[0].sample_rate),
            ("door bell", true, 250e3)
        );
        assert_eq!(labels[0].datatype, Datatype::CU8);
    }

    #[test]
    fn refuses_what_it_should() {
        let refused = |content: String, part: &str| {
            let error = format!("{:#}", parse(&content).unwrap_err());
            assert!(error.contains(part), "{error:?} should say {part:?}");
        };
        refused(String::new(), "no column \"file\"");
        refused(HEADER.into(), "no recording");
        refused("file,emitter\nx,y\n".into(), "no column \"role\"");
        for file in ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "C:\\a", "a\0b", "a?datatype=cu8"] {
            refused(format!("{HEADER}\"{file}\",e,enrolled,r,1,cu8,1e6\n"), "plain name");
        }
        refused(format!("{HEADER}a,e,friend,r,1,cu8,1e6\n"), "role \"friend\"");
        refused(format!("{HEADER}a,,enrolled,r,1,cu8,1e6\n"), "must not be empty");
        for rate in ["0", "-1", "NaN", "inf", "fast", ""] {
            refused(format!("{HEADER}a,e,enrolled,r,1,cu8,{rate}\n"), "not a positive number");
        }
        for samples in ["-1", "0", "many", "1.5", "18446744073709551616"] {
            refused(format!("{HEADER}a,e,enrolled,r,{samples},cu8,1e6\n"), "not a positive whole number");
        }
        refused(format!("{HEADER}a,e,enrolled,r,1,zz9,1e6\n"), "line 2: `zz9` is not a datatype");
        refused(format!("{HEADER}a,e,enrolled\n"), "CSV error");
        // However long the text is, the message can be read.
        let long = "\0".repeat(1 << 20);
        for content in [
            long.clone(),
            format!("{HEADER}{long},e,enrolled,r,1,cu8,1e6\n"),
            format!("{HEADER}a,e,{long},r,1,cu8,1e6\n"),
            format!("{HEADER}a,e,enrolled,r,1,cu8,{long}\n"),
        ] {
            let error = format!("{:#}", parse(&content).unwrap_err());
            assert!(error.len() < 1000, "{} bytes", error.len());
        }
    }
}
