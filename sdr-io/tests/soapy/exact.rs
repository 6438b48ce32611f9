//! Every sample names its own number, so what is said of losses can be checked against the samples themselves.

use sdr_io::{Lost, OpenOptions, Time, open};

use super::*;

/// As many samples as a minute at 5 MS/s: none lost, doubled or out of order.
#[test]
fn a_minute_of_samples_in_order() {
    let mut source = radio("soak", "", "rate=5M&format=cf32");
    let mut next = 0_u64;
    read(source.as_mut(), 65_536, 300_000_000, |read, samples| {
        assert_eq!((read.sample_start, read.global_index, read.lost_before), (next, next, Lost::None));
        assert!(counts(samples, next as u32), "at {next}");
        next += samples.len() as u64;
    });
    assert!(next >= 300_000_000);
}

/// In real time, where a radio fills its buffers whether anybody reads or not.
#[test]
fn a_second_in_real_time() {
    let begun = std::time::Instant::now();
    let mut source = radio("paced", "pace=true", "rate=5M");
    let mut start = None;
    let mut next = 0;
    read(source.as_mut(), 16_384, 5_000_000, |read, samples| {
        let first = *start.get_or_insert_with(|| number(samples[0]));
        assert_eq!(
            (read.global_index, read.lost_before),
            (next, Lost::None),
            "another program took the processor"
        );
        assert!(counts(samples, first.wrapping_add(next as u32)));
        next += samples.len() as u64;
    });
    let seconds = begun.elapsed().as_secs_f64();
    assert!((0.9..5.0).contains(&seconds), "{seconds}");
}

/// 10,000 losses of 1 to 10,000,000 samples, told by a code or by the time alone.
#[test]
fn ten_thousand_losses_are_counted() {
    for (code, rate) in
        [("inline", "5M"), ("none", "30.72M"), ("status", "5M"), ("late", "1.92M"), ("abrupt", "61.44M")]
    {
        let faults =
            format!("overflow.every=1000,overflow.samples=1,overflow.most=10000000,overflow.code={code}");
        let mut source = radio(&format!("losses-{code}"), &faults, &format!("rate={rate}&format=cs16"));
        let (mut losses, mut lost, mut delivered) = (0, 0_u64, 0);
        read(source.as_mut(), 4096, 2_000_500, |read, samples| {
            match read.lost_before {
                Lost::None => {}
                Lost::Count(n) => {
                    assert!((1..=10_000_000).contains(&n));
                    losses += 1;
                    lost += n;
                }
                Lost::Unknown => panic!("{code}: a loss that the time tells of was not counted"),
            }
            // The sample's own number is the judge of all that was counted so far.
            assert_eq!(read.sample_start, delivered);
            assert_eq!(read.global_index, delivered + lost);
            assert!(counts(samples, read.global_index as u32), "{code} at {delivered}");
            delivered += samples.len() as u64;
        });
        assert_eq!(losses, 2000, "{code}");
    }
}

#[test]
fn two_channels_and_three_formats() {
    for format in ["cf32", "cs16"] {
        let uri = uri(&format!("two-{format}"), "", &format!("rate=2M&format={format}&channels=1,0"));
        let mut source = open(&uri, &OpenOptions::default()).unwrap();
        assert_eq!(source.info().channels, 2);
        let mut block = ndarray::Array2::zeros((2, 1000));
        let read = source.read(block.view_mut()).unwrap().unwrap();
        // The order of the URI; channel 1 counts from 2^30.
        assert!(counts(&block.row(0).as_slice().unwrap()[..read.samples], 1 << 30), "{format}");
        assert!(counts(&block.row(1).as_slice().unwrap()[..read.samples], 0), "{format}");
    }
    let mut source = radio("two-cs8", "native=CS8", "rate=2M");
    assert_eq!(source.info().datatype, sdr_io::Datatype::CI8);
    read(source.as_mut(), 70_000, 140_000, |read, samples| {
        for (x, at) in samples.iter().zip(read.global_index..) {
            let code = |x: f32| u64::from((x * 128.0) as i8 as u8);
            assert_eq!(code(x.re) | code(x.im) << 8, at & 0xffff);
        }
    });
}

/// Twelve bits in sixteen: full scale is what the driver says it is.
#[test]
fn full_scale_of_the_hardware() {
    let mut source = radio("twelve", "native=CS16,fullscale=2048,signal=tone", "rate=2M");
    read(source.as_mut(), 800, 800, |_, samples| {
        assert!(samples.iter().all(|x| (x.norm() - 0.5).abs() < 1e-3), "{}", samples[0]);
    });
}

#[test]
fn rows_that_are_not_contiguous() {
    for format in ["cf32", "cs16"] {
        let mut source = radio(&format!("stride-{format}"), "", &format!("rate=2M&format={format}"));
        let mut block = ndarray::Array2::zeros((1000, 1));
        let read = source.read(block.view_mut().reversed_axes()).unwrap().unwrap();
        assert!(counts(&block.column(0).to_vec()[..read.samples], 0), "{format}");
    }
}

#[test]
fn times_follow_the_samples() {
    let mut source = radio("times", "overflow.every=10000,overflow.samples=500", "rate=30.72M");
    read(source.as_mut(), 4096, 100_000, |read, _| {
        let nanoseconds = (read.global_index as f64 / 30.72e6 * 1e9).round() as i64;
        assert_eq!(read.time, Some(Time::Hardware(nanoseconds)));
    });
}

/// Some radios do not give whole numbers of samples between two of their nanoseconds; the count must not drift.
#[test]
fn a_recording_through_a_radio_is_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ci16");
    let bytes: Vec<u8> = (0..40_000_u32).map(|x| (x * 7) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let path = path.to_str().unwrap();
    let arguments = format!("file={path},datatype=ci16_le,loop=false,native=CS16");
    let mut source = radio("file", &arguments, "rate=1M&timeout=0.2");
    let mut want = open(path, &OpenOptions::default()).unwrap();
    let (mut got, mut expected) = (Vec::new(), ndarray::Array2::zeros((1, 10_000)));
    let mut block = ndarray::Array2::zeros((1, 3000));
    while let Some(read) = source.read(block.view_mut()).unwrap() {
        got.extend_from_slice(&block.row(0).as_slice().unwrap()[..read.samples]);
    }
    assert!(source.read(block.view_mut()).unwrap().is_none());
    assert_eq!(want.read(expected.view_mut()).unwrap().unwrap().samples, 10_000);
    assert_eq!(got, expected.row(0).to_vec());
}
