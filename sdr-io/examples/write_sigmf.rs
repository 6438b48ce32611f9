//! Writes one SigMF recording of each kind into a folder: every datatype, one channel and three, pairs and archives,
//! with a gap, a retuning and annotations. `python/tests/test_sigmf_conformance.py` holds them against the Python
//! package `sigmf`.
//!
//!     cargo run -p phy-sec-sdr-io --example write_sigmf -- FOLDER

use std::path::Path;

use ndarray::{Array2, Axis, Slice};
use num_complex::Complex32;
use sdr_io::{CreateOptions, Datatype, Lost, Read, Result, Time, create, sigmf::Annotation};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    for datatype in Datatype::all() {
        for channels in [1, 3] {
            for extension in ["sigmf-meta", "sigmf"] {
                record(&folder.join(format!("{datatype}-{channels}.{extension}")), datatype, channels)?;
            }
        }
    }
    Ok(())
}

/// 1,000 samples: a slow rotation in each channel; after 400 a gap of 50, after 700 another frequency.
fn record(path: &Path, datatype: Datatype, channels: usize) -> Result<()> {
    let samples = Array2::from_shape_fn((channels, 1000), |(channel, k)| {
        let x = Complex32::from_polar(0.9, 0.01 * (channel + 1) as f32 * k as f32);
        if datatype.complex() { x } else { x.re.into() }
    });
    let options = CreateOptions {
        datatype: Some(datatype),
        channels,
        description: Some("slow rotations, for conformance".into()),
        author: Some("phy-sec".into()),
        hardware: Some("none: computed".into()),
        license: Some("https://creativecommons.org/publicdomain/zero/1.0/".into()),
        ..CreateOptions::default()
    };
    let start = Time::Utc(jiff::Timestamp::constant(1_769_860_800, 250_000_000)); // 2026-01-31T12:00:00.25Z
    let first = Read {
        samples: 400,
        time: Some(start),
        sample_rate: Some(1e6),
        center_frequency: Some(868e6),
        ..Read::default()
    };
    let blocks = [
        first,
        Read {
            samples: 300,
            sample_start: 400,
            global_index: 450,
            lost_before: Lost::Count(50),
            time: start.after(450, 1e6),
            ..first
        },
        Read {
            samples: 300,
            sample_start: 700,
            global_index: 750,
            lost_before: Lost::Unknown,
            time: None,
            center_frequency: Some(433.92e6),
            ..first
        },
    ];
    let mut sink = create(path, &options)?;
    for block in &blocks {
        let at = block.sample_start as usize;
        sink.write(samples.slice_axis(Axis(1), Slice::from(at..at + block.samples)), block)?;
    }
    let mut annotation = Annotation::new(100, 50);
    annotation.label = Some("burst".into());
    annotation.freq_lower_edge = Some(867.9e6);
    annotation.freq_upper_edge = Some(868.1e6);
    annotation.extra.insert("phy-sec:statistic".into(), 12.5.into());
    sink.annotate(annotation)?;
    sink.annotate(Annotation { comment: Some("in front of the other".into()), ..Annotation::new(0, 10) })?;
    sink.finish()
}
