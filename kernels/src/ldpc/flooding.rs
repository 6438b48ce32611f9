//! The sum-product algorithm with the flooding schedule, plain loops in `f64`: what every other decoder is held
//! against, and what density evolution describes.

use super::{Entry, Layout};

/// One iteration: all checks answer the bits' values of the iteration before.
///
/// - `channel`: log-likelihood ratios, `[block column, lane]`
/// - `target`: the syndrome, `[block row, lane]`: 0 or 1
/// - `posterior`, `messages`: as in [`super::sum_product::sweep`]; `channel` and zeros at first
///
/// Returns the number of checks that the signs of the new posteriors do not satisfy.
///
/// # Panics
/// Unless the lengths are those of `layout`.
pub fn iterate(
    layout: &Layout,
    channel: &[f64],
    target: &[u8],
    posterior: &mut [f64],
    messages: &mut [f64],
) -> usize {
    assert_eq!((channel.len(), posterior.len()), (layout.bits(), layout.bits()));
    assert_eq!((target.len(), messages.len()), (layout.checks(), layout.edges()));
    let lanes = layout.lanes();
    let bit =
        |entry: &Entry, lane: usize| entry.column as usize * lanes + (lane + entry.shift as usize) % lanes;
    let mut next = channel.to_vec();
    for (block, (first, row)) in layout.rows().enumerate() {
        for lane in 0..lanes {
            let sign = if target[block * lanes + lane] == 1 { -1.0 } else { 1.0 };
            let place = |k: usize| (first + k) * lanes + lane;
            let soft: Vec<f64> = row
                .iter()
                .enumerate()
                .map(|(k, entry)| ((posterior[bit(entry, lane)] - messages[place(k)]) / 2.0).tanh())
                .collect();
            for (k, entry) in row.iter().enumerate() {
                let others = soft.iter().enumerate().filter(|(other, _)| *other != k);
                let product = sign * others.map(|(_, t)| t).product::<f64>();
                messages[place(k)] = 2.0 * product.clamp(-1.0 + 1e-12, 1.0 - 1e-12).atanh();
                next[bit(entry, lane)] += messages[place(k)];
            }
        }
    }
    posterior.copy_from_slice(&next);
    let bits: Vec<u8> = next.iter().map(|value| u8::from(*value < 0.0)).collect();
    let mut syndrome = vec![0; layout.checks()];
    layout.syndrome(&bits, &mut syndrome);
    syndrome.iter().zip(target).filter(|(got, want)| got != want).count()
}
