//! Progress bars that come only when the work takes long enough for somebody to wonder.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Work that ends sooner shows no bar.
pub(super) const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// A bar that appears after a while, and goes when it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    bars: MultiProgress,
    /// Never sent to: dropping it ends the wait.
    done: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl Progress {
    pub(super) fn new(bar: ProgressBar, style: &str, bars: &MultiProgress, after: Duration) -> Self {
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let mut progress = Progress { bar, bars: bars.clone(), done: None, waiting: None };
        if bars.is_hidden() {
            return progress; // for a script there is nobody to wonder
        }
        let (done, wait) = mpsc::channel();
        let (bar, bars) = (progress.bar.clone(), bars.clone());
        let show = move || {
            if wait.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
                let bar = bars.add(bar);
                // Work without steps, or with long ones, is still seen to be alive.
                bar.enable_steady_tick(Duration::from_millis(200));
            }
        };
        progress.done = Some(done);
        // Without a thread there is no bar, and the work goes on.
        progress.waiting = thread::Builder::new().spawn(show).ok();
        progress
    }

    /// So many steps more are done.
    pub(crate) fn inc(&self, steps: u64) {
        self.bar.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done = None;
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.join(); // it only waits and draws
        }
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that remembers what was written.
    #[derive(Clone, Debug, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl TermLike for Recorder {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(after: Duration, work: impl FnOnce(&MultiProgress, Duration)) -> String {
        let screen = Recorder::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 50);
        work(&MultiProgress::with_draw_target(target), after);
        screen.0.lock().unwrap().clone()
    }

    fn bar(bars: &MultiProgress, name: &'static str, after: Duration) -> Progress {
        let bar = ProgressBar::hidden().with_message(name);
        bar.set_length(3);
        Progress::new(bar, "{msg} {pos}/{len}", bars, after)
    }

    #[test]
    fn what_ends_soon_shows_nothing() {
        let hour = Duration::from_secs(3600);
        let screen = written(hour, |bars, after| {
            let bar = bar(bars, "quick", after);
            for _ in 0..3 {
                bar.inc(1);
                thread::sleep(Duration::from_millis(60));
            }
        });
        assert!(!screen.contains("quick"), "{screen:?}");
    }

    /// One inside another, and without a step: both are there.
    #[test]
    fn what_takes_long_is_seen() {
        let screen = written(Duration::from_millis(20), |bars, after| {
            let outer = bar(bars, "outer", after);
            outer.inc(1);
            let _inner = bar(bars, "inner", after);
            thread::sleep(Duration::from_millis(700));
        });
        assert!(screen.contains("outer 1/3") && screen.contains("inner 0/3"), "{screen:?}");
    }
}
