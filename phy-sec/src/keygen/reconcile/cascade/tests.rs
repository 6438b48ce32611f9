use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::{Reconciler, binary_entropy};
use super::*;

/// `n` random bits and a copy with exactly `errors` errors.
fn strings(n: usize, errors: usize, rng: &mut ChaCha8Rng) -> (Bits, Bits) {
    let a = Bits::from_words((0..n.div_ceil(64)).map(|_| rng.next_u64()).collect(), n).unwrap();
    let mut b = a.clone();
    let mut left = errors;
    while left > 0 {
        let place = (rng.next_u64() % n as u64) as usize;
        if a.get(place) == b.get(place) {
            b.flip(place);
            left -= 1;
        }
    }
    (a, b)
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn method(name: &str, schedule: Schedule) -> Cascade {
    let text = serde_json::json!({ "variant": name, "schedule": schedule }).to_string();
    serde_json::from_str(&text).unwrap()
}

/// A session's two ends. Bob's bits, bits leaked, messages sent.
fn run(method: &Cascade, a: &Bits, b: &Bits, rate: f64, seed: [u8; 32]) -> (Bits, usize, usize) {
    let method = Reconciler::Cascade(method.clone());
    let mut alice = method.alice(RawBits::new(a.clone()), rate, seed).unwrap();
    let mut bob = method.bob(RawBits::new(b.clone()), rate, seed).unwrap();
    let (mut answer, mut messages) = (None, 0);
    loop {
        match bob.next(answer.as_ref()).unwrap() {
            Progress::Ask(ask) => answer = Some(alice.answer(&ask).unwrap()),
            Progress::Done(bob) => {
                let alice = alice.finish();
                assert_eq!(alice.leaked(), bob.leaked());
                return (bob.bits.clone(), bob.leaked(), messages);
            }
        }
        messages += 1;
    }
}

/// Sums over many frames.
#[derive(Default)]
struct Sum {
    frames: usize,
    failed: usize,
    leaked: usize,
    messages: usize,
    /// As cascade-cpp counts.
    counted: usize,
}

impl Sum {
    /// `batches` batches of 64 frames with exactly `round(q n)` errors each, as cascade-cpp draws them.
    fn of(method: &Cascade, n: usize, q: f64, batches: usize) -> Self {
        let mut rng = rng(n as u64);
        let mut sum = Self::default();
        for _ in 0..batches {
            let mut frame = || strings(n, (q * n as f64).round() as usize, &mut rng);
            let (a, b): (Vec<_>, Vec<_>) =
                (0..64).map(|_| frame()).map(|(a, b)| (RawBits::new(a), RawBits::new(b))).unzip();
            let seed = self::rng(rng.next_u64()).get_seed();
            let outcome = batch::reconcile(method, a, b, q, seed).unwrap();
            for ((a, b), counts) in outcome.alice.iter().zip(&outcome.bob).zip(&outcome.counts) {
                assert_eq!((a.leaked(), b.leaked()), (counts.leaked, counts.leaked));
                sum.frames += 1;
                sum.failed += usize::from(a.errors(b).unwrap() > 0);
                sum.leaked += counts.leaked;
                sum.messages += counts.messages;
                sum.counted += counts.leaked + counts.repeated + counts.inferred;
            }
        }
        sum
    }

    /// A sum of parities as multiples of the least possible.
    fn f(&self, parities: usize, n: usize, q: f64) -> f64 {
        parities as f64 / self.frames as f64 / (n as f64 * binary_entropy(q))
    }
}

/// cascade-cpp's 10,000 runs a row (MIT; reference/cascade_cpp.csv): f_EC = parities / (n h(q)), its standard deviation
/// from run to run, the share of frames with errors left, messages. With its schedule, and with the parities counted
/// that it asks for twice or without need, nothing but Monte-Carlo error is between us.
#[test]
fn efficiency_of_the_published_rows() {
    for (variant, n, q, f, sd, fer, messages, batches) in [
        ("original", 1_000, 0.01, 1.159925, 0.072645, 0.032, 23.92, 40),
        ("original", 1_000, 0.05, 1.195019, 0.019545, 0.0, 26.42, 40),
        ("original", 10_000, 0.01, 1.142955, 0.012145, 0.0003, 45.25, 10),
        ("original", 10_000, 0.05, 1.184570, 0.005252, 0.0, 40.46, 10),
        ("original", 10_000, 0.10, 1.208883, 0.003592, 0.0, 37.13, 10),
        ("original", 98_128, 0.05, 1.183406, 0.001640, 0.0, 55.89, 2),
        ("biconf", 1_000, 0.05, 1.201932, 0.082705, 0.0011, 61.15, 40),
        ("biconf", 10_000, 0.02, 1.090437, 0.026104, 0.0016, 104.63, 10),
        ("biconf", 10_000, 0.05, 1.093421, 0.018202, 0.0007, 114.16, 10),
        ("biconf", 98_128, 0.05, 1.079846, 0.004867, 0.0042, 222.90, 2),
        ("yanetal", 1_000, 0.05, 1.168230, 0.079173, 0.0015, 55.91, 40),
        ("yanetal", 10_000, 0.02, 1.084399, 0.029633, 0.0019, 117.31, 10),
        ("yanetal", 10_000, 0.05, 1.076706, 0.016863, 0.0020, 120.67, 10),
        ("yanetal", 98_128, 0.05, 1.065109, 0.004358, 0.0027, 222.68, 2),
        ("option3", 1_000, 0.05, 1.216938, 0.053902, 0.0, 51.87, 40),
        ("option3", 10_000, 0.02, 1.100226, 0.018500, 0.0, 84.07, 10),
        ("option3", 10_000, 0.05, 1.105863, 0.010687, 0.0, 82.00, 10),
        ("option3", 98_128, 0.05, 1.093551, 0.002607, 0.0, 127.38, 2),
    ] {
        let sum = Sum::of(&method(variant, Schedule::CascadeCpp), n, q, batches);
        let frames = sum.frames as f64;
        let (got, sent) = (sum.f(sum.counted, n, q), sum.messages as f64 / frames);
        let sigma = sd * (1.0 / frames + 1e-4).sqrt();
        eprintln!(
            "cascade {variant} n {n} q {q}: f {got:.5}, cascade-cpp {f:.5} ± {sigma:.5}; {sent:.1} messages, {messages:.1}; \
             failed {}/{}, {fer}; f of what is said {:.5}",
            sum.failed,
            sum.frames,
            sum.f(sum.leaked, n, q),
        );
        assert!((got - f).abs() < 4.0 * sigma, "{variant} n {n}, q {q}: f {got}, cascade-cpp {f} ± {sigma}");
        // Frames fail where a pair of errors has shared its block in every pass. cascade-cpp keeps its shuffles from run to
        // run: its rate is (pairs that no pass of this one set parts) q^2, and their number is Poisson. We shuffle anew for
        // every 64 frames. Each of these three is worth its variance.
        let ours = sum.failed as f64 / frames;
        let mean = ours.max(fer).max(1.0 / frames);
        let deviation = (mean / frames + mean / 1e4 + q * q * mean * (1.0 + 1.0 / batches as f64)).sqrt();
        assert!(
            (ours - fer).abs() <= 4.0 * deviation,
            "{variant} n {n}, q {q}: failed {ours}, {fer} ± {deviation}"
        );
        assert!((sent / messages - 1.0).abs() < 0.05, "{variant} n {n}, q {q}: {sent} messages, {messages}");
    }
}

/// The paper's figures for options (7) and (8), n = 2^14, 2 to 5 %: 1.050 to 1.053 and 1.041 to 1.044.
#[test]
fn efficiency_with_reuse() {
    let n = 1 << 14;
    for (variant, most) in [("option7", 1.042), ("option8", 1.040)] {
        for q in [0.02, 0.05] {
            let sum = Sum::of(&method(variant, Schedule::Smallest), n, q, 3);
            let f = sum.f(sum.leaked, n, q);
            eprintln!("cascade {variant} q {q}: f {f:.5}, failed {}/{}", sum.failed, sum.frames);
            assert!(f < most && sum.failed == 0, "{variant} q {q}: f {f}, {} failed", sum.failed);
        }
    }
    // Going on from the smallest known odd range is what option (4) has over option (3).
    let [without, with] = ["option3", "option4"].map(|variant| {
        let sum = Sum::of(&method(variant, Schedule::Smallest), n, 0.05, 3);
        sum.f(sum.leaked, n, 0.05)
    });
    assert!(with < without - 0.002, "{with} {without}");
}

#[test]
fn every_variant_and_schedule_is_reachable() {
    for &variant in Variant::ALL {
        for &schedule in Schedule::ALL {
            let text = format!(
                r#"{{"reconcile": {{"method": "cascade", "variant": "{variant}", "schedule": "{schedule}"}}}}"#
            );
            let config: crate::keygen::Config = serde_json::from_str(&text).unwrap();
            config.check().unwrap();
            let Reconciler::Cascade(method) = config.reconcile else { panic!("{text}") };
            let (a, b) = strings(777, 20, &mut rng(3));
            let (corrected, leaked, _) = run(&method, &a, &b, 0.03, [5; 32]);
            assert_eq!(corrected, a, "{variant} {schedule}");
            assert!(leaked < 777, "{variant} {schedule}: {leaked}");
        }
    }
    let wrong = serde_json::from_str::<Cascade>(r#"{"variant": "option5"}"#).unwrap_err().to_string();
    assert!(Variant::ALL.iter().all(|variant| wrong.contains(variant)), "{wrong}");
}

#[test]
fn block_lengths() {
    for (variant, n, q, blocks) in [
        (Variant::Original, 10_000, 0.05, &[15, 30, 60, 120][..]),
        (Variant::Original, 100, 0.05, &[15, 30, 60, 100]),
        (Variant::Biconf, 10_000, 0.05, &[19, 57]),
        (Variant::Yanetal, 10_000, 0.05, &[16, 80, 5000]),
        (Variant::Option4, 9_999, 0.03, &[34, 68, 5000]),
        (Variant::Option7, 1 << 14, 0.02, &[64, 256, 8192]),
        // α = 5.14: 2^6, 2^9.
        (Variant::Option8, 1 << 14, 0.02, &[64, 512, 4096, 8192]),
        (Variant::Option8, 1, 0.0, &[1, 1, 1, 1]),
    ] {
        assert_eq!(variant.plan(n, q).blocks[..blocks.len()], *blocks, "{variant:?} {n} {q}");
    }
}

fn any_method() -> impl Strategy<Value = Cascade> {
    (
        0..Variant::ALL.len(),
        prop::sample::select(vec![Schedule::Smallest, Schedule::All, Schedule::CascadeCpp]),
    )
        .prop_map(|(variant, schedule)| method(Variant::ALL[variant], schedule))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    /// Whatever the lengths and rates: no panic, both count alike, and not more errors than before.
    #[test]
    fn any_length(n in 1usize..400, errors in 0usize..20, rate in 0.0f64..0.5, seed in any::<u64>(), method in any_method()) {
        let errors = errors.min(n / 10);
        let (a, b) = strings(n, errors, &mut rng(seed));
        let (corrected, leaked, _) = run(&method, &a, &b, rate.max(0.02), rng(seed).get_seed());
        let left = corrected.xor(&a).unwrap().count_ones();
        prop_assert!(left <= errors, "{left} of {errors} left, {leaked} leaked");
    }

    /// A frame of a batch hears what it hears alone, whatever its neighbours.
    #[test]
    fn a_batch_is_its_frames(n in 1usize..300, frames in 1usize..70, errors in 0usize..20, seed: u64, method in any_method()) {
        let mut random = rng(seed);
        let public = rng(!seed).get_seed();
        let pairs: Vec<_> = (0..frames).map(|i| strings(n, (errors * i / frames).min(n / 8), &mut random)).collect();
        let raw = |bits: &Bits| RawBits::new(bits.clone());
        let (a, b) = pairs.iter().map(|(a, b)| (raw(a), raw(b))).unzip();
        let outcome = batch::reconcile(&method, a, b, 0.04, public).unwrap();
        for (frame, (a, b)) in pairs.iter().enumerate() {
            let (corrected, leaked, messages) = run(&method, a, b, 0.04, public);
            prop_assert!(outcome.bob[frame].bits == corrected, "frame {frame}");
            prop_assert!(outcome.alice[frame].bits == *a);
            prop_assert_eq!(outcome.bob[frame].leaked(), leaked);
            prop_assert_eq!(outcome.alice[frame].leaked(), leaked);
            prop_assert_eq!(outcome.counts[frame].messages, messages);
        }
    }
}

/// Alice lies about one bit: Bob ends, with an error or with strings that differ, and does not search for ever.
#[test]
fn contradicting_parities_end() {
    for (name, schedule) in [
        ("original", Schedule::All),
        ("original", Schedule::Smallest),
        ("biconf", Schedule::Smallest),
        ("option7", Schedule::All),
        ("option8", Schedule::Smallest),
        ("yanetal", Schedule::CascadeCpp),
    ] {
        for lie in 0..40 {
            let (a, b) = strings(600, 18, &mut rng(1));
            let method = Reconciler::Cascade(method(name, schedule));
            let mut alice = method.alice(RawBits::new(a), 0.03, [1; 32]).unwrap();
            let mut bob = method.bob(RawBits::new(b), 0.03, [1; 32]).unwrap();
            let (mut answer, mut count) = (None, 0);
            while let Ok(Progress::Ask(ask)) = bob.next(answer.as_ref()) {
                let Ok(mut parities) = alice.answer(&ask) else { break };
                if count == lie {
                    parities.flip(0);
                }
                (answer, count) = (Some(parities), count + 1);
                assert!(count < 6000, "{name} {lie}");
            }
        }
    }
}

#[test]
fn questions_are_bounded() {
    let method = Reconciler::default();
    let seed = [0; 32];
    let mut alice = method.alice(RawBits::new(Bits::zeros(100)), 0.05, seed).unwrap();
    let mut says = |ask: Ask| alice.answer(&ask).unwrap_err().to_string();
    assert!(says(Ask::Pass { pass: 1 }).contains("pass 1 is not the next"));
    assert!(says(Ask::Pass { pass: 9 }).contains("pass 9 is not the next"));
    assert!(says(Ask::Ranges { ranges: vec![[0, 0, 1]] }).contains("outside the passes"));
    let mut alice = method.alice(RawBits::new(Bits::zeros(100)), 0.05, seed).unwrap();
    alice.answer(&Ask::Pass { pass: 0 }).unwrap();
    alice.answer(&Ask::Ranges { ranges: vec![[0, 99, 1]] }).unwrap();
    for range in [[0, 0, 0], [0, 100, 1], [1, 0, 1], [u32::MAX; 3], [0, u32::MAX, 1], [0, 1, u32::MAX]] {
        let err = alice.answer(&Ask::Ranges { ranges: vec![range] }).unwrap_err();
        assert!(err.to_string().contains("outside the passes"));
    }
    let err = alice.answer(&Ask::Ranges { ranges: vec![[0, 0, 1]; 1500] }).unwrap_err();
    assert!(err.to_string().contains("more parities are asked for than there are bits"));
    let mut bob = method.bob(RawBits::new(Bits::zeros(100)), 0.05, seed).unwrap();
    bob.next(None).unwrap();
    let err = bob.next(Some(&Bits::zeros(3))).unwrap_err();
    assert!(err.to_string().contains("7 parities were asked for, 3 came"));
    assert!(method.alice(RawBits::new(Bits::new()), 0.05, seed).is_err());
    assert!(method.bob(RawBits::new(Bits::zeros(8)), f64::NAN, seed).is_err());
}

/// Batches refuse what does not fit, and what no honest end says.
#[test]
fn hostile_batches() {
    let method = Cascade::default();
    let raw = |lengths: &[usize]| lengths.iter().map(|&n| RawBits::new(Bits::zeros(n))).collect::<Vec<_>>();
    let seed = [0; 32];
    let refused = |a: &[usize], b: &[usize]| {
        batch::reconcile(&method, raw(a), raw(b), 0.05, seed).unwrap_err().to_string()
    };
    assert_eq!(refused(&[8, 9], &[8, 9]), "each frame must have shape [8], got [9]");
    assert_eq!(refused(&[8, 8], &[8]), "Bob's frames must have shape [2, 8], got [1, 8]");
    assert_eq!(refused(&[], &[]), "reconciliation needs at least 1 frames, got 0");
    let mut alice = batch::Alice::new(&method, raw(&[100; 3]), 0.05, seed).unwrap();
    let mut bob = batch::Bob::new(&method, raw(&[100; 3]), 0.05, seed).unwrap();
    let batch::Progress::Ask(ask) = bob.next(None).unwrap() else { panic!("nothing asked") };
    // Messages survive the wire; lanes that no frame stands in say nothing.
    let text = serde_json::to_string(&ask).unwrap();
    assert_eq!(serde_json::from_str::<batch::Ask>(&text).unwrap(), ask);
    let ask = serde_json::from_str(&text.replace("\"lanes\":7", "\"lanes\":255")).unwrap();
    let answer = alice.answer(&ask).unwrap();
    assert_eq!(serde_json::to_value(&answer).unwrap(), serde_json::json!([[0, 0, 0, 0, 0, 0, 0]]));
    for (text, says) in [
        ("[]", "another number of frames"),
        (r#"[{"ranges":[{"pass":0,"start":99,"len":2,"lanes":1}]}]"#, "outside the passes"),
        (r#"[{"pass":{"pass":0,"lanes":1}}]"#, "pass 0 is not the next"),
    ] {
        let err = alice.answer(&serde_json::from_str(text).unwrap()).unwrap_err().to_string();
        assert!(err.contains(says), "{text}: {err}");
    }
    for text in ["[]", "[[0]]"] {
        assert!(bob.next(Some(&serde_json::from_str(text).unwrap())).is_err(), "{text}");
    }
}

/// Short blocks at a high error rate: many searches end without a question, and none of the others is forgotten for that.
#[test]
fn high_error_rates_are_searched_to_the_end() {
    for (n, q) in [(4096, 0.15), (16_384, 0.1)] {
        let mut rng = rng(5);
        for seed in 0..3 {
            let (a, b) = strings(n, (q * n as f64) as usize, &mut rng);
            let (corrected, leaked, _) = run(&method("option8", Schedule::Smallest), &a, &b, q, [seed; 32]);
            let f = leaked as f64 / (n as f64 * binary_entropy(q));
            assert!(corrected == a && f < 1.1, "{n} {q}: {f}");
        }
    }
}
