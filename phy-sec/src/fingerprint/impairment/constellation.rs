//! Centres of the points of received symbols: where each point of the constellation really lies.

use num_complex::{Complex32, Complex64};

use super::reference::wide;
use crate::{Error, Result};

/// A point of the constellation as it was received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Centre {
    /// Mean of the symbols that are nearest to the point; `None` if there were none.
    pub value: Option<Complex64>,
    /// One sigma of each of its parts, from their scatter; `None` with less than two symbols.
    pub standard_error: Option<f64>,
    /// Symbols.
    pub count: usize,
}

/// The centre of each of `points`, the symbols decided for the nearest one. Blind: wrong decisions pull a centre towards its own point.
///
/// - `symbols`: `[symbol]`, carrier and gain taken out, on the scale of `points`
///
/// # Errors
/// [`Error::NotFinite`]; [`Error::Shape`] without points.
pub fn centres(symbols: &[Complex32], points: &[Complex32]) -> Result<Vec<Centre>> {
    if points.is_empty() {
        return Err(Error::Shape { what: "points", need: "[1 or more]".into(), got: "[0]".into() });
    }
    for (what, values) in [("symbols", symbols), ("points", points)] {
        if let Some(index) = values.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what, index });
        }
    }
    // Relative to the point, so that the squares do not cancel.
    let mut sums = vec![(0usize, Complex64::ZERO, 0.0); points.len()];
    for symbol in symbols {
        let distance = |i: &usize| (wide(*symbol) - wide(points[*i])).norm_sqr();
        let nearest = (0..points.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0);
        let off = wide(*symbol) - wide(points[nearest]);
        let (count, sum, squares) = &mut sums[nearest];
        *count += 1;
        *sum += off;
        *squares += off.norm_sqr();
    }
    let centre = |((count, sum, squares), point): ((usize, Complex64, f64), &Complex32)| {
        let n = count as f64;
        let variance = (squares - sum.norm_sqr() / n).max(0.0) / (2.0 * (n - 1.0));
        Centre {
            value: (count > 0).then(|| wide(*point) + sum / n),
            standard_error: (count > 1).then(|| (variance / n).sqrt()),
            count,
        }
    };
    Ok(sums.into_iter().zip(points).map(centre).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    /// QPSK whose points were moved by known amounts, 20 dB: the moves are found, with errors of σ/√(2n).
    #[test]
    fn moved_points_are_found() {
        let points =
            [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)].map(|(re, im)| Complex32::new(re, im));
        let moves =
            [(0.05, -0.02), (0.0, 0.1), (-0.03, 0.0), (0.0, 0.0)].map(|(re, im)| Complex32::new(re, im));
        let noise = sim::noise(&mut sim::rng(3), 4000, 0.02);
        let symbols: Vec<Complex32> =
            noise.iter().enumerate().map(|(n, noise)| points[n % 4] + moves[n % 4] + noise).collect();
        for ((got, point), moved) in centres(&symbols, &points).unwrap().iter().zip(points).zip(moves) {
            let error = got.standard_error.unwrap();
            assert!((error / (0.01f64 / 1000.0).sqrt() - 1.0).abs() < 0.1, "{error}");
            let off = got.value.unwrap() - wide(point + moved);
            assert!(off.re.abs() < 4.0 * error && off.im.abs() < 4.0 * error, "{got:?}");
            assert_eq!(got.count, 1000);
        }
        let none = centres(&[], &points).unwrap();
        assert!(none.iter().all(|c| c.value.is_none() && c.standard_error.is_none()));
        assert!(centres(&symbols, &[]).is_err());
        assert!(centres(&[Complex32::new(f32::NAN, 0.0)], &points).is_err());
    }
}
