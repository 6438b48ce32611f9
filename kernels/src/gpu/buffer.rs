//! Buffers on a device: taken from a pool, given back to it on drop.

use std::{
    collections::HashMap,
    fmt,
    marker::PhantomData,
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytemuck::Pod;

use super::{
    ALIGNMENT,
    command::Commands,
    device::{Gpu, lock},
};
use crate::error::{Error, Result};

/// `len` values of `T` on a device. Kernels of [`crate::gpu`] read and return such buffers, so that a chain of
/// them uploads once and reads back once. Dropping it keeps its memory for the next one: data that must not
/// outlive it is overwritten with [`GpuBuffer::wipe`] first.
pub struct GpuBuffer<T> {
    storage: Arc<Storage>,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Pod> GpuBuffer<T> {
    /// Copies `data` to the device.
    ///
    /// # Errors
    /// [`Error::OverLimit`] beyond [`crate::gpu::Limits::buffer`]; [`Error::OutOfMemory`], [`Error::DeviceLost`].
    pub fn upload(gpu: &Arc<Gpu>, data: &[T]) -> Result<Self> {
        let buffer = GpuBuffer::reserve(gpu, data.len())?;
        let bytes = bytemuck::cast_slice(data);
        buffer.storage.write(bytes)?;
        Ok(buffer)
    }

    /// `len` values of all-zero bytes.
    ///
    /// # Errors
    /// As [`GpuBuffer::upload`].
    pub fn zeroed(gpu: &Arc<Gpu>, len: usize) -> Result<Self> {
        let buffer = GpuBuffer::reserve(gpu, len)?;
        let mut commands = Commands::new(gpu)?;
        commands.clear(&buffer)?;
        commands.submit()?;
        Ok(buffer)
    }

    /// Memory as the last user left it, for a kernel that writes all of it.
    pub(in crate::gpu) fn reserve(gpu: &Arc<Gpu>, len: usize) -> Result<Self> {
        let bytes = (len as u64).saturating_mul(size_of::<T>() as u64);
        let storage = Arc::new(Storage::take(gpu, bytes, Room::Device)?);
        Ok(GpuBuffer { storage, len, of: PhantomData })
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The device it is on.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.storage.gpu
    }

    /// Waits for the kernels that write to it and copies it to `out`.
    ///
    /// # Errors
    /// [`Error::Length`] unless `out` has its length; [`Error::OutOfMemory`], [`Error::DeviceLost`].
    pub fn read(&self, out: &mut [T]) -> Result<()> {
        Error::check_length("readback", self.len, "values", out.len())?;
        let mut commands = Commands::new(self.gpu())?;
        let readback = commands.read_back(self.binding(0..self.bytes()))?;
        commands.submit_and_read(readback)?.finish(bytemuck::cast_slice_mut(out))
    }

    /// As [`GpuBuffer::read`], into a new vector.
    ///
    /// # Errors
    /// As [`GpuBuffer::read`].
    pub fn to_vec(&self) -> Result<Vec<T>> {
        let mut out = vec![T::zeroed(); self.len];
        self.read(&mut out)?;
        Ok(out)
    }

    /// As [`GpuBuffer::read`], then overwrites it, and the memory that it was read through, with zeros.
    ///
    /// # Errors
    /// As [`GpuBuffer::read`].
    pub fn read_and_wipe(self, out: &mut [T]) -> Result<()> {
        Error::check_length("readback", self.len, "values", out.len())?;
        let mut commands = Commands::new(self.gpu())?;
        let readback = commands.read_back(self.binding(0..self.bytes()))?;
        commands.clear(&self)?;
        commands.submit_and_read(readback)?.finish_and_wipe(bytemuck::cast_slice_mut(out))
    }

    /// Overwrites it with zeros on the device, then drops it.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] and its like.
    pub fn wipe(self) -> Result<()> {
        let mut commands = Commands::new(self.gpu())?;
        commands.clear(&self)?;
        commands.submit().map(drop)
    }

    /// Bytes that hold values.
    pub(in crate::gpu) fn bytes(&self) -> u64 {
        (self.len * size_of::<T>()) as u64
    }

    /// A part of it for a kernel or a copy: it starts at a multiple of [`ALIGNMENT`] and is rounded up to words.
    pub(in crate::gpu) fn binding(&self, bytes: Range<u64>) -> Binding<'_> {
        debug_assert!(bytes.start.is_multiple_of(ALIGNMENT), "the caller aligns");
        let size = (bytes.end - bytes.start).next_multiple_of(4).max(4);
        Binding { storage: &self.storage, offset: bytes.start, size }
    }

    pub(in crate::gpu) fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }
}

impl<T> fmt::Debug for GpuBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the contents: they may be a key.
        write!(f, "GpuBuffer<{}>({} values on {})", std::any::type_name::<T>(), self.len, self.storage.gpu)
    }
}

/// A part of a buffer.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Binding<'a> {
    pub(super) storage: &'a Arc<Storage>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// What a buffer can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Room {
    /// Kernels and copies.
    Device,
    /// Reading by the host.
    Host,
}

/// A driver's buffer on loan from the pool.
pub(in crate::gpu) struct Storage {
    gpu: Arc<Gpu>,
    pub(super) buffer: wgpu::Buffer,
    room: Room,
    /// Whether it may go back to the pool: the next user must be able to work with it.
    pub(super) keep: bool,
}

impl Storage {
    pub(super) fn take(gpu: &Arc<Gpu>, bytes: u64, room: Room) -> Result<Self> {
        let limit = gpu.limits().buffer;
        if bytes > limit / 4 * 4 {
            return Err(Error::OverLimit { what: "a GPU buffer", need: bytes, unit: "bytes", limit });
        }
        let size = size_class(bytes, limit);
        let free = lock(&gpu.pool).take(room, size);
        let buffer = match free {
            Some(buffer) => {
                gpu.count.reused.fetch_add(1, Relaxed);
                buffer
            }
            None => match create(gpu, size, room) {
                // What waits for reuse may be what is missing.
                Err(Error::OutOfMemory { .. }) => {
                    gpu.trim();
                    create(gpu, size, room)?
                }
                other => other?,
            },
        };
        // The host's is kept once it was mapped and unmapped again without an error.
        Ok(Storage { gpu: Arc::clone(gpu), buffer, room, keep: room == Room::Device })
    }

    /// Copies bytes to its beginning; a last incomplete word is filled up with zeros.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<()> {
        let (words, tail) = bytes.split_at(bytes.len() / 4 * 4);
        self.gpu.count.uploads.fetch_add(1, Relaxed);
        self.gpu.guarded("an upload", || {
            if !words.is_empty() {
                self.gpu.queue.write_buffer(&self.buffer, 0, words);
            }
            if !tail.is_empty() {
                let mut word = [0; 4];
                word[..tail.len()].copy_from_slice(tail);
                self.gpu.queue.write_buffer(&self.buffer, words.len() as u64, &word);
            }
        })
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        if self.keep {
            let limit = 2 * self.gpu.limits().buffer;
            lock(&self.gpu.pool).give(self.room, self.buffer.clone(), limit);
        }
    }
}

fn create(gpu: &Gpu, size: u64, room: Room) -> Result<wgpu::Buffer> {
    use wgpu::BufferUsages as Usage;
    let usage = match room {
        Room::Device => Usage::STORAGE | Usage::UNIFORM | Usage::COPY_SRC | Usage::COPY_DST,
        Room::Host => Usage::MAP_READ | Usage::COPY_DST,
    };
    gpu.count.buffers.fetch_add(1, Relaxed);
    gpu.guarded(&format!("a buffer of {size} bytes"), || {
        gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })
    })
}

/// Sizes come in four steps an octave, so that buffers of almost the same size can stand in for each other.
fn size_class(bytes: u64, limit: u64) -> u64 {
    let bytes = bytes.max(ALIGNMENT);
    let step = (bytes.next_power_of_two() / 8).max(ALIGNMENT);
    bytes.next_multiple_of(step).min(limit / 4 * 4)
}

/// Buffers that wait for reuse.
#[derive(Default)]
pub(super) struct Pool {
    free: HashMap<(Room, u64), Vec<wgpu::Buffer>>,
    bytes: u64,
}

impl Pool {
    fn take(&mut self, room: Room, size: u64) -> Option<wgpu::Buffer> {
        let buffer = self.free.get_mut(&(room, size))?.pop()?;
        self.bytes -= size;
        Some(buffer)
    }

    /// Beyond `limit` bytes it goes back to the driver instead.
    fn give(&mut self, room: Room, buffer: wgpu::Buffer, limit: u64) {
        let size = buffer.size();
        if self.bytes + size <= limit {
            self.bytes += size;
            self.free.entry((room, size)).or_default().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_fit_and_waste_little() {
        let limit = 256 << 20;
        for bytes in [0, 1, 255, 256, 257, 1000, 4096, 4097, 100_000, 1 << 20, (1 << 28) - 3, 1 << 28] {
            let size = size_class(bytes, limit);
            assert!(size >= bytes && size <= limit && size.is_multiple_of(4), "{bytes}: {size}");
            assert!(size - bytes <= (bytes / 4).max(256), "{bytes}: {size}");
        }
        assert_eq!(size_class(5, 102), 100);
    }
}
