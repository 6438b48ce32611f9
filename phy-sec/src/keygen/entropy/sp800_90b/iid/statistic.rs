//! The statistics of the permutation test. SP 800-90B, section 5.1.

use std::io::Write;

use bzip2::Compression;
use bzip2::write::BzEncoder;

use super::super::Alphabet;

/// One order of the samples, with what the statistics want of it.
pub(super) struct Samples<'a> {
    raw: &'a [u8],
    /// By their numbers in the alphabet.
    numbers: Vec<u8>,
    /// Of bits, by eight: how many ones, and the byte. Of other samples, themselves.
    ones: Vec<u8>,
    bytes: Vec<u8>,
    /// Twice the median of the numbers: half-integers are exact.
    twice_median: u32,
    binary: bool,
}

macro_rules! table {
    ($($name:literal $statistic:ident $measure:expr;)*) => {
        /// A statistic of the order of samples.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Statistic {
            $($statistic,)*
        }

        impl Statistic {
            pub(super) const ALL: &'static [Self] = &[$(Self::$statistic),*];

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$statistic => $name,)* }
            }
        }

        impl Samples<'_> {
            pub(super) fn measure(&self, statistic: Statistic) -> f64 {
                match statistic { $(Statistic::$statistic => ($measure)(self),)* }
            }
        }
    };
}

table! {
    "excursion" Excursion |s: &Samples| excursion(s.raw);
    "directional_runs" DirectionalRuns |s: &Samples| runs(s.rises()).0;
    "longest_directional_run" LongestDirectionalRun |s: &Samples| runs(s.rises()).1;
    "increases_and_decreases" IncreasesAndDecreases |s: &Samples| majority(s.rises());
    "runs_about_median" RunsAboutMedian |s: &Samples| runs(s.above_median()).0;
    "longest_run_about_median" LongestRunAboutMedian |s: &Samples| runs(s.above_median()).1;
    "mean_collision" MeanCollision |s: &Samples| collisions(&s.bytes).0;
    "longest_collision" LongestCollision |s: &Samples| collisions(&s.bytes).1;
    "periodicity_1" Periodicity1 |s: &Samples| periodicity(&s.ones, 1);
    "periodicity_2" Periodicity2 |s: &Samples| periodicity(&s.ones, 2);
    "periodicity_8" Periodicity8 |s: &Samples| periodicity(&s.ones, 8);
    "periodicity_16" Periodicity16 |s: &Samples| periodicity(&s.ones, 16);
    "periodicity_32" Periodicity32 |s: &Samples| periodicity(&s.ones, 32);
    "covariance_1" Covariance1 |s: &Samples| covariance(s.levels(), 1);
    "covariance_2" Covariance2 |s: &Samples| covariance(s.levels(), 2);
    "covariance_8" Covariance8 |s: &Samples| covariance(s.levels(), 8);
    "covariance_16" Covariance16 |s: &Samples| covariance(s.levels(), 16);
    "covariance_32" Covariance32 |s: &Samples| covariance(s.levels(), 32);
    "compression" Compressed |s: &Samples| compressed(s.raw);
}

impl<'a> Samples<'a> {
    pub(super) fn new(raw: &'a [u8], alphabet: &Alphabet) -> Self {
        let numbers: Vec<u8> = raw.iter().map(|&value| alphabet.number(value)).collect();
        let binary = alphabet.size() <= 2;
        let (ones, bytes) = if binary {
            (numbers.chunks(8).map(|bits| bits.iter().sum()).collect(), numbers.chunks(8).map(byte).collect())
        } else {
            (numbers.clone(), numbers.clone())
        };
        let twice_median = if binary { 1 } else { twice_median(&numbers) };
        Self { raw, numbers, ones, bytes, twice_median, binary }
    }

    /// Whether each is no greater than the next.
    fn rises(&self) -> impl Iterator<Item = bool> + '_ {
        self.ones.windows(2).map(|pair| pair[0] <= pair[1])
    }

    fn above_median(&self) -> impl Iterator<Item = bool> + '_ {
        self.numbers.iter().map(|&number| 2 * u32::from(number) >= self.twice_median)
    }

    /// What is multiplied: of other samples than bits their own values.
    fn levels(&self) -> &[u8] {
        if self.binary { &self.ones } else { self.raw }
    }
}

/// Up to eight bits, the first most significant, filled up with zeros.
fn byte(bits: &[u8]) -> u8 {
    bits.iter().zip((0..8).rev()).fold(0, |byte, (bit, place)| byte | bit << place)
}

fn twice_median(numbers: &[u8]) -> u32 {
    let mut counts = [0usize; 256];
    numbers.iter().for_each(|&number| counts[usize::from(number)] += 1);
    let at = |rank: usize| {
        let mut below = 0;
        (0u32..).zip(counts).find(|&(_, count)| {
            below += count;
            below > rank
        })
    };
    let half = numbers.len() / 2;
    let value = |rank| at(rank).map_or(0, |(number, _)| number);
    if numbers.len() % 2 == 1 { 2 * value(half) } else { value(half) + value(half - 1) }
}

/// 5.1.1: how far the running sum strays from the mean's.
fn excursion(samples: &[u8]) -> f64 {
    let n = samples.len() as i64;
    let total: i64 = samples.iter().map(|&sample| i64::from(sample)).sum();
    let mut sum = 0;
    // n times the deviation is whole: orders that stray alike tie exactly.
    let stray = samples.iter().zip(1..).map(|(&sample, count)| {
        sum += i64::from(sample);
        (n * sum - count * total).abs()
    });
    stray.max().unwrap_or(0) as f64 / n as f64
}

/// 5.1.2, 5.1.3, 5.1.5, 5.1.6: how many runs there are, and how long the longest is.
fn runs(signs: impl Iterator<Item = bool>) -> (f64, f64) {
    let (mut count, mut longest, mut length) = (0u32, 0u32, 0u32);
    let mut before = None;
    for sign in signs {
        length = if before == Some(sign) { length + 1 } else { 1 };
        count += u32::from(before != Some(sign));
        longest = longest.max(length);
        before = Some(sign);
    }
    (f64::from(count), f64::from(longest))
}

/// 5.1.4.
fn majority(signs: impl Iterator<Item = bool>) -> f64 {
    let (mut yes, mut all) = (0u32, 0u32);
    for sign in signs {
        yes += u32::from(sign);
        all += 1;
    }
    f64::from(yes.max(all - yes))
}

/// 5.1.7 and 5.1.8: mean and greatest number of samples until one repeats.
fn collisions(samples: &[u8]) -> (f64, f64) {
    let (mut sum, mut count, mut longest) = (0u64, 0u64, 0u64);
    // When each value was seen last, and when the present stretch began.
    let mut seen = [usize::MAX; 256];
    let mut start = 0;
    for (at, &sample) in samples.iter().enumerate() {
        let last = &mut seen[usize::from(sample)];
        if *last != usize::MAX && *last >= start {
            let length = (at - start + 1) as u64;
            (sum, count, longest) = (sum + length, count + 1, longest.max(length));
            start = at + 1;
        }
        *last = at;
    }
    (if count > 0 { sum as f64 / count as f64 } else { 0.0 }, longest as f64)
}

/// 5.1.9.
fn periodicity(samples: &[u8], lag: usize) -> f64 {
    samples.iter().zip(samples.iter().skip(lag)).filter(|(a, b)| a == b).count() as f64
}

/// 5.1.10.
fn covariance(samples: &[u8], lag: usize) -> f64 {
    let product = |(&a, &b): (&u8, &u8)| u64::from(a) * u64::from(b);
    samples.iter().zip(samples.iter().skip(lag)).map(product).sum::<u64>() as f64
}

/// 5.1.11: bytes that bzip2 makes of the samples, written in decimals with spaces between.
fn compressed(samples: &[u8]) -> f64 {
    let mut text = Vec::with_capacity(4 * samples.len());
    for (k, sample) in samples.iter().enumerate() {
        let space = if k > 0 { " " } else { "" };
        // Writing to memory does not fail.
        let _ = write!(text, "{space}{sample}");
    }
    let mut encoder = BzEncoder::new(Vec::new(), Compression::new(5));
    let written = encoder.write_all(&text).and_then(|()| encoder.finish());
    written.map_or(0.0, |bytes| bytes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(text: &str) -> impl Iterator<Item = bool> + '_ {
        text.bytes().map(|sign| sign == b'+')
    }

    /// The worked examples of section 5.1.
    #[test]
    fn worked_examples() {
        assert_eq!(excursion(&[2, 15, 4, 10, 9]), 6.0);
        let rises = "++++++--++";
        let samples = [2, 2, 2, 5, 7, 7, 9, 3, 1, 4, 4];
        let of = Samples::new(&samples, &Alphabet::of(&samples));
        assert!(of.rises().eq(signs(rises)));
        assert_eq!((runs(of.rises()), majority(of.rises())), ((3.0, 6.0), 8.0));
        let samples = [5, 15, 12, 1, 13, 9, 4];
        let of = Samples::new(&samples, &Alphabet::of(&samples));
        assert!(of.above_median().eq(signs("-++-++-")));
        assert_eq!(runs(of.above_median()), (5.0, 2.0));
        assert_eq!(collisions(&[2, 1, 1, 2, 0, 1, 0, 1, 1, 2]), (3.0, 4.0));
        assert_eq!(periodicity(&[2, 1, 2, 1, 0, 1, 0, 1, 1, 2], 2), 5.0);
        assert_eq!(covariance(&[5, 2, 6, 10, 12, 3, 1], 2), 164.0);
        let bits = [1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1];
        let of = Samples::new(&bits, &Alphabet::of(&bits));
        assert_eq!((&of.ones[..], &of.bytes[..]), (&[4, 6, 2][..], &[142, 219, 48][..]));
    }

    /// What is orderly takes less room, and noise no less than its entropy.
    #[test]
    fn compression_sees_order() {
        let mut state = 1u64;
        let mut random: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(4000)
        .collect();
        assert!(compressed(&random) > 4000.0);
        random.sort_unstable();
        assert!((14.0..2000.0).contains(&compressed(&random)), "{}", compressed(&random));
    }
}
