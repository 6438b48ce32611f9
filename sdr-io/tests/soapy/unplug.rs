//! A radio that goes away, and one that is opened again and again.

use std::time::{Duration, Instant};

use ndarray::Array2;
use sdr_io::{Error, RadioError};

use super::*;

const WAYS: [&str; 5] = ["error", "timeout", "exception", "unsupported", "zero"];

/// Five ways to be unplugged, 50 times each: a typed error within three seconds, and no hang on closing.
#[test]
fn unplugged() {
    for way in WAYS {
        for round in 0..50 {
            let arguments = format!("unplug={way},unplug.at={}", round * 777);
            let mut source = radio(&format!("unplug-{way}-{round}"), &arguments, "rate=2M&timeout=0.05");
            let mut block = Array2::zeros((1, 1000));
            let mut total = 0;
            let begun = Instant::now();
            let error = loop {
                match source.read(block.view_mut()) {
                    Ok(read) => total += read.expect("no end was announced").samples,
                    Err(error) => break error,
                }
            };
            assert_eq!(total, round * 777, "{way}");
            let Error::Radio { device, error } = error else { panic!("{way}: {error}") };
            assert!(device.starts_with("soapy:driver=phyreplay,"), "{device}");
            assert!(error.reopen(), "{way}: {error}");
            match way {
                "timeout" | "zero" => assert!(matches!(error, RadioError::Silent { .. }), "{error}"),
                "exception" => {
                    assert!(error.to_string().ends_with("phyreplay: the device is gone"), "{error}");
                }
                _ => assert!(matches!(error, RadioError::Broken { .. }), "{error}"),
            }
            drop(source);
            assert!(begun.elapsed() < Duration::from_secs(3), "{way}");
        }
    }
}

/// The longest silence is that of the default.
#[test]
fn silence_ends_within_three_seconds() {
    let mut source = radio("stalls", "stall.at=5000,stall.seconds=30", "rate=2M");
    let mut block = Array2::zeros((1, 5000));
    source.read(block.view_mut()).unwrap().unwrap();
    let begun = Instant::now();
    let error = source.read(block.view_mut()).unwrap_err();
    assert!(matches!(error, Error::Radio { error: RadioError::Silent { .. }, .. }), "{error}");
    assert!((1.9..3.0).contains(&begun.elapsed().as_secs_f64()));
}

/// A stall that is over before patience is costs nothing but time.
#[test]
fn a_stall_passes() {
    let mut source = radio("stall", "stall.at=5000,stall.seconds=0.2", "rate=2M");
    read(source.as_mut(), 1000, 20_000, |read, samples| {
        assert_eq!(read.lost_before, sdr_io::Lost::None);
        assert!(counts(samples, read.global_index as u32));
    });
}

/// Threads, descriptors and kilobytes of this process. Linux has them; elsewhere there is nothing to compare.
fn held() -> Option<(usize, usize, usize)> {
    let count = |folder: &str| std::fs::read_dir(folder).ok().map(Iterator::count);
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes = resident.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((count("/proc/self/task")?, count("/proc/self/fd")?, kilobytes))
}

/// The body of the next test, in a process of its own: the tests beside it have threads and memory too.
#[test]
#[ignore = "run by opening_and_closing_leaves_nothing_behind"]
fn two_hundred_cycles() {
    let cycle = |round: usize| {
        let faults = ["", "unplug=exception,unplug.at=500", "unplug=error,unplug.at=500"][round % 3];
        let mut source = radio(&format!("cycle-{round}"), faults, "rate=2M&timeout=0.05&format=cs16");
        let mut block = Array2::zeros((1, 1000));
        for _ in 0..3 {
            let _ = source.read(block.view_mut());
        }
    };
    (0..50).for_each(cycle);
    let Some(before) = held() else { return };
    (0..200).for_each(cycle);
    let after = held().unwrap();
    assert_eq!((after.0, after.1), (before.0, before.1), "threads, descriptors");
    assert!(after.2 <= before.2 + 1024, "{} kB, then {} kB", before.2, after.2);
}

#[test]
fn opening_and_closing_leaves_nothing_behind() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["unplug::two_hundred_cycles", "--exact", "--ignored", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
