//! The signal of each event: what came shortly before it, it, and what came after, as SigMF with the event as an annotation.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    thread::{self, JoinHandle},
};

use anyhow::Context as _;
use phy_sec::event::Event;
use sdr_io::{
    CreateOptions, Lost, Sink as _, StreamInfo,
    record::free_bytes,
    runtime::Received,
    sigmf::{Annotation, SigmfSink},
};

/// Recordings that wait to be written.
const QUEUE: usize = 2;

/// Keeps the last seconds of the stream, and writes what belongs to an event.
pub(super) struct Keeper {
    history: VecDeque<Received>,
    /// Blocks.
    keeps: usize,
    /// Samples before an event.
    before: u64,
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    pub(super) written: Arc<AtomicU64>,
    pub(super) left_out: Arc<AtomicU64>,
}

struct Job {
    event: Event,
    blocks: Vec<Received>,
}

impl Keeper {
    /// - `seconds`: what is kept before the end of an event; `before`: seconds before its beginning
    pub(super) fn new(
        folder: &Path,
        info: &StreamInfo,
        block: usize,
        seconds: f64,
        before: f64,
        keep_free: u64,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let rate = info.sample_rate.unwrap_or(1e6);
        let keeps = ((seconds * rate / block as f64).ceil() as usize).max(1);
        let (queue, jobs) = mpsc::sync_channel::<Job>(QUEUE);
        let (written, left_out) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (folder, info) = (folder.to_owned(), info.clone());
        let (counted, uncounted) = (written.clone(), left_out.clone());
        let body = move || {
            for job in jobs {
                let room = free_bytes(&folder).ok().flatten().is_none_or(|free| free > keep_free);
                let done = room && write(&folder, &info, &job).is_ok();
                if done { &counted } else { &uncounted }.fetch_add(1, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name("phy-sec events".into()).spawn(body)?;
        let before = (before * rate) as u64;
        Ok(Self {
            history: VecDeque::new(),
            keeps,
            before,
            queue: Some(queue),
            thread: Some(thread),
            written,
            left_out,
        })
    }

    /// Blocks that the stream must have for it, those that wait to be written among them.
    pub(super) fn memory(seconds: f64, info: &StreamInfo, block: usize) -> usize {
        let blocks = (seconds * info.sample_rate.unwrap_or(1e6) / block as f64).ceil() as usize;
        blocks.saturating_mul(QUEUE + 2).min(1 << 20)
    }

    pub(super) fn push(&mut self, block: &Received) {
        self.history.push_back(block.clone());
        while self.history.len() > self.keeps {
            self.history.pop_front();
        }
    }

    /// Has an event written; without a place in the queue it is left out, and counted.
    pub(super) fn keep(&self, event: &Event) {
        let from = event.sample_start.saturating_sub(self.before);
        let to = event.sample_end().saturating_add(self.before);
        let inside = |block: &&Received| {
            let start = block.read.sample_start;
            start < to && start + block.read.samples as u64 > from
        };
        let blocks: Vec<_> = self.history.iter().filter(inside).cloned().collect();
        let sent = self.queue.as_ref().is_some_and(|queue| {
            !blocks.is_empty() && queue.try_send(Job { event: event.clone(), blocks }).is_ok()
        });
        if !sent {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(folder: &Path, info: &StreamInfo, job: &Job) -> anyhow::Result<PathBuf> {
    let event = &job.event;
    let path = folder.join(format!("event-{:012}-{}.sigmf-meta", event.sample_start, event.class));
    let options = CreateOptions {
        datatype: Some(info.datatype),
        channels: info.channels,
        sample_rate: info.sample_rate,
        hardware: info.hardware.clone(),
        description: Some(format!("an event that phy-sec monitor reported: {}", event.label)),
        ..CreateOptions::default()
    };
    let mut sink = Box::new(SigmfSink::create(&path, &options)?);
    let (mut first, mut end) = (None, 0);
    for (index, block) in job.blocks.iter().enumerate() {
        let mut read = block.read();
        if index == 0 {
            read.lost_before = Lost::None; // nothing is in front of it here
        }
        first.get_or_insert(read.sample_start);
        end = read.sample_start + read.samples as u64;
        sink.write(block.samples(), &read)?;
    }
    // As much of it as was still there.
    let start = event.sample_start.max(first.unwrap_or(0));
    let mut annotation = Annotation::new(start, event.sample_end().min(end).saturating_sub(start));
    let (low, high) = (event.freq_lower_edge, event.freq_upper_edge);
    (annotation.freq_lower_edge, annotation.freq_upper_edge) = (Some(low), Some(high));
    (annotation.label, annotation.comment) = (Some(event.label.clone()), Some(event.comment.clone()));
    annotation.generator = Some(concat!("phy-sec ", env!("CARGO_PKG_VERSION")).into());
    annotation.extra.insert("phy-sec:event".into(), serde_json::to_value(event)?);
    sink.annotate(annotation)?;
    sink.finish()?;
    Ok(path)
}
