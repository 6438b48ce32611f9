//! Batches of frames through the kernels' sweeps.

use kernels::Backend;
use kernels::ldpc::{Layout, min_sum, sum_product};
use zeroize::Zeroizing;

use super::Decoder;
use super::code::Code;
use crate::Result;

/// What is known for sure, as a log-likelihood ratio.
pub(super) const SURE: f32 = 25.0;

/// A frame to be decoded.
pub(super) struct Frame {
    /// Log-likelihood ratios: of the channel at first, of the last sweep afterwards.
    pub(super) values: Zeroizing<Vec<f32>>,
    /// Alice's.
    pub(super) syndrome: Vec<u8>,
    /// The bits, once their syndrome is Alice's.
    pub(super) decoded: Option<Zeroizing<Vec<u8>>>,
}

/// Decodes those of `frames` that are not decoded yet, in at most `sweeps` sweeps.
pub(super) fn decode(
    code: &Code,
    decoder: Decoder,
    sweeps: u32,
    frames: &mut [Frame],
    backend: &Backend,
) -> Result<()> {
    let mut open: Vec<&mut Frame> = frames.iter_mut().filter(|frame| frame.decoded.is_none()).collect();
    // Short codes: as many frames side by side as a vector holds, at the widest.
    let side_by_side = match (code.lanes, decoder) {
        (1, Decoder::SumProduct) => 16,
        (1, Decoder::MinSum) => 64,
        _ => 1,
    };
    let layout = code.layout(side_by_side)?;
    for batch in open.chunks_mut(side_by_side) {
        let at = |index: usize, bit: usize| if code.lanes == 1 { bit * side_by_side + index } else { bit };
        let mut values = Zeroizing::new(vec![SURE; layout.bits()]);
        let mut syndrome = vec![0u8; layout.checks()];
        for (index, frame) in batch.iter().enumerate() {
            frame.values.iter().enumerate().for_each(|(bit, &value)| values[at(index, bit)] = value);
            frame.syndrome.iter().enumerate().for_each(|(check, &bit)| syndrome[at(index, check)] = bit);
        }
        match decoder {
            Decoder::SumProduct => {
                let target: Vec<f32> = syndrome.iter().map(|&bit| 1.0 - 2.0 * f32::from(bit)).collect();
                let mut messages = Zeroizing::new(vec![0f32; layout.edges()]);
                let mut failed = vec![0f32; layout.lanes()];
                for _ in 0..sweeps {
                    failed.fill(0.0);
                    sum_product::sweep(backend, &layout, &target, &mut values, &mut messages, &mut failed);
                    let held = |lane: usize| failed[lane].is_sign_positive();
                    if settle(code, &layout, &syndrome, held, |bit| values[bit] < 0.0, batch, at) {
                        break;
                    }
                }
            }
            Decoder::MinSum => {
                let target: Vec<i8> =
                    syndrome.iter().map(|&bit| if bit == 1 { i8::MIN } else { 0 }).collect();
                let mut small: Zeroizing<Vec<i8>> =
                    Zeroizing::new(values.iter().map(|&v| fixed(v)).collect());
                let mut messages = Zeroizing::new(vec![0i8; layout.edges()]);
                let mut failed = vec![0i8; layout.lanes()];
                for _ in 0..sweeps {
                    failed.fill(0);
                    let rule = min_sum::Rule::NORMALISED;
                    min_sum::sweep(backend, &layout, rule, &target, &mut small, &mut messages, &mut failed);
                    let held = |lane: usize| failed[lane] >= 0;
                    if settle(code, &layout, &syndrome, held, |bit| small[bit] < 0, batch, at) {
                        break;
                    }
                }
                values.iter_mut().zip(small.iter()).for_each(|(value, &small)| *value = f32::from(small));
            }
        }
        for (index, frame) in batch.iter_mut().enumerate() {
            (0..code.bits).for_each(|bit| frame.values[bit] = values[at(index, bit)]);
        }
    }
    Ok(())
}

/// Three units of the log-likelihood ratio; what is sure is as large as can be.
fn fixed(value: f32) -> i8 {
    if value.abs() >= SURE {
        127 * value.signum() as i8
    } else {
        (3.0 * value).round().clamp(-40.0, 40.0) as i8
    }
}

/// Takes the bits of the frames whose checks held through a sweep, if their syndrome is right now. Returns whether
/// every frame of the batch is decoded.
fn settle(
    code: &Code,
    layout: &Layout,
    syndrome: &[u8],
    held: impl Fn(usize) -> bool,
    is_one: impl Fn(usize) -> bool,
    batch: &mut [&mut Frame],
    at: impl Fn(usize, usize) -> usize,
) -> bool {
    let alone = code.lanes > 1;
    let maybe = |index: usize| if alone { (0..layout.lanes()).all(&held) } else { held(index) };
    if !batch.iter().enumerate().any(|(index, frame)| frame.decoded.is_none() && maybe(index)) {
        return false;
    }
    // A sweep changes the values that it has already looked at: the claim is proved here.
    let bits: Zeroizing<Vec<u8>> =
        Zeroizing::new((0..layout.bits()).map(|bit| u8::from(is_one(bit))).collect());
    let mut got = vec![0; layout.checks()];
    layout.syndrome(&bits, &mut got);
    for (index, frame) in batch.iter_mut().enumerate() {
        if frame.decoded.is_none()
            && (0..code.checks()).all(|check| got[at(index, check)] == syndrome[at(index, check)])
        {
            let own = (0..code.bits).map(|bit| bits[at(index, bit)]).collect();
            frame.decoded = Some(Zeroizing::new(own));
        }
    }
    batch.iter().all(|frame| frame.decoded.is_some())
}
