//! Where a block stands among all that the radio sampled: counted where its time tells, marked where only a code does.

use crate::{Lost, Time};

/// How far a time may be off the sample that it belongs to, in samples: rounding to nanoseconds stays below it up to
/// 500 MS/s.
const TOLERANCE: f64 = 0.5;
/// Longest gap that is believed, in seconds. A clock that jumps further is wrong.
const BELIEVED: f64 = 3600.0;
/// Blocks for which a code may come after the gap that it is about.
const LATE: u8 = 8;

/// A moment and the sample it belongs to.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    time: i64,
    global: u64,
}

/// Places block after block.
#[derive(Debug)]
pub(super) struct Places {
    rate: f64,
    delivered: u64,
    global: u64,
    anchor: Option<Anchor>,
    /// A clock that contradicts the anchor: believed once the next block agrees with it.
    rival: Option<Anchor>,
    /// The driver said that samples were lost, and no gap has been found yet.
    announced: bool,
    /// It was silent in between.
    silent: bool,
    /// A gap was found of which the driver has not told yet: so many blocks ago at most.
    untold: u8,
    had_time: bool,
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sample_start: u64,
    pub(super) global_index: u64,
    pub(super) lost_before: Lost,
    pub(super) time: Option<Time>,
}

impl Places {
    /// At `rate` Hz.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate,
            delivered: 0,
            global: 0,
            anchor: None,
            rival: None,
            announced: false,
            silent: false,
            untold: 0,
            had_time: false,
        }
    }

    /// Whether nothing has been placed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.delivered == 0
    }

    /// The driver told of a loss.
    pub(super) fn overflow(&mut self) {
        if self.untold > 0 {
            self.untold = 0; // a gap that was counted already
        } else {
            self.announced = true;
        }
    }

    /// The next block does not continue the last one, whatever was told before.
    pub(super) fn tear(&mut self) {
        self.announced = true;
    }

    /// A call came back with nothing, earlier than it was asked to.
    pub(super) fn silence(&mut self) {
        self.silent = true;
    }

    /// Places the next `samples`, whose first was taken at `time` nanoseconds. `fragment`: the next block belongs to the
    /// same packet, and need not have a time.
    pub(super) fn block(&mut self, samples: usize, time: Option<i64>, fragment: bool) -> Place {
        let first = self.delivered == 0;
        let announced = std::mem::take(&mut self.announced);
        let silent = std::mem::take(&mut self.silent);
        self.untold = self.untold.saturating_sub(1);
        let told = if announced { Lost::Unknown } else { Lost::None };
        let mut sound = time;
        let mut lost = match time {
            // Without a time nobody knows what a silence cost; and a time that is suddenly absent hides something.
            None if announced || silent || self.had_time => Lost::Unknown,
            None => Lost::None,
            Some(time) => match (self.offset(self.anchor, time), self.offset(self.rival, time)) {
                // The first time of all.
                (None, _) if silent => Lost::Unknown,
                (None, _) => told,
                (Some(0), _) | (Some(_), Some(0)) => told,
                (Some(ahead), _) if self.believed(ahead) => self.skip(ahead, announced),
                (_, Some(ahead)) if self.believed(ahead) => self.skip(ahead, announced),
                _ => {
                    self.rival = Some(Anchor { time, global: self.global });
                    sound = None;
                    Lost::Unknown
                }
            },
        };
        if let Some(time) = sound {
            self.anchor = Some(Anchor { time, global: self.global });
            self.rival = None;
        }
        if first {
            lost = Lost::None; // nothing was handed over that it could be torn from
        }
        self.had_time = time.is_some() && !fragment;
        let place = Place {
            sample_start: self.delivered,
            global_index: self.global,
            lost_before: lost,
            time: sound.map(Time::Hardware),
        };
        self.delivered = self.delivered.saturating_add(samples as u64);
        self.global = self.global.saturating_add(samples as u64);
        place
    }

    fn believed(&self, ahead: i64) -> bool {
        ahead > 0 && ahead as f64 <= BELIEVED * self.rate
    }

    fn skip(&mut self, ahead: i64, announced: bool) -> Lost {
        let count = ahead.unsigned_abs();
        self.global = self.global.saturating_add(count);
        if !announced {
            self.untold = LATE;
        }
        Lost::Count(count)
    }

    /// Samples by which `time` is later than an anchor expects of the next sample.
    fn offset(&self, anchor: Option<Anchor>, time: i64) -> Option<i64> {
        let anchor = anchor?;
        let passed = (i128::from(time) - i128::from(anchor.time)) as f64 * 1e-9 * self.rate;
        let offset = passed - self.global.saturating_sub(anchor.global) as f64;
        // `as` saturates: a time beyond all measure stays beyond it.
        Some(if offset.abs() <= TOLERANCE { 0 } else { offset.round() as i64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 1e6; // a sample is 1000 ns

    fn lost(places: &mut Places, time: Option<i64>) -> Lost {
        places.block(100, time, false).lost_before
    }

    #[test]
    fn a_gap_in_the_time_is_counted() {
        let mut places = Places::new(RATE);
        assert_eq!(lost(&mut places, Some(5_000)), Lost::None);
        assert_eq!(lost(&mut places, Some(105_000)), Lost::None);
        // Half a sample is rounding; one sample is a loss.
        assert_eq!(lost(&mut places, Some(205_400)), Lost::None);
        assert_eq!(lost(&mut places, Some(306_400)), Lost::Count(1));
        places.overflow(); // tells late of what was counted
        assert_eq!(lost(&mut places, Some(406_400)), Lost::None);
        places.overflow();
        let place = places.block(100, Some(10_000_506_400), false);
        assert_eq!((place.lost_before, place.sample_start), (Lost::Count(10_000_000), 500));
        assert_eq!(place.global_index, 500 + 1 + 10_000_000);
    }

    #[test]
    fn what_was_announced_is_never_joined() {
        // No times at all.
        let mut places = Places::new(RATE);
        assert_eq!(lost(&mut places, None), Lost::None);
        assert_eq!(lost(&mut places, None), Lost::None);
        places.overflow();
        assert_eq!(lost(&mut places, None), Lost::Unknown);
        assert_eq!(lost(&mut places, None), Lost::None);
        places.silence();
        assert_eq!(lost(&mut places, None), Lost::Unknown);
        // A driver that counts its time from the samples it delivers.
        let mut places = Places::new(RATE);
        assert_eq!(lost(&mut places, Some(0)), Lost::None);
        places.overflow();
        assert_eq!(lost(&mut places, Some(100_000)), Lost::Unknown);
        // With times a silence costs what they say.
        places.silence();
        assert_eq!(lost(&mut places, Some(200_000)), Lost::None);
    }

    #[test]
    fn wrong_clocks() {
        let start = |places: &mut Places| {
            assert_eq!(lost(places, Some(1_000_000_000)), Lost::None);
            assert_eq!(lost(places, Some(1_000_100_000)), Lost::None);
        };
        // One absurd time, then right again.
        for wrong in [4_000_000_000_000_000_000, -5, i64::MIN, i64::MAX, 100_000] {
            let mut places = Places::new(RATE);
            start(&mut places);
            let place = places.block(100, Some(wrong), false);
            assert_eq!((place.lost_before, place.time), (Lost::Unknown, None), "{wrong}");
            assert_eq!(lost(&mut places, Some(1_000_300_000)), Lost::None, "{wrong}");
        }
        // A clock that is set back and goes on from there.
        let mut places = Places::new(RATE);
        start(&mut places);
        assert_eq!(lost(&mut places, Some(0)), Lost::Unknown);
        assert_eq!(lost(&mut places, Some(100_000)), Lost::None);
        assert_eq!(lost(&mut places, Some(207_000)), Lost::Count(7));
        // A time that is suddenly absent, with seven samples lost; the next one tells how many.
        let mut places = Places::new(RATE);
        start(&mut places);
        assert_eq!(lost(&mut places, None), Lost::Unknown);
        assert_eq!(lost(&mut places, Some(1_000_307_000)), Lost::Count(7));
        // Fragments of one packet share the time of the first.
        let mut places = Places::new(RATE);
        assert_eq!(places.block(100, Some(0), true).lost_before, Lost::None);
        assert_eq!(lost(&mut places, None), Lost::None);
    }
}
