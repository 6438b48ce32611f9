//! Cascade, both ends in one process: 64 frames a word, and a session's single frame beside it.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use phy_sec::keygen::RawBits;
use phy_sec::keygen::reconcile::cascade::{Cascade, Schedule, Variant, batch};
use phy_sec::keygen::reconcile::{Progress, Reconciler};
use phy_sec_benches::inputs;

/// Five percent, as W11 has it.
const RATE: f64 = 0.05;

fn frames(n: usize, count: usize) -> (Vec<RawBits>, Vec<RawBits>) {
    let (alice, bob) = inputs::keys(n, count);
    (alice.into_iter().map(RawBits::new).collect(), bob.into_iter().map(RawBits::new).collect())
}

fn batches(c: &mut Criterion) {
    for (variant, n) in [
        (Variant::Original, 10_000),
        (Variant::Biconf, 10_000),
        (Variant::Yanetal, 10_000),
        (Variant::Option3, 10_000),
        (Variant::Option4, 10_000),
        (Variant::Option7, 1 << 14),
        (Variant::Option8, 1 << 14),
    ] {
        let mut group = c.benchmark_group(format!("cascade/{variant:?}/{n}"));
        group.throughput(Throughput::Elements(128 * n as u64)).sample_size(10);
        for schedule in [Schedule::Smallest, Schedule::All] {
            let method = Cascade { variant, schedule };
            let run =
                |(alice, bob)| batch::reconcile(&method, alice, bob, RATE, [7; 32]).expect("frames fit");
            let outcome = run(frames(n, 128));
            let ends = outcome.alice.iter().zip(&outcome.bob);
            let failed = ends.filter(|(alice, bob)| alice.errors(bob).expect("one length") > 0).count();
            assert!(failed <= 4, "fast and wrong: {variant:?} {schedule:?} failed {failed} of 128");
            group.bench_function(format!("{schedule:?}"), |b| {
                b.iter_batched(|| frames(n, 128), run, BatchSize::LargeInput);
            });
        }
    }
}

/// A session's two ends, message by message.
fn session(c: &mut Criterion) {
    let n = 10_000;
    let mut group = c.benchmark_group(format!("cascade/session/{n}"));
    group.throughput(Throughput::Elements(n as u64)).sample_size(10);
    let method = Reconciler::Cascade(Cascade::default());
    group.bench_function("Original", |b| {
        b.iter_batched(
            || frames(n, 1),
            |(mut alice, mut bob)| {
                let (alice, bob) = (alice.remove(0), bob.remove(0));
                let mut alice = method.alice(alice, RATE, [7; 32]).expect("bits");
                let mut bob = method.bob(bob, RATE, [7; 32]).expect("bits");
                let mut answer = None;
                loop {
                    match bob.next(answer.as_ref()).expect("an honest answer") {
                        Progress::Ask(ask) => answer = Some(alice.answer(&ask).expect("an honest question")),
                        Progress::Done(bits) => break bits,
                    }
                }
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, batches, session);
criterion_main!(benches);
