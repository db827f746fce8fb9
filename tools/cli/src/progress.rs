//! Progress of long work: a bar on a terminal, a line now and then otherwise.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use firn_engine::bucket::Tally;
use firn_engine::ingest::{Meter, Phase};
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
    fn start(shown: bool, display: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = shown.then(|| std::thread::spawn(move || display(&seen)));
        Shown { stop, thread }
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
        Progress { _shown: Shown::start(shown, move |stop| display(&meter, verb, stop)) }
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
        Transfer { _shown: Shown::start(shown, move |stop| transfers(&tally, verb, stop)) }
    }
}

fn transfers(tally: &Tally, verb: &str, stop: &AtomicBool) {
    let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
    if std::io::stderr().is_terminal() {
        let bar = ProgressBar::new(0);
        let template = "{msg:14} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {prefix} ETA {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(verb.to_owned());
        while !stop.load(Ordering::Relaxed) {
            bar.set_length(read(&tally.bytes));
            bar.set_position(read(&tally.bytes_done));
            bar.set_prefix(format!("{}/{} objects", read(&tally.objects_done), read(&tally.objects)));
            std::thread::park_timeout(TICK);
        }
        bar.finish_and_clear();
        return;
    }
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(TICK);
        if last.elapsed() >= LINE_EVERY {
            last = Instant::now();
            let (done, total) = (read(&tally.bytes_done), read(&tally.bytes));
            eprintln!("{verb}: {} of {} ({})", show::bytes(done), show::bytes(total), show::percent(done, total));
        }
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

fn display(meter: &Meter, verb: &str, stop: &AtomicBool) {
    if std::io::stderr().is_terminal() { bar(meter, verb, stop) } else { lines(meter, verb, stop) }
}

fn bar(meter: &Meter, verb: &str, stop: &AtomicBool) {
    let bar = ProgressBar::new(0);
    let template = "{msg:14} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {prefix} ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    while !stop.load(Ordering::Relaxed) {
        bar.set_length(meter.total());
        bar.set_position(meter.done());
        bar.set_message(phase(meter, verb).to_owned());
        if meter.raw() > 0 {
            bar.set_prefix(format!("new {}", show::percent(meter.fresh(), meter.raw())));
        }
        std::thread::park_timeout(TICK);
    }
    bar.finish_and_clear();
}

fn lines(meter: &Meter, verb: &str, stop: &AtomicBool) {
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(TICK);
        if last.elapsed() >= LINE_EVERY {
            last = Instant::now();
            let (done, total) = (meter.done(), meter.total());
            eprintln!(
                "{}: {} of {} ({})",
                phase(meter, verb),
                show::bytes(done),
                show::bytes(total),
                show::percent(done, total)
            );
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
