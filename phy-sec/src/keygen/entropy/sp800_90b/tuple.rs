//! How often tuples of each length repeat, from the common prefixes of sorted suffixes. SP 800-90B, sections 6.3.5 (the most
//! frequent tuple of each length that occurs 35 times) and 6.3.6 (collisions of longer ones).

use super::{Estimate, Sequence, suffix, upper};

/// A tuple that occurs less often says nothing of its probability.
const OFTEN: u32 = 35;

/// Of each length up to that of the longest repeated tuple.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    /// Occurrences of the most frequent tuple, at index length - 1.
    most: Vec<u32>,
    /// Pairs of places that hold the same tuple, at index length - 1.
    pairs: Vec<u64>,
}

impl Profile {
    pub(super) fn new(sequence: &Sequence) -> Self {
        let mut groups = Groups::default();
        suffix::common_prefixes(sequence, |common| groups.push(common));
        groups.push(0);
        groups.profile()
    }

    /// Length of the longest repeated tuple.
    pub(crate) fn longest(&self) -> usize {
        self.most.len()
    }

    /// The least length whose tuples all occur less than 35 times.
    fn rare(&self) -> usize {
        1 + self.most.iter().take_while(|&&count| count >= OFTEN).count()
    }
}

/// Suffixes in order fall into nested groups, by the length that all of a group have in common. A group is counted when it
/// ends, for all lengths at once that tell it from the group around it.
#[derive(Debug, Default)]
struct Groups {
    /// Common length, and neighbours so far, of the groups that are open, from the outermost.
    open: Vec<(u32, u32)>,
    /// At index length: the largest group that ends there; pairs that begin to be counted there, downwards.
    largest: Vec<u32>,
    pairs: Vec<u64>,
}

impl Groups {
    /// The next suffix has `common` symbols in common with the one before.
    fn push(&mut self, common: u32) {
        let mut neighbours = 0;
        while let Some(&(length, count)) = self.open.last() {
            if length <= common {
                break;
            }
            self.open.pop();
            neighbours += count;
            let around = self.open.last().map_or(0, |&(length, _)| length).max(common);
            let (length, members) = (length as usize, neighbours + 1);
            if length >= self.largest.len() {
                self.largest.resize(length + 1, 0);
                self.pairs.resize(length + 1, 0);
            }
            self.largest[length] = self.largest[length].max(members);
            let pairs = u64::from(members) * u64::from(neighbours) / 2;
            self.pairs[length] = self.pairs[length].wrapping_add(pairs);
            self.pairs[around as usize] = self.pairs[around as usize].wrapping_sub(pairs);
        }
        match self.open.last_mut() {
            Some((length, count)) if *length == common => *count += neighbours + 1,
            _ if common > 0 => self.open.push((common, neighbours + 1)),
            _ => {}
        }
    }

    fn profile(self) -> Profile {
        let (mut most, mut pairs) = (self.largest, self.pairs);
        for length in (1..most.len()).rev() {
            most[length - 1] = most[length - 1].max(most[length]);
            pairs[length - 1] = pairs[length - 1].wrapping_add(pairs[length]);
        }
        Profile { most: most.into_iter().skip(1).collect(), pairs: pairs.into_iter().skip(1).collect() }
    }
}

pub(super) fn most_frequent(sequence: &Sequence) -> Estimate {
    let (n, profile) = (sequence.len(), sequence.profile());
    let t = profile.rare() - 1;
    let share = |(length, &count): (usize, &u32)| {
        (f64::from(count) / (n - length + 1) as f64).powf(1.0 / length as f64)
    };
    let p = (1..).zip(&profile.most[..t]).map(share).fold(0.0, f64::max);
    if t == 0 {
        return Estimate::too_short();
    }
    let above = upper(p, n);
    Estimate::new(-above.log2() + 0.0, [("t", t as f64), ("p-hat_max", p), ("p_u", above)])
}

pub(super) fn repeated(sequence: &Sequence) -> Estimate {
    let (n, profile) = (sequence.len(), sequence.profile());
    let (u, v) = (profile.rare(), profile.longest());
    if v < u {
        return Estimate::too_short();
    }
    let share = |(length, &pairs): (usize, &u64)| {
        let places = (n - length + 1) as f64;
        (pairs as f64 / (places * (places - 1.0) / 2.0)).powf(1.0 / length as f64)
    };
    let p = (u..).zip(&profile.pairs[u - 1..]).map(share).fold(0.0, f64::max);
    let above = upper(p, n);
    Estimate::new(-above.log2() + 0.0, [("u", u as f64), ("v", v as f64), ("p-hat", p), ("p_u", above)])
}

#[cfg(test)]
mod tests {
    use super::super::sequence::Alphabet;
    use super::*;
    use std::collections::HashMap;

    /// Every tuple counted by hand, over texts from random to periodic and over the ways of sorting.
    #[test]
    fn profile_is_the_count_of_tuples() {
        let mut state = 7u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for (len, alphabet) in [(2, 2), (50, 2), (300, 2), (300, 3), (500, 5), (700, 17), (700, 250)] {
            texts.push((0..len).map(|_| next(alphabet) as u8).collect());
        }
        texts.push((0..400).map(|k| (k % 2) as u8).collect());
        texts.push((0..400).map(|k| (k % 7) as u8).collect());
        texts.push(vec![3; 100]);
        let random: Vec<u8> = (0..200).map(|_| next(4) as u8).collect();
        texts.push([&random[..], &random[..]].concat());
        for text in texts {
            let sequence = Sequence::symbols(&text, &Alphabet::of(&text));
            holds(&sequence, &text);
        }
    }

    /// The same of the bits of symbols, sorted by way of those: what repeats does so for thousands of bits, shifted by whole
    /// symbols or by less.
    #[test]
    fn profile_of_the_bits_of_symbols() {
        let mut state = 3u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut aligned = 0;
        for width in 2..=8u32 {
            let mut random = |len: usize| -> Vec<u8> { (0..len).map(|_| next(1 << width) as u8).collect() };
            let (some, few) = (random(60), random(3));
            let runs = |len: usize| -> Vec<u8> { (0..len).map(|k| u8::from(k % 29 == 28)).collect() };
            for text in [
                random(100),
                [&some[..], &some].concat(),
                [&few[..], &some, &few, &some, &few].concat(),
                (0..120).map(|k| few[k % 3]).collect(),
                runs(150),
                [&[0; 70][..], &few, &[0; 60]].concat(),
            ] {
                let sequence = Sequence::bits(&text, width);
                let bits: Vec<u8> =
                    text.iter().flat_map(|&s| (0..width).rev().map(move |k| s >> k & 1)).collect();
                aligned += usize::from(suffix::by(suffix::Way::Aligned, &sequence, |_| ()));
                holds(&sequence, &bits);
            }
        }
        assert!(aligned >= 30, "{aligned} of 42 sorted by way of symbols");
    }

    /// The profile of `sequence`, whose symbols are `text`, is the count of its tuples, whatever the way of sorting.
    fn holds(sequence: &Sequence, text: &[u8]) {
        let n = text.len();
        let (mut most, mut pairs) = (Vec::new(), Vec::new());
        for length in 1..n {
            let mut counts = HashMap::new();
            text.windows(length).for_each(|tuple| *counts.entry(tuple).or_insert(0u64) += 1);
            let largest = counts.values().copied().max().unwrap() as u32;
            if largest == 1 {
                break;
            }
            most.push(largest);
            pairs.push(counts.values().map(|c| c * (c - 1) / 2).sum::<u64>());
        }
        for way in suffix::Way::ALL {
            let mut groups = Groups::default();
            if !suffix::by(way, sequence, |common| groups.push(common)) {
                continue; // keys do not resolve this one
            }
            groups.push(0);
            let profile = groups.profile();
            assert_eq!(profile.most, most, "{way:?} {n}");
            assert_eq!(profile.pairs, pairs, "{way:?} {n}");
        }
    }
}
