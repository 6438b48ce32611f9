//! Against the number of patterns that a Gaussian of few dimensions can show, and against independent bits.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::erf;

use super::super::Estimate;
use super::super::symbols::Symbols;
use super::estimate;

/// Standard normal numbers.
fn normal(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32);
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// Rows of variance 1 that are mixtures of `dimension` series, whose correlation from one time to the next is `memory`.
fn mixtures(rows: usize, times: usize, dimension: usize, memory: f64, seed: u64) -> Vec<Vec<f64>> {
    let (weights, fresh) = (normal(rows * dimension, seed), normal(times * dimension, seed + 1));
    let mut latent = fresh.clone();
    for k in dimension..latent.len() {
        latent[k] = memory * latent[k - dimension] + (1.0 - memory * memory).sqrt() * fresh[k];
    }
    let row = |row: usize| {
        let weights = &weights[row * dimension..][..dimension];
        let scale = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        latent
            .chunks(dimension)
            .map(|x| x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / scale)
            .collect()
    };
    (0..rows).map(row).collect()
}

/// Symbols of `width` bits, equally likely, of the values beyond `guard`. Returns the estimate and the bits of a time.
fn of(series: &[Vec<f64>], width: u8, guard: f64) -> (Estimate, f64) {
    let (mut values, mut place, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for row in series {
        let first = values.len();
        for (time, &x) in row.iter().enumerate().filter(|(_, x)| x.abs() >= guard) {
            let cells = 1u8 << width;
            let share = 0.5 + 0.5 * erf(x / std::f64::consts::SQRT_2);
            let cell = ((share * f64::from(cells)) as u8).min(cells - 1);
            values.push(cell ^ cell >> 1);
            place.push(time as u32);
        }
        rows.push(first..values.len());
    }
    let (widths, classes) = (vec![width; values.len()], vec![0; values.len()]);
    let bits = values.len() as f64 * f64::from(width) / series[0].len() as f64;
    let symbols = Symbols { values: &values, widths: &widths, classes: &classes, place: &place, rows: &rows };
    (estimate(&symbols).unwrap(), bits)
}

/// log2 of `2 Σ_(i < d) C(n - 1, i)`: regions that `n` planes through the origin make of `d` dimensions.
fn regions(n: usize, d: usize) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for i in 0..d {
        sum += term;
        term *= (n - 1 - i) as f64 / (i + 1) as f64;
    }
    (2.0 * sum).log2()
}

#[test]
fn few_dimensions_on_many_rows() {
    for (rows, times, dimension, limit) in
        [(104, 1000, 8, 35.3), (104, 1000, 12, 48.7), (208, 1000, 12, 60.1), (256, 600, 10, 54.3)]
    {
        assert!((regions(rows, dimension) - limit).abs() < 0.05);
        let (got, bits) = of(&mixtures(rows, times, dimension, 0.0, 7), 1, 0.0);
        let credited = got.bound * bits;
        assert!(credited < limit && credited > 0.5 * limit, "{rows} {dimension}: {credited} {limit} {got:?}");
    }
}

/// The wider the rows' own noise, the more of it is entropy; the patterns of the dimensions alone are no limit then.
#[test]
fn noise_of_each_row_counts() {
    let clean = mixtures(104, 1000, 8, 0.0, 7);
    let noise = normal(104 * 1000, 9);
    let mut last = 0.0;
    for level in [0.0, 0.3, 0.6, 1.2] {
        let scale = f64::sqrt(1.0 + level * level);
        let noisy: Vec<Vec<f64>> = clean
            .iter()
            .enumerate()
            .map(|(row, x)| {
                x.iter().zip(&noise[row * 1000..]).map(|(x, n)| (x + level * n) / scale).collect()
            })
            .collect();
        let (got, bits) = of(&noisy, 1, 0.0);
        assert!(got.bound * bits > last + 3.0, "{level}: {got:?}");
        last = got.bound * bits;
    }
    assert!(last > regions(104, 8) + 5.0, "{last}");
}

#[test]
fn independent_rows_keep_their_credit() {
    for (rows, times, width) in [(52, 1500, 1), (52, 400, 1), (20, 1500, 2), (256, 150, 1)] {
        let series: Vec<Vec<f64>> = (0..rows).map(|row| normal(times, 100 + row)).collect();
        let (got, _) = of(&series, width, 0.0);
        assert!(got.bound > 0.95, "{rows} {times} {width}: {got:?}");
    }
    let series: Vec<Vec<f64>> = (0..52).map(|row| normal(1500, 200 + row)).collect();
    let (got, _) = of(&series, 1, 0.5);
    assert!(got.bound > 0.95, "{got:?}");
}

/// With more rows than times or than may predict, and with symbols of several bits, whose levels are so many more: `n` levels make at
/// most `Σ_(i <= d) C(n, i)` cells of `d` dimensions.
#[test]
fn the_number_of_patterns_is_the_limit() {
    let cells = |levels: usize, d: usize| regions(levels + 1, d + 1) - 1.0;
    for (rows, times, dimension, width) in
        [(256, 150, 10, 1), (400, 400, 6, 1), (104, 500, 8, 2), (40, 500, 4, 4)]
    {
        let (got, bits) = of(&mixtures(rows, times, dimension, 0.0, 11), width, 0.0);
        let limit = cells(rows * ((1 << width) - 1), dimension);
        assert!(got.bound * bits < limit + 0.01, "{rows} {width}: {} {limit} {got:?}", got.bound * bits);
    }
}

/// The last time tells of this one through all rows: less than the same without memory.
#[test]
fn the_past_is_heard() {
    let [none, some, much] =
        [0.0, 0.9, 0.99].map(|memory| of(&mixtures(52, 1500, 8, memory, 13), 1, 0.0).0.bound);
    assert!(some < 0.85 * none && much < 0.5 * none, "{none} {some} {much}");
}

#[test]
fn one_row_has_no_others() {
    let symbols = Symbols {
        values: &[0, 1, 1],
        widths: &[1; 3],
        classes: &[0; 3],
        place: &[0, 1, 2],
        rows: &[0..3, 3..3],
    };
    assert!(estimate(&symbols).is_none());
    // Two rows of hardly anything, and of nothing that changes.
    let few = Symbols { rows: &[0..2, 2..3], place: &[0, 1, 1], ..symbols };
    assert!(estimate(&few).unwrap().bound < 0.5);
    let constant = of(&[vec![1.0; 800], vec![1.0; 800]], 1, 0.0).0;
    assert!(constant.bound < 0.01, "{constant:?}");
}
