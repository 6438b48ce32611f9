//! Codes against their definitions, exhaustively where they are small; both ends of a sketch.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::meet::meet;
use super::super::{Ask, Reconciler};
use super::*;
use crate::bits::Bits;
use crate::keygen::RawBits;
use crate::keygen::reconcile::bch::Bch as BchConfig;
use crate::keygen::reconcile::reed_solomon::ReedSolomon as RsConfig;

/// All subsets of `0..n` of `weight` places.
fn subsets(n: usize, weight: usize, visit: &mut impl FnMut(&[usize])) {
    fn go(n: usize, from: usize, left: usize, chosen: &mut Vec<usize>, visit: &mut impl FnMut(&[usize])) {
        if left == 0 {
            return visit(chosen);
        }
        for place in from..n {
            chosen.push(place);
            go(n, place + 1, left - 1, chosen, visit);
            chosen.pop();
        }
    }
    go(n, 0, weight, &mut Vec::new(), visit);
}

/// n, k and t of the tables (Lin and Costello, Error Control Coding, 2004, appendix C), and two generators in full: (15, 7) has
/// x^8 + x^7 + x^6 + x^4 + 1, (15, 5) has x^10 + x^8 + x^5 + x^4 + x^2 + x + 1.
#[test]
fn codes_have_the_tabled_parameters() {
    for (m, t, k) in [
        (4, 1, 11),
        (4, 2, 7),
        (4, 3, 5),
        (4, 7, 1),
        (5, 1, 26),
        (5, 2, 21),
        (5, 3, 16),
        (5, 5, 11),
        (5, 7, 6),
        (6, 4, 39),
        (6, 10, 18),
        (7, 9, 71),
        (7, 10, 64),
        (8, 18, 131),
        (8, 25, 91),
        (9, 20, 340),
        (10, 55, 523),
        (10, 18, 848),
    ] {
        let code = Bch::new(m, t).unwrap();
        assert_eq!((code.length(), code.length() - code.checks()), ((1 << m) - 1, k), "{m} {t}");
    }
    for (t, generator) in [(2, 0b1_1101_0001u32), (3, 0b101_0011_0111)] {
        let code = Bch::new(4, t).unwrap();
        let degree = code.checks();
        // x^degree leaves the generator without its leading term.
        let mut word = vec![0u16; degree + 1];
        word[0] = 1;
        let rest = code.syndrome(&word).iter().fold(0, |rest, &bit| rest << 1 | u32::from(bit));
        assert_eq!(rest, generator ^ 1 << degree);
    }
    assert!(Bch::new(4, 8).is_err() && Bch::new(4, 0).is_err() && ReedSolomon::new(3, 4).is_err());
    let rs = ReedSolomon::new(8, 16).unwrap();
    assert_eq!((rs.length(), rs.checks()), (255, 32));
    assert_eq!(Bch::up_to(4, 5).unwrap().corrects(), 5);
    assert_eq!(Bch::up_to(4, 100).unwrap().corrects(), 7);
}

/// Every pattern of up to t errors of the small binary codes, on a codeword and on another word; and every one of t + 1: either
/// nothing is said, or something that has the right syndrome and is not the truth.
#[test]
fn bch_corrects_exactly_up_to_t() {
    for (m, t) in [(4, 2), (4, 3), (5, 3)] {
        let code = Bch::new(m, t).unwrap();
        let n = code.length();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let word: Vec<u16> = (0..n).map(|_| (rng.next_u32() & 1) as u16).collect();
        let syndrome = code.syndrome(&word);
        let (mut right, mut refused, mut wrong) = (0, 0, 0);
        for weight in 0..=t + 1 {
            subsets(n, weight, &mut |places| {
                let mut copy = word.clone();
                places.iter().for_each(|&place| copy[place] ^= 1);
                let mut difference = code.syndrome(&copy);
                difference.iter_mut().zip(syndrome.iter()).for_each(|(a, b)| *a ^= b);
                match code.errors(&difference, n) {
                    Some(errors) => {
                        let mut found: Vec<usize> = errors.iter().map(|error| error.0).collect();
                        found.sort_unstable();
                        if found == places {
                            right += 1;
                        } else {
                            assert!(weight > t && found.len() <= t, "{places:?} {found:?}");
                            found.iter().for_each(|&place| copy[place] ^= 1);
                            assert_eq!(code.syndrome(&copy)[..], syndrome[..]);
                            wrong += 1;
                        }
                    }
                    None => {
                        assert!(weight > t, "{places:?}");
                        refused += 1;
                    }
                }
            });
        }
        let choose = |w: usize| (0..w).fold(1, |c, i| c * (n - i) / (i + 1));
        assert_eq!(right, (0..=t).map(choose).sum::<usize>(), "{m} {t}");
        assert_eq!(refused + wrong, choose(t + 1));
        eprintln!(
            "BCH({n}, {}): of {} patterns of {} errors {wrong} pass for others",
            n - code.checks(),
            choose(t + 1),
            t + 1
        );
    }
}

/// All 1 + 147 + 9261 · … patterns of RS(7, 3): two symbols, 49 values each.
#[test]
fn reed_solomon_corrects_exactly_up_to_t() {
    let code = ReedSolomon::new(3, 2).unwrap();
    let word = [5u16, 0, 7, 1, 3, 3, 6];
    let syndrome = code.syndrome(&word);
    let mut checked = 0;
    for weight in 0..=3 {
        subsets(7, weight, &mut |places| {
            for values in 0..7usize.pow(weight as u32) {
                let mut copy = word;
                let mut errors: Vec<(usize, u16)> = Vec::new();
                for (index, &place) in places.iter().enumerate() {
                    errors.push((place, (values / 7usize.pow(index as u32) % 7 + 1) as u16));
                    copy[place] ^= errors[index].1;
                }
                let mut difference = code.syndrome(&copy);
                difference.iter_mut().zip(syndrome.iter()).for_each(|(a, b)| *a ^= b);
                let found = code.errors(&difference, 7).map(|mut found| {
                    found.sort_unstable();
                    found
                });
                if weight <= 2 {
                    assert_eq!(found.as_ref(), Some(&errors));
                    checked += 1;
                } else if let Some(found) = found {
                    assert!(found.len() <= 2 && found != errors);
                    found.iter().for_each(|&(place, by)| copy[place] ^= by);
                    assert_eq!(code.syndrome(&copy)[..], syndrome[..]);
                }
            }
        });
    }
    assert_eq!(checked, 1 + 7 * 7 + 21 * 49);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The code of every CD and space probe, and longer binary ones, shortened to any length.
    #[test]
    fn long_codes_correct_up_to_t(
        which in 0usize..4, share in 0.3f64..=1.0, errors in 0usize..=16, seed in any::<u64>(),
    ) {
        let code: Box<dyn Code> = match which {
            0 => Box::new(ReedSolomon::new(8, 16).unwrap()),
            1 => Box::new(ReedSolomon::new(12, 16).unwrap()),
            2 => Box::new(Bch::new(8, 18).unwrap()),
            _ => Box::new(Bch::new(10, 55).unwrap()),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let length = (((code.length() as f64 * share) as usize).max(code.checks() + 1)).min(600);
        let mask = (1u32 << code.symbol_bits()) - 1;
        let mut symbols = |count: usize| -> Vec<u16> { (0..count).map(|_| (rng.next_u32() & mask) as u16).collect() };
        let word = symbols(length);
        let message = symbols(length - code.checks());
        let mut copy = word.clone();
        for _ in 0..errors {
            let place = (rng.next_u32() as usize) % length;
            copy[place] ^= (1 + rng.next_u32() % mask) as u16;
        }
        // Both constructions come back to the word, and tell the same of it.
        let sketch = code.offset(&word, &message);
        prop_assert_eq!(&code.syndrome(&sketch)[..], &code.syndrome(&word)[..]);
        prop_assert_eq!(&code.recover(&copy, &sketch).unwrap()[..], &word[..]);
        let mut difference = code.syndrome(&copy);
        difference.iter_mut().zip(code.syndrome(&word).iter()).for_each(|(a, b)| *a ^= b);
        for (place, by) in code.errors(&difference, length).unwrap() {
            copy[place] ^= by;
        }
        prop_assert_eq!(copy, word);
    }
}

/// The code-offset sketch of a uniform message tells the syndrome and nothing else: over all messages of a small code every
/// sketch with this syndrome comes once.
#[test]
fn the_code_offset_tells_the_syndrome_alone() {
    let code = Bch::new(4, 2).unwrap();
    let word: Vec<u16> = (0..15).map(|place| u16::from(place % 3 == 0)).collect();
    let mut seen = std::collections::HashSet::new();
    for message in 0..128u16 {
        let message: Vec<u16> = (0..7).map(|bit| message >> bit & 1).collect();
        let sketch = code.offset(&word, &message);
        assert_eq!(code.syndrome(&sketch), code.syndrome(&word));
        seen.insert(sketch.to_vec());
    }
    assert_eq!(seen.len(), 128);
}

/// Against sums of the binomial law: 10 bits at a half, and one that Bob's bits would be asked for.
#[test]
fn the_number_of_errors_is_a_quantile() {
    // P(X <= 7) = 968/1024, P(X <= 8) = 1013/1024.
    assert_eq!(needed(10, 0.5, 0.05), 8);
    assert_eq!(needed(10, 0.5, 0.055), 7);
    assert_eq!((needed(100, 0.0, 1e-3), needed(5, 0.5, 1e-12)), (0, 5));
}

/// Errors left, bits said, frames known to be wrong: after one question.
fn run(method: &Reconciler, a: &Bits, b: &Bits, rate: f64) -> (usize, usize, usize) {
    let met = meet(method, a, b, rate, 3);
    assert_eq!(met.questions, 1);
    (met.errors, met.said, met.uncorrected)
}

#[test]
fn both_ends_meet() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let bch = |m, errors| Reconciler::Bch(BchConfig { m, errors, ..BchConfig::default() });
    let rs = |m, errors| Reconciler::ReedSolomon(RsConfig { m, errors, ..RsConfig::default() });
    for (method, n, rate) in [
        (bch(10, None), 5000, 0.02),
        (bch(8, None), 3, 0.02),
        (bch(12, None), 700, 0.1),
        (bch(5, Some(3)), 61, 0.02),
        (rs(8, None), 3001, 0.01),
        (rs(4, None), 50, 0.01),
        (rs(8, None), 1, 0.01),
    ] {
        for _ in 0..10 {
            let a: Bits = (0..n).map(|_| rng.next_u32() & 1 == 1).collect();
            let mut b = a.clone();
            (0..n)
                .filter(|_| f64::from(rng.next_u32()) < rate * 2f64.powi(32))
                .for_each(|place| b.flip(place));
            let (errors, said, uncorrected) = run(&method, &a, &b, rate);
            assert!(said > 0 && (errors > 0) == (uncorrected > 0), "{method:?}: {errors} {uncorrected}");
            assert!(errors == 0 || rate == 0.02, "{method:?}");
        }
    }
    // A burst that spoils few symbols spoils few bits of a Reed-Solomon frame, whatever its length.
    let a: Bits = (0..2040).map(|_| rng.next_u32() & 1 == 1).collect();
    let mut b = a.clone();
    (400..480).for_each(|place| b.flip(place));
    assert_eq!(run(&rs(8, Some(11)), &a, &b, 0.04), (0, 176, 0));
    assert_eq!(run(&rs(8, Some(9)), &a, &b, 0.04).2, 1);
}

#[test]
fn questions_and_answers_are_bounded() {
    let method = Reconciler::Bch(BchConfig::default());
    let mut alice = method.alice(RawBits::new(Bits::zeros(500)), 0.05, [0; 32]).unwrap();
    let mut says = |ask: Ask| alice.answer(&ask).map_err(|err| err.to_string());
    assert!(says(Ask::Pass { pass: 0 }).unwrap_err().contains("another reconciler"));
    let due = says(Ask::Syndromes).unwrap().len();
    assert!(says(Ask::Syndromes).unwrap_err().contains("were said already"));
    let mut bob = method.bob(RawBits::new(Bits::zeros(500)), 0.05, [0; 32]).unwrap();
    assert!(bob.next(Some(&Bits::zeros(due))).is_err());
    bob.next(None).unwrap();
    assert!(bob.next(Some(&Bits::zeros(due - 1))).is_err());
    for (method, says) in [
        (Reconciler::Bch(BchConfig { m: 14, ..Default::default() }), "m must be within 4..=13, got 14"),
        (
            Reconciler::ReedSolomon(RsConfig { errors: Some(128), ..Default::default() }),
            "errors must be at least 1 and below half of the length, got 128",
        ),
    ] {
        assert_eq!(method.check().unwrap_err().to_string(), says);
    }
}
