//! The common prefixes of a sequence's sorted suffixes, in three ways.
//!
//! Where no 64 bits repeat, which is so for noise of good quality, the first 64 bits of each suffix are all that has to be
//! sorted: numbers, without the places they came from. Otherwise the suffixes are sorted by induction (SA-IS: Nong, Zhang
//! and Chan, DCC 2009), in time linear in the length whatever the sequence; those of the bits of symbols by way of the
//! symbols, which are fewer (`aligned.rs`).

use std::iter;

use super::aligned;
use super::bit_string::BitString;
use super::sequence::{Samples, Sequence};

/// How suffixes are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By their first 64 bits.
    Keys,
    /// Those of the bits of symbols, by way of the symbols' suffixes.
    Aligned,
    /// By induction.
    Induced,
}

impl Way {
    /// Each is tried if those before cannot.
    pub(super) const ALL: [Self; 3] = [Self::Keys, Self::Aligned, Self::Induced];
}

/// Tells `push`, for each suffix but the first in ascending order, how many symbols it has in common with the one before.
pub(super) fn common_prefixes(sequence: &Sequence, mut push: impl FnMut(u32)) {
    for way in Way::ALL {
        if by(way, sequence, &mut push) {
            break;
        }
    }
}

/// The same in a given way; `false`, with nothing told, if that way cannot.
pub(super) fn by(way: Way, sequence: &Sequence, push: impl FnMut(u32)) -> bool {
    match (way, &sequence.samples) {
        (Way::Keys, samples) => by_keys(samples, push),
        (Way::Aligned, Samples::Bits(bits)) if sequence.width() > 1 => {
            aligned::common_prefixes(bits, sequence.width(), sequence.order(), push)
        }
        (Way::Aligned, _) => false,
        (Way::Induced, Samples::Symbols(symbols, _)) => {
            neighbours(symbols, sequence.order(), push);
            true
        }
        (Way::Induced, Samples::Bits(bits)) => {
            let text: Vec<u8> = (0..bits.len()).map(|at| bits.get(at) as u8).collect();
            neighbours(&text, &suffix_array(&text, 2), push);
            true
        }
    }
}

/// Buckets of the first pass, by the top bits of a key.
const BUCKET_BITS: u32 = 11;

fn by_keys(samples: &Samples, mut push: impl FnMut(u32)) -> bool {
    let packed;
    let (bits, width) = match samples {
        Samples::Bits(bits) => (bits, 1),
        Samples::Symbols(symbols, alphabet) => {
            let width = usize::BITS - (alphabet - 1).leading_zeros();
            packed = BitString::new(symbols.iter().copied(), width);
            (&packed, width)
        }
    };
    let n = bits.len() / width as usize;
    let symbols = 64 / width; // of a key
    let mask = u64::MAX << (64 - symbols * width);
    let mut starts = vec![0u32; (1 << BUCKET_BITS) + 1];
    each_key(bits, width, mask, |key| starts[(key >> (64 - BUCKET_BITS)) as usize + 1] += 1);
    for bucket in 1..starts.len() {
        starts[bucket] += starts[bucket - 1];
    }
    let mut keys = vec![0u64; n];
    let mut next = starts.clone();
    each_key(bits, width, mask, |key| {
        let place = &mut next[(key >> (64 - BUCKET_BITS)) as usize];
        keys[*place as usize] = key;
        *place += 1;
    });
    // The largest bucket first: where keys repeat, they do so there. The ends alone can be alike as often as that.
    let bucket = |k: usize| starts[k] as usize..starts[k + 1] as usize;
    let largest = (0..starts.len() - 1).max_by_key(|&k| bucket(k).len()).unwrap_or(0);
    let others = (0..starts.len() - 1).filter(|&k| k != largest);
    let (mut alike, mut scratch) = (0, Vec::new());
    for k in iter::once(largest).chain(others) {
        let keys = &mut keys[bucket(k)];
        sort(keys, &mut scratch);
        alike += keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
        if alike > 2 * symbols as usize {
            return false;
        }
    }

    // The last suffixes are shorter than a key and were filled up with zeros. Each stands before the others of its key, the
    // shorter first, and has no more in common with a neighbour than it is long.
    let short = (n.min(symbols as usize - 1)) as u32;
    let mut ends: Vec<(usize, u32)> = Vec::with_capacity(short as usize);
    for length in 1..=short {
        let key = bits.window((n - length as usize) * width as usize) & mask;
        let bucket = (key >> (64 - BUCKET_BITS)) as usize;
        let (from, to) = (starts[bucket] as usize, starts[bucket + 1] as usize);
        let mut place = from + keys[from..to].partition_point(|&other| other < key);
        place += ends
            .iter()
            .filter(|&&(_, other)| bits.window((n - other as usize) * width as usize) & mask == key)
            .count();
        ends.push((place, length));
    }
    ends.sort_unstable();
    let ends_at =
        |place: usize| ends.binary_search_by_key(&place, |&(place, _)| place).ok().map(|k| ends[k].1);
    let is_end = |place: usize| ends_at(place).is_some();
    // A key of two whole suffixes: how much more they have in common, keys do not say.
    let unresolved = |k: usize| keys[k - 1] == keys[k] && !is_end(k - 1) && !is_end(k);
    if (1..n).any(|k| keys[k - 1] == keys[k] && unresolved(k)) {
        return false;
    }
    let mut upcoming = ends.iter().peekable();
    let mut before = None;
    for place in 0..n {
        let end = upcoming.next_if(|&&(at, _)| at == place).map(|&(_, length)| length);
        if place > 0 {
            let common = (keys[place] ^ keys[place - 1]).leading_zeros() / width;
            let most = [before, end].into_iter().flatten().fold(symbols, u32::min);
            push(common.min(most));
        }
        before = end;
    }
    true
}

/// The first 64 bits of every suffix, in order of place.
fn each_key(bits: &BitString, width: u32, mask: u64, mut tell: impl FnMut(u64)) {
    let words = bits.words();
    let mut shift = 0;
    for (k, &word) in words.iter().enumerate() {
        let pair = u128::from(word) << 64 | u128::from(words.get(k + 1).copied().unwrap_or(0));
        let end = (bits.len() - k * 64).min(64) as u32;
        while shift < end {
            tell((pair << shift >> 64) as u64 & mask);
            shift += width;
        }
        shift = shift.saturating_sub(64);
    }
}

/// Sorts keys whose top bits are alike: by the next 16 bits in two counting passes, and the rest, nearly in order then, by
/// insertion, unless too many are still alike.
fn sort(keys: &mut [u64], scratch: &mut Vec<u64>) {
    if keys.len() < 256 {
        return keys.sort_unstable();
    }
    const SHIFT: u32 = 64 - BUCKET_BITS - 16;
    scratch.resize(keys.len(), 0);
    let (mut low, mut high) = ([0u32; 256], [0u32; 256]);
    let digits = |key: u64| ((key >> SHIFT & 0xff) as usize, (key >> (SHIFT + 8) & 0xff) as usize);
    for &key in keys.iter() {
        let (first, second) = digits(key);
        low[first] += 1;
        high[second] += 1;
    }
    for counts in [&mut low, &mut high] {
        let mut start = 0;
        for count in counts.iter_mut() {
            start += std::mem::replace(count, start);
        }
    }
    for &key in keys.iter() {
        let place = &mut low[digits(key).0];
        scratch[*place as usize] = key;
        *place += 1;
    }
    for &key in scratch.iter() {
        let place = &mut high[digits(key).1];
        keys[*place as usize] = key;
        *place += 1;
    }
    let mut moves = 0;
    for at in 1..keys.len() {
        let key = keys[at];
        let mut hole = at;
        while hole > 0 && keys[hole - 1] > key {
            keys[hole] = keys[hole - 1];
            hole -= 1;
        }
        keys[hole] = key;
        moves += at - hole;
        if moves > 4 * keys.len() {
            return keys.sort_unstable();
        }
    }
}

/// The common prefixes of neighbours in `order`.
fn neighbours(text: &[u8], order: &[u32], mut push: impl FnMut(u32)) {
    let n = text.len();
    // The suffix before each in order; then the common lengths in order of place, which fall by one at most
    // (Karkkainen, Manzini and Puglisi, CPM 2009).
    const NONE: u32 = u32::MAX;
    let mut common = vec![NONE; n];
    for pair in order.windows(2) {
        common[pair[1] as usize] = pair[0];
    }
    let mut length = 0usize;
    for place in 0..n {
        let before = common[place];
        if before == NONE {
            length = 0;
            common[place] = 0;
            continue;
        }
        let (a, b) = (&text[place..], &text[before as usize..]);
        let most = a.len().min(b.len());
        while length < most && a[length] == b[length] {
            length += 1;
        }
        common[place] = length as u32;
        length = length.saturating_sub(1);
    }
    order.iter().skip(1).for_each(|&place| push(common[place as usize]));
}

/// Places of the suffixes of `text`, whose symbols are below `alphabet`, in ascending order.
pub(super) fn suffix_array<T: Copy + Into<u32> + Ord>(text: &[T], alphabet: usize) -> Vec<u32> {
    const EMPTY: u32 = u32::MAX;
    let n = text.len();
    let at = |place: usize| -> usize { text[place].into() as usize };
    if n < 2 {
        return (0..n as u32).collect();
    }
    // A suffix is of type S if it is below the next one; leftmost of a run of those, it is LMS.
    let mut small = vec![false; n];
    for place in (0..n - 1).rev() {
        small[place] =
            if text[place] == text[place + 1] { small[place + 1] } else { text[place] < text[place + 1] };
    }
    let leftmost = |place: usize| place > 0 && small[place] && !small[place - 1];
    // Each symbol's bucket: suffixes of type L first, then those of type S.
    let (mut start_l, mut start_s) = (vec![0u32; alphabet + 1], vec![0u32; alphabet + 1]);
    for place in 0..n {
        if small[place] {
            start_l[at(place) + 1] += 1;
        } else {
            start_s[at(place)] += 1;
        }
    }
    for symbol in 0..alphabet {
        start_s[symbol] += start_l[symbol];
        start_l[symbol + 1] += start_s[symbol];
    }
    let induce = |lms: &[u32]| -> Vec<u32> {
        let mut order = vec![EMPTY; n];
        let mut next = start_s.clone();
        for &place in lms {
            let slot = &mut next[at(place as usize)];
            order[*slot as usize] = place;
            *slot += 1;
        }
        let mut next = start_l.clone();
        let put = |next: &mut [u32], order: &mut [u32], place: usize| {
            let slot = &mut next[at(place)];
            order[*slot as usize] = place as u32;
            *slot += 1;
        };
        put(&mut next, &mut order, n - 1);
        for k in 0..n {
            let place = order[k];
            if place != EMPTY && place > 0 && !small[place as usize - 1] {
                put(&mut next, &mut order, place as usize - 1);
            }
        }
        let mut next = start_l.clone();
        for k in (0..n).rev() {
            let place = order[k];
            if place != EMPTY && place > 0 && small[place as usize - 1] {
                let slot = &mut next[at(place as usize - 1) + 1];
                *slot -= 1;
                order[*slot as usize] = place - 1;
            }
        }
        order
    };

    let lms: Vec<u32> = (1..n).filter(|&place| leftmost(place)).map(|place| place as u32).collect();
    let order = induce(&lms);
    if lms.is_empty() {
        return order;
    }
    // Name the stretches between leftmost places by their order, and sort the string of names.
    let mut number = vec![EMPTY; n];
    lms.iter().enumerate().for_each(|(k, &place)| number[place as usize] = k as u32);
    let end = |k: u32| lms.get(k as usize + 1).map_or(n, |&place| place as usize);
    let sorted = order.iter().filter(|&&place| number[place as usize] != EMPTY);
    let mut names = vec![0u32; lms.len()];
    let (mut name, mut before) = (0, None);
    for &place in sorted {
        let k = number[place as usize];
        if let Some((last, last_end)) = before {
            let (from, to) = (place as usize, end(k));
            // Stretches are compared with the first symbol of the next one; the one that ends the text has none.
            let alike = to - from == last_end - last
                && to < n
                && last_end < n
                && text[from..=to] == text[last..=last_end];
            name += u32::from(!alike);
        }
        names[k as usize] = name;
        before = Some((place as usize, end(k)));
    }
    let order = suffix_array(&names, name as usize + 1);
    induce(&order.iter().map(|&k| lms[k as usize]).collect::<Vec<_>>())
}
