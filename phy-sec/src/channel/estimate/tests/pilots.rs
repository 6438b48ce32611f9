//! Reference symbols.

use super::*;

/// A slot of the simulator's NR-like comb through four taps: exact at the pilots, exact everywhere once the channel is taken
/// for four taps (or eight); a straight line errs by the channel's curvature.
#[test]
fn comb_without_noise_is_exact() {
    let config = NrComb::default();
    let slot = config.slot(0, &mut rng(1)).unwrap();
    let x = through(&slot.samples, &TAPS);
    let pilots = (0..144).map(|n| slot.grid[[2, 2 * n]]).map(|value| (value.re, value.im)).collect();
    let comb = |interpolation| {
        let (start, period) = (slot.bodies[2].start, slot.bodies[11].start - slot.bodies[2].start);
        let values: Vec<_> = slot.grid.row(11).iter().step_by(2).copied().collect();
        let comb =
            Comb { pilots: Pilots::Given(Vec::clone(&pilots)), start, interpolation, ..Comb::default() };
        // Another symbol has other pilots.
        let other = values.iter().map(|value| (value.re, value.im)).collect();
        let later = Comb { pilots: Pilots::Given(other), start: start + period, ..comb.clone() };
        [comb, later]
            .map(|comb| Estimator::Comb(comb).estimate(&x, config.sample_rate(), &backend()).unwrap())
    };
    let worst = |csi: &Csi, step: usize| {
        let error = |(k, gain): (usize, &Complex32)| {
            f64::from((gain - transfer(&TAPS, (k * step) as f64 - 144.0, 512.0)).norm())
        };
        csi.gains.iter().enumerate().map(error).fold(0.0, f64::max)
    };
    for csi in comb(Interpolation::None) {
        assert_eq!(csi.gains.dim(), (1, 144, 1));
        assert!(worst(&csi, 2) < 2e-5, "{}", worst(&csi, 2));
    }
    for taps in [4, 8] {
        for csi in comb(Interpolation::Taps(taps)) {
            assert!(worst(&csi, 1) < 2e-4, "{taps}: {}", worst(&csi, 1));
        }
    }
    for csi in comb(Interpolation::Linear) {
        // |H''| / 2 over steps of 2 subcarriers, and a whole step beyond the last pilot.
        let curve: f32 = TAPS.iter().enumerate().map(|(l, h)| (l * l) as f32 * h.norm()).sum();
        let slope: f32 = TAPS.iter().enumerate().map(|(l, h)| l as f32 * h.norm()).sum();
        let unit = std::f32::consts::TAU / 512.0;
        assert!(worst(&csi, 1) < f64::from(slope * unit + curve * unit * unit), "{}", worst(&csi, 1));
        let inner = csi.gains.iter().take(287).enumerate();
        let inner = inner.map(|(k, gain)| (gain - transfer(&TAPS, k as f64 - 144.0, 512.0)).norm());
        assert!(inner.fold(0.0, f32::max) < curve * unit * unit / 2.0 + 1e-5);
    }
    // The simulator's own reference symbols are the Gold sequence's.
    let c_init = (1u32 << 17) * 3;
    let gold = Pilots::Gold { c_init }.values(144).unwrap();
    let pilots: &Vec<(f32, f32)> = &pilots;
    for (value, (re, im)) in gold.iter().zip(pilots) {
        assert!((value - Complex32::new(*re, *im)).norm() < 1e-6);
    }
}

/// At a pilot the bound of one unknown; midway on a straight line half of it; over an impulse response of `L` taps the bound of `L` unknowns
/// from `P` pilots, `L/P` of it in the mean over the pilots.
#[test]
fn comb_reaches_the_cramer_rao_bound() {
    let power = 0.02;
    let (mut at, mut between, mut taps) = (Vec::new(), Vec::new(), Vec::new());
    let comb = |interpolation| Comb { period: 512, interpolation, ..Comb::default() };
    // Pilots of 1 on every second subcarrier, each with the energy 512 / 288 of a transform's samples.
    let mut grid = vec![Complex32::ZERO; 512];
    for k in (0..288).step_by(2) {
        grid[(k + 512 - 144) % 512] = Complex32::new(1.0 / 288f32.sqrt(), 0.0);
    }
    let mut body = vec![Complex32::ZERO; 512];
    Batch::new(&backend(), 512, Direction::Inverse).unwrap().process(&grid, &mut body).unwrap();
    let bound = power * 288.0 / 512.0;
    let mut x = body.repeat(200);
    let n = x.len();
    add(&mut x, &noise(&mut rng(4), n, power));
    let errors = |interpolation| {
        let csi = Estimator::Comb(comb(interpolation)).estimate(&x, 15.36e6, &backend()).unwrap();
        assert_eq!(csi.gains.dim().0, 200);
        csi.gains.mapv(|gain| f64::from((gain - Complex32::new(1.0, 0.0)).norm_sqr()))
    };
    for row in errors(Interpolation::Linear).outer_iter() {
        at.extend(row.iter().step_by(2).copied());
        // Every second of those between, so that no two share a pilot.
        between.extend(row.iter().take(287).skip(1).step_by(4).copied());
    }
    is_bound(at.into_iter(), bound, "comb, pilots");
    is_bound(between.into_iter(), bound / 2.0, "comb, midway");
    for row in errors(Interpolation::Taps(8)).outer_iter() {
        // Eight independent errors a symbol are spread over its pilots.
        let mean = row.iter().step_by(2).sum::<f64>() / 144.0;
        taps.extend([mean; 8]);
    }
    is_bound(taps.into_iter(), bound * 8.0 / 144.0, "comb, 8 taps");
}

/// SRS-like pilots: unit amplitude, and cyclic shifts of the same group are orthogonal over the band.
#[test]
fn shifted_pilots_are_orthogonal() {
    let of = |shift| Pilots::ZadoffChu { group: 7, shift }.values(144).unwrap();
    for (value, other) in [(of(0.0), of(0.25)), (of(0.25), of(0.5))] {
        assert!(value.iter().all(|value| (value.norm() - 1.0).abs() < 1e-6));
        let sum: Complex32 = value.iter().zip(&other).map(|(a, b)| a * b.conj()).sum();
        assert!(sum.norm() < 1e-3, "{sum}");
    }
    // N = 139 for 144 pilots; q of group 0 is the nearest to 139/31 = 4.48.
    let (got, want) = (of(0.0).len(), zadoff_chu(139, 4).unwrap());
    assert_eq!(got, 144);
    let group0 = Pilots::ZadoffChu { group: 0, shift: 0.0 }.values(144).unwrap();
    assert!((0..144).all(|n| (group0[n] - want[n % 139]).norm() < 1e-6));
}
