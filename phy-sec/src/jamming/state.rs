//! The state of the band, block by block: what an operator watches between the events.
//!
//! ```text
//! clear ─► activity ─► suspected ─► jamming
//!   ▲         │            │           │
//!   └─────────┴── quiet ───┴── quiet for `hold`
//! ```
//!
//! A conspicuous block is *activity*; what lasts and is dense enough to be reported is *suspected*; what has lasted for
//! `confirm` more, or was reported as an event, is *jamming*. Down it goes from each to *clear* after quiet: from *jamming* only
//! after `hold`, so that a jammer that pauses does not make the state flicker. Nothing is learned of the band unless it is clear
//! of anything conspicuous, so a jammer does not become its own baseline.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How long something lasts before it is called jamming, and how long quiet before that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateConfig {
    /// s that it lasts after it is suspected.
    pub confirm: f64,
    /// s of quiet that end jamming.
    pub hold: f64,
}

impl Default for StateConfig {
    fn default() -> Self {
        StateConfig { confirm: 0.005, hold: 0.25 }
    }
}

impl StateConfig {
    pub(crate) fn check(&self) -> Result<()> {
        for (field, value) in [("state.confirm", self.confirm), ("state.hold", self.hold)] {
            if !(0.0..=1e6).contains(&value) {
                return Err(Error::OutOfRange { field, rule: "within 0..=1e6 s", got: value.to_string() });
            }
        }
        Ok(())
    }
}

/// What the band is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing louder than what was learned.
    #[default]
    Clear,
    /// Something is, too short or too sparse so far to be reported.
    Activity,
    /// It would be reported if it ended now.
    Suspected,
    /// It has lasted, or was reported.
    Jamming,
}

impl State {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            State::Clear => "clear",
            State::Activity => "activity",
            State::Suspected => "suspected",
            State::Jamming => "jamming",
        }
    }
}

/// A change of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// What it was.
    pub from: State,
    /// What it is.
    pub to: State,
    /// The sample after the block that changed it.
    pub sample: u64,
}

/// What a block says of the stretch that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// A conspicuous stretch is open.
    pub(crate) open: bool,
    /// It would be reported if it ended now.
    pub(crate) lasts: bool,
    /// This block is conspicuous.
    pub(crate) conspicuous: bool,
    /// An event was reported with it.
    pub(crate) reported: bool,
}

/// Follows the blocks of a stream.
#[derive(Debug, Clone)]
pub(crate) struct StateMachine {
    confirm: u64,
    hold: u64,
    state: State,
    /// Blocks since it is suspected, and quiet ones in a row.
    suspected: u64,
    quiet: u64,
}

impl StateMachine {
    /// - `block`: seconds of a block
    pub(crate) fn new(config: &StateConfig, block: f64) -> Self {
        let blocks = |seconds: f64| (seconds / block).ceil() as u64; // saturates
        StateMachine {
            confirm: blocks(config.confirm),
            hold: blocks(config.hold).max(1),
            state: State::Clear,
            suspected: 0,
            quiet: 0,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Takes the next block; the change that it made.
    pub(crate) fn step(&mut self, seen: Seen, sample: u64) -> Option<Transition> {
        self.quiet = if seen.conspicuous || seen.reported { 0 } else { self.quiet.saturating_add(1) };
        self.suspected = if seen.lasts { self.suspected.saturating_add(1) } else { 0 };
        let now = match (seen.reported, seen.lasts, seen.open) {
            (true, _, _) => State::Jamming,
            (_, true, _) if self.suspected > self.confirm => State::Jamming,
            (_, true, _) => State::Suspected,
            (_, _, true) => State::Activity,
            _ => State::Clear,
        };
        let held = self.state == State::Jamming && self.quiet < self.hold;
        let to = if held { State::Jamming } else { now };
        let from = std::mem::replace(&mut self.state, to);
        (from != to).then_some(Transition { from, to, sample })
    }

    /// The stream ends or breaks off: what was going on is over as far as anybody can tell.
    pub(crate) fn clear(&mut self, sample: u64) -> Option<Transition> {
        (self.suspected, self.quiet) = (0, 0);
        let from = std::mem::take(&mut self.state);
        (from != State::Clear).then_some(Transition { from, to: State::Clear, sample })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Seen = Seen { open: false, lasts: false, conspicuous: false, reported: false };
    const HOT: Seen = Seen { open: true, conspicuous: true, ..QUIET };
    const LASTS: Seen = Seen { lasts: true, ..HOT };

    fn run(machine: &mut StateMachine, seen: &[(Seen, usize)]) -> Vec<(State, u64)> {
        let blocks = seen.iter().flat_map(|&(seen, times)| std::iter::repeat_n(seen, times));
        blocks.zip(1..).filter_map(|(seen, at)| machine.step(seen, at)).map(|t| (t.to, t.sample)).collect()
    }

    #[test]
    fn up_by_lasting_and_down_by_holding() {
        let mut machine = StateMachine::new(&StateConfig { confirm: 3.0, hold: 5.0 }, 1.0);
        let pause = Seen { conspicuous: false, ..LASTS };
        let got = run(
            &mut machine,
            &[(QUIET, 4), (HOT, 2), (LASTS, 6), (pause, 2), (QUIET, 2), (HOT, 1), (QUIET, 9)],
        );
        use State::{Activity, Clear, Jamming, Suspected};
        // Quiet for four blocks, one hot, and then quiet for five.
        assert_eq!(got, [(Activity, 5), (Suspected, 7), (Jamming, 10), (Clear, 22)]);
    }

    #[test]
    fn what_ends_early_is_not_held() {
        let mut machine = StateMachine::new(&StateConfig { confirm: 3.0, hold: 5.0 }, 1.0);
        let got = run(&mut machine, &[(HOT, 1), (QUIET, 1), (LASTS, 2), (QUIET, 1)]);
        use State::{Activity, Clear, Suspected};
        assert_eq!(got, [(Activity, 1), (Clear, 2), (Suspected, 3), (Clear, 5)]);
    }

    #[test]
    fn a_reported_event_is_jamming_at_once() {
        let mut machine = StateMachine::new(&StateConfig::default(), 1e-3);
        let reported = Seen { reported: true, ..QUIET };
        assert_eq!(run(&mut machine, &[(QUIET, 1), (reported, 1)]), [(State::Jamming, 2)]);
        assert_eq!(machine.clear(9).map(|t| (t.to, t.sample)), Some((State::Clear, 9)));
        assert_eq!(machine.clear(9), None);
    }

    #[test]
    fn impossible_times_are_refused() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(StateConfig { hold: bad, ..StateConfig::default() }.check().is_err());
        }
        // A hold that no counter holds.
        let _ = StateMachine::new(&StateConfig { confirm: 1e6, hold: 1e6 }, 1e-300);
    }
}
