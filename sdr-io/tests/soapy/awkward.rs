//! The awkward ways to lose samples: whatever the driver says or keeps to itself, what is torn is never joined.

use sdr_io::Lost;

use super::*;

/// Whether each loss was marked where it is, and how: exact counts, unknown ones, blocks that were torn without need.
#[derive(Debug, Default, PartialEq)]
struct Marks {
    exact: usize,
    unknown: usize,
    needless: usize,
}

/// Reads through `losses` losses, and checks every seam of the numbering against what is said of it.
fn marks(name: &str, arguments: &str, query: &str, losses: usize) -> Marks {
    let arguments = format!("overflow.every=5000,overflow.samples=1,overflow.most=100000,{arguments}");
    let mut source = radio(name, &arguments, &format!("rate=2M&format=cs16{query}"));
    let mut marks = Marks::default();
    let mut next = None;
    read(source.as_mut(), 1024, 5000 * (losses as u64) + 2500, |read, samples| {
        let first = number(samples[0]);
        assert!(counts(samples, first), "{name}: torn inside a block");
        let missing = next.map_or(0, |next| u64::from(first.wrapping_sub(next)));
        match (missing, read.lost_before) {
            (0, Lost::None) => {}
            (0, Lost::Unknown | Lost::Count(_)) => marks.needless += 1,
            (_, Lost::None) => panic!("{name}: {missing} samples are missing before {}", read.sample_start),
            (_, Lost::Unknown) => marks.unknown += 1,
            (_, Lost::Count(count)) => {
                assert_eq!(count, missing, "{name}");
                marks.exact += 1;
            }
        }
        next = Some(first.wrapping_add(samples.len() as u32));
    });
    marks
}

#[test]
fn eight_awkward_kinds() {
    const N: usize = 200;
    let exact = Marks { exact: N, ..Marks::default() };
    let unknown = Marks { unknown: N, ..Marks::default() };
    for (name, arguments, query, want) in [
        // 1. a code and the time: counted; a code and no times, or times that go on as if nothing were missing: marked
        ("code", "overflow.code=inline", "", &exact),
        ("code-timeless", "overflow.code=inline,timestamps=false", "", &unknown),
        ("code-frozen", "overflow.code=inline,overflow.time=frozen", "", &unknown),
        ("code-ignored", "overflow.code=inline", "&timestamps=false", &unknown),
        // 2. no code from the read, but from the status call
        ("status", "overflow.code=status", "", &exact),
        ("status-timeless", "overflow.code=status,timestamps=false", "", &unknown),
        ("status-frozen", "overflow.code=status,overflow.time=frozen", "", &unknown),
        ("mute", "overflow.code=none", "", &exact),
        // 3. a code that comes after the block behind the gap
        ("late", "overflow.code=late", "", &exact),
        // 6. no times: 7. short reads
        ("abrupt", "overflow.code=abrupt,timestamps=false", "", &unknown),
        ("short", "overflow.code=inline,short=true", "", &exact),
        ("short-timeless", "overflow.code=inline,short=true,timestamps=false", "", &unknown),
        // 8. timeouts
        ("timeout", "overflow.code=timeout", "", &exact),
        ("timeout-timeless", "overflow.code=timeout,timestamps=false", "", &unknown),
    ] {
        assert_eq!(&marks(name, arguments, query, N), want, "{name}");
    }
}

/// 4 and 5: the time of the block behind the gap is nonsense, lies in the past, or is not there. The gap is marked at
/// once; the next sound time says how much was lost, which may tear a second time.
#[test]
fn bogus_and_backward_times() {
    const N: usize = 200;
    for (time, code) in [
        ("bogus", "inline"),
        ("bogus", "none"),
        ("backward", "inline"),
        ("backward", "none"),
        ("missing", "inline"),
        ("missing", "none"),
        ("reset", "inline"),
        ("reset", "none"),
    ] {
        let name = format!("time-{time}-{code}");
        let got = marks(&name, &format!("overflow.time={time},overflow.code={code}"), "", N);
        assert_eq!((got.unknown, got.exact), (N, 0), "{name}: {got:?}");
        assert!(got.needless <= N, "{name}: {got:?}");
    }
}

/// What is no loss is not taken for one.
#[test]
fn nothing_lost_nothing_marked() {
    for (name, arguments) in [("shorts", "short=true"), ("pauses", "timeout.every=3000")] {
        let mut source = radio(name, arguments, "rate=2M");
        read(source.as_mut(), 1024, 300_000, |read, samples| {
            assert_eq!(read.lost_before, Lost::None, "{name}");
            assert!(counts(samples, read.global_index as u32));
        });
    }
}

/// A reader that sleeps for longer than the radio's buffer lasts.
#[test]
fn a_reader_that_is_too_slow() {
    let mut source = radio("slow", "pace=true,buffer=0.05", "rate=1M&format=cs16");
    let mut start = None;
    let mut lost = 0;
    read(source.as_mut(), 4096, 100_000, |read, samples| {
        if read.sample_start == 0 {
            start = Some(number(samples[0]));
        }
        if (20_000..24_096).contains(&read.sample_start) {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        if let Lost::Count(count) = read.lost_before {
            lost += count;
        }
        assert!(counts(samples, start.unwrap().wrapping_add(read.global_index as u32)));
    });
    assert!(lost >= 100_000, "{lost}");
}
