//! Who takes blocks out of the ring.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Shared,
    ring::{Block, Position},
    wait_until,
};
use crate::{Lost, Read};

/// What [`Consumer::next`] has.
#[derive(Debug)]
pub enum Next {
    /// A block.
    Block(Received),
    /// None within the time.
    Idle,
    /// There will be none any more.
    End,
}

/// A block as one consumer gets it. It goes back into the ring's memory when the last one who holds it lets go.
#[derive(Clone, Debug)]
pub struct Received {
    block: Arc<Block>,
    /// What is missing between this consumer's previous block and this one: what the source lost, and what the consumer was
    /// too slow for.
    pub lost_before: Lost,
    /// Samples of the latter.
    pub dropped: u64,
}

impl Received {
    /// What the source said of the block, with the loss as this consumer sees it.
    pub fn read(&self) -> Read {
        Read { lost_before: self.lost_before, ..self.block.read }
    }
}

impl Deref for Received {
    type Target = Block;

    fn deref(&self) -> &Block {
        &self.block
    }
}

/// One consumer of a stream. Dropping it frees its seat.
pub struct Consumer {
    shared: Arc<Shared>,
    seat: usize,
    /// Where its last block ended, and the index of the sample after it.
    expected: (Position, u64),
}

impl Consumer {
    pub(super) fn new(shared: &Arc<Shared>, name: &str, keeps: usize) -> Self {
        let mut ring = shared.lock();
        let seat = ring.sit(name, keeps);
        let expected = (ring.position, ring.next_sample());
        drop(ring);
        Self { shared: shared.clone(), seat, expected }
    }

    /// The next block, waiting for it no longer than `patience`.
    pub fn next(&mut self, patience: Duration) -> Next {
        let deadline = Instant::now() + patience;
        let mut ring = self.shared.lock();
        let block = loop {
            if let Some(block) = ring.take(self.seat) {
                break block;
            }
            if ring.over {
                return Next::End;
            }
            if Instant::now() >= deadline {
                return Next::Idle;
            }
            ring = wait_until(&self.shared.arrived, ring, deadline);
        };
        let (position, sample) = self.expected;
        let dropped = block.read.sample_start.saturating_sub(sample);
        if dropped > 0
            && let Some(seat) = ring.seats.get_mut(self.seat)
        {
            seat.counters.dropped += dropped;
            seat.counters.drops += 1;
        }
        drop(ring);
        if self.shared.config.wait {
            self.shared.room.notify_all();
        }
        let lost_before = position.lost_until(block.start);
        let end = block.read.sample_start + block.read.samples as u64;
        self.expected = (block.start.after(block.read.samples), end);
        Next::Block(Received { block, lost_before, dropped })
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.lock().leave(self.seat);
        self.shared.room.notify_all();
    }
}
