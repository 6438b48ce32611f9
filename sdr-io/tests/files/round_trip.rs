//! What is written is read back: samples, gaps, retunings, times, annotations.

use ndarray::{Array2, Axis, Slice, s};
use num_complex::Complex32;
use proptest::prelude::*;
use sdr_io::{
    Clock, CreateOptions, Datatype, Error, Lost, OpenOptions, Read, Replay, ReplayOptions, Sink, Source,
    Time, create,
    sigmf::{Annotation, Metadata, SigmfSink},
};

use crate::fixtures::{Folder, meta, open_path, read_all};

/// Values that every datatype holds exactly: odd multiples of half a step of eight bits, small.
fn samples(channels: usize, n: usize) -> Array2<Complex32> {
    Array2::from_shape_fn((channels, n), |(c, k)| {
        let code = |x: usize| ((x * 37 % 255) as f32 - 127.0) / 128.0;
        Complex32::new(code(k + 91 * c), code(3 * k + 11 + c))
    })
}

fn options(datatype: Datatype, channels: usize) -> CreateOptions {
    CreateOptions { datatype: Some(datatype), channels, sample_rate: Some(1e6), ..CreateOptions::default() }
}

fn whole(samples: &Array2<Complex32>) -> Read {
    Read { samples: samples.ncols(), ..Read::default() }
}

#[test]
fn every_datatype_in_raw_and_sigmf() {
    let folder = Folder::new();
    for datatype in Datatype::all() {
        for channels in [1, 3] {
            let mut x = samples(channels, 1000);
            if !datatype.complex() {
                x.mapv_inplace(|x| Complex32::new(x.re, 0.0));
            }
            // Unsigned codes lie half a step beside these values.
            let half = if datatype.to_string().contains('u') { 0.5 / 128.0 } else { 0.0 };
            for name in ["a.bin", "a.sigmf-meta", "a.sigmf"] {
                let path = folder.path(name);
                let options = CreateOptions { overwrite: true, ..options(datatype, channels) };
                let mut sink = create(&path, &options).unwrap();
                sink.write(x.view(), &whole(&x)).unwrap();
                assert_eq!(sink.clipped(), 0);
                sink.finish().unwrap();
                let known = OpenOptions {
                    datatype: Some(datatype),
                    channels: Some(channels),
                    verify: name != "a.bin",
                    ..OpenOptions::default()
                };
                let mut source = open_path(&path, &known).unwrap();
                assert_eq!(source.info().samples, Some(1000));
                let (got, _) = read_all(&mut *source, 77).unwrap();
                for (got, want) in got.iter().zip(&x) {
                    let imaginary = if datatype.complex() { (got.im - want.im).abs() } else { got.im.abs() };
                    assert!(
                        (got.re - want.re).abs() <= half && imaginary <= half,
                        "{datatype} {name}: {got} {want}"
                    );
                }
            }
        }
    }
    assert_eq!(folder.list(), ["a.bin", "a.sigmf", "a.sigmf-data", "a.sigmf-meta"], "nothing is left behind");
}

#[test]
fn wav_and_its_frequency() {
    let folder = Folder::new();
    for datatype in ["cu8", "ci16_le", "ci32_le", "cf32_le", "cf64_le", "ru8", "ri16_le", "rf32_le"] {
        let datatype: Datatype = datatype.parse().unwrap();
        let mut x = samples(1, 333);
        if !datatype.complex() {
            x.mapv_inplace(|x| Complex32::new(x.re, 0.0));
        }
        let path = folder.path(&format!("{datatype}.wav"));
        let mut sink = create(&path, &options(datatype, 1)).unwrap();
        sink.write(x.view(), &Read { center_frequency: Some(433.92e6), ..whole(&x) }).unwrap();
        sink.finish().unwrap();
        let mut source = open_path(&path, &OpenOptions::default()).unwrap();
        let info = source.info();
        assert_eq!(
            (info.datatype, info.sample_rate, info.center_frequency),
            (datatype, Some(1e6), Some(433.92e6))
        );
        let (got, _) = read_all(&mut *source, 50).unwrap();
        assert!(got.iter().zip(&x).all(|(got, want)| (got - want).norm() < 0.006), "{datatype}");
    }
}

/// Two retunings, a counted gap, an uncounted one, and times by calendar and by counter.
#[test]
fn captures_and_gaps() {
    let start: jiff::Timestamp = "2026-01-31T12:00:00.25Z".parse().unwrap();
    let block = |samples, sample_start, global_index, lost_before, frequency| Read {
        samples,
        sample_start,
        global_index,
        lost_before,
        sample_rate: Some(1e6),
        center_frequency: Some(frequency),
        ..Read::default()
    };
    let reads = [
        Read { time: Some(Time::Utc(start)), ..block(100, 0, 0, Lost::None, 868e6) },
        block(50, 100, 100, Lost::None, 868e6), // continues
        Read { time: Some(Time::Hardware(123_456_789)), ..block(100, 150, 1150, Lost::Count(1000), 868e6) },
        block(30, 250, 1250, Lost::None, 433e6), // a seamless retuning
        block(70, 280, 1280, Lost::Unknown, 433e6),
    ];
    let x = samples(2, 350);
    for name in ["a.sigmf-meta", "a.sigmf"] {
        let folder = Folder::new();
        let path = folder.path(name);
        let mut sink = create(&path, &options(Datatype::CI8, 2)).unwrap();
        for read in &reads {
            let at = read.sample_start as usize;
            sink.write(x.slice_axis(Axis(1), Slice::from(at..at + read.samples)), read).unwrap();
        }
        sink.annotate(Annotation { label: Some("late".into()), ..Annotation::new(300, 50) }).unwrap();
        sink.annotate(Annotation { label: Some("early".into()), ..Annotation::new(20, 5) }).unwrap();
        sink.finish().unwrap();
        let mut source = open_path(&path, &OpenOptions { verify: true, ..OpenOptions::default() }).unwrap();
        assert_eq!(source.info().segments, 4);
        let labels: Vec<_> =
            source.annotations().iter().map(|a| (a.sample_start, a.label.clone().unwrap())).collect();
        assert_eq!(labels, [(20, "early".into()), (300, "late".into())]);
        let (got, read) = read_all(&mut *source, 1000).unwrap();
        assert_eq!(got, x);
        let want = [Read { samples: 150, ..reads[0] }, reads[2], Read { time: None, ..reads[3] }, reads[4]];
        assert_eq!(read, want, "{name}");
        // In the middle of a capture the time has moved on.
        source.seek(160).unwrap();
        let read = source.read(Array2::zeros((2, 8)).view_mut()).unwrap().unwrap();
        assert_eq!(read.time, Some(Time::Hardware(123_456_789 + 10_000)));
        assert_eq!((read.sample_start, read.global_index, read.lost_before), (160, 1160, Lost::None));
    }
}

/// What SigMF leaves unsaid: clocks and frequencies that betray a gap, and an index that goes back.
#[test]
fn gaps_that_nobody_declared() {
    let folder = Folder::new();
    folder.write("a.sigmf-data", [0; 60]);
    let second = |fields: &str| {
        let captures = format!(
            r#"{{"core:sample_start": 0, "core:frequency": 1e9, "core:datetime": "2026-01-31T12:00:00.000Z"}},
               {{"core:sample_start": 10, {fields}}}"#
        );
        let path = folder.write("a.sigmf-meta", meta("cu8", r#", "core:sample_rate": 1000"#, &captures, ""));
        let (_, reads) = read_all(&mut *open_path(&path, &OpenOptions::default()).unwrap(), 100).unwrap();
        assert_eq!(reads.len(), 2);
        (reads[1].lost_before, reads[1].global_index)
    };
    let same = r#""core:frequency": 1e9, "core:datetime""#;
    assert_eq!(second(&format!(r#"{same}: "2026-01-31T12:00:00.010Z""#)), (Lost::None, 10));
    assert_eq!(second(&format!(r#"{same}: "2026-01-31T12:00:00.011Z""#)), (Lost::None, 10), "rounding");
    assert_eq!(second(&format!(r#"{same}: "2026-01-31T12:00:00.050Z""#)), (Lost::Unknown, 10));
    assert_eq!(second(r#""core:frequency": 2e9"#), (Lost::Unknown, 10));
    assert_eq!(second(r#""core:frequency": 2e9, "core:global_index": 10"#), (Lost::None, 10));
    assert_eq!(second(r#""core:frequency": 1e9, "core:global_index": 25"#), (Lost::Count(15), 25));
    assert_eq!(second(r#""core:frequency": 1e9, "core:global_index": 3"#), (Lost::Unknown, 3));
}

/// Headers before each capture, a trailer, an offset: only the samples are read, and they keep their numbers.
#[test]
fn datasets_that_do_not_conform() {
    let folder = Folder::new();
    let data: Vec<u8> = [&[9; 5][..], &[10, 11, 12, 13], &[9; 3], &[14, 15], &[9; 4]].concat();
    folder.write("x.bin", data);
    let captures = r#"{"core:sample_start": 100, "core:header_bytes": 5}, {"core:sample_start": 102, "core:header_bytes": 3}"#;
    let global = r#", "core:dataset": "x.bin", "core:trailing_bytes": 4, "core:offset": 100"#;
    let path = folder.write("a.sigmf-meta", meta("ci8", global, captures, r#"{"core:sample_start": 102}"#));
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    let (got, reads) = read_all(&mut *source, 10).unwrap();
    let codes: Vec<_> = got.iter().flat_map(|x| [x.re * 128.0, x.im * 128.0]).collect();
    assert_eq!(codes, [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    assert_eq!(reads.iter().map(|read| read.sample_start).collect::<Vec<_>>(), [100, 102]);
    assert!(source.seek(99).is_err());
    source.seek(101).unwrap();
    assert_eq!(source.read(got.clone().view_mut()).unwrap().unwrap().samples, 1);
}

proptest! {
    /// Cutting the stream anywhere changes nothing.
    #[test]
    fn any_width_reads_the_same(widths in prop::collection::vec(1usize..40_000, 1..8), channels in 1usize..4) {
        let folder = Folder::new();
        let x = samples(channels, 50_000);
        let path = folder.path("a.sigmf");
        let mut sink = create(&path, &options(Datatype::CI16_LE, channels)).unwrap();
        let (mut at, mut k) = (0, 0);
        while at < 50_000 {
            let n = widths[k % widths.len()].min(50_000 - at);
            let read = Read { samples: n, sample_start: at as u64, global_index: at as u64, ..Read::default() };
            sink.write(x.slice_axis(Axis(1), Slice::from(at..at + n)), &read).unwrap();
            (at, k) = (at + n, k + 1);
        }
        sink.finish().unwrap();
        let mut source = open_path(&path, &OpenOptions::default()).unwrap();
        prop_assert_eq!(source.info().segments, 1);
        let mut got = Array2::zeros((channels, 50_000));
        let (mut at, mut k) = (0, 0);
        loop {
            let end = (at + widths[k % widths.len()]).min(50_000);
            let Some(read) = (if at < end { source.read(got.slice_axis_mut(Axis(1), Slice::from(at..end))).unwrap() } else { None }) else { break };
            prop_assert_eq!(read.sample_start, at as u64);
            (at, k) = (at + read.samples, k + 1);
        }
        prop_assert_eq!(got, x);
    }
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let folder = Folder::new();
    for name in ["a.cu8", "a.sigmf-meta", "a.sigmf", "a.wav"] {
        let mut sink = create(folder.path(name), &options(Datatype::CU8, 1)).unwrap();
        let x = samples(1, 10);
        sink.write(x.view(), &whole(&x)).unwrap();
        assert!(folder.list().iter().all(|name| name.starts_with('.')), "{:?}", folder.list());
        drop(sink);
        assert_eq!(folder.list(), [""; 0]);
    }
}

#[test]
fn what_sinks_refuse() {
    let folder = Folder::new();
    let x = samples(1, 10);
    let message = |result: Result<(), Error>| {
        result.unwrap_err().to_string().replace(folder.path("").to_str().unwrap(), "")
    };
    let sink = |name: &str| create(folder.path(name), &options(Datatype::CI16_LE, 1)).unwrap();
    // Nothing is overwritten unless that is asked for.
    folder.write("old.cu8", [1, 2]);
    let error = create(folder.path("old.cu8"), &options(Datatype::CU8, 1)).err().unwrap();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(std::fs::read(folder.path("old.cu8")).unwrap(), [1, 2]);
    // Nothing is not a recording.
    assert_eq!(message(sink("a.sigmf").finish()), "a.sigmf: holds no samples");
    assert_eq!(message(sink("a.cs16").finish()), "a.cs16: holds no samples");
    // Gaps and retunings where there is no place for them.
    let gap = Read { lost_before: Lost::Unknown, sample_start: 10, ..whole(&x) };
    let mut raw = sink("a.cs16");
    raw.write(x.view(), &whole(&x)).unwrap();
    assert_eq!(message(raw.write(x.view(), &gap)), "a raw file has no place for the gap before sample 10");
    assert_eq!(message(raw.annotate(Annotation::new(0, 1))), "a raw file has no place for annotations");
    let mut wav = sink("a.wav");
    wav.write(x.view(), &whole(&x)).unwrap();
    let retuned = Read { center_frequency: Some(1e9), sample_start: 10, ..whole(&x) };
    assert_eq!(
        message(wav.write(x.view(), &retuned)),
        "a WAV file has no place for the retuning at sample 10"
    );
    let error = create(folder.path("b.wav"), &options(Datatype::CI8, 1)).err().unwrap();
    assert_eq!(error.to_string(), "a WAV file has no place for the datatype ci8");
    // Samples that are none.
    let mut bad = x.clone();
    bad[[0, 7]].im = f32::NAN;
    assert_eq!(
        message(raw.write(bad.view(), &Read { sample_start: 10, ..whole(&x) })),
        "sample 17 of channel 0 is not finite"
    );
    assert_eq!(
        message(raw.write(samples(2, 10).view(), &whole(&x))),
        "a raw file has no place for the gap before sample 0"
    );
    let mut sigmf = sink("b.sigmf");
    assert_eq!(message(sigmf.write(samples(2, 10).view(), &whole(&x))), "rows of the block must be 1, got 2");
    let wide = Read { samples: 11, ..Read::default() };
    assert_eq!(
        message(sigmf.write(x.view(), &wide)),
        "columns of the block must be at least the 11 that the block claims, got 10"
    );
    sigmf.write(x.view(), &Read { sample_rate: Some(1e6), ..whole(&x) }).unwrap();
    let other = Read { sample_rate: Some(2e6), sample_start: 10, ..whole(&x) };
    assert_eq!(
        message(sigmf.write(x.view(), &other)),
        "b.sigmf: a recording has one sample rate: 1000000 Hz, got a block at 2000000 Hz"
    );
    sigmf.annotate(Annotation::new(5, 6)).unwrap();
    assert_eq!(message(sigmf.finish()), "b.sigmf: annotations[0] reaches to sample 11, the data end at 10");
    let mut real = create(folder.path("c.sigmf"), &options("rf32_le".parse().unwrap(), 1)).unwrap();
    assert_eq!(message(real.write(x.view(), &whole(&x))), "a real datatype has no place for imaginary parts");
}

#[test]
fn clipping_is_counted() {
    let folder = Folder::new();
    let x =
        Array2::from_shape_vec((1, 2), vec![Complex32::new(1.5, 0.0), Complex32::new(-2.0, 3.0)]).unwrap();
    for (datatype, clipped) in [(Datatype::CI8, 3), (Datatype::CF32_LE, 0)] {
        let mut sink = create(folder.path("a.bin"), &options(datatype, 1)).unwrap();
        sink.write(x.view(), &whole(&x)).unwrap();
        assert_eq!(sink.clipped(), clipped);
    }
}

/// Only some bursts of a stream are written: their numbers and the annotations' are translated.
#[test]
fn parts_of_a_stream() {
    let folder = Folder::new();
    let x = samples(1, 10);
    let path = folder.path("a.sigmf");
    let mut sink = create(&path, &options(Datatype::CI8, 1)).unwrap();
    for start in [5000, 9000] {
        sink.write(x.view(), &Read { sample_start: start, global_index: start, ..whole(&x) }).unwrap();
    }
    sink.annotate(Annotation::new(9003, 4)).unwrap();
    sink.finish().unwrap();
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.annotations()[0], Annotation::new(13, 4));
    let (_, reads) = read_all(&mut *source, 100).unwrap();
    assert_eq!((reads[0].sample_start, reads[0].global_index), (0, 5000));
    assert_eq!(
        (reads[1].sample_start, reads[1].global_index, reads[1].lost_before),
        (10, 9000, Lost::Count(3990))
    );
}

/// A copy keeps what the copier does not understand.
#[test]
fn a_copy_keeps_extensions() {
    let folder = Folder::new();
    folder.write("a.sigmf-data", [7; 40]);
    let global = r#", "core:author": "me", "core:extensions": [{"name": "zoo", "version": "1.0.0", "optional": true}],
                    "zoo:z": 1, "zoo:a": [1, {"y": 0.1, "b": null}]"#;
    // The second and the third begin without gap or retuning: only their keys tell them apart.
    let captures = r#"{"core:sample_start": 0, "zoo:c": "first"},
                      {"core:sample_start": 5, "core:global_index": 5, "zoo:c": "second"},
                      {"core:sample_start": 9, "core:global_index": 9},
                      {"core:sample_start": 12, "core:global_index": 90, "zoo:c": {"after": "a gap"}}"#;
    let annotations = r#"{"core:sample_start": 6, "core:sample_count": 2, "zoo:n": 2}"#;
    let path = folder.write("a.sigmf-meta", meta("ci8", global, captures, annotations));
    let mut source = open_path(&path, &OpenOptions::default()).unwrap();
    let metadata = source.metadata().unwrap().clone();
    let mut sink: Box<dyn Sink> = Box::new(
        SigmfSink::with_metadata(&folder.path("b.sigmf-data"), metadata.clone(), &CreateOptions::default())
            .unwrap(),
    );
    let (x, reads) = read_all(&mut *source, 3).unwrap();
    // Two writes, as from a reader that joins what belongs together: up to the gap, and after it.
    let gap = reads.iter().find(|read| read.sample_start == 12).unwrap();
    sink.write(x.slice(s![.., ..12]), &Read { samples: 12, ..reads[0] }).unwrap();
    sink.write(x.slice(s![.., 12..]), &Read { samples: 8, ..*gap }).unwrap();
    sink.annotate(source.annotations()[0].clone()).unwrap();
    sink.finish().unwrap();
    let copy = Metadata::load(&folder.path("b.sigmf-meta")).unwrap();
    assert_eq!(copy.global.extra, metadata.global.extra);
    assert_eq!(copy.global.extensions, metadata.global.extensions);
    assert_eq!(copy.global.author.as_deref(), Some("me"));
    let captures = |metadata: &Metadata| -> Vec<_> {
        metadata.captures.iter().map(|capture| (capture.sample_start, capture.extra.clone())).collect()
    };
    assert_eq!(captures(&copy), captures(&metadata));
    assert_eq!(copy.captures[3].global_index, Some(90));
    assert_eq!(copy.annotations, metadata.annotations);
    assert_eq!(std::fs::read(folder.path("b.sigmf-data")).unwrap(), [7; 40]);
    // The metadata alone, rewritten in place with one annotation more.
    let mut more = copy.clone();
    more.annotations.push(Annotation::new(13, 4));
    assert!(matches!(more.save(&folder.path("b.sigmf-meta"), false), Err(Error::Exists { .. })));
    more.save(&folder.path("b.sigmf-meta"), true).unwrap();
    assert_eq!(Metadata::load(&folder.path("b.sigmf-meta")).unwrap(), more);
}

#[test]
fn options_fill_in_but_do_not_contradict() {
    let folder = Folder::new();
    folder.write("a.sigmf-data", [7; 40]);
    let path = folder.write("a.sigmf-meta", meta("ci8", r#", "core:sample_rate": 1000"#, "", ""));
    let options =
        OpenOptions { sample_rate: Some(2000.0), center_frequency: Some(1e9), ..OpenOptions::default() };
    let source = open_path(&path, &options).unwrap();
    assert_eq!((source.info().sample_rate, source.info().center_frequency), (Some(2000.0), Some(1e9)));
    assert_eq!(source.info().duration(), Some(0.01));
    let options = OpenOptions { datatype: Some(Datatype::CU8), ..OpenOptions::default() };
    let error = open_path(&path, &options).err().unwrap();
    assert_eq!(error.to_string(), "datatype must be ci8, as the recording says, got cu8");
    let options = OpenOptions { channels: Some(2), ..OpenOptions::default() };
    let error = open_path(&path, &options).err().unwrap();
    assert_eq!(error.to_string(), "channels must be 1, as the recording says, got 2");
}

/// A clock that a test winds: sleeping is what moves it.
#[derive(Clone, Default)]
struct Wound(std::sync::Arc<std::sync::Mutex<std::time::Duration>>);

impl Clock for Wound {
    fn now(&self) -> std::time::Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&mut self, duration: std::time::Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

fn recording(folder: &Folder) -> Box<dyn Source> {
    folder.write("a.sigmf-data", [7; 2000]);
    let captures = r#"{"core:sample_start": 0, "core:datetime": "2026-01-31T12:00:00Z"},
                      {"core:sample_start": 600, "core:global_index": 1100}"#;
    let path = folder.write("a.sigmf-meta", meta("ci8", r#", "core:sample_rate": 1000"#, captures, ""));
    open_path(&path, &OpenOptions::default()).unwrap()
}

#[test]
fn replay_keeps_time() {
    let folder = Folder::new();
    let clock = Wound::default();
    let options = ReplayOptions { realtime: true, repeat: false };
    let mut replay = Replay::new(recording(&folder), options, Box::new(clock.clone())).unwrap();
    let mut block = Array2::zeros((1, 4096));
    let mut samples = 0;
    while let Some(read) = replay.read(block.view_mut()).unwrap() {
        assert!(read.samples <= 100, "a tenth of a second at most");
        samples += read.samples;
        // 500 samples were lost before sample 600: half a second in which nothing came.
        let due = samples as f64 / 1000.0 + if samples > 600 { 0.5 } else { 0.0 };
        assert!((clock.now().as_secs_f64() - due).abs() < 1e-6, "{samples} samples after {:?}", clock.now());
    }
    assert_eq!(samples, 1000);
}

#[test]
fn replay_repeats() {
    let folder = Folder::new();
    let options = ReplayOptions { realtime: false, repeat: true };
    let mut replay = Replay::new(recording(&folder), options, Box::new(Wound::default())).unwrap();
    assert_eq!(replay.info().samples, None);
    let mut block = Array2::zeros((1, 4096));
    let mut reads =
        (0..5).map(|_| replay.read(block.view_mut()).unwrap().unwrap()).collect::<Vec<_>>().into_iter();
    let mut next = || {
        let read = reads.next().unwrap();
        (read.sample_start, read.global_index, read.lost_before, read.time.is_some())
    };
    assert_eq!(next(), (0, 0, Lost::None, true));
    assert_eq!(next(), (600, 1100, Lost::Count(500), false));
    assert_eq!(next(), (1000, 1500, Lost::Unknown, false));
    assert_eq!(next(), (1600, 2600, Lost::Count(500), false));
    assert_eq!(next(), (2000, 3000, Lost::Unknown, false));
    replay.seek(10).unwrap();
    assert_eq!(replay.read(block.view_mut()).unwrap().unwrap().sample_start, 10);
}

#[test]
fn replay_needs_a_rate() {
    let folder = Folder::new();
    let path = folder.write("a.cu8", [0; 20]);
    let source = open_path(&path, &OpenOptions::default()).unwrap();
    let options = ReplayOptions { realtime: true, repeat: false };
    let error = Replay::new(source, options, Box::new(Wound::default())).err().unwrap();
    assert_eq!(
        error.to_string(),
        "sample_rate must be known and at least 1 Hz to replay in real time, got none"
    );
}
