//! The thread that reads, and the one that watches it.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Notice, Reopen, Restart, Shared, wait_until};
use crate::{Error, Result, Source};

/// Longest pause before the next attempt to open a source.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// How often somebody who waits looks again where nobody tells.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Reads until the source ends, fails, is given up, or everything is to stop.
fn read(shared: &Shared, mut source: Box<dyn Source>, generation: u64, mut offsets: Option<(u64, u64)>) {
    let mut block = shared.lock().first();
    let ended = loop {
        // Nobody else has it: that is how it was chosen.
        let Some(unique) = Arc::get_mut(&mut block) else { break Ok(()) };
        {
            let mut ring = shared.lock();
            if ring.stop || ring.generation != generation {
                break Ok(());
            }
            ring.reading_since = Some(Instant::now());
        }
        let outcome = source.read(unique.samples.view_mut());
        let mut ring = shared.lock();
        if ring.generation != generation {
            break Ok(()); // given up meanwhile: what it says does not count any more
        }
        ring.reading_since = None;
        let mut read = match outcome {
            Ok(Some(read)) => read,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        read.samples = read.samples.min(unique.samples.ncols());
        unique.start = ring.account(&mut read, &mut offsets);
        (unique.read, unique.arrived) = (read, Instant::now());
        let wait = shared.config.wait;
        let mut next = None;
        while !ring.stop && ring.generation == generation {
            if !(wait && ring.is_full()) {
                next = ring.spare(!wait);
            }
            if next.is_some() || !wait {
                break;
            }
            // Nobody tells when a block is let go.
            ring = wait_until(&shared.room, ring, Instant::now() + LOOK_AGAIN);
        }
        // Without another one all memory is in consumers' hands: this block is dropped for everybody, and counted.
        if let Some(next) = next {
            ring.publish(std::mem::replace(&mut block, next));
        }
        drop(ring);
        shared.arrived.notify_all();
    };
    // What it holds of the system goes before the end is told: the supervisor may open the same device at once.
    drop(source);
    let mut ring = shared.lock();
    ring.give_back(block);
    if ring.generation == generation {
        ring.ended = Some(ended);
        shared.attention.notify_all();
    }
}

/// Watches the reading thread, and does what the policy says when it ends or is silent.
struct Supervisor {
    shared: Arc<Shared>,
    reopen: Option<Reopen>,
    /// Reading threads: the last one is heard, those before were given up inside a read that did not return.
    readers: Vec<JoinHandle<()>>,
    attempts: u64,
    /// In a row that failed before a block came.
    backoff: Duration,
}

/// Starts both threads. Without threads the stream is over at once, with the error.
pub(super) fn start(
    shared: &Arc<Shared>,
    source: Box<dyn Source>,
    reopen: Option<Reopen>,
) -> Option<JoinHandle<()>> {
    let backoff = shared.config.backoff;
    let supervisor = Supervisor { shared: shared.clone(), reopen, readers: Vec::new(), attempts: 0, backoff };
    let spawned =
        thread::Builder::new().name("phy-sec watchdog".into()).spawn(move || supervisor.run(source));
    match spawned {
        Ok(handle) => Some(handle),
        Err(error) => {
            let mut ring = shared.lock();
            ring.failure = Some(Error::Thread { error });
            ring.over = true;
            None
        }
    }
}

impl Supervisor {
    fn run(mut self, source: Box<dyn Source>) {
        let mut failure = self.spawn(source, Some((0, 0)));
        let end = loop {
            if let Err(error) = failure {
                match self.recover(error) {
                    Ok(Some(source)) => {
                        failure = self.spawn(source, None);
                        continue;
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            }
            match self.watch() {
                Ok(()) => break None,
                Err(error) => failure = Err(error),
            }
        };
        let mut ring = self.shared.lock();
        ring.failure = end;
        ring.over = true;
        drop(ring);
        self.shared.arrived.notify_all();
        self.bury(self.shared.config.silence);
    }

    /// Starts a thread that reads `source`; what it reads replaces what a thread before still reads.
    fn spawn(&mut self, source: Box<dyn Source>, offsets: Option<(u64, u64)>) -> Result<()> {
        let mut ring = self.shared.lock();
        ring.generation += 1;
        (ring.ended, ring.reading_since) = (None, None);
        let generation = ring.generation;
        drop(ring);
        let shared = self.shared.clone();
        let body = move || read(&shared, source, generation, offsets);
        let spawned = thread::Builder::new().name("phy-sec reader".into()).spawn(body);
        self.readers.push(spawned.map_err(|error| Error::Thread { error })?);
        Ok(())
    }

    /// Until the reading thread ends, is silent, or everything stops.
    fn watch(&mut self) -> Result<()> {
        let silence = self.shared.config.silence;
        let mut ring = self.shared.lock();
        let blocks = ring.counters().blocks;
        loop {
            if let Some(ended) = ring.ended.take() {
                if ring.counters().blocks > blocks {
                    self.backoff = self.shared.config.backoff;
                }
                return ended;
            }
            if ring.stop {
                return Ok(());
            }
            let now = Instant::now();
            let due = match ring.reading_since {
                Some(since) if now >= since + silence => {
                    // From here on nobody listens to it.
                    ring.generation += 1;
                    ring.reading_since = None;
                    ring.notice(Notice::Silent { after: now - since });
                    return Err(Error::Silent { seconds: (now - since).as_secs_f64() });
                }
                Some(since) => since + silence,
                None => now + silence,
            };
            ring = wait_until(&self.shared.attention, ring, due);
        }
    }

    /// The source opened anew, if the policy wants that; nothing if everything stops meanwhile.
    fn recover(&mut self, mut error: Error) -> Result<Option<Box<dyn Source>>> {
        loop {
            if !matches!(error, Error::Silent { .. }) {
                self.shared.lock().notice(Notice::Failed { message: error.to_string() });
            }
            let config = self.shared.config;
            let spent = config.restarts.is_some_and(|most| self.attempts >= most);
            let Some(reopen) = self.reopen.as_mut().filter(|_| config.restart != Restart::Quit && !spent)
            else {
                return Err(error);
            };
            let deadline = match config.restart {
                Restart::Pause => None,
                Restart::Quit | Restart::Restart => Some(Instant::now() + self.backoff),
            };
            self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
            let mut ring = self.shared.lock();
            ring.resume = false;
            if deadline.is_none() {
                ring.notice(Notice::Paused);
            }
            while !ring.stop && !ring.resume && deadline.is_none_or(|deadline| Instant::now() < deadline) {
                let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
                ring = wait_until(&self.shared.attention, ring, until);
            }
            if ring.stop {
                return Ok(None);
            }
            drop(ring);
            self.readers.retain(|reader| !reader.is_finished());
            self.attempts += 1;
            match reopen() {
                Ok(source) => {
                    let channels = self.shared.lock().channels();
                    if source.info().channels == channels {
                        self.shared.lock().notice(Notice::Restarted { attempt: self.attempts });
                        return Ok(Some(source));
                    }
                    let need = channels.to_string();
                    let got = source.info().channels;
                    error = Error::Shape { what: "channels of the source that was opened anew", need, got };
                }
                Err(again) => error = again,
            }
        }
    }

    /// Waits for the reading threads. One that is stuck inside a driver cannot be ended from outside: after `patience` it
    /// is left, and ends by itself if ever its read returns.
    fn bury(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        for reader in self.readers.drain(..) {
            while !reader.is_finished() && Instant::now() < deadline {
                thread::sleep(LOOK_AGAIN);
            }
            if reader.is_finished() {
                let _ = reader.join();
            }
        }
    }
}
