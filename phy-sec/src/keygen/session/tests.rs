//! Sessions over simulated Gaussian channels, over honest and dishonest transports.

use kernels::Backend;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::super::probe::Kind;
use super::*;
use crate::sim::adversary::{Tampering, Transport};

/// Two ends' series of independent unit normals with correlation `rho`.
fn series(rho: f64, n: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
    let a = Array2::from_shape_simple_fn((1, n), &mut draw);
    let b = a.mapv(|a| rho * a + (1.0 - rho * rho).sqrt() * draw());
    (a, b)
}

/// Small margins and a distant Eve, so that short series give keys.
fn settings() -> Settings {
    let config = Config {
        eve: EveModel::of(0.1),
        security: Security { epsilon: 2f64.powi(-16), ..Security::default() },
        ..Config::default()
    };
    config.session(Kind::Csi)
}

fn ends(settings: &Settings, rho: f64, n: usize, seed: u64) -> (Alice, Bob) {
    with_keys(settings, rho, n, seed, [Authentication::Insecure, Authentication::Insecure])
}

fn with_keys(settings: &Settings, rho: f64, n: usize, seed: u64, keys: [Authentication; 2]) -> (Alice, Bob) {
    let (a, b) = series(rho, n, seed);
    let backend = Backend::default();
    let [hers, his] = keys;
    let public = |end: u8| std::array::from_fn(|k| (seed >> (k % 8 * 8)) as u8 ^ end);
    let alice = Alice::new(a, settings, public(0), hers, &backend).unwrap();
    (alice, Bob::new(b, settings, public(1), his, &backend).unwrap())
}

fn shared(byte: u8) -> Authentication {
    Authentication::Shared(SharedKey::new(&[byte; 32]).unwrap())
}

#[test]
fn a_thousand_sessions_release_no_mismatched_key() {
    let settings = settings();
    let (mut released, mut bits) = (0, 0);
    for seed in 0..1200 {
        // From hopeless to nearly noiseless.
        let rho = [0.5, 0.8, 0.9, 0.95, 0.98, 0.995][seed % 6];
        let (alice, bob) = ends(&settings, rho, 1600, seed as u64);
        let (alice, bob) = run(alice, bob).unwrap();
        match (alice.key(), bob.key()) {
            (Some(a), Some(b)) => {
                assert!(a.matches(b), "seed {seed}: the keys differ");
                released += 1;
                bits += a.bits();
                assert_eq!(a.bits(), alice.ledger().unwrap().released_bits());
            }
            (None, None) => assert!(alice.reason().starts_with("no key: "), "{}", alice.reason()),
            _ => panic!("seed {seed}: one end has a key, the other none: {alice:?} {bob:?}"),
        }
    }
    eprintln!("{released} of 1200 sessions released a key, {} bits on average", bits / released.max(1));
    assert!(released > 300, "{released}");
}

/// The number of messages, and each one's name, of an honest session.
fn script(settings: &Settings, seed: u64) -> Vec<Message> {
    let mut messages = Vec::new();
    let (alice, bob) = ends(settings, 0.98, 1600, seed);
    let (alice, bob) = run_over(alice, bob, |_, message| {
        messages.push(message.clone());
        Some(message.encode())
    })
    .unwrap();
    assert!(alice.key().unwrap().matches(bob.key().unwrap()));
    messages
}

type Attack = Box<dyn Fn(&Message) -> Option<Vec<u8>>>;

/// Every message of a session in turn: one byte altered, cut short, lost, replaced by the one before.
#[test]
fn a_dishonest_transport_gets_no_key() {
    let settings = settings();
    let honest = script(&settings, 7);
    let kinds: std::collections::BTreeSet<String> = honest
        .iter()
        .map(|m| format!("{:?}", m.body).split([' ', '(']).next().unwrap_or_default().to_owned())
        .collect();
    let all = ["Amplify", "Answer", "Ask", "Confirm", "Hello", "Index", "Sample", "Start", "Verify"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);

    for target in 0..honest.len() {
        let length = honest[target].encode().len();
        let mut attacks: Vec<Attack> = vec![
            Box::new(|_| None),
            Box::new(|m| Some(m.encode()[..m.encode().len() / 2].to_vec())),
            Box::new(|m| Some(m.encode()[..m.encode().len() - 1].to_vec())),
            Box::new(|_| Some(Vec::new())),
            Box::new(|_| Some(vec![b'['; 100_000])),
        ];
        if target > 0 {
            let before = honest[target - 1].encode();
            attacks.push(Box::new(move |_| Some(before.clone())));
        }
        for at in (0..length).step_by((length / 6).max(1)) {
            attacks.push(Box::new(move |m| {
                let mut bytes = m.encode();
                bytes[at] ^= 1;
                Some(bytes)
            }));
        }
        for (index, attack) in attacks.iter().enumerate() {
            let (alice, bob) = ends(&settings, 0.98, 1600, 7);
            let (alice, bob) =
                run_over(
                    alice,
                    bob,
                    |number, message| {
                        if number == target { attack(message) } else { Some(message.encode()) }
                    },
                )
                .unwrap();
            let told = |outcome: &Outcome| matches!(outcome, Outcome::Aborted { .. });
            assert!(
                told(&alice) && told(&bob),
                "message {target} ({:?}), attack {index}: {} / {}",
                honest[target].body,
                alice.reason(),
                bob.reason()
            );
        }
    }
}

/// Altered content that is well-formed: the reasons are typed.
#[test]
fn reasons_are_typed() {
    let settings = settings();
    let with = |change: &dyn Fn(&mut Message)| {
        let (alice, bob) = ends(&settings, 0.98, 1600, 7);
        let (alice, bob) = run_over(alice, bob, |_, message| {
            let mut message = message.clone();
            change(&mut message);
            Some(message.encode())
        })
        .unwrap();
        [alice, bob].map(|outcome| match outcome {
            Outcome::Aborted { reason, .. } => reason,
            Outcome::Settled { .. } => panic!("{}", outcome.reason()),
        })
    };
    assert_eq!(with(&|m| m.version += 1), [Abort::Version, Abort::Version]);
    assert_eq!(with(&|m| m.number += 1)[0], Abort::Unexpected);
    let reasons = with(&|m| {
        if let Body::Hello { samples, .. } = &mut m.body {
            *samples = u32::MAX;
        }
    });
    assert_eq!(reasons, [Abort::Settings, Abort::Settings]);
    let reasons = with(&|m| {
        if let Body::Answer { parities } = &mut m.body {
            parities.flip(0);
        }
    });
    assert!(matches!(reasons[0], Abort::Verification | Abort::Malformed { .. }), "{reasons:?}");
    let reasons = with(&|m| {
        if let Body::Amplify { seed, .. } = &mut m.body {
            seed[0] ^= 1;
        }
    });
    assert_eq!(reasons, [Abort::Verification, Abort::Verification]);
    let reasons = with(&|m| {
        if let Body::Confirm { proof } = &mut m.body {
            proof.tag[7] ^= 0x80;
        }
    });
    assert_eq!(reasons, [Abort::Verification, Abort::Verification]);
}

/// Whoever sits between the ends can send Bob away and answer Alice in his name; not with the proof that she waits for.
#[test]
fn nobody_confirms_for_bob() {
    let settings = settings();
    let (mut alice, mut bob) = ends(&settings, 0.98, 1600, 7);
    let (mut to_alice, mut transcript) = (None, Transcript::default());
    let outcome = loop {
        let step = alice.step(to_alice.take()).unwrap();
        if let Some(outcome) = step.outcome {
            break outcome;
        }
        let said = step.send.unwrap();
        transcript.absorb(&said);
        if matches!(said.body, Body::Amplify { .. }) {
            // All that a listener can compute: the digest of what was said, and the proofs that he heard.
            let Some(Message { body: Body::Verify { proof }, .. }) = bob_said(&mut bob, None) else {
                let digest = transcript.digest();
                let proof = Proof { tag: digest[..8].try_into().unwrap(), sender: None };
                to_alice = Some(transcript.send(Body::Confirm { proof }));
                continue;
            };
            to_alice = Some(transcript.send(Body::Confirm { proof }));
        } else if let Some(answer) = bob_said(&mut bob, Some(said)) {
            transcript.absorb(&answer);
            to_alice = Some(answer);
        }
    };
    assert!(matches!(outcome, Outcome::Aborted { reason: Abort::Verification, .. }), "{outcome:?}");
}

fn bob_said(bob: &mut Bob, message: Option<Message>) -> Option<Message> {
    bob.step(message).unwrap().send
}

#[test]
fn a_shared_key_tells_who_it_is() {
    let settings = settings();
    let told = |keys: [Authentication; 2]| {
        let (alice, bob) = with_keys(&settings, 0.98, 1600, 7, keys);
        run(alice, bob).unwrap()
    };
    let (alice, bob) = told([shared(1), shared(1)]);
    assert!(alice.key().unwrap().matches(bob.key().unwrap()));
    for keys in
        [[shared(1), shared(2)], [shared(1), Authentication::Insecure], [Authentication::Insecure, shared(1)]]
    {
        let (alice, bob) = told(keys);
        for end in [alice, bob] {
            assert!(matches!(end, Outcome::Aborted { reason: Abort::Authentication, .. }), "{end:?}");
        }
    }
    // The key of one session opens the next.
    let (alice, bob) = told([shared(1), shared(1)]);
    let (Outcome::Settled { key: Some(a), .. }, Outcome::Settled { key: Some(b), .. }) = (alice, bob) else {
        panic!("no key")
    };
    let next = [a, b].map(|key| Authentication::Shared(SharedKey::from_key(key).unwrap()));
    let (alice, bob) = told(next);
    assert!(alice.key().unwrap().matches(bob.key().unwrap()));
}

/// Each kind of tampering, at random messages of authenticated sessions. The figures of many more are those of the example
/// `keygen_attacks`.
#[test]
fn tampering_gives_no_key_or_changes_nothing() {
    let settings = settings();
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    let (alice, bob) = with_keys(&settings, 0.98, 1600, 999, [shared(1), shared(1)]);
    run_over(alice, bob, |_, message| {
        earlier.push(message.encode());
        [message.encode()]
    })
    .unwrap();
    for tampering in Tampering::ALL {
        let mut late = 0;
        for seed in 0..60 {
            let (alice, bob) = with_keys(&settings, 0.98, 1600, seed, [shared(1), shared(1)]);
            let mut transport = Transport::new(*tampering, earlier.len() / 2, earlier.clone(), seed);
            let (alice, bob) = run_over(alice, bob, |_, m| transport.carry(m.encode())).unwrap();
            match (alice.key(), bob.key()) {
                (None, None) => {
                    let both = [&alice, &bob].map(|end| matches!(end, Outcome::Aborted { .. }));
                    assert_eq!(both, [true, true], "{tampering:?}, seed {seed}");
                }
                // Twice the same after the ends have said all: nothing is left to be tampered with.
                (Some(a), Some(b)) if *tampering == Tampering::Duplicate => {
                    assert!(a.matches(b));
                    late += 1;
                }
                _ => panic!("{tampering:?}, seed {seed}: {alice:?} {bob:?}"),
            }
        }
        assert!(late < 30, "{tampering:?}: {late} of 60 came too late to matter");
    }
}

#[test]
fn ends_that_disagree_part() {
    let (ours, mut theirs) = (settings(), settings());
    theirs.eve.rho = 0.2;
    let (alice, _) = ends(&ours, 0.98, 1600, 1);
    let (_, bob) = ends(&theirs, 0.98, 1600, 1);
    let (alice, bob) = run(alice, bob).unwrap();
    assert_eq!(bob.reason(), "no key: the ends have different settings, or series of different shapes");
    assert!(matches!(alice, Outcome::Aborted { reason: Abort::Settings, by_peer: true }));

    let (alice, bob) = ends(&ours, 0.0, 1600, 1);
    let (alice, _) = run(alice, bob).unwrap();
    assert!(matches!(alice, Outcome::Aborted { reason: Abort::ErrorRate { .. }, .. }), "{alice:?}");
    let (alice, bob) = ends(&ours, 0.99, 50, 1);
    let (alice, _) = run(alice, bob).unwrap();
    assert!(alice.reason().starts_with("no key: the quantizer left "), "{}", alice.reason());
}

#[test]
fn a_finished_session_is_over() {
    let (mut alice, _) = ends(&settings(), 0.98, 1600, 1);
    assert!(alice.step(None).unwrap().send.is_some());
    let step = alice.step(None).unwrap();
    assert!(matches!(step.outcome, Some(Outcome::Aborted { reason: Abort::Silence, by_peer: false })));
    assert!(matches!(step.send, Some(Message { body: Body::Abort { .. }, .. })));
    let err = alice.step(None).unwrap_err();
    assert_eq!(err.to_string(), "session must be stepped until its outcome, got a step after the outcome");
}

/// Without a sample the assumed rate is taken, and no bit is compared.
#[test]
fn an_assumed_error_rate_costs_no_sample() {
    let mut settings = settings();
    settings.error_rate = ErrorRate { sample: 0.0, assume: 0.03, limit: 0.2 };
    let (alice, bob) = ends(&settings, 0.98, 1600, 3);
    let (alice, bob) = run(alice, bob).unwrap();
    assert!(alice.key().unwrap().matches(bob.key().unwrap()));
    let sample = alice.ledger().unwrap().lines().iter().find(|line| line.name == "sample").unwrap();
    assert_eq!(sample.bits, 0.0);
}

/// Every row of the table, as a session chooses it.
#[test]
fn every_reconciler_serves_a_session() {
    for method in Reconciler::ALL {
        let reconcile = serde_json::from_value(serde_json::json!({ "method": method })).unwrap();
        let settings = Settings { reconcile, ..settings() };
        let mut released = 0;
        for seed in 0..3 {
            let (alice, bob) = ends(&settings, 0.99, 4000, seed);
            let (alice, bob) = run(alice, bob).unwrap();
            match (alice.key(), bob.key()) {
                (Some(a), Some(b)) => {
                    assert!(a.matches(b), "{method}, seed {seed}: the keys differ");
                    released += 1;
                }
                (None, None) => eprintln!("{method}, seed {seed}: {}", alice.reason()),
                _ => panic!("{method}, seed {seed}: one end has a key"),
            }
        }
        assert!(released >= 2, "{method}: {released} of 3");
    }
}

/// Where even the lower end of the rate's interval says that reconciliation takes what Eve leaves, both end before it.
#[test]
fn a_hopeless_error_rate_ends_the_session() {
    let settings = Settings { eve: EveModel::of(0.9), ..settings() };
    let (alice, bob) = ends(&settings, 0.8, 8000, 1);
    let (alice, bob) = run(alice, bob).unwrap();
    for end in [alice, bob] {
        let Outcome::Aborted { reason: Abort::ErrorRate { rate, limit }, .. } = end else {
            panic!("{}", end.reason())
        };
        assert!(limit < 0.06 && rate > limit, "{rate} {limit}");
    }
}
