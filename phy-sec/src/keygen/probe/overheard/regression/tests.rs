use super::*;
use crate::sim;

/// `[row, time]` of independent normal values.
fn noise(rows: usize, n: usize, seed: u64) -> Array2<f64> {
    let noise = sim::noise(&mut sim::rng(seed), rows * n, 2.0);
    Array2::from_shape_fn((rows, n), |(row, t)| f64::from(noise[row * n + t].re))
}

fn best(target: &Array2<f64>, views: &[Array2<f64>]) -> f64 {
    held_out(target, views).iter().map(|known| known.correlation).fold(0.0, f64::max)
}

/// However many series of noise there are to choose from: within four standard deviations of a correlation of nothing, over 4 lanes of 1,000 values.
#[test]
fn of_noise_nothing_follows() {
    let target = noise(4, 1000, 1);
    let views: Vec<_> = (0..10).map(|k| noise(8, 1000, 2 + k)).collect();
    for known in held_out(&target, &views) {
        assert!(known.correlation < 4.0 / 4000f64.sqrt(), "{}", known.correlation);
        assert!(known.effective_pairs > 800.0, "{}", known.effective_pairs);
    }
    // Fitted and judged on the same times, they explain what ten of a thousand must.
    let same: Vec<_> = views.iter().map(|view| view.select(Axis(0), &[0, 1, 2, 3])).collect();
    assert!(super::super::regress(&target, &same).1 > 0.07);
}

/// Signs, order, scale, a rotation of neighbouring lanes: all are found, and the values themselves, around their mean.
#[test]
fn what_is_hidden_is_found() {
    let target = noise(4, 1000, 3) + 5.0;
    let of = |rows: [usize; 4], signs: [f64; 4]| {
        Array2::from_shape_fn((4, 1000), |(lane, t)| 7.0 * signs[lane] * target[[rows[lane], t]])
    };
    let turned = {
        let (sin, cos) = 0.9f64.sin_cos();
        Array2::from_shape_fn((4, 1000), |(lane, t)| {
            let (re, im) = (target[[lane & !1, t]], target[[lane | 1, t]]);
            if lane % 2 == 0 { cos * re - sin * im } else { sin * re + cos * im }
        })
    };
    for view in [
        of([0, 1, 2, 3], [1.0, -1.0, 1.0, -1.0]),
        of([3, 2, 1, 0], [1.0; 4]),
        of([2, 0, 3, 1], [-1.0; 4]),
        turned,
    ] {
        assert!(best(&target, std::slice::from_ref(&view)) > 0.999_9);
        let known = held_out(&target, &[noise(3, 1000, 4), view]);
        let closest = known.iter().map(|known| (&known.series - &target).mapv(f64::abs).mean().unwrap());
        assert!(closest.fold(f64::INFINITY, f64::min) < 0.1);
    }
}

/// Sixteen rows that each know a little: together √(M ρ² / (1 + (M - 1) ρ²)). And one that knows what is wrong with another.
#[test]
fn rows_are_combined() {
    let (target, n) = (noise(1, 8000, 5), 8000);
    let rho: f64 = 0.2;
    let many = noise(16, n, 6) * (1.0 - rho * rho).sqrt() + &(&target * rho);
    let want = (16.0 * rho * rho / (1.0 + 15.0 * rho * rho)).sqrt();
    let got = best(&target, &[many]);
    assert!((got - want).abs() < 4.0 / (n as f64).sqrt(), "{got} {want}");
    let disturbance = noise(1, n, 7) * 10.0;
    assert!(best(&target, &[&target + &disturbance, disturbance]) > 0.999);
}

#[test]
fn nothing_of_nothing() {
    let target = noise(2, 200, 8);
    for (target, views) in [
        (Array2::zeros((0, 0)), vec![Array2::zeros((0, 0))]),
        (target.clone(), vec![]),
        (target.clone(), vec![Array2::zeros((2, 199))]),
        (target.clone(), vec![Array2::from_elem((3, 200), 4.5)]),
        (Array2::from_elem((2, 200), 1.0), vec![target.clone()]),
        (noise(2, 40, 9), vec![noise(2, 40, 10)]),
    ] {
        assert!(held_out(&target, &views).is_empty(), "{:?}", target.dim());
    }
    // A lane that stands still is none that she knows less of.
    let mut half = target.clone();
    half.row_mut(1).fill(3.0);
    assert!(best(&half, &[target]) > 0.999_9);
}
