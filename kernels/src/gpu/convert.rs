//! Raw samples to `f32` on a device: `convert.wgsl`, bit for bit what [`crate::convert`] does.

use std::sync::Arc;

use super::{ALIGNMENT, Commands, Gpu, GpuBuffer, Limits, Program};
use crate::{
    convert::Number,
    error::{Error, Result},
};

pub(super) const SOURCE: &str = include_str!("../convert.wgsl");

/// Threads of a workgroup.
const THREADS: u64 = 256;

/// Little-endian components on a device to `f32`, full scale 1: [`crate::convert::to_f32`] for chains.
///
/// # Errors
/// [`Error::OutOfRange`] for numbers that WGSL cannot convert exactly (32-bit integers, f64): convert those on
/// the host. [`Error::Length`] for an incomplete component, [`Error::OverLimit`] if the result does not fit one
/// buffer, and what devices do.
pub fn to_f32(number: Number, raw: &GpuBuffer<u8>) -> Result<GpuBuffer<f32>> {
    let gpu = raw.gpu();
    let code = code(number).ok_or_else(|| not_here(number))?;
    let width = number.bytes();
    let components = raw.len() / width;
    Error::check_length("raw input", components * width, "bytes", raw.len())?;
    let pipeline = gpu.pipeline(&Program {
        source: SOURCE,
        entry: "to_f32",
        constants: vec![("NUMBER", code)],
        writes: &[false, true],
    })?;
    let out = GpuBuffer::reserve(gpu, components)?;
    let batch = batch(gpu)?;
    let (width, components) = (width as u64, components as u64);
    let mut commands = Commands::new(gpu)?;
    for start in (0..components).step_by(batch as usize) {
        let count = batch.min(components - start);
        let input = raw.binding(start * width..(start + count) * width);
        let output = out.binding(4 * start..4 * (start + count));
        let groups = count.div_ceil(THREADS) as u32;
        commands.dispatch(&pipeline, &[count as u32], &[input, output], [groups, 1])?;
    }
    commands.submit()?;
    Ok(out)
}

/// Components in a dispatch: the output is the larger side. 256 of them start at a multiple of [`ALIGNMENT`]
/// in every format.
fn batch(gpu: &Arc<Gpu>) -> Result<u64> {
    let Limits { binding, workgroups, .. } = gpu.limits();
    let batch = (binding / 4).min(u64::from(workgroups) * THREADS) / ALIGNMENT * ALIGNMENT;
    let batch = batch.min(1 << 30);
    if batch == 0 {
        return Err(Error::OverLimit {
            what: "a batch of samples",
            need: 4 * ALIGNMENT,
            unit: "bytes",
            limit: binding,
        });
    }
    Ok(batch)
}

/// `NUMBER` in the shader.
pub(super) fn code(number: Number) -> Option<u32> {
    match number {
        Number::U8 => Some(0),
        Number::I8 => Some(1),
        Number::U16 => Some(2),
        Number::I16 => Some(3),
        Number::F32 => Some(4),
        Number::U32 | Number::I32 | Number::F64 => None,
    }
}

pub(super) fn not_here(number: Number) -> Error {
    let got = format!("{number:?}").to_lowercase();
    Error::out_of_range("number", "u8, i8, u16, i16 or f32 on a GPU (convert others first)", got)
}
