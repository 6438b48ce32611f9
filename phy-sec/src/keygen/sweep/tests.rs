use super::*;
use crate::keygen::ErrorRate;

fn quantizers(texts: &[&str]) -> Methods {
    let quantize = texts.iter().flat_map(|text| name::parse("quantize", text).unwrap()).collect();
    Methods { quantize, ..Methods::default() }
}

fn run(sweep: &Sweep, seed: u64) -> Vec<Point> {
    let base =
        Config { error_rate: ErrorRate { sample: 0.02, assume: 0.05, limit: 0.4 }, ..Config::default() };
    sweep.run(&base, seed, &Backend::default()).unwrap()
}

/// Correlation and KDR are those of the closed forms, the bits stay below capacity, and the better channel gives more.
#[test]
fn points_agree_with_theory() {
    let sweep = Sweep {
        rho: vec![0.9, 0.99],
        eve_rho: vec![0.0, 0.5],
        probes: vec![8000],
        methods: quantizers(&["threshold", "optimal"]),
        ..Sweep::default()
    };
    let points = run(&sweep, 1);
    assert_eq!(points.len(), 8);
    for point in &points {
        assert!((point.correlation.unwrap() - point.rho).abs() < 0.01, "{point:?}");
        let bits = point.bits_per_probe;
        assert!(
            bits < point.capacity_lower.unwrap() && point.capacity_lower <= point.capacity_upper,
            "{point:?}"
        );
        assert_eq!(point.share.unwrap(), bits / point.capacity_upper.unwrap());
        if point.quantize == "threshold" {
            // Two lanes of 8,000 signs: four standard deviations.
            let kdr = point.rho.acos() / std::f64::consts::PI;
            let sigma = (kdr * (1.0 - kdr) / 16_000.0).sqrt();
            assert!((point.kdr.unwrap() - kdr).abs() < 4.0 * sigma, "{point:?} should be {kdr}");
            assert_eq!(point.raw_bits, Some(16_000));
        }
    }
    assert!(points.iter().all(
        |p| p.resolved == p.quantize || p.quantize == "optimal" && p.resolved.starts_with("equiprobable")
    ));
    // With an Eve who knows nothing: -log2(1 - rho²).
    let upper = points[0].capacity_upper.unwrap();
    assert!((upper + (1.0f64 - 0.81).log2()).abs() < 1e-9, "{upper}");
    let bits = |rho: f64, eve: f64, word: &str| {
        points
            .iter()
            .find(|p| p.rho == rho && p.eve_rho == eve && p.quantize.starts_with(word))
            .unwrap()
            .bits_per_probe
    };
    assert!(bits(0.99, 0.0, "optimal") > bits(0.9, 0.0, "optimal"));
    assert!(bits(0.99, 0.0, "optimal") > bits(0.99, 0.5, "optimal"));
    assert!(bits(0.99, 0.0, "optimal") > bits(0.99, 0.0, "threshold"));
}

/// The same on one thread, in another order and among fewer points; another seed is another draw.
#[test]
fn a_point_depends_on_nothing_but_itself_and_the_seed() {
    let sweep = Sweep {
        snr_db: vec![10.0, 20.0],
        probes: vec![600, 1000],
        methods: quantizers(&["threshold", "guard_band"]),
        ..Sweep::default()
    };
    let points = run(&sweep, 1);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| run(&sweep, 1)), points);
    let alone = Sweep {
        snr_db: vec![20.0],
        probes: vec![1000],
        methods: quantizers(&["guard_band"]),
        ..sweep.clone()
    };
    assert_eq!(run(&alone, 1), [points[7].clone()]);
    assert_ne!(run(&alone, 2)[0].correlation, points[7].correlation);
    // Both chains of a channel see the same probes.
    assert_eq!(points[6].correlation, points[7].correlation);
    assert_ne!(points[4].correlation, points[6].correlation);
    let expected = 1.0 / (1.0 + 0.01);
    assert!((points[7].rho - expected).abs() < 1e-12);
}

/// Her own trace correlates as the model says, so that both ledgers nearly agree.
#[test]
fn eves_trace_is_as_good_as_the_model_says() {
    let sweep = Sweep {
        rho: vec![0.95],
        eve_rho: vec![0.3, 0.7],
        probes: vec![4000],
        eve_trace: true,
        methods: quantizers(&["guard_band"]),
        component: Component::Real,
        ..Sweep::default()
    };
    let points = run(&sweep, 3);
    assert_eq!(
        points.iter().map(|p| p.eve).collect::<Vec<_>>(),
        [Granted::Model, Granted::Trace, Granted::Model, Granted::Trace]
    );
    for pair in points.chunks(2) {
        let entropy = pair.iter().map(|p| p.entropy_per_bit.unwrap()).collect::<Vec<_>>();
        // The trace's upper confidence limit costs a little.
        assert!(entropy[1] < entropy[0] && entropy[1] > entropy[0] - 0.12, "{entropy:?}");
    }
}

/// Eight antennas at 0.6 know what one at 0.905 does: the model grants it, her trace shows it, and the capacity is that of all of them.
#[test]
fn eves_antennas_are_granted_together() {
    let sweep = |antennas: usize| Sweep {
        rho: vec![0.99],
        eve_rho: vec![0.6],
        probes: vec![4000],
        eve_trace: true,
        methods: quantizers(&["threshold"]),
        link: LinkConfig { eve_antennas: antennas, ..Sweep::default().link },
        ..Sweep::default()
    };
    let (one, eight) = (run(&sweep(1), 3), run(&sweep(8), 3));
    // Bounded below by those of a chain Alice, channel, Eve.
    let joint = 0.6 * f64::sqrt(8.0 / (1.0 + 7.0 * 0.36 / 0.99));
    assert_eq!(one[0].eve_joint_rho, 0.6);
    assert!((eight[0].eve_joint_rho - joint).abs() < 1e-9, "{}", eight[0].eve_joint_rho);
    let want = Capacity::of_model(0.99, joint, joint).unwrap();
    let got = (eight[0].capacity_lower.unwrap(), eight[0].capacity_upper.unwrap());
    assert!((got.0 - 2.0 * want.lower).abs() < 1e-9 && (got.1 - 2.0 * want.upper).abs() < 1e-9, "{got:?}");
    assert!(eight[0].capacity_upper < one[0].capacity_upper);
    for points in [&one, &eight] {
        let [model, trace] = [0, 1].map(|k| points[k].entropy_per_bit.unwrap());
        assert!(trace < model && trace > model - 0.12, "{model} {trace}");
    }
    assert!(eight[0].entropy_per_bit.unwrap() < one[0].entropy_per_bit.unwrap() - 0.2);
}

#[test]
fn what_cannot_be_is_refused() {
    let twice = Sweep { rho: vec![0.9, 0.9], probes: vec![100, 200, 100], ..Sweep::default() };
    assert_eq!(twice.channels().unwrap().len(), 2, "what is asked for twice is run once");
    let error = |sweep: Sweep| sweep.run(&Config::default(), 1, &Backend::default()).unwrap_err().to_string();
    let of = |rho: f64, eve: f64| Sweep {
        rho: vec![rho],
        eve_rho: vec![eve],
        probes: vec![100],
        ..Sweep::default()
    };
    assert!(error(of(1.0, 0.0)).starts_with("rho must be above 0"));
    assert!(error(of(f64::NAN, 0.0)).starts_with("rho must be"));
    assert!(error(of(0.8, 0.95)).starts_with("eve_rho must be 0 to the root"));
    assert!(error(of(0.8, f64::NAN)).starts_with("eve_rho"));
    assert!(error(Sweep { snr_db: vec![1.0], ..of(0.8, 0.0) }).contains("not both"));
    assert!(error(Sweep { probes: vec![usize::MAX], ..of(0.8, 0.0) }).contains("rounds"));
    assert!(error(Sweep { probes: vec![0], ..of(0.8, 0.0) }).contains("rounds"));
    // A chain that does not fit the measurements is a point that says so.
    let sweep = Sweep {
        component: Component::Magnitude,
        methods: quantizers(&["vector"]),
        probes: vec![500],
        ..of(0.9, 0.0)
    };
    let points = run(&sweep, 1);
    assert!(points[0].pairs.is_none() && points[0].released_bits == 0 && !points[0].reason.is_empty());
}
