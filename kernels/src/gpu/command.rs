//! Compiled kernels, and the commands that run them.

use std::sync::{Arc, atomic::Ordering::Relaxed, mpsc};

use super::{
    Program,
    buffer::{Binding, GpuBuffer, Room, Storage},
    device::{Gpu, lock},
};
use crate::error::{Error, Result};

/// A compiled [`Program`].
pub(in crate::gpu) struct Pipeline {
    compute: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    entry: &'static str,
}

impl Gpu {
    /// Compiles a kernel, or takes it from the cache.
    pub(in crate::gpu) fn pipeline(&self, program: &Program) -> Result<Arc<Pipeline>> {
        let mut pipelines = lock(&self.pipelines);
        if let Some(pipeline) = pipelines.get(program) {
            return Ok(Arc::clone(pipeline));
        }
        self.count.pipelines.fetch_add(1, Relaxed);
        let pipeline = Arc::new(self.guarded(program.entry, || self.compile(program))?);
        pipelines.insert(program.clone(), Arc::clone(&pipeline));
        Ok(pipeline)
    }

    fn compile(&self, program: &Program) -> Pipeline {
        let entry = Some(program.entry);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: entry,
            source: wgpu::ShaderSource::Wgsl(program.source.into()),
        });
        let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
        let types = program.writes.iter().map(|writes| storage(!writes));
        let entries: Vec<_> = std::iter::once(wgpu::BufferBindingType::Uniform)
            .chain(types)
            .enumerate()
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: entry, entries: &entries });
        let whole = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: entry,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let constants: Vec<_> =
            program.constants.iter().map(|(name, value)| (*name, f64::from(*value))).collect();
        let compute = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: entry,
            layout: Some(&whole),
            module: &module,
            entry_point: entry,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                // Our shaders write before they read.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Pipeline { compute, layout, entry: program.entry }
    }
}

/// Commands that are recorded, then submitted together.
pub(in crate::gpu) struct Commands {
    gpu: Arc<Gpu>,
    encoder: wgpu::CommandEncoder,
    /// What the commands use: no one else may have it from the pool before they are submitted.
    alive: Vec<Arc<Storage>>,
}

impl Commands {
    pub(in crate::gpu) fn new(gpu: &Arc<Gpu>) -> Result<Self> {
        let encoder = gpu.guarded("an encoder", || gpu.device.create_command_encoder(&Default::default()))?;
        Ok(Commands { gpu: Arc::clone(gpu), encoder, alive: Vec::new() })
    }

    /// Runs a kernel on `groups` workgroups.
    pub(in crate::gpu) fn dispatch(
        &mut self,
        pipeline: &Pipeline,
        parameters: &[u32],
        bindings: &[Binding<'_>],
        groups: [u32; 2],
    ) -> Result<()> {
        let gpu = &self.gpu;
        // Uniform structures are read in steps of 16 bytes.
        let mut words = parameters.to_vec();
        words.resize(parameters.len().next_multiple_of(4), 0);
        let uniform = Arc::new(Storage::take(gpu, 4 * words.len() as u64, Room::Device)?);
        uniform.write(bytemuck::cast_slice(&words))?;
        let uniform_size = wgpu::BufferSize::new(4 * words.len() as u64);
        gpu.count.dispatches.fetch_add(1, Relaxed);
        let encoder = &mut self.encoder;
        gpu.guarded(pipeline.entry, || {
            let first = (&uniform.buffer, 0, uniform_size);
            let rest = bindings.iter().map(|b| (&b.storage.buffer, b.offset, wgpu::BufferSize::new(b.size)));
            let entries: Vec<_> = std::iter::once(first)
                .chain(rest)
                .enumerate()
                .map(|(binding, (buffer, offset, size))| wgpu::BindGroupEntry {
                    binding: binding as u32,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size }),
                })
                .collect();
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(pipeline.entry),
                layout: &pipeline.layout,
                entries: &entries,
            });
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline.compute);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(groups[0], groups[1], 1);
        })?;
        self.alive.push(uniform);
        self.alive.extend(bindings.iter().map(|b| Arc::clone(b.storage)));
        Ok(())
    }

    /// Fills a buffer with zeros.
    pub(in crate::gpu) fn clear<T: bytemuck::Pod>(&mut self, buffer: &GpuBuffer<T>) -> Result<()> {
        self.clear_storage(buffer.storage())
    }

    fn clear_storage(&mut self, storage: &Arc<Storage>) -> Result<()> {
        let encoder = &mut self.encoder;
        self.gpu.guarded("clearing", || encoder.clear_buffer(&storage.buffer, 0, None))?;
        self.alive.push(Arc::clone(storage));
        Ok(())
    }

    /// Copies a part of a buffer to where the host can read it once these commands are done.
    pub(in crate::gpu) fn read_back(&mut self, from: Binding<'_>) -> Result<Pending> {
        let storage = Storage::take(&self.gpu, from.size, Room::Host)?;
        let encoder = &mut self.encoder;
        self.gpu.guarded("a readback", || {
            encoder.copy_buffer_to_buffer(&from.storage.buffer, from.offset, &storage.buffer, 0, from.size);
        })?;
        self.alive.push(Arc::clone(from.storage));
        Ok(Pending { storage, bytes: from.size })
    }

    pub(in crate::gpu) fn submit(self) -> Result<wgpu::SubmissionIndex> {
        let Commands { gpu, encoder, alive } = self;
        let submission = gpu.guarded("submission", || gpu.queue.submit([encoder.finish()]))?;
        drop(alive);
        Ok(submission)
    }

    /// Submits, and begins to hand `pending` to the host while the device works.
    pub(in crate::gpu) fn submit_and_read(self, pending: Pending) -> Result<Readback> {
        let gpu = Arc::clone(&self.gpu);
        let submission = self.submit()?;
        let (sender, mapped) = mpsc::sync_channel(1);
        gpu.guarded("mapping", || {
            pending.storage.buffer.map_async(wgpu::MapMode::Read, 0..pending.bytes, move |outcome| {
                let _ = sender.send(outcome);
            });
        })?;
        gpu.count.readbacks.fetch_add(1, Relaxed);
        Ok(Readback { gpu, pending, submission, mapped })
    }
}

/// A recorded copy to the host.
pub(in crate::gpu) struct Pending {
    storage: Storage,
    bytes: u64,
}

/// A copy to the host that is under way.
pub(in crate::gpu) struct Readback {
    gpu: Arc<Gpu>,
    pending: Pending,
    submission: wgpu::SubmissionIndex,
    mapped: mpsc::Receiver<std::result::Result<(), wgpu::BufferAsyncError>>,
}

impl Readback {
    /// Waits for it and copies the first bytes to `out`.
    pub(in crate::gpu) fn finish(self, out: &mut [u8]) -> Result<()> {
        self.copy(out).map(drop)
    }

    /// As [`Readback::finish`], then fills the memory that it came through with zeros.
    pub(super) fn finish_and_wipe(self, out: &mut [u8]) -> Result<()> {
        let mut commands = Commands::new(&self.gpu)?;
        let storage = Arc::new(self.copy(out)?);
        commands.clear_storage(&storage)?;
        commands.submit().map(drop)
    }

    fn copy(self, out: &mut [u8]) -> Result<Storage> {
        let Readback { gpu, pending: Pending { mut storage, bytes }, submission, mapped } = self;
        gpu.wait(submission)?;
        let fault = |reason: String| Error::DeviceFault { reason: format!("a readback: {reason}") };
        // The wait has run the callback.
        mapped
            .try_recv()
            .map_err(|e| fault(e.to_string()))
            .and_then(|outcome| outcome.map_err(|e| fault(e.to_string())))?;
        let view = storage.buffer.get_mapped_range(0..bytes).map_err(|e| fault(e.to_string()))?;
        out.copy_from_slice(&view[..out.len()]);
        drop(view);
        gpu.guarded("unmapping", || storage.buffer.unmap())?;
        storage.keep = true;
        Ok(storage)
    }
}
