//! Progress of long work: a bar on a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use firn_engine::bucket::Tally;
use firn_engine::ingest::{Meter, Phase};
use firn_fusefs::hydrate::Progress as Hydrated;
use indicatif::{ProgressBar, ProgressStyle};

use crate::show;

const TICK: Duration = Duration::from_millis(100);
/// Between two lines when nobody watches a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A thread that shows something until this is dropped.
struct Shown {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shown {
    fn start(shown: bool, look: impl Fn() -> Look + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let display = move || if std::io::stderr().is_terminal() { bar(look, &seen) } else { lines(look, &seen) };
        let thread = shown.then(|| std::thread::spawn(display));
        Shown { stop, thread }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Shows a meter until dropped.
pub struct Progress {
    _shown: Shown,
}

impl Progress {
    /// Starts showing `meter` for work called `verb`; does nothing unless `shown`.
    pub fn start(meter: &Arc<Meter>, verb: &'static str, shown: bool) -> Self {
        let meter = Arc::clone(meter);
        let look = move || Look {
            what: phase(&meter, verb).to_owned(),
            done: meter.done(),
            total: meter.total(),
            note: (meter.raw() > 0).then(|| format!("new {}", show::percent(meter.fresh(), meter.raw()))),
        };
        Progress { _shown: Shown::start(shown, look) }
    }
}

/// Shows how many files were brought until dropped.
pub struct Files {
    _shown: Shown,
}

impl Files {
    /// Starts showing `progress` of `bytes` in `files`; does nothing unless `shown`.
    pub fn start(progress: &Arc<Hydrated>, bytes: u64, files: usize, shown: bool) -> Self {
        let progress = Arc::clone(progress);
        let look = move || Look {
            what: "hydrating".to_owned(),
            done: progress.bytes.load(Ordering::Relaxed),
            total: bytes,
            note: Some(format!("{}/{files} files", progress.files.load(Ordering::Relaxed))),
        };
        Files { _shown: Shown::start(shown, look) }
    }
}

/// Shows how far transfers are until dropped.
pub struct Transfer {
    _shown: Shown,
}

impl Transfer {
    /// Starts showing `tally` for work called `verb`; does nothing unless `shown`.
    pub fn start(tally: &Arc<Tally>, verb: &'static str, shown: bool) -> Self {
        let tally = Arc::clone(tally);
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let look = move || Look {
            what: verb.to_owned(),
            done: read(&tally.bytes_done),
            total: read(&tally.bytes),
            note: Some(format!("{}/{} objects", read(&tally.objects_done), read(&tally.objects))),
        };
        Transfer { _shown: Shown::start(shown, look) }
    }
}

/// How far something is, in bytes.
struct Look {
    what: String,
    done: u64,
    total: u64,
    /// What else there is to say beside the bar.
    note: Option<String>,
}

fn bar(look: impl Fn() -> Look, stop: &AtomicBool) {
    let bar = ProgressBar::new(0);
    let template = "{msg:14} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {prefix} ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    while !stop.load(Ordering::Relaxed) {
        let Look { what, done, total, note } = look();
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(what);
        if let Some(note) = note {
            bar.set_prefix(note);
        }
        std::thread::park_timeout(TICK);
    }
    bar.finish_and_clear();
}

fn lines(look: impl Fn() -> Look, stop: &AtomicBool) {
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(TICK);
        if last.elapsed() >= LINE_EVERY {
            last = Instant::now();
            let Look { what, done, total, .. } = look();
            eprintln!("{what}: {} of {} ({})", show::bytes(done), show::bytes(total), show::percent(done, total));
        }
    }
}

fn phase<'v>(meter: &Meter, verb: &'v str) -> &'v str {
    match meter.phase() {
        Phase::Preparing | Phase::Layers => verb,
        Phase::Recoding => "proving",
        Phase::Committing => "committing",
    }
}
