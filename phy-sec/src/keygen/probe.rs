//! Measurements as the chain takes them, and how the two ends' rows find each other.

pub mod arrangement;
pub mod calibrate;
pub mod compensate;
pub mod injection;
pub(in crate::keygen) mod overheard;
pub mod recording;
pub mod table;
pub mod variation;

use std::collections::{HashMap, HashSet};

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use overheard::Overheard;

use super::within;
use crate::channel::Csi;
use crate::{Error, Result};

/// Which real number is taken of a complex channel gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// `|h|`: needs no common phase at the two ends.
    #[default]
    Magnitude,
    /// `20 log10 |h|`.
    LogMagnitude,
    /// Real part: only for ends with a common phase.
    Real,
    /// Imaginary part: only for ends with a common phase.
    Imaginary,
    /// `arg h`, rad, within ±π: only for ends with a common phase.
    Phase,
    /// Real and imaginary part as two lanes, one after the other: only for ends with a common phase.
    Complex,
}

impl Component {
    /// Lanes of a gain.
    fn lanes(self) -> usize {
        if self == Self::Complex { 2 } else { 1 }
    }

    /// The number in the given lane of a gain.
    fn of(self, re: f64, im: f64, lane: usize) -> f64 {
        match self {
            Self::Magnitude => re.hypot(im),
            Self::LogMagnitude => 20.0 * re.hypot(im).log10(),
            Self::Real => re,
            Self::Imaginary => im,
            Self::Phase => im.atan2(re),
            Self::Complex => [re, im][lane],
        }
    }
}

/// Which antennas of a measurement become lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Antennas {
    /// The first one.
    #[default]
    First,
    /// All of them, one after the other: the subcarriers of the first, then those of the second.
    All,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Channel gains per subcarrier.
    Csi,
    /// Received signal strength, dB.
    Rssi,
}

/// One end's measurements: real numbers, finite, one row per lane (subcarrier).
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    values: Array2<f64>,
    sequence: Option<Vec<u64>>,
    time: Option<Vec<f64>>,
    kind: Kind,
}

impl Trace {
    /// - `values`: `[lane, time]`
    /// - `sequence`, `time` (s): `[time]`, where the measurement carries them
    ///
    /// # Errors
    /// [`Error::Shape`] for parts that do not fit, [`Error::NotFinite`], [`Error::OutOfRange`] for values above 1e100, whose squares
    /// could not be summed.
    pub fn new(
        values: Array2<f64>,
        sequence: Option<Vec<u64>>,
        time: Option<Vec<f64>>,
        kind: Kind,
    ) -> Result<Self> {
        let columns = values.ncols();
        for (what, len) in
            [("sequence", sequence.as_ref().map(Vec::len)), ("time", time.as_ref().map(Vec::len))]
        {
            if let Some(len) = len.filter(|&len| len != columns) {
                return Err(Error::Shape { what, need: format!("[{columns}]"), got: format!("[{len}]") });
            }
        }
        finite("measurements", values.iter())?;
        finite("time", time.iter().flatten())?;
        if let Some(huge) = values.iter().find(|value| value.abs() > 1e100) {
            let got = format!("{huge:e}");
            return Err(Error::OutOfRange { field: "values", rule: "within ±1e100", got });
        }
        Ok(Self { values, sequence, time, kind })
    }

    /// One component of the first antenna's gains.
    ///
    /// # Errors
    /// [`Error::Shape`] without any antenna, [`Error::NotFinite`] (the logarithm of a zero gain is one, too).
    pub fn from_csi(csi: &Csi, component: Component) -> Result<Self> {
        Self::from_antennas(csi, component, Antennas::First)
    }

    /// One component of the gains of the chosen antennas.
    ///
    /// # Errors
    /// Those of [`Trace::from_csi`].
    pub fn from_antennas(csi: &Csi, component: Component, chosen: Antennas) -> Result<Self> {
        let (rows, subcarriers, antennas) = csi.gains.dim();
        if antennas == 0 {
            let need = "[time, subcarrier, antenna >= 1]".into();
            return Err(Error::Shape { what: "gains", need, got: format!("[{rows}, {subcarriers}, 0]") });
        }
        let each = component.lanes();
        let antennas = if chosen == Antennas::All { antennas } else { 1 };
        let values = Array2::from_shape_fn((antennas * subcarriers * each, rows), |(lane, row)| {
            let place = lane / each;
            let gain = csi.gains[[row, place % subcarriers, place / subcarriers]];
            component.of(f64::from(gain.re), f64::from(gain.im), lane % each)
        });
        Self::new(values, csi.sequence.clone(), Some(csi.time.clone()), Kind::Csi)
    }

    /// The same lanes over and over, until they are as many as `lanes`: one antenna beside several of another end. As it is if `lanes`
    /// is no multiple.
    fn repeated(&self, lanes: usize) -> Self {
        let own = self.lanes();
        if own == 0 || lanes <= own || !lanes.is_multiple_of(own) {
            return self.clone();
        }
        let rows: Vec<usize> = (0..lanes).map(|lane| lane % own).collect();
        Self { values: self.values.select(ndarray::Axis(0), &rows), ..self.clone() }
    }

    /// Each lane `times` times in a row.
    fn repeated_each(self, times: usize) -> Self {
        if times == 1 {
            return self;
        }
        let rows: Vec<usize> = (0..self.lanes() * times).map(|row| row / times).collect();
        Self { values: self.values.select(Axis(0), &rows), ..self }
    }

    /// The measurements, `[lane, time]`.
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// How many lanes (subcarriers).
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.values.nrows()
    }

    /// How many measurements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.ncols()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was measured.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Mean over time, `[lane]`: the frequency profile of a static channel.
    #[must_use]
    pub fn profile(&self) -> Vec<f64> {
        self.values.rows().into_iter().map(|row| row.mean().unwrap_or(0.0)).collect()
    }

    fn select(&self, columns: &[usize]) -> Array2<f64> {
        self.values.select(Axis(1), columns)
    }
}

fn finite<'a>(what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match values.into_iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite { what, index }),
    }
}

/// How rows of the two ends become pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pairing {
    /// By what.
    pub by: PairBy,
    /// The longest time between the two measurements of a pair, s, where time stamps pair them.
    pub tolerance: f64,
    /// Whether Bob's series is read at the times of Alice's.
    pub compensate: compensate::Compensation,
}

impl Default for Pairing {
    fn default() -> Self {
        Self { by: PairBy::Auto, tolerance: 0.01, compensate: Default::default() }
    }
}

impl Pairing {
    pub(super) fn check(&self) -> Result<()> {
        self.compensate.check()?;
        within("pairing.tolerance", self.tolerance, 0.0, 1e6, "within 0..=1e6 s")
    }
}

/// What says that two measurements belong to the same exchange of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairBy {
    /// The sequence number if both ends have it, otherwise the time stamp.
    #[default]
    Auto,
    /// The sequence number.
    Sequence,
    /// The time stamp (of one common clock), within the tolerance.
    Time,
    /// The place in the file. The caller vouches that no packet is missing at either end.
    Order,
}

/// Measurements of the same exchanges, column by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// Alice's, `[lane, pair]`.
    pub alice: Array2<f64>,
    /// Bob's, `[lane, pair]`.
    pub bob: Array2<f64>,
    /// Which of Alice's measurements each pair is, `[pair]`.
    pub alice_column: Vec<usize>,
    /// What paired them.
    pub by: PairBy,
    /// Measurements at either end whose sequence number had come before: they are left out.
    pub duplicates: usize,
}

impl Pairs {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alice.ncols()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The pairs of two ends' measurements, in Alice's order. What one end missed is left out.
///
/// # Errors
/// [`Error::Shape`] for ends with different numbers of lanes; [`Error::OutOfRange`] where pairing by sequence or time
/// is asked for and an end has none.
pub fn pair(alice: &Trace, bob: &Trace, pairing: &Pairing) -> Result<Pairs> {
    pairing.check()?;
    if alice.lanes() != bob.lanes() {
        let (need, got) = (format!("[{}, time]", alice.lanes()), format!("[{}, time]", bob.lanes()));
        return Err(Error::Shape { what: "Bob's measurements", need, got });
    }
    let by = match pairing.by {
        PairBy::Auto if alice.sequence.is_some() && bob.sequence.is_some() => PairBy::Sequence,
        PairBy::Auto => PairBy::Time,
        by => by,
    };
    let missing = |got: &str| Error::OutOfRange {
        field: "pairing.by",
        rule: "something that both ends' measurements carry",
        got: got.into(),
    };
    let mut duplicates = 0;
    let columns: Vec<(usize, usize)> = match by {
        PairBy::Order => (0..alice.len().min(bob.len())).map(|k| (k, k)).collect(),
        PairBy::Sequence => {
            let (Some(a), Some(b)) = (&alice.sequence, &bob.sequence) else {
                return Err(missing("sequence"));
            };
            let mut place = HashMap::new();
            for (column, number) in b.iter().enumerate() {
                if place.contains_key(number) {
                    duplicates += 1;
                } else {
                    place.insert(number, column);
                }
            }
            let mut seen = HashSet::new();
            let fresh = a.iter().enumerate().filter(|(_, number)| {
                let fresh = seen.insert(*number);
                duplicates += usize::from(!fresh);
                fresh
            });
            let found: Vec<_> =
                fresh.filter_map(|(column, number)| Some((column, *place.get(number)?))).collect();
            found
        }
        PairBy::Auto | PairBy::Time => match (&alice.time, &bob.time) {
            (Some(a), Some(b)) => nearest(a, b, pairing.tolerance),
            _ if pairing.by == PairBy::Auto => Vec::new(),
            _ => return Err(missing("time")),
        },
    };
    let (alice_column, bob_column): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    if pairing.compensate.method != compensate::Between::None {
        return compensate::pairs(
            alice,
            bob,
            (&alice_column, &bob_column),
            (by, duplicates),
            &pairing.compensate,
        );
    }
    let (alice, bob) = (alice.select(&alice_column), bob.select(&bob_column));
    Ok(Pairs { alice, bob, alice_column, by, duplicates })
}

/// Each of `a` with the nearest of `b`, where each is the other's nearest and both are within `tolerance`.
fn nearest(a: &[f64], b: &[f64], tolerance: f64) -> Vec<(usize, usize)> {
    let sorted = |times: &[f64]| {
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by(|&i, &j| times[i].total_cmp(&times[j]));
        order
    };
    let closest = |time: f64, times: &[f64], order: &[usize]| {
        let after = order.partition_point(|&k| times[k] < time);
        let around = order[after.saturating_sub(1)..(after + 1).min(order.len())].iter().copied();
        around.min_by(|&i, &j| (times[i] - time).abs().total_cmp(&(times[j] - time).abs()))
    };
    let (order_a, order_b) = (sorted(a), sorted(b));
    let mutual = |&column: &usize| {
        let other = closest(a[column], b, &order_b)?;
        let back = closest(b[other], a, &order_a)?;
        let near = (a[column] - b[other]).abs() <= tolerance;
        (near && back == column).then_some((column, other))
    };
    order_a.iter().filter_map(mutual).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn trace(values: &[f64], sequence: Option<&[u64]>, time: Option<&[f64]>) -> Trace {
        let values = Array2::from_shape_vec((1, values.len()), values.to_vec()).unwrap();
        Trace::new(values, sequence.map(<[_]>::to_vec), time.map(<[_]>::to_vec), Kind::Rssi).unwrap()
    }

    #[test]
    fn components_of_a_gain() {
        let gains = ndarray::Array3::from_elem((2, 3, 1), num_complex::Complex32::new(0.0, -2.0));
        let csi = Csi { gains, time: vec![0.0, 1.0], sequence: None };
        let of = |component| Trace::from_csi(&csi, component).unwrap().values().to_owned();
        for (component, want) in [
            (Component::Magnitude, 2.0),
            (Component::LogMagnitude, 20.0 * 2f64.log10()),
            (Component::Real, 0.0),
            (Component::Imaginary, -2.0),
            (Component::Phase, -std::f64::consts::FRAC_PI_2),
        ] {
            assert_eq!(of(component), Array2::from_elem((3, 2), want), "{component:?}");
        }
        let complex = of(Component::Complex);
        assert_eq!(complex.dim(), (6, 2));
        assert!((complex[[4, 1]], complex[[5, 1]]) == (0.0, -2.0));
    }

    #[test]
    fn lost_and_repeated_packets_fall_out() {
        let alice = trace(&[1.0, 2.0, 3.0, 4.0, 4.5], Some(&[1, 2, 3, 5, 5]), None);
        let bob = trace(&[20.0, 10.0, 50.0, 51.0], Some(&[2, 1, 5, 5]), None);
        let pairs = pair(&alice, &bob, &Pairing::default()).unwrap();
        assert_eq!(pairs.alice, array![[1.0, 2.0, 4.0]]);
        assert_eq!(pairs.bob, array![[10.0, 20.0, 50.0]]);
        assert_eq!((pairs.by, pairs.duplicates), (PairBy::Sequence, 2));
    }

    #[test]
    fn time_stamps_pair_within_the_tolerance() {
        let alice = trace(&[1.0, 2.0, 3.0], None, Some(&[0.0, 1.0, 2.0]));
        let bob = trace(&[10.0, 20.0, 30.0], None, Some(&[0.004, 1.2, 1.995]));
        let pairs = pair(&alice, &bob, &Pairing::default()).unwrap();
        assert_eq!(pairs.alice, array![[1.0, 3.0]]);
        assert_eq!(pairs.bob, array![[10.0, 30.0]]);
    }

    /// Without sequence numbers and times nothing says which row belongs to which: that makes no pairs.
    #[test]
    fn nothing_is_paired_by_accident() {
        let (alice, bob) = (trace(&[1.0, 2.0], None, None), trace(&[1.0, 2.0], None, None));
        assert!(pair(&alice, &bob, &Pairing::default()).unwrap().is_empty());
        let order = Pairing { by: PairBy::Order, ..Pairing::default() };
        assert_eq!(pair(&alice, &bob, &order).unwrap().len(), 2);
        let err = pair(&alice, &bob, &Pairing { by: PairBy::Time, ..order }).unwrap_err();
        assert_eq!(
            err.to_string(),
            "pairing.by must be something that both ends' measurements carry, got time"
        );
        let err = Trace::new(array![[0.0, f64::NAN]], None, None, Kind::Rssi).unwrap_err();
        assert_eq!(err.to_string(), "measurements holds a NaN or an infinity at index 1");
        let err = Trace::new(array![[0.0]], Some(vec![]), None, Kind::Rssi).unwrap_err();
        assert_eq!(err.to_string(), "sequence must have shape [1], got [0]");
    }
}
