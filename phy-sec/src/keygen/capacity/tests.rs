use nalgebra::DMatrix;
use ndarray::{Array2, Axis, Slice};
use num_complex::Complex64;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;

/// Rows with the given covariance, `[lane, time]`.
fn gaussian(covariance: &DMatrix<f64>, n: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let factor = covariance.clone().cholesky().unwrap().l();
    let lanes = covariance.nrows();
    let mut out = Array2::zeros((lanes, n));
    for mut column in out.axis_iter_mut(Axis(1)) {
        let white: Vec<f64> = (0..lanes).map(|_| StandardNormal.sample(&mut rng)).collect();
        for lane in 0..lanes {
            column[lane] = (0..=lane).map(|k| factor[(lane, k)] * white[k]).sum();
        }
    }
    out
}

fn pair(rho: f64) -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[1.0, rho, rho, 1.0])
}

/// The reference table, sections 5.4 and 6.2.
#[test]
fn closed_forms() {
    for (rho, want) in
        [(0.7, 0.4857), (0.8, 0.7370), (0.9, 1.1980), (0.95, 1.6792), (0.99, 2.8255), (0.999, 4.4833)]
    {
        assert!((real(rho).unwrap() - want).abs() < 6e-5, "{rho}");
        assert!((vector(&pair(rho), 1).unwrap() - real(rho).unwrap()).abs() < 1e-12);
        let turned = Complex64::from_polar(rho, 1.0);
        let one = Complex64::from(1.0);
        let covariance = DMatrix::from_row_slice(2, 2, &[one, turned, turned.conj(), one]);
        assert!((vector_complex(&covariance, 1).unwrap() - complex(rho).unwrap()).abs() < 1e-12);
    }
    for (rho, want) in [(0.1, 0.015), (0.5, 0.415), (0.9, 2.396), (0.99, 5.651)] {
        assert!((complex(rho).unwrap() - want).abs() < 6e-4, "{rho}");
    }
    assert_eq!(real(0.0).unwrap(), 0.0);
    assert!(real(1.0).is_err() && real(f64::NAN).is_err() && vector(&pair(1.0), 1).is_err());
    assert!(vector(&pair(0.5), 0).is_err() && vector(&pair(0.5), 2).is_err());
}

/// The reference table, section 5.4: after 1, 2, 3 and 4 bits.
#[test]
fn table_of_quantized_information() {
    for (rho, row) in [
        (0.7, [0.1837, 0.3441, 0.4246, 0.4597]),
        (0.8, [0.2685, 0.5082, 0.6361, 0.6936]),
        (0.9, [0.4065, 0.7790, 1.0059, 1.1139]),
        (0.95, [0.5276, 1.0139, 1.3587, 1.5363]),
        (0.99, [0.7350, 1.4143, 2.0010, 2.4219]),
        (0.999, [0.8923, 1.7509, 2.5432, 3.2362]),
    ] {
        for (bits, want) in (1..).zip(row) {
            let got = quantized(rho, bits).unwrap();
            assert!((got - want).abs() < 1e-4, "{rho} {bits}: {got}, {want}");
            assert!((got - quantized(-rho, bits).unwrap()).abs() < 1e-9);
        }
        // One bit in closed form: agreement with probability 1 - acos(rho)/pi.
        let differ = f64::acos(rho) / std::f64::consts::PI;
        let h = -differ * differ.log2() - (1.0 - differ) * (1.0 - differ).log2();
        assert!((quantized(rho, 1).unwrap() - (1.0 - h)).abs() < 1e-8);
    }
    assert!(quantized(1.0, 1).is_err() && quantized(0.5, 0).is_err() && quantized(0.5, 7).is_err());
}

/// Over twenty seeds and five correlations, neighbours stray from the closed form by the standard error that they state.
#[test]
fn neighbours_against_the_closed_form() {
    for rho in [0.0, 0.5, 0.9, 0.99] {
        let truth = real(rho).unwrap();
        let (mut squares, mut bias) = (0.0, 0.0);
        const SEEDS: u64 = 20;
        for seed in 0..SEEDS {
            let x = gaussian(&pair(rho), 1500, seed);
            let (a, b) = x.view().split_at(Axis(0), 1);
            let got = ksg(a, b, 4).unwrap();
            let z = (got.bits - truth) / got.standard_error;
            squares += z * z / SEEDS as f64;
            bias += z / SEEDS as f64;
            assert!(z.abs() < 4.5, "{rho}, seed {seed}: {got:?}, closed form {truth}");
        }
        // A variance out of ten parts makes the mean square 9/7. No bias beyond three errors of the mean.
        assert!((0.4..3.0).contains(&squares), "{rho}: mean square {squares}");
        assert!(bias.abs() < 3.0 / (SEEDS as f64).sqrt(), "{rho}: bias {bias}");
    }
}

/// Two lanes at one end and one at the other, against log-determinants; and what is not Gaussian at all.
#[test]
fn vectors_and_other_distributions() {
    let covariance = DMatrix::from_row_slice(3, 3, &[1.0, 0.3, 0.7, 0.3, 1.0, 0.6, 0.7, 0.6, 1.0]);
    let truth = vector(&covariance, 2).unwrap();
    let x = gaussian(&covariance, 4000, 3);
    let (a, b) = x.view().split_at(Axis(0), 2);
    for method in [Method::Gaussian, Method::Ksg] {
        let got = mutual_information(a, b, method).unwrap();
        assert!((got.bits - truth).abs() < 4.5 * got.standard_error, "{method:?}: {got:?}, {truth}");
    }
    // The cube keeps all information, of which correlation loses much.
    let cubed = b.mapv(|x| x * x * x);
    let got = ksg(a, cubed.view(), 4).unwrap();
    assert!((got.bits - truth).abs() < 5.0 * got.standard_error, "{got:?}, {truth}");
    assert!(mutual_information(a, cubed.view(), Method::Gaussian).unwrap().bits < 0.8 * truth);
    // Ties do not make it diverge, and the same input gives the same answer.
    let coarse = x.mapv(|x| (2.0 * x).round());
    let (a, b) = coarse.view().split_at(Axis(0), 2);
    assert_eq!(ksg(a, b, 4).unwrap(), ksg(a, b, 4).unwrap());
}

/// Bounds by hand, and one Eve who sees exactly what Bob sees.
#[test]
fn bounds_of_the_model() {
    let (ab, ae, be) = (0.9, 0.5, 0.4);
    let got = Capacity::of_model(ab, ae, be).unwrap();
    let partial = (ab - ae * be) / f64::sqrt((1.0 - ae * ae) * (1.0 - be * be));
    assert!((got.given_eve - real(partial).unwrap()).abs() < 1e-12, "{got:?}");
    assert!((got.lower - (real(ab).unwrap() - real(be).unwrap())).abs() < 1e-12);
    assert!(got.lower <= got.upper && got.upper == got.alice_bob.min(got.given_eve));
    // A Markov chain A - B - E: both bounds meet at I(A;B) - I(A;E).
    let got = Capacity::of_model(0.9, 0.9 * 0.6, 0.6).unwrap();
    assert!((got.upper - got.lower).abs() < 1e-12, "{got:?}");
    // An independent Eve takes nothing.
    let got = Capacity::of_model(0.9, 0.0, 0.0).unwrap();
    assert!(got.lower == got.upper && got.upper == got.alice_bob);
    assert!(Capacity::of_model(0.9, 0.9, -0.9).is_err() && Capacity::of_model(0.9, f64::NAN, 0.0).is_err());
}

/// Antennas with independent noise on one value; more of them never know less.
#[test]
fn eve_with_antennas() {
    let of =
        |n: usize, rho: f64, correlation: f64| Eve { alice: vec![rho; n], bob: vec![rho; n], correlation };
    for n in 1..=8usize {
        // rᵀ R⁻¹ r of equal correlations: n rho² / (1 + (n - 1) c).
        let want = (n as f64 * 0.09 / (1.0 + (n - 1) as f64 * 0.2)).sqrt();
        assert!((of(n, 0.3, 0.2).effective_rho().unwrap() - want).abs() < 1e-12, "{n}");
    }
    let capacities: Vec<Capacity> = (1..=8).map(|n| of(n, 0.3, 0.2).capacity(0.9).unwrap()).collect();
    assert!(
        capacities
            .windows(2)
            .all(|pair| pair[1].lower < pair[0].lower && pair[1].alice_eve > pair[0].alice_eve)
    );
    assert!((capacities[0].alice_eve - real(0.3).unwrap()).abs() < 1e-12);
    // The same antenna twice is no matrix of different ones.
    assert!(of(2, 0.3, 1.0).capacity(0.9).is_err());
    assert!(Eve { alice: vec![0.1], bob: vec![], correlation: 0.0 }.capacity(0.5).is_err());
    // Five antennas that agree with nothing else cannot all have 0.9 with Alice.
    assert!(of(5, 0.9, 0.0).effective_rho().is_err());
}

/// Bounds from traces stand where those of the model do, by either method.
#[test]
fn bounds_of_traces() {
    let (ab, ae, be) = (0.9, 0.5, 0.45);
    let covariance = DMatrix::from_row_slice(3, 3, &[1.0, ab, ae, ab, 1.0, be, ae, be, 1.0]);
    let x = gaussian(&covariance, 6000, 8);
    let lane = |k: usize| x.slice_axis(Axis(0), Slice::from(k..=k));
    let want = Capacity::of_model(ab, ae, be).unwrap();
    for method in [Method::Gaussian, Method::Ksg] {
        let got = Capacity::of_traces(lane(0), lane(1), lane(2), method).unwrap();
        for (got, want) in [(got.lower, want.lower), (got.upper, want.upper), (got.alice_eve, want.alice_eve)]
        {
            assert!((got - want).abs() < 0.09, "{method:?}: {got} {want}");
        }
    }
    let short = lane(0).split_at(Axis(1), 3).0;
    assert!(Capacity::of_traces(short, short, lane(0), Method::Gaussian).is_err());
    assert_eq!(
        mutual_information(lane(0), short, Method::Ksg).unwrap_err().to_string(),
        "b must have shape [lane, 6000], got [1, 3]"
    );
    let constant = Array2::ones((1, 6000));
    assert!(mutual_information(lane(0), constant.view(), Method::Ksg).is_err());
    assert!(mutual_information(lane(0), constant.view(), Method::Gaussian).is_err());
}

/// The reference table, section 6.2; a guard band costs entropy.
#[test]
fn bit_given_soft_eve() {
    for (rho, want) in [(0.0, 1.0), (0.3, 0.744), (0.5, 0.585), (0.8, 0.331), (0.99, 0.067)] {
        assert!((bit_given_eve(rho, 0.0, 0.0).unwrap() - want).abs() < 6e-4, "{rho}");
    }
    assert!(bit_given_eve(0.5, 0.6, 0.6).unwrap() < bit_given_eve(0.5, 0.0, 0.0).unwrap());
    assert!(bit_given_eve(1.1, 0.0, 0.0).is_err() && bit_given_eve(0.5, -0.1, 0.0).is_err());
}
