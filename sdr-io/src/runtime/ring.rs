//! The ring: blocks that are filled, handed on and used again, and what was counted of them.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use ndarray::{Array2, ArrayView2, Axis, Slice};
use num_complex::Complex32;

use super::{Counters, Notice, SeatCounters};
use crate::{Error, Lost, Read};

/// Blocks beside the ring: one being filled, and one in each consumer's hands is added by the consumer.
const SPARE: usize = 2;

/// Notices kept for somebody to fetch them.
const NOTICES: usize = 64;

/// Samples and where they stand.
#[derive(Debug)]
pub struct Block {
    pub(super) samples: Array2<Complex32>,
    /// What the source said of them; indices go on counting over restarts.
    pub read: Read,
    /// When the block was complete, by this computer's clock: to measure how late an answer comes.
    pub arrived: Instant,
    pub(super) start: Position,
}

impl Block {
    /// Its samples, `[channel, sample]`.
    pub fn samples(&self) -> ArrayView2<'_, Complex32> {
        self.samples.slice_axis(Axis(1), Slice::from(..self.read.samples))
    }

    /// The samples of one channel; none of a channel that there is not.
    pub fn channel(&self, channel: usize) -> &[Complex32] {
        let width = self.samples.ncols();
        let row = channel.saturating_mul(width);
        // An array in standard layout is one row after the other.
        let rows = self.samples.as_slice().unwrap_or_default();
        rows.get(row..row.saturating_add(self.read.samples.min(width))).unwrap_or_default()
    }
}

/// A place in the stream as a consumer needs it to say what it missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Samples handed over or known to be lost.
    total: u64,
    /// Gaps that nobody counted.
    uncounted: u64,
}

impl Position {
    /// What is missing between this place, where a consumer stopped, and `start`, where its next block begins.
    pub(super) fn lost_until(self, start: Position) -> Lost {
        match start.total.saturating_sub(self.total) {
            _ if start.uncounted != self.uncounted => Lost::Unknown,
            0 => Lost::None,
            lost => Lost::Count(lost),
        }
    }

    pub(super) fn after(self, samples: usize) -> Position {
        Position { total: self.total + samples as u64, ..self }
    }
}

/// A consumer's place.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) counters: SeatCounters,
    /// Number of the next block that it takes; `None` when it is gone.
    pub(super) cursor: Option<u64>,
    /// Blocks that it may keep.
    keeps: usize,
}

pub(super) struct Ring {
    channels: usize,
    width: usize,
    capacity: usize,
    blocks: VecDeque<Arc<Block>>,
    /// Number of the first block in the ring.
    first: u64,
    /// Blocks that left the ring: those that nobody holds any more are used again.
    pool: Vec<Arc<Block>>,
    allocated: usize,
    pub(super) position: Position,
    /// Index of the next sample, and its global index.
    next: (u64, u64),
    pub(super) seats: Vec<Seat>,
    counters: Counters,
    notices: VecDeque<Notice>,
    /// Which reading thread is heard: one that was given up is not.
    pub(super) generation: u64,
    /// Since when it is inside the source.
    pub(super) reading_since: Option<Instant>,
    /// How the reading thread ended.
    pub(super) ended: Option<Result<(), Error>>,
    pub(super) stop: bool,
    pub(super) resume: bool,
    /// No block will come any more.
    pub(super) over: bool,
    pub(super) failure: Option<Error>,
}

impl Ring {
    pub(super) fn new(channels: usize, width: usize, capacity: usize, sample_start: u64) -> Self {
        let mut ring = Self {
            channels,
            width,
            capacity,
            blocks: VecDeque::with_capacity(capacity),
            first: 0,
            pool: Vec::new(),
            allocated: 0,
            position: Position::default(),
            next: (sample_start, 0),
            seats: Vec::new(),
            counters: Counters::default(),
            notices: VecDeque::new(),
            generation: 0,
            reading_since: None,
            ended: None,
            stop: false,
            resume: false,
            over: false,
            failure: None,
        };
        for _ in 0..capacity + SPARE {
            let block = ring.allocate();
            ring.pool.push(block);
        }
        ring
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    fn allocate(&mut self) -> Arc<Block> {
        self.allocated += 1;
        Arc::new(Block {
            samples: Array2::zeros((self.channels, self.width)),
            read: Read::default(),
            arrived: Instant::now(),
            start: Position::default(),
        })
    }

    /// Number of the block after the newest.
    pub(super) fn head(&self) -> u64 {
        self.first + self.blocks.len() as u64
    }

    /// The block that a reading thread begins with: there is always one.
    pub(super) fn first(&mut self) -> Arc<Block> {
        self.spare(false).unwrap_or_else(|| self.allocate())
    }

    /// What a reading thread ends with.
    pub(super) fn give_back(&mut self, block: Arc<Block>) {
        self.pool.push(block);
    }

    /// A block that nobody else holds, for the reading thread to fill. Without any, the ring gives up its oldest if it may.
    pub(super) fn spare(&mut self, evict: bool) -> Option<Arc<Block>> {
        loop {
            // Those that consumers keep are few, and the last one put in is the likeliest to be free.
            if let Some(at) = self.pool.iter().rposition(|block| Arc::strong_count(block) == 1) {
                return Some(self.pool.swap_remove(at));
            }
            let kept: usize = self.seats.iter().map(|seat| seat.keeps + 1).sum();
            if self.allocated < self.capacity + SPARE + kept {
                return Some(self.allocate());
            }
            let oldest = if evict { self.blocks.pop_front() } else { None };
            self.pool.push(oldest?);
            self.first += 1;
        }
    }

    /// Index of the next sample that is read.
    pub(super) fn next_sample(&self) -> u64 {
        self.next.0
    }

    /// Whether the next block drives out one that a consumer has not taken.
    pub(super) fn is_full(&self) -> bool {
        self.blocks.len() >= self.capacity
            && self.seats.iter().filter_map(|seat| seat.cursor).any(|cursor| cursor <= self.first)
    }

    /// Counts a block that was read and says where it stands. `offsets`: what is added to the source's indices; `None` before
    /// the first block of a source that was opened anew, whose own indices go on from where ours stand.
    pub(super) fn account(&mut self, read: &mut Read, offsets: &mut Option<(u64, u64)>) -> Position {
        let (sample, global) = *offsets.get_or_insert_with(|| {
            read.lost_before = Lost::Unknown;
            (self.next.0.wrapping_sub(read.sample_start), self.next.1.wrapping_sub(read.global_index))
        });
        read.sample_start = read.sample_start.wrapping_add(sample);
        read.global_index = read.global_index.wrapping_add(global);
        match read.lost_before {
            Lost::None => {}
            Lost::Count(lost) => {
                self.position.total += lost;
                self.counters.lost += lost;
            }
            Lost::Unknown => {
                self.position.uncounted += 1;
                self.counters.uncounted_gaps += 1;
            }
        }
        self.counters.gaps += u64::from(read.lost_before.is_gap());
        self.counters.samples += read.samples as u64;
        self.counters.blocks += 1;
        self.counters.not_finite += read.not_finite as u64;
        let samples = read.samples as u64;
        self.next = (read.sample_start.wrapping_add(samples), read.global_index.wrapping_add(samples));
        let start = self.position;
        self.position = start.after(read.samples);
        start
    }

    /// Puts a block that was accounted for into the ring.
    pub(super) fn publish(&mut self, block: Arc<Block>) {
        while self.blocks.len() >= self.capacity {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.pool.push(oldest);
            self.first += 1;
        }
        self.blocks.push_back(block);
    }

    /// A seat for a consumer that begins with the next block; its number.
    pub(super) fn sit(&mut self, name: &str, keeps: usize) -> usize {
        let counters = SeatCounters { name: name.to_owned(), ..SeatCounters::default() };
        self.seats.push(Seat { counters, cursor: Some(self.head()), keeps });
        self.seats.len() - 1
    }

    /// The seat is free: nobody waits for it, and what it kept comes back.
    pub(super) fn leave(&mut self, seat: usize) {
        if let Some(seat) = self.seats.get_mut(seat) {
            (seat.cursor, seat.keeps) = (None, 0);
        }
    }

    /// The next block of a seat, if there is one.
    pub(super) fn take(&mut self, seat: usize) -> Option<Arc<Block>> {
        let (first, head) = (self.first, self.head());
        let seat = self.seats.get_mut(seat)?;
        let cursor = seat.cursor.as_mut()?;
        if *cursor < first {
            // Who is late goes to the middle: at the oldest end it would be overrun at once again.
            *cursor = first + (head - first) / 2;
        }
        let block = self.blocks.get(usize::try_from(*cursor - first).ok()?)?;
        *cursor += 1;
        seat.counters.blocks += 1;
        Some(block.clone())
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        match &notice {
            Notice::Silent { .. } => self.counters.silences += 1,
            Notice::Restarted { attempt } => self.counters.restarts = *attempt,
            Notice::Failed { .. } | Notice::Paused => {}
        }
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.drain(..).collect()
    }

    pub(super) fn counters(&self) -> Counters {
        let head = self.head();
        let mut counters = self.counters.clone();
        (counters.ring, counters.allocated) = (self.capacity, self.allocated);
        counters.consumers = self
            .seats
            .iter()
            .map(|seat| SeatCounters {
                behind: seat.cursor.map_or(0, |cursor| head.saturating_sub(cursor)),
                ..seat.counters.clone()
            })
            .collect();
        // What waits for somebody, not what merely lies there.
        counters.ring_fill = counters
            .consumers
            .iter()
            .map(|seat| usize::try_from(seat.behind).unwrap_or(usize::MAX).min(self.capacity))
            .max()
            .unwrap_or(0);
        counters
    }
}
