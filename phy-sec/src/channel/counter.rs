//! Counters that wrap, counted on.

/// A counter of `BITS` bits, counted on over its wraps: the shorter way round, so that a step back is a packet that came
/// late. Late ones from before the first stay apart from all others.
#[derive(Debug, Clone)]
pub(super) struct Unwrap<const BITS: u32> {
    last: Option<(u64, i64)>,
}

impl<const BITS: u32> Unwrap<BITS> {
    pub(super) fn new() -> Self {
        Self { last: None }
    }

    /// The next value, of which the lower `BITS` bits count; fewer than 63.
    pub(super) fn next(&mut self, value: u64) -> u64 {
        let range = 1i64 << BITS;
        let value = value & (range as u64 - 1);
        let count = match self.last {
            None => value as i64,
            Some((before, count)) => {
                let step = (value as i64 - before as i64).rem_euclid(range);
                count.wrapping_add(if step >= range / 2 { step - range } else { step })
            }
        };
        self.last = Some((value, count));
        count as u64
    }
}

/// The numbers, or `None` if they are one number that nobody counted.
pub(super) fn counted(numbers: Vec<u64>) -> Option<Vec<u64>> {
    let same = numbers.len() > 1 && numbers.iter().all(|&number| number == numbers[0]);
    (!same).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_way_round() {
        let of = |numbers: &[u64]| {
            let mut unwrap = Unwrap::<12>::new();
            numbers.iter().map(|&number| unwrap.next(number)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[4094, 4095, 0, 1, 4095]), [4094, 4095, 4096, 4097, 4095]);
        assert_eq!(of(&[0, 4095, 1]), [0, u64::MAX, 1]);
        let mut unwrap = Unwrap::<32>::new();
        assert_eq!(
            [u64::from(u32::MAX), 5].map(|number| unwrap.next(number)),
            [u64::from(u32::MAX), (1 << 32) + 5]
        );
        assert_eq!(counted(vec![3, 3]), None);
        assert_eq!(counted(vec![3]), Some(vec![3]));
    }
}
