//! Are stretches of the sequence linearly dependent? Section 2.5 (binary matrix rank test).

use super::{
    Config, Measured, Value, blocks, chi_squared,
    sequence::{Sequence, windows},
};

/// Rows and columns of a matrix: section 3.5 gives no others.
const SIZE: usize = 32;

pub(super) fn need(_: &Config) -> usize {
    38 * SIZE * SIZE
}

pub(super) fn measure(sequence: &Sequence<'_>, _: &Config) -> Measured {
    let mut counts = [0; 3];
    for block in blocks(sequence.len(), SIZE * SIZE) {
        let mut rows = [0; SIZE];
        for (pair, (word, _)) in rows.chunks_exact_mut(2).zip(windows(sequence.words(), block)) {
            pair.copy_from_slice(&[word as u32, (word >> 32) as u32]);
        }
        counts[(SIZE - rank(rows)).min(2)] += 1;
    }
    let (full, less) = (probability(SIZE), probability(SIZE - 1));
    let statistic = chi_squared(&counts, &[full, less, 1.0 - full - less]);
    Ok(vec![Value::only(statistic, (-statistic / 2.0).exp())])
}

/// Rank over GF(2).
fn rank(mut rows: [u32; SIZE]) -> usize {
    let mut rank = 0;
    for index in 0..SIZE {
        let pivot = rows[index];
        let lowest = pivot & pivot.wrapping_neg();
        rank += usize::from(pivot != 0);
        for row in &mut rows[index + 1..] {
            // A row that has the pivot's lowest one loses it; without a branch, because it is a fair coin.
            *row ^= pivot & ((*row & lowest != 0) as u32).wrapping_neg();
        }
    }
    rank
}

/// That a random square matrix has this rank (section 3.5).
fn probability(rank: usize) -> f64 {
    let (size, rank) = (SIZE as i32, rank as i32);
    let product: f64 =
        (0..rank).map(|i| (1.0 - 2f64.powi(i - size)).powi(2) / (1.0 - 2f64.powi(i - rank))).product();
    2f64.powi(-(size - rank).pow(2)) * product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks() {
        let identity: [u32; SIZE] = std::array::from_fn(|i| 1 << i);
        assert_eq!(rank(identity), 32);
        assert_eq!(rank([0; SIZE]), 0);
        assert_eq!(rank([0xdead_beef; SIZE]), 1);
        // Sums of neighbours: each row but the last is one, and all of them together are the last.
        assert_eq!(rank(std::array::from_fn(|i| 1 << i ^ 1 << ((i + 1) % 32))), 31);
        // An upper triangle, rows turned around.
        assert_eq!(rank(std::array::from_fn(|i| u32::MAX >> (31 - i))), 32);
    }

    /// The figures of section 2.5.4.
    #[test]
    fn probabilities() {
        for (rank, want) in [(32, 0.2888), (31, 0.5776), (30, 0.1284)] {
            assert!((probability(rank) - want).abs() < 5e-5, "{rank}: {}", probability(rank));
        }
        let all: f64 = (0..=32).map(probability).sum();
        assert!((all - 1.0).abs() < 1e-14);
    }
}
