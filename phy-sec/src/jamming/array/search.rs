//! The deepest minima of a function of azimuth: a grid, then golden sections.

use super::Scene;

/// The directions of the grid, ascending.
pub(super) fn grid(scene: &Scene) -> Vec<f64> {
    let (from, to) = scene.geometry.range();
    let count = scene.config.grid;
    (0..count).map(|k| from + (to - from) * (k as f64 + 0.5) / count as f64).collect()
}

/// Up to `scene.sources` azimuths where `distance` is least, each within its own valley.
pub(super) fn minima(scene: &Scene, distance: impl Fn(f64) -> f64) -> Vec<f64> {
    let grid = grid(scene);
    let n = grid.len();
    let values: Vec<f64> = grid.iter().map(|&azimuth| distance(azimuth)).collect();
    let (from, to) = scene.geometry.range();
    let whole = to - from > 4.0;
    let step = (to - from) / n as f64;
    let mut valleys: Vec<(f64, f64)> = (0..n)
        .filter(|&k| {
            let before = if k > 0 {
                values[k - 1]
            } else if whole {
                values[n - 1]
            } else {
                f64::INFINITY
            };
            let after = if k + 1 < n {
                values[k + 1]
            } else if whole {
                values[0]
            } else {
                f64::INFINITY
            };
            values[k] < before && values[k] <= after
        })
        .map(|k| {
            let (low, high) = (grid[k] - step, grid[k] + step);
            let (low, high) = if whole { (low, high) } else { (low.max(from), high.min(to)) };
            let azimuth = golden(&distance, low, high);
            (distance(azimuth), azimuth)
        })
        .collect();
    valleys.sort_by(|a, b| a.0.total_cmp(&b.0));
    valleys.truncate(scene.sources);
    let turn = to - from;
    valleys
        .into_iter()
        .map(|(_, azimuth)| if whole { (azimuth - from).rem_euclid(turn) + from } else { azimuth })
        .collect()
}

/// The minimum of a function with one valley between `low` and `high`, to 1e-10 rad.
fn golden(f: &impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const SHARE: f64 = 0.618_033_988_749_894_9;
    let (mut a, mut b) = (high - SHARE * (high - low), low + SHARE * (high - low));
    let (mut fa, mut fb) = (f(a), f(b));
    while high - low > 1e-10 {
        if fa < fb {
            (high, b, fb) = (b, a, fa);
            a = high - SHARE * (high - low);
            fa = f(a);
        } else {
            (low, a, fa) = (a, b, fb);
            b = low + SHARE * (high - low);
            fb = f(b);
        }
    }
    0.5 * (low + high)
}
