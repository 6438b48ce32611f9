use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use ndarray::ArrayViewMut2;
use num_complex::Complex32;

use super::*;
use crate::{Datatype, Lost, Read};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a scripted source does at a call.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// So many samples, after such a loss. Each sample names its own number in the original stream.
    Give(usize, Lost),
    /// An error.
    Fail,
    /// Does not return for so long.
    Hang(Duration),
}

struct Scripted {
    info: StreamInfo,
    script: VecDeque<Act>,
    sample: u64,
    global: u64,
    pause: Duration,
}

impl Scripted {
    fn new(script: impl IntoIterator<Item = Act>) -> Box<Self> {
        let info = StreamInfo::new("script", Datatype::CF32_LE, 1, Some(1e6));
        let script = script.into_iter().collect();
        Box::new(Self { info, script, sample: 0, global: 0, pause: Duration::ZERO })
    }

    /// With so long between two calls.
    fn slow(mut self: Box<Self>, pause: Duration) -> Box<Self> {
        self.pause = pause;
        self
    }
}

impl Source for Scripted {
    fn info(&self) -> &StreamInfo {
        &self.info
    }

    fn read(&mut self, mut out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        thread::sleep(self.pause);
        match self.script.pop_front() {
            None => Ok(None),
            Some(Act::Fail) => Err(Error::NotSeekable),
            Some(Act::Hang(time)) => {
                thread::sleep(time);
                Ok(None)
            }
            Some(Act::Give(samples, lost_before)) => {
                if let Lost::Count(lost) = lost_before {
                    self.global += lost;
                }
                let samples = samples.min(out.ncols());
                for column in 0..samples {
                    out[[0, column]] = Complex32::new((self.global + column as u64) as f32, 0.0);
                }
                let read = Read {
                    samples,
                    sample_start: self.sample,
                    global_index: self.global,
                    lost_before,
                    ..Read::default()
                };
                self.sample += samples as u64;
                self.global += samples as u64;
                Ok(Some(read))
            }
        }
    }
}

fn config() -> RuntimeConfig {
    RuntimeConfig { block: 100, ring: 8, ..RuntimeConfig::default() }
}

/// What was said of every block until the end: the loss before it, its read, and what was dropped. The blocks are let go.
fn drain(consumer: &mut Consumer) -> Vec<(Lost, Read, u64)> {
    let mut all = Vec::new();
    loop {
        match consumer.next(PATIENCE) {
            Next::Block(block) => all.push((block.lost_before, block.read, block.dropped)),
            Next::Idle => panic!("nothing came for {PATIENCE:?}"),
            Next::End => return all,
        }
    }
}

#[test]
fn every_consumer_gets_every_sample_of_a_file() {
    let script = (0..1000).map(|k| Act::Give(1 + k % 100, Lost::None));
    let total: u64 = (0..1000).map(|k| 1 + k % 100).sum();
    let mut runtime = Runtime::new(Scripted::new(script), RuntimeConfig { wait: true, ..config() }).unwrap();
    let consumers: Vec<Consumer> = ["a", "b", "c"].map(|name| runtime.subscribe(name, 0)).into();
    runtime.start(None);
    let threads: Vec<_> = consumers
        .into_iter()
        .enumerate()
        .map(|(slow, mut consumer)| {
            thread::spawn(move || {
                let mut next = 0u64;
                loop {
                    match consumer.next(PATIENCE) {
                        Next::Block(block) => {
                            assert_eq!(block.lost_before, Lost::None);
                            for x in block.channel(0) {
                                assert_eq!(x.re, next as f32);
                                next += 1;
                            }
                            assert!(block.channel(1).is_empty());
                        }
                        Next::Idle => panic!("idle"),
                        Next::End => return next,
                    }
                    if slow > 0 && next.is_multiple_of(7) {
                        thread::sleep(Duration::from_micros(50 * slow as u64));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), total);
    }
    let counters = runtime.finish().unwrap();
    assert_eq!((counters.samples, counters.blocks, counters.gaps), (total, 1000, 0));
    assert!(counters.consumers.iter().all(|seat| seat.dropped == 0 && seat.blocks == 1000), "{counters:?}");
    assert!(counters.allocated <= 8 + 2 + 3, "{counters:?}");
}

/// What a consumer gets and what it is told to have missed is the whole stream, to the sample; its neighbour misses nothing.
#[test]
fn a_slow_consumer_is_told_what_it_missed_and_nobody_waits_for_it() {
    let script = (0..600).map(|k| Act::Give(100, if k % 50 == 49 { Lost::Count(k) } else { Lost::None }));
    let source = Scripted::new(script).slow(Duration::from_micros(100));
    let mut runtime = Runtime::new(source, config()).unwrap();
    let mut slow = runtime.subscribe("slow", 0);
    let mut fast = runtime.subscribe("fast", 0);
    runtime.start(None);
    let fast = thread::spawn(move || drain(&mut fast).len());
    let (mut next, mut told, mut missed) = (0u64, 0u64, 0u64);
    loop {
        match slow.next(PATIENCE) {
            Next::Block(block) => {
                match block.lost_before {
                    Lost::None => {}
                    Lost::Count(lost) => {
                        told += lost;
                        next += lost;
                    }
                    Lost::Unknown => panic!("all of it was counted"),
                }
                missed += block.dropped;
                assert_eq!(block.channel(0)[0].re, next as f32, "a silent join");
                assert_eq!(block.read.global_index, next);
                next += block.channel(0).len() as u64;
                thread::sleep(Duration::from_millis(3));
            }
            Next::Idle => panic!("idle"),
            Next::End => break,
        }
    }
    fast.join().unwrap();
    let counters = runtime.finish().unwrap();
    let seat = &counters.consumers[0];
    assert!(seat.drops > 0 && seat.dropped == missed, "{counters:?}");
    let all = counters.samples + counters.lost;
    assert_eq!((next, all), (all, 60_000 + (49..600).step_by(50).sum::<u64>()));
    assert_eq!(told, missed + counters.lost);
    assert!(counters.allocated <= 8 + 2 + 2, "memory grew: {counters:?}");
}

/// A consumer that keeps everything takes from the ring, not from the machine, and is told of what it did not get.
#[test]
fn hoarding_is_bounded() {
    let source = Scripted::new((0..500).map(|_| Act::Give(100, Lost::None))).slow(Duration::from_micros(50));
    let mut runtime = Runtime::new(source, config()).unwrap();
    let mut consumer = runtime.subscribe("hoarder", 4);
    runtime.start(None);
    let mut kept = Vec::new();
    let mut sum = 0;
    while let Next::Block(block) = consumer.next(Duration::from_secs(1)) {
        let (Lost::None | Lost::Count(_)) = block.lost_before else { panic!() };
        sum += block.dropped + block.read.samples as u64;
        kept.push(block);
    }
    assert!(!kept.is_empty());
    let counters = runtime.finish().unwrap();
    assert_eq!(counters.samples, 50_000);
    assert!(counters.allocated <= 8 + 2 + 6 && kept.len() <= 15, "{} {counters:?}", kept.len());
    assert!(sum <= 50_000);
}

#[test]
fn a_gap_that_nobody_counted_stays_unknown_also_over_drops() {
    let source = Scripted::new([
        Act::Give(10, Lost::None),
        Act::Give(10, Lost::Unknown),
        Act::Give(10, Lost::Count(5)),
        Act::Give(10, Lost::None),
    ]);
    let mut runtime = Runtime::new(source, RuntimeConfig { ring: 2, ..config() }).unwrap();
    let mut late = runtime.subscribe("late", 0);
    runtime.start(None);
    while runtime.counters().blocks < 4 {
        thread::sleep(Duration::from_millis(1));
    }
    let got: Vec<_> = drain(&mut late).iter().map(|got| (got.0, got.2)).collect();
    // Two blocks are left; before the first of them lies the gap that nobody counted.
    assert!(got[0] == (Lost::Unknown, 20) || got[0] == (Lost::Unknown, 30), "{got:?}");
    assert!(got[1..].iter().all(|got| got.0 == Lost::None), "{got:?}");
    let counters = runtime.finish().unwrap();
    assert_eq!((counters.lost, counters.uncounted_gaps, counters.gaps), (5, 1, 2));
}

#[test]
fn a_failure_ends_the_stream_and_is_returned() {
    let source = Scripted::new([Act::Give(10, Lost::None), Act::Fail]);
    let mut runtime = Runtime::new(source, config()).unwrap();
    let mut consumer = runtime.subscribe("a", 0);
    runtime.start(None);
    assert_eq!(drain(&mut consumer).len(), 1);
    assert!(matches!(&runtime.notices()[..], [Notice::Failed { .. }]));
    assert!(matches!(runtime.finish(), Err(Error::NotSeekable)));
}

#[test]
fn silence_is_noticed_in_time_and_a_stuck_read_holds_nobody_up() {
    let silence = Duration::from_millis(200);
    let source = Scripted::new([Act::Give(10, Lost::None), Act::Hang(Duration::from_secs(8))]);
    let mut runtime = Runtime::new(source, RuntimeConfig { silence, ..config() }).unwrap();
    let mut consumer = runtime.subscribe("a", 0);
    let begun = Instant::now();
    runtime.start(None);
    assert_eq!(drain(&mut consumer).len(), 1);
    assert!(matches!(runtime.notices()[..], [Notice::Silent { after }] if after >= silence));
    let Err(Error::Silent { seconds }) = runtime.finish() else { panic!() };
    assert!(seconds >= 0.2 && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Opened anew after errors and after silences: indices go on, and every seam is a gap that nobody counted.
#[test]
fn restarts_go_on_counting() {
    let opened = Arc::new(AtomicU64::new(0));
    let count = opened.clone();
    let reopen: Reopen = Box::new(move || {
        Ok(match count.fetch_add(1, Ordering::Relaxed) {
            0 => Scripted::new([Act::Give(10, Lost::None), Act::Hang(Duration::from_millis(300))]),
            1 => return Err(Error::NotSeekable),
            2 => Scripted::new([Act::Fail]),
            _ => Scripted::new([Act::Give(10, Lost::None), Act::Give(10, Lost::Count(3))]),
        })
    });
    let runtime_config = RuntimeConfig {
        restart: Restart::Restart,
        silence: Duration::from_millis(100),
        backoff: Duration::from_millis(1),
        ..config()
    };
    let source = Scripted::new([Act::Give(7, Lost::None), Act::Fail]);
    let mut runtime = Runtime::new(source, runtime_config).unwrap();
    let mut consumer = runtime.subscribe("a", 0);
    runtime.start(Some(reopen));
    let got: Vec<_> =
        drain(&mut consumer).iter().map(|got| (got.0, got.1.sample_start, got.1.global_index)).collect();
    let want = [(Lost::None, 0, 0), (Lost::Unknown, 7, 7), (Lost::Unknown, 17, 17), (Lost::Count(3), 27, 30)];
    assert_eq!(got, want);
    let counters = runtime.finish().unwrap();
    assert_eq!((counters.restarts, counters.silences, counters.uncounted_gaps), (4, 1, 2));
}

#[test]
fn paused_until_somebody_says_so() {
    let reopen: Reopen = Box::new(|| Ok(Scripted::new([Act::Give(5, Lost::None)])));
    let source = Scripted::new([Act::Give(5, Lost::None), Act::Fail]);
    let mut runtime = Runtime::new(source, RuntimeConfig { restart: Restart::Pause, ..config() }).unwrap();
    let mut consumer = runtime.subscribe("a", 0);
    runtime.start(Some(reopen));
    assert!(matches!(consumer.next(PATIENCE), Next::Block(_)));
    assert!(matches!(consumer.next(Duration::from_millis(50)), Next::Idle));
    assert_eq!(runtime.notices().last(), Some(&Notice::Paused));
    runtime.resume();
    assert_eq!(drain(&mut consumer).len(), 1);
    runtime.finish().unwrap();
}

/// Threads of this process with this crate's names, and its open files.
#[cfg(target_os = "linux")]
fn held() -> (usize, usize) {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let threads = names.filter(|name| name.starts_with("phy-sec leak")).count();
    (threads, std::fs::read_dir("/proc/self/fd").unwrap().count())
}

/// A source that opens a descriptor and starts a thread, as drivers do, and closes them when it is dropped.
#[cfg(target_os = "linux")]
struct Device {
    inner: Box<Scripted>,
    _file: std::fs::File,
    thread: Option<(std::sync::mpsc::Sender<()>, thread::JoinHandle<()>)>,
}

#[cfg(target_os = "linux")]
impl Device {
    fn open() -> Box<Self> {
        let (quit, wait) = std::sync::mpsc::channel::<()>();
        let body = move || {
            let _ = wait.recv();
        };
        let thread = thread::Builder::new().name("phy-sec leak".into()).spawn(body).unwrap();
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let inner = Scripted::new([Act::Give(100, Lost::None), Act::Give(50, Lost::Count(1)), Act::Fail]);
        Box::new(Device { inner, _file: file, thread: Some((quit, thread)) })
    }
}

#[cfg(target_os = "linux")]
impl Source for Device {
    fn info(&self) -> &StreamInfo {
        self.inner.info()
    }

    fn read(&mut self, out: ArrayViewMut2<'_, Complex32>) -> Result<Option<Read>> {
        self.inner.read(out)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Device {
    fn drop(&mut self) {
        if let Some((quit, thread)) = self.thread.take() {
            drop(quit);
            thread.join().unwrap();
        }
    }
}

/// 200 failures and restarts within one stream: no thread and no memory more at the end, and all samples accounted for.
#[test]
#[cfg(target_os = "linux")]
fn two_hundred_restarts_leak_nothing() {
    let runtime_config = RuntimeConfig {
        restart: Restart::Restart,
        restarts: Some(200),
        backoff: Duration::from_micros(10),
        ..config()
    };
    let mut runtime = Runtime::new(Device::open(), runtime_config).unwrap();
    let mut consumer = runtime.subscribe("a", 0);
    let most = Arc::new(AtomicU64::new(0));
    let seen = most.clone();
    runtime.start(Some(Box::new(move || {
        let device = Device::open();
        seen.fetch_max(held().0 as u64, Ordering::Relaxed);
        Ok(device)
    })));
    let samples: usize = drain(&mut consumer).iter().map(|got| got.1.samples).sum();
    let counters = runtime.counters();
    assert_eq!((counters.restarts, counters.samples), (200, 201 * 150));
    assert_eq!((counters.lost, counters.uncounted_gaps), (201, 200));
    assert!(samples <= 201 * 150 && counters.allocated <= 8 + 2 + 2);
    assert!(runtime.finish().is_err());
    assert!(most.load(Ordering::Relaxed) <= 1, "a device is closed before the next is opened");
    assert_eq!(held().0, 0);
}

/// 200 streams begun and ended.
#[test]
#[cfg(target_os = "linux")]
fn two_hundred_streams_leak_nothing() {
    for round in 0..200 {
        let source = Scripted::new((0..1000).map(|_| Act::Give(100, Lost::None)));
        let mut runtime = Runtime::new(source, config()).unwrap();
        let mut consumer = runtime.subscribe("a", 0);
        runtime.start(None);
        if round % 2 == 0 {
            assert!(!matches!(consumer.next(PATIENCE), Next::Idle));
        }
        let shared = Arc::downgrade(&runtime.shared);
        runtime.finish().unwrap();
        drop(consumer);
        assert!(shared.upgrade().is_none(), "somebody still holds the ring");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (config, message) in [
        (RuntimeConfig { ring: 1, ..config() }, "ring must be from 2 to 2^20 blocks, got 1"),
        (RuntimeConfig { block: 1 << 30, ..config() }, "block must be at most 2^24 samples, got 1073741824"),
        (RuntimeConfig { silence: Duration::ZERO, ..config() }, "silence must be at least 10 ms, got 0ns"),
    ] {
        assert_eq!(Runtime::new(Scripted::new([]), config).err().unwrap().to_string(), message);
    }
}
