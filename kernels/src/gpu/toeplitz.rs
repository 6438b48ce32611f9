//! Toeplitz hashing on a device: `toeplitz.wgsl`, bit for bit what [`crate::toeplitz`] does.
//!
//! Key and hash are overwritten in all buffers of ours once the hash was read. The driver's own memory for
//! uploads is out of reach, and so is what a GPU's timing tells: keys that need more stay on the CPU.

use std::sync::Arc;

use super::{Commands, Gpu, GpuBuffer, Limits, Program};
use crate::{
    error::{Error, Result},
    toeplitz::{self, words},
};

pub(super) const SOURCE: &str = include_str!("../toeplitz.wgsl");

/// Words of 32 bits in one workgroup's piece of the hash, and of the key.
const TILE: u64 = 8;
const SPAN: u64 = 512;
/// Blocks start at a multiple of this many words: 256 bytes.
const ALIGNED: u64 = 64;
/// Workgroups in a dispatch: 2^16 of them do 2^38 products, some 0.1 s on a small GPU. Drivers reset a device
/// that does not answer for seconds.
const GROUPS: u64 = 1 << 16;

/// A hash function on a device. [`crate::toeplitz::Toeplitz`] is this for slices.
pub struct DeviceToeplitz {
    gpu: Arc<Gpu>,
    n_in: usize,
    n_out: usize,
    seed: GpuBuffer<u64>,
}

impl DeviceToeplitz {
    /// Uploads the seed of `n_in + n_out - 1` bits.
    ///
    /// # Errors
    /// As [`toeplitz::Toeplitz::new`];
    /// [`Error::OverLimit`] if it does not fit one buffer, and what devices do.
    pub fn new(seed: &[u64], n_in: usize, n_out: usize, gpu: &Arc<Gpu>) -> Result<Self> {
        toeplitz::check(seed, n_in, n_out)?;
        Ok(DeviceToeplitz { gpu: Arc::clone(gpu), n_in, n_out, seed: GpuBuffer::upload(gpu, seed)? })
    }

    /// Hashes `key` into `out`, as [`crate::toeplitz::Toeplitz::hash`] does.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OverLimit`], and what devices do.
    pub fn hash(&self, key: &[u64], out: &mut [u64]) -> Result<()> {
        Error::check_length("hash", words(self.n_out), "words", out.len())?;
        Error::check_length("key", words(self.n_in), "words", key.len())?;
        let key = GpuBuffer::upload(&self.gpu, key)?;
        let read = self.hash_on_device(&key).and_then(|hash| hash.read_and_wipe(out));
        // Whatever happened, the key does not stay.
        key.wipe().and(read)
    }

    /// Hashes a key on the device; the result stays there. Wiping both is the caller's.
    ///
    /// # Errors
    /// As [`DeviceToeplitz::hash`].
    pub fn hash_on_device(&self, key: &GpuBuffer<u64>) -> Result<GpuBuffer<u64>> {
        Error::check_length("key", words(self.n_in), "words", key.len())?;
        let pipeline = self.gpu.pipeline(&Program {
            source: SOURCE,
            entry: "hash",
            constants: Vec::new(),
            writes: &[false, false, true],
        })?;
        let hash = GpuBuffer::<u64>::reserve(&self.gpu, words(self.n_out))?;
        let mut commands = Commands::new(&self.gpu)?;
        commands.clear(&hash)?;
        commands.submit()?;

        let bits = (self.n_in as u64, self.n_out as u64);
        let (key_words, out_words) = (bits.0.div_ceil(32), bits.1.div_ceil(32));
        let (key_block, out_block) = self.blocks(key_words, out_words)?;
        for first_out in (0..out_words).step_by(out_block as usize) {
            let outs = out_block.min(out_words - first_out);
            for first_key in (0..key_words).step_by(key_block as usize) {
                let keys = key_block.min(key_words - first_key);
                // The words of r in this block are these bits of the key, last first.
                let high = bits.0 - 32 * first_key;
                let low = bits.0.saturating_sub(32 * (first_key + keys));
                let start = low / 32 / ALIGNED * ALIGNED;
                let origin = high as i64 - 32 - 32 * start as i64;
                let parameters =
                    [origin as i32 as u32, keys as u32, (bits.1 - 32 * first_out).min(32 * outs) as u32];
                let first = first_out + first_key;
                let seed = 4 * first..(4 * (first + outs + keys)).min(self.seed.bytes());
                let key = key.binding(4 * start..4 * high.div_ceil(32));
                let out = hash.binding(4 * first_out..4 * (first_out + outs));
                let groups = [outs.div_ceil(TILE) as u32, keys.div_ceil(SPAN) as u32];
                let mut commands = Commands::new(&self.gpu)?; // each its own submission: see `GROUPS`
                commands.dispatch(&pipeline, &parameters, &[self.seed.binding(seed), key, out], groups)?;
                commands.submit()?;
            }
        }
        Ok(hash)
    }

    /// Words of the key and of the hash in one dispatch. Each binding must hold its words: the seed's those of
    /// both, the key's its own and up to one alignment more.
    fn blocks(&self, key_words: u64, out_words: u64) -> Result<(u64, u64)> {
        let Limits { binding, workgroups, .. } = self.gpu.limits();
        // 2^25 words are 2^30 bits, which the shader counts in 32.
        let room = (binding / 4).min(1 << 25) / ALIGNED;
        if room < 4 {
            let need = 4 * 4 * ALIGNED;
            return Err(Error::OverLimit {
                what: "a block of the hash",
                need,
                unit: "bytes",
                limit: binding,
            });
        }
        let groups = u64::from(workgroups);
        let whole = |words: u64| words.next_multiple_of(ALIGNED);
        let out_limit = groups.saturating_mul(TILE) / ALIGNED * ALIGNED;
        if out_limit == 0 {
            let need = ALIGNED / TILE;
            return Err(Error::OverLimit {
                what: "a block of the hash",
                need,
                unit: "workgroups",
                limit: groups,
            });
        }
        let out_block = whole(out_words).min(room / 2 * ALIGNED).min(out_limit);
        // The product of both is bounded, too.
        let spans = groups.min(GROUPS / out_block.div_ceil(TILE).min(GROUPS)).max(1);
        let key_block = whole(key_words).min((room - room / 2 - 1) * ALIGNED).min(spans * SPAN);
        Ok((key_block, out_block))
    }
}
