//! Files that are nearly right: valid ones with bytes changed, moved, cut and repeated, and noise. Cases follow from
//! a counter, so that a finding can be had again. The tests of every reader share this file.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// SplitMix64: enough chance for this, and no dependency.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// What breaks parsers: borders of numbers, brackets, names of keys.
const TOKENS: [&[u8]; 33] = [
    b"0",
    b"-1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1e308",
    b"1e-400",
    b"-0.0",
    b"null",
    b"true",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b",",
    b":",
    b"core:sample_start",
    b"core:header_bytes",
    b"core:num_channels",
    b"\xFF\xFF\xFF\xFF",
    b"\0\0\0\0",
    b"\x7F\xFF\xFF\xFF",
    b"\x80\0\0\0",
    b"77777777777",
    b"data",
    b"\n",
    b"NaN",
    b"-inf",
    b"1e999",
    b"\xEF\xBB\xBF",
];

fn mutate(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    if chance.below(50) == 0 {
        return (0..chance.below(2000)).map(|_| chance.next() as u8).collect();
    }
    for _ in 0..1 + chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(40)).min(bytes.len());
        match chance.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = chance.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            4 => drop(bytes.splice(at..at, TOKENS[chance.below(TOKENS.len())].iter().copied())),
            5 => {
                let token = TOKENS[chance.below(TOKENS.len())];
                bytes.splice(at..(at + token.len()).min(bytes.len()), token.iter().copied());
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    bytes
}

/// Runs `case` on files made from `seeds`, for a number of times or, with FUZZ_SECONDS, for so long.
pub(crate) fn fuzz(name: &str, seeds: &[Vec<u8>], mut case: impl FnMut(&[u8]) -> bool) {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse::<u64>().ok());
    let start = Instant::now();
    let (mut runs, mut accepted, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while seconds.map_or(runs < 2000, |seconds| start.elapsed() < Duration::from_secs(seconds)) {
        let bytes = mutate(&mut Chance(runs), seeds);
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| case(&bytes)));
        slowest = slowest.max(begun.elapsed());
        match result {
            Ok(read) => accepted += u64::from(read),
            Err(_) => panic!("{name}: run {runs} panicked on {:?}", String::from_utf8_lossy(&bytes)),
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}: run {runs} took {:?}", begun.elapsed());
        runs += 1;
    }
    eprintln!("{name}: {runs} files, {accepted} of them readable, slowest {slowest:?}");
    assert!(accepted > 0 && accepted < runs, "the files are all good or all bad: nothing was tested");
}
