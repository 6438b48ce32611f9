//! `kill -9` while a recording is written: whenever it strikes, the pair opens, and its metadata covers every whole sample
//! that is in the dataset.
#![cfg(target_os = "linux")]

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ndarray::Array2;
use num_complex::Complex32;
use sdr_io::{
    CreateOptions, Datatype, Lost, OpenOptions, Read, StreamInfo, open,
    record::{RecordOptions, Recorder},
};

const WRITER: &str = "PHY_SEC_KILLED_WRITER";
/// 3 channels of 2 x 2 bytes: no divisor of a page, so that the end may fall into a sample.
const CHANNELS: usize = 3;

/// What is lost before the block with this number.
fn lost(block: u64) -> Lost {
    match block % 5 {
        2 => Lost::Count(block),
        4 if block.is_multiple_of(3) => Lost::Unknown,
        _ => Lost::None,
    }
}

/// Not a test by itself: the process that is killed. It writes blocks of different lengths for ever.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(WRITER) else { return };
    let info = StreamInfo::new("test", Datatype::CI16_LE, CHANNELS, Some(1e6));
    let create = CreateOptions { datatype: Some(Datatype::CI16_LE), ..CreateOptions::default() };
    let options =
        RecordOptions { create, keep_free: 0, most_samples: Some(50_000_000), ..RecordOptions::default() };
    let mut recorder = Recorder::new(Path::new(&path), &info, options).unwrap();
    let (mut sample, mut global) = (0u64, 0u64);
    for block in 0.. {
        let samples = 500 + (block * 7919 % 40_000) as usize;
        if let Lost::Count(lost) = lost(block) {
            global += lost;
        }
        let x = Array2::from_shape_fn((CHANNELS, samples), |(channel, k)| {
            Complex32::new(((sample + k as u64) % 30_000) as f32, channel as f32) / 32768.0
        });
        let read = Read {
            samples,
            sample_start: sample,
            global_index: global,
            lost_before: lost(block),
            sample_rate: Some(1e6),
            ..Read::default()
        };
        if recorder.push(x.view(), &read).unwrap().is_some() {
            break;
        }
        if block % 7 == 0 {
            recorder.flush().unwrap();
        }
        (sample, global) = (sample + samples as u64, global + samples as u64);
    }
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    // xorshift with a fixed seed: the moments are random enough, and the machine adds its own.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let (mut opened, mut most) = (0, 0);
    for round in 0..100 {
        let path = folder.path().join("a.sigmf-meta");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(WRITER, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Half of them are counted from when there is something, however long the process takes to start.
        let begun = Instant::now();
        while round % 2 == 0 && !path.exists() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(Duration::from_micros(state % 40_000));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        if path.exists() {
            opened += 1;
            most = most.max(check(&path, round));
        }
        for file in std::fs::read_dir(folder.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
    eprintln!("100 kills: {opened} recordings had begun; the longest had {most} samples");
    assert!(opened >= 50, "killed too early to show anything: {opened}");
}

/// Every sample is the one that was written there, and every gap is where it was; the number of samples.
fn check(path: &Path, round: usize) -> u64 {
    let mut source = open(path.to_str().unwrap(), &OpenOptions::default())
        .unwrap_or_else(|error| panic!("round {round}: {error}"));
    let bytes = std::fs::metadata(path.with_extension("sigmf-data")).unwrap().len();
    let frame = 4 * CHANNELS as u64;
    assert_eq!(source.info().samples, Some(bytes / frame), "round {round}: every whole sample");
    assert_eq!(source.info().partial_bytes, bytes % frame);
    // The blocks that were written, with the sum of what was lost before each capture.
    let (mut start, mut gaps) = (0u64, Vec::new());
    for block in 0.. {
        if start >= bytes / frame {
            break;
        }
        if lost(block).is_gap() {
            gaps.push((start, lost(block)));
        }
        start += 500 + block * 7919 % 40_000;
    }
    let mut out = Array2::zeros((CHANNELS, 1 << 16));
    let (mut next, mut found) = (0u64, Vec::new());
    while let Some(read) = source.read(out.view_mut()).unwrap() {
        if read.lost_before.is_gap() {
            found.push((read.sample_start, read.lost_before));
        }
        assert_eq!(read.sample_start, next);
        for k in 0..read.samples {
            let want = Complex32::new(((next + k as u64) % 30_000) as f32, 2.0) / 32768.0;
            assert_eq!(out[[2, k]], want, "round {round}, sample {}", next + k as u64);
        }
        next += read.samples as u64;
    }
    assert_eq!(found, gaps, "round {round}");
    next
}
