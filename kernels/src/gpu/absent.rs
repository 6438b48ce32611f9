//! The types of a build without the feature `gpu`. No value of [`Gpu`] can exist, so none of this ever runs:
//! it is here so that the kernels and their callers compile once, the same with the feature and without.

use std::{fmt, marker::PhantomData, ops::Range, sync::Arc};

use bytemuck::Pod;

use super::{AdapterInfo, Choice, Counters, Limits, Program};
use crate::error::{Error, Result};

/// An opened device. This build has none: see the feature `gpu`.
pub enum Gpu {}

impl Gpu {
    /// Always an error in this build.
    ///
    /// # Errors
    /// [`Error::GpuNotBuilt`].
    pub fn adapters() -> Result<Vec<AdapterInfo>> {
        Err(Error::GpuNotBuilt)
    }

    /// Always an error in this build.
    ///
    /// # Errors
    /// [`Error::GpuNotBuilt`].
    pub fn open(_: &Choice) -> Result<Arc<Gpu>> {
        Err(Error::GpuNotBuilt)
    }

    /// Always an error in this build.
    ///
    /// # Errors
    /// [`Error::GpuNotBuilt`].
    pub fn open_with(_: &Choice, _: Limits) -> Result<Arc<Gpu>> {
        Err(Error::GpuNotBuilt)
    }

    /// The adapter it runs on.
    pub fn adapter(&self) -> &AdapterInfo {
        match *self {}
    }

    /// What it may be asked for at once.
    pub fn limits(&self) -> Limits {
        match *self {}
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        match *self {}
    }

    /// Gives the buffers that wait for reuse back to the driver.
    pub fn trim(&self) {
        match *self {}
    }

    /// Gives the device up at once.
    pub fn close(&self) {
        match *self {}
    }

    pub(super) fn pipeline(&self, _: &Program) -> Result<Arc<Pipeline>> {
        match *self {}
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// `len` values of `T` on a device.
pub struct GpuBuffer<T> {
    gpu: Arc<Gpu>,
    of: PhantomData<T>,
}

impl<T: Pod> GpuBuffer<T> {
    /// Copies `data` to the device.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn upload(gpu: &Arc<Gpu>, _: &[T]) -> Result<Self> {
        match **gpu {}
    }

    /// `len` values of all-zero bytes.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn zeroed(gpu: &Arc<Gpu>, _: usize) -> Result<Self> {
        match **gpu {}
    }

    pub(super) fn reserve(gpu: &Arc<Gpu>, _: usize) -> Result<Self> {
        match **gpu {}
    }

    /// How many values it holds.
    pub fn len(&self) -> usize {
        match *self.gpu {}
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        match *self.gpu {}
    }

    /// The device it is on.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Copies it to `out`.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn read(&self, _: &mut [T]) -> Result<()> {
        match *self.gpu {}
    }

    /// Copies it to a new vector.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        match *self.gpu {}
    }

    /// Copies it to `out`, then overwrites it with zeros.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn read_and_wipe(self, _: &mut [T]) -> Result<()> {
        match *self.gpu {}
    }

    /// Overwrites it with zeros on the device, then drops it.
    ///
    /// # Errors
    /// None in this build: it cannot be called.
    pub fn wipe(self) -> Result<()> {
        match *self.gpu {}
    }

    pub(super) fn bytes(&self) -> u64 {
        match *self.gpu {}
    }

    pub(super) fn binding(&self, _: Range<u64>) -> Binding<'_> {
        match *self.gpu {}
    }
}

impl<T> fmt::Debug for GpuBuffer<T> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.gpu {}
    }
}

pub(super) enum Pipeline {}
pub(super) enum Pending {}
pub(super) enum Readback {}
#[derive(Clone, Copy)]
pub(super) struct Binding<'a>(PhantomData<&'a ()>);
pub(super) struct Commands(Arc<Gpu>);

impl Commands {
    pub(super) fn new(gpu: &Arc<Gpu>) -> Result<Self> {
        match **gpu {}
    }

    pub(super) fn dispatch(&mut self, _: &Pipeline, _: &[u32], _: &[Binding<'_>], _: [u32; 2]) -> Result<()> {
        match *self.0 {}
    }

    pub(super) fn clear<T>(&mut self, _: &GpuBuffer<T>) -> Result<()> {
        match *self.0 {}
    }

    pub(super) fn read_back(&mut self, _: Binding<'_>) -> Result<Pending> {
        match *self.0 {}
    }

    pub(super) fn submit(self) -> Result<()> {
        match *self.0 {}
    }

    pub(super) fn submit_and_read(self, _: Pending) -> Result<Readback> {
        match *self.0 {}
    }
}

impl Readback {
    pub(super) fn finish(self, _: &mut [u8]) -> Result<()> {
        match self {}
    }
}
