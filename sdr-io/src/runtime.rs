//! A stream that runs: one thread reads a source, a bounded ring of blocks hands them on without copying, and every
//! consumer takes them at its own pace.
//!
//! ```text
//! Source ─► reading thread ─► ring of blocks ─┬─► consumer: recorder
//!                 ▲                           ├─► consumer: detector
//!             watchdog                        └─► ...
//! ```
//!
//! | what goes wrong | what is said |
//! | --- | --- |
//! | the radio lost samples | [`Received::lost_before`] of the next block, with their number where it is known |
//! | a consumer is too slow | the same, to that consumer alone, and counted in [`SeatCounters`] |
//! | the source is silent, fails, or is unplugged | a [`Notice`]; then [`Restart`] decides: end, open it anew, or wait |
//! | the source is opened anew | the next block has [`Lost::Unknown`](crate::Lost::Unknown) before it; indices go on counting |
//!
//! Memory is bounded by [`RuntimeConfig::ring`] blocks and those that consumers say they keep, whatever happens. A file that
//! is not paced waits for the slowest consumer ([`RuntimeConfig::wait`]); a radio never waits, and the ring drops its oldest
//! blocks.
//!
//! ```
//! use std::time::Duration;
//! use sdr_io::{OpenOptions, open, runtime::{Next, Runtime, RuntimeConfig}};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("remote.cu8");
//! # std::fs::write(&path, [255, 0].repeat(5000)).unwrap();
//! # let path = path.to_str().unwrap();
//! let source = open(&format!("file:{path}?rate=1M"), &OpenOptions::default())?;
//! let mut runtime = Runtime::new(source, RuntimeConfig { wait: true, ..RuntimeConfig::default() })?;
//! let mut consumer = runtime.subscribe("example", 0);
//! runtime.start(None);
//! let mut total = 0;
//! loop {
//!     match consumer.next(Duration::from_millis(100)) {
//!         Next::Block(block) => total += block.channel(0).len(),
//!         Next::Idle => {}
//!         Next::End => break,
//!     }
//! }
//! assert_eq!(total, 5000);
//! assert_eq!(runtime.finish()?.samples, 5000);
//! # Ok::<(), sdr_io::Error>(())
//! ```

mod consumer;
mod reader;
mod ring;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use consumer::{Consumer, Next, Received};
pub use ring::Block;
use ring::Ring;

use crate::{Error, Result, Source, StreamInfo};

/// What to do when a source fails or is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// The stream ends, and [`Runtime::finish`] returns the error.
    #[default]
    Quit,
    /// It is opened anew, after a pause that doubles from 0.1 s to 5 s while it keeps failing.
    Restart,
    /// The stream stands still until [`Runtime::resume`] opens it anew.
    Pause,
}

/// How a stream is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuntimeConfig {
    /// Samples of each channel that a block holds at most, 1 to 2^24; 0: a quarter to half a millisecond of signal, at least 512.
    pub block: usize,
    /// Blocks that the ring holds, 2 to 2^20.
    pub ring: usize,
    /// Whether the source waits for the slowest consumer instead of dropping blocks: for files that are not paced.
    pub wait: bool,
    /// A read that takes longer than this is a silence.
    pub silence: Duration,
    /// What happens then, and when a read fails.
    pub restart: Restart,
    /// Times that a source is opened anew before the stream ends; `None`: without limit.
    pub restarts: Option<u64>,
    /// The pause before the first attempt to open it anew.
    pub backoff: Duration,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            block: 0,
            ring: 256,
            wait: false,
            silence: Duration::from_secs(3),
            restart: Restart::Quit,
            restarts: None,
            backoff: Duration::from_millis(100),
        }
    }
}

impl RuntimeConfig {
    /// Samples of a block of a stream.
    #[must_use]
    pub fn block_for(&self, info: &StreamInfo) -> usize {
        if self.block > 0 {
            return self.block;
        }
        let quarter_millisecond = info.sample_rate.unwrap_or(1e6) / 4000.0;
        let most = ((1usize << 16) / info.channels.max(1)).clamp(64, 1 << 16);
        // `as` saturates: a rate that was checked to be finite and positive.
        (quarter_millisecond as usize).next_power_of_two().clamp(512.min(most), most)
    }

    fn check(&self) -> Result<()> {
        let wrong = |option, rule: &str, got: String| Err(Error::Option { option, rule: rule.into(), got });
        if self.block > 1 << 24 {
            return wrong("block", "at most 2^24 samples", self.block.to_string());
        }
        if !(2..=1 << 20).contains(&self.ring) {
            return wrong("ring", "from 2 to 2^20 blocks", self.ring.to_string());
        }
        if self.silence < Duration::from_millis(10) {
            return wrong("silence", "at least 10 ms", format!("{:?}", self.silence));
        }
        Ok(())
    }
}

/// Something that happened to the stream itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// No block came for so long, and the read has not returned.
    Silent {
        /// How long.
        after: Duration,
    },
    /// A read failed, or the source could not be opened anew.
    Failed {
        /// What it said.
        message: String,
    },
    /// The source was opened anew, so often by now.
    Restarted {
        /// 1 for the first time.
        attempt: u64,
    },
    /// The stream stands still until [`Runtime::resume`].
    Paused,
}

/// What a stream has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Samples of each channel that the source handed over.
    pub samples: u64,
    /// Blocks of them.
    pub blocks: u64,
    /// Samples that the source said are missing.
    pub lost: u64,
    /// Gaps of which nobody counted the samples, those of restarts among them.
    pub uncounted_gaps: u64,
    /// All gaps.
    pub gaps: u64,
    /// Samples that were NaN or infinite and were set to zero.
    pub not_finite: u64,
    /// Times that the source was opened anew.
    pub restarts: u64,
    /// Silences.
    pub silences: u64,
    /// Blocks in the ring that the slowest consumer has not taken.
    pub ring_fill: usize,
    /// The most that it holds.
    pub ring: usize,
    /// Blocks of memory that exist at all.
    pub allocated: usize,
    /// Every consumer.
    pub consumers: Vec<SeatCounters>,
}

/// What was counted of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeatCounters {
    /// Its name.
    pub name: String,
    /// Blocks handed to it.
    pub blocks: u64,
    /// Samples of each channel that it was too slow for.
    pub dropped: u64,
    /// How often that happened.
    pub drops: u64,
    /// Blocks that wait for it.
    pub behind: u64,
}

/// Opens the source anew.
pub type Reopen = Box<dyn FnMut() -> Result<Box<dyn Source>> + Send>;

/// A stream that runs.
pub struct Runtime {
    shared: Arc<Shared>,
    info: StreamInfo,
    source: Option<Box<dyn Source>>,
    supervisor: Option<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    config: RuntimeConfig,
    ring: Mutex<Ring>,
    /// A block came, or the end.
    arrived: Condvar,
    /// A consumer took a block, or everything is to stop.
    room: Condvar,
    /// The reading thread ended, or somebody asked for something.
    attention: Condvar,
}

impl Shared {
    /// The ring; a thread that panicked while it held it left nothing half done that would matter.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Runtime {
    /// Prepares a stream: allocates the ring, and waits for [`Runtime::start`].
    ///
    /// # Errors
    /// [`Error::Option`] for an impossible configuration.
    pub fn new(source: Box<dyn Source>, config: RuntimeConfig) -> Result<Self> {
        config.check()?;
        let info = source.info().clone();
        let ring = Ring::new(info.channels, config.block_for(&info), config.ring, info.sample_start);
        let shared = Shared {
            config,
            ring: Mutex::new(ring),
            arrived: Condvar::new(),
            room: Condvar::new(),
            attention: Condvar::new(),
        };
        Ok(Self { shared: Arc::new(shared), info, source: Some(source), supervisor: None })
    }

    /// What is known of the whole stream.
    pub fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// Samples of a block, at most.
    pub fn block(&self) -> usize {
        self.shared.lock().width()
    }

    /// A new consumer, whose first block is the next one that is read.
    ///
    /// - `keeps`: blocks that it holds on to beside the one it works on, such as a recorder that may want the past; they
    ///   are added to the memory that the stream may take. A consumer that keeps more makes the ring shorter for all.
    pub fn subscribe(&mut self, name: &str, keeps: usize) -> Consumer {
        Consumer::new(&self.shared, name, keeps)
    }

    /// Begins to read. `reopen` is needed by [`Restart::Restart`] and [`Restart::Pause`]; without it they end the stream.
    pub fn start(&mut self, reopen: Option<Reopen>) {
        if let Some(source) = self.source.take() {
            self.supervisor = reader::start(&self.shared, source, reopen);
        }
    }

    /// What happened since the last call; the oldest of more than 64 are left out.
    pub fn notices(&self) -> Vec<Notice> {
        self.shared.lock().take_notices()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.shared.lock().counters()
    }

    /// Goes on after [`Notice::Paused`].
    pub fn resume(&self) {
        self.shared.lock().resume = true;
        self.shared.attention.notify_all();
    }

    /// Tells the threads to stop, without waiting for them. Consumers get what is in the ring, and then the end.
    pub fn stop(&self) {
        self.shared.lock().stop = true;
        self.shared.attention.notify_all();
        self.shared.room.notify_all();
        self.shared.arrived.notify_all();
    }

    /// Stops, waits for the threads, and returns what was counted.
    ///
    /// # Errors
    /// What ended the stream, if it did not end by itself: the source's error, or [`Error::Silent`].
    pub fn finish(mut self) -> Result<Counters> {
        self.join();
        let mut ring = self.shared.lock();
        match ring.failure.take() {
            Some(error) => Err(error),
            None => Ok(ring.counters()),
        }
    }

    fn join(&mut self) {
        self.stop();
        if let Some(supervisor) = self.supervisor.take() {
            // It does not panic, and if it did there is nobody left to tell.
            let _ = supervisor.join();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.join();
    }
}

/// Waits on `condition` until `deadline` at the latest.
fn wait_until<'a>(
    condition: &Condvar,
    ring: MutexGuard<'a, Ring>,
    deadline: Instant,
) -> MutexGuard<'a, Ring> {
    let left = deadline.saturating_duration_since(Instant::now());
    condition.wait_timeout(ring, left).unwrap_or_else(std::sync::PoisonError::into_inner).0
}

#[cfg(test)]
mod tests;
