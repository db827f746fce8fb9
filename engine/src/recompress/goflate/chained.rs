//! Levels 2 to 9: a window that slides, and match finders that follow it.

use std::collections::VecDeque;

use super::block::{Block, Sink};
use super::chains::Chains;
use super::lazy::Progress;
use super::params::Effort;
use super::ranked::RankedChains;
use super::search::Search;
use super::window::{ORIGIN, STOP, STOP_EARLY, Window};
use super::{greedy, lazy};
use crate::recompress::coding::bits::BitWriter;
use crate::recompress::coding::matches::HALF;
use crate::recompress::place::{Habits, Place};

/// Symbols after which a block ends.
const BLOCK_SYMBOLS: usize = 1 << 14;

/// The encoder of levels 2 to 9.
pub(super) struct Chained {
    effort: Effort,
    window: Window,
    mode: Mode,
    block: Block,
    /// Slides so far.
    slides: u32,
    /// Those to come that happen early.
    early: VecDeque<u32>,
}

enum Mode {
    Greedy(Chains),
    Lazy(Chains, Progress),
    Deep(RankedChains, Progress),
}

impl Chained {
    /// `None` unless `level` is 2 to 9.
    pub(super) fn new(level: i8, habits: Habits<'_>) -> Option<Self> {
        let effort = Effort::of(level)?;
        let mode = match level {
            2 | 3 => Mode::Greedy(Chains::new()),
            // Ranks need every position to be inserted, and those before a flush are not.
            4..=9 if habits.flushes => Mode::Lazy(Chains::new(), Progress::default()),
            4 | 5 => Mode::Lazy(Chains::new(), Progress::default()),
            _ => Mode::Deep(RankedChains::new(), Progress::default()),
        };
        Some(Self {
            effort,
            window: Window::new(),
            mode,
            block: Block::new(BLOCK_SYMBOLS),
            slides: 0,
            early: habits.slides.iter().copied().collect(),
        })
    }

    /// In the middle of a stream, at a place behind a match; `None` if it can't be had.
    ///
    /// A lazy level's state behind a match is a function of the input in the window alone: every position is inserted, nothing
    /// is pending. The symbols from there to the block's start must be literals, and the block before it full.
    pub(super) fn resume(level: i8, place: &Place<'_>, habits: Habits<'_>, sink: &mut Sink<'_>) -> Option<Self> {
        let origin = Window::origin(place.clean);
        let mut this = Self::new(level, habits)?;
        this.slides = u32::try_from(origin / HALF as u64).ok()?;
        let start = ORIGIN + usize::try_from(place.clean.checked_sub(origin)?).ok()?;
        let mut input = place.plain.get(usize::try_from(origin.checked_sub(place.plain_at)?).ok()?..)?;
        this.window.fill(&mut input);
        this.window.start = start;
        this.window.begin_block();
        if this.window.end < start + 8 {
            return None;
        }
        match &mut this.mode {
            Mode::Greedy(_) => return None,
            Mode::Lazy(chains, progress) => *progress = reinsert(chains, &this.window),
            Mode::Deep(chains, progress) => *progress = reinsert(chains, &this.window),
        }
        let missing = place.block.checked_sub(place.clean)?;
        if missing == 0 {
            *sink.bits = BitWriter::starting_with(place.lead);
        } else if !this.block.begin_unwritten(missing, place.lead) {
            return None;
        }
        this.write(input, sink);
        Some(this)
    }

    /// Takes `input`, and encodes when the window is full and there is more.
    pub(super) fn write(&mut self, mut input: &[u8], sink: &mut Sink<'_>) {
        while !input.is_empty() {
            if self.window.is_full() {
                let stop = if self.is_next_early() { STOP_EARLY } else { STOP };
                self.encode(stop, sink);
                self.slide();
            }
            self.window.fill(&mut input);
        }
    }

    /// Encodes all that was taken and ends the block, unless it is empty.
    ///
    /// What comes then may be searched from its first byte on; the strings that the flush cut short are never inserted.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        while self.window.end > STOP_EARLY && self.is_next_early() {
            self.encode(STOP_EARLY, sink);
            self.slide();
        }
        self.encode(self.window.end, sink);
        if let Mode::Lazy(_, progress) | Mode::Deep(_, progress) = &mut self.mode {
            lazy::finish(&self.window, progress, &mut self.block);
        }
        if self.block.len() > 0 {
            self.block.write_shortest(self.window.end_block(), sink);
        }
        if let Mode::Lazy(_, progress) | Mode::Deep(_, progress) = &mut self.mode {
            *progress = Progress::default();
        }
        // The next write finds the window exhausted.
        if self.window.start >= STOP_EARLY {
            self.slide();
        }
    }

    fn encode(&mut self, stop: usize, sink: &mut Sink<'_>) {
        let Self { effort, window, mode, block, .. } = self;
        match mode {
            Mode::Greedy(chains) => greedy::encode(effort, window, chains, block, sink, stop),
            Mode::Lazy(chains, progress) => lazy::encode(effort, window, chains, progress, block, sink, stop),
            Mode::Deep(chains, progress) => lazy::encode(effort, window, chains, progress, block, sink, stop),
        }
    }

    fn is_next_early(&mut self) -> bool {
        while self.early.front().is_some_and(|&slide| slide < self.slides) {
            self.early.pop_front();
        }
        self.early.front() == Some(&self.slides)
    }

    fn slide(&mut self) {
        self.slides = self.slides.saturating_add(1);
        self.window.slide();
        match &mut self.mode {
            Mode::Greedy(chains) => chains.slide(),
            Mode::Lazy(chains, progress) => {
                chains.slide();
                progress.slide();
            }
            Mode::Deep(chains, progress) => {
                chains.slide();
                progress.slide();
            }
        }
    }
}

/// Enters every position up to the current one, as if it had just been reached.
fn reinsert<S: Search>(chains: &mut S, window: &Window) -> Progress {
    let positions = (ORIGIN..=window.start).filter_map(|at| u16::try_from(at).ok());
    Progress::at_match_end(positions.fold(0, |_, at| chains.insert(window.bytes(), at)))
}
