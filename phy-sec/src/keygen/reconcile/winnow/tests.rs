//! The plan against closed forms and simulation, and both sides.

use super::super::meet::{meet, strings};
use super::super::{Reconciler, binary_entropy};
use super::plan::{effect, passes};
use super::*;

/// Errors left, bits said, questions.
fn run(config: &Winnow, a: Bits, b: Bits, rate: f64, seed: u64) -> (usize, usize, usize) {
    let met = meet(&Reconciler::Winnow(config.clone()), &a, &b, rate, seed);
    (met.errors, met.said, met.questions)
}

/// Every single error of a block of eight is corrected, whichever place it has; so is none; and two stay, or become bits that are
/// dropped.
#[test]
fn one_error_a_block_is_corrected() {
    let config = Winnow { passes: Some(vec![3]), ..Winnow::default() };
    for word in [0u8, 0xFF, 0x5A, 0x13] {
        let a: Bits = (0..8).map(|bit| word >> bit & 1 == 1).collect();
        let (errors, said, questions) = run(&config, a.clone(), a.clone(), 0.05, 1);
        assert_eq!((errors, said, questions), (0, 1, 1));
        for place in 0..8 {
            let mut b = a.clone();
            b.flip(place);
            assert_eq!(run(&config, a.clone(), b, 0.05, 1), (0, 4, 2), "{place}");
        }
        // An even number in one block goes unseen.
        let mut b = a.clone();
        b.flip(2);
        b.flip(5);
        let (errors, said, _) = run(&config, a.clone(), b, 0.05, 1);
        assert!(errors > 0 && said == 1);
    }
}

/// As many bits are dropped as are said, and what is dropped is no part of later passes.
#[test]
fn a_bit_is_dropped_for_every_bit_said() {
    let (a, b) = strings(5000, 0.04, 1);
    let config = Winnow { passes: Some(vec![3, 3, 5]), ..Winnow::default() };
    let mut alice = Alice::new(&config, RawBits::new(a), 0.04, [1; 32]).unwrap();
    let mut bob = Bob::new(&config, RawBits::new(b), 0.04, [1; 32]).unwrap();
    let mut answer = None;
    while let Progress::Ask(ask) = bob.next(answer.as_ref()).unwrap() {
        answer = Some(alice.answer(&ask).unwrap());
    }
    assert_eq!(bob.sieve.order.len(), 5000 - bob.leaked);
    let mut kept = bob.sieve.order.clone();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), 5000 - bob.leaked);
}

/// By hand, blocks of eight: with one error at most in each, nothing is left and 1/8 + 3/8 · P(odd) is said. Of rare errors two
/// in a block are what stays: 7/8 of 2 · 28 p². And the plan's prediction of one pass is what a long string shows.
#[test]
fn the_effect_of_a_pass() {
    let p = 1e-4;
    let got = effect(3, p);
    let odd = (1.0 - (1.0f64 - 2.0 * p).powi(8)) / 2.0;
    assert!((got.said - (1.0 + 3.0 * odd) / 8.0).abs() < 1e-12);
    let left = 7.0 / 8.0 * 2.0 * 28.0 * p * p / (8.0 - 1.0 - 3.0 * odd);
    assert!((got.rate / left - 1.0).abs() < 1e-2, "{} {left}", got.rate);
    for (m, q) in [(3, 0.05), (3, 0.15), (4, 0.1), (6, 0.01)] {
        let n = 1 << 19;
        let (a, b) = strings(n, q, 3);
        let config = Winnow { passes: Some(vec![m]), ..Winnow::default() };
        let mut alice = Alice::new(&config, RawBits::new(a.clone()), q, [1; 32]).unwrap();
        let mut bob = Bob::new(&config, RawBits::new(b), q, [1; 32]).unwrap();
        let mut answer = None;
        let whole = loop {
            match bob.next(answer.as_ref()).unwrap() {
                Progress::Ask(ask) => answer = Some(alice.answer(&ask).unwrap()),
                Progress::Done(bits) => break bits,
            }
        };
        let wrong =
            bob.sieve.order.iter().filter(|&&place| at(whole.expose(), place) != at(&a, place)).count();
        let (rate, said) = (wrong as f64 / bob.sieve.order.len() as f64, bob.leaked as f64 / n as f64);
        let want = effect(m, q);
        // Errors stay by twos and more: four standard deviations of that many pairs.
        assert!(
            (rate - want.rate).abs() < 8.0 * (want.rate / n as f64).sqrt(),
            "{m} {q}: {rate} {}",
            want.rate
        );
        assert!((said - want.said).abs() < 2e-3, "{m} {q}: {said} {}", want.said);
    }
}

/// What is told by the plan is what it costs, and hardly a string fails.
#[test]
fn strings_come_out_whole() {
    for (n, q, runs, most) in [(2000, 0.01, 60, 1.75), (10_000, 0.05, 20, 1.45), (10_000, 0.1, 10, 1.45)] {
        let (mut failed, mut said, mut asked) = (0, 0, 0);
        for seed in 0..runs {
            let (a, b) = strings(n, q, seed);
            let (errors, leaked, questions) = run(&Winnow::default(), a, b, q, seed);
            failed += usize::from(errors > 0);
            said += leaked;
            asked += questions;
        }
        let f = said as f64 / (runs as f64 * n as f64 * binary_entropy(q));
        let (asked, passes) = (asked as f64 / runs as f64, passes(n, q, 1e-3));
        eprintln!(
            "winnow n {n} q {q}: f {f:.4}, passes {passes:?}, {asked:.1} questions, failed {failed}/{runs}"
        );
        assert!(failed <= 1 && f < most && f > 1.0, "{failed} {f}");
    }
}

#[test]
fn every_length_and_a_wrong_rate_end() {
    for n in [1, 7, 8, 9, 100, 1000] {
        for told in [0.0, 0.01, 0.3, 0.5] {
            let (a, b) = strings(n, 0.06, n as u64);
            let (_, said, questions) = run(&Winnow::default(), a, b, told, 4);
            assert!(questions <= 128 && said <= n, "{n} {told}: {questions} {said}");
        }
    }
}

#[test]
fn questions_and_answers_are_bounded() {
    let method = Reconciler::Winnow(Winnow { passes: Some(vec![3, 4]), ..Winnow::default() });
    let mut alice = method.alice(RawBits::new(Bits::zeros(100)), 0.05, [0; 32]).unwrap();
    let mut says = |ask: Ask| alice.answer(&ask).map_err(|err| err.to_string());
    assert!(says(Ask::Syndromes).unwrap_err().contains("another reconciler"));
    assert!(says(Ask::Pass { pass: 1 }).unwrap_err().contains("out of turn"));
    assert!(says(Ask::Blocks { blocks: vec![] }).unwrap_err().contains("out of turn"));
    assert_eq!(says(Ask::Pass { pass: 0 }).unwrap().len(), 13);
    for blocks in [vec![13], vec![3, 3], vec![3, 2], vec![u32::MAX]] {
        assert!(says(Ask::Blocks { blocks }).unwrap_err().contains("outside the string"));
    }
    assert_eq!(says(Ask::Blocks { blocks: vec![0, 12] }).unwrap().len(), 3 + 2);
    assert!(says(Ask::Blocks { blocks: vec![0] }).unwrap_err().contains("out of turn"));
    assert!(says(Ask::Pass { pass: 0 }).unwrap_err().contains("out of turn"));
    says(Ask::Pass { pass: 1 }).unwrap();
    assert!(says(Ask::Pass { pass: 2 }).unwrap_err().contains("no more passes"));
    let mut bob = method.bob(RawBits::new(Bits::zeros(100)), 0.05, [0; 32]).unwrap();
    bob.next(None).unwrap();
    assert!(bob.next(Some(&Bits::zeros(12))).is_err());
    let err = Reconciler::Winnow(Winnow { passes: Some(vec![2]), ..Winnow::default() }).check().unwrap_err();
    assert_eq!(err.to_string(), "passes must be within 3..=12, got 2");
}
