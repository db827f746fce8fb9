//! Levels 7 to 9: hash chains, and a match is taken only if the next position has no longer one.

mod chains;
mod effort;
mod step;
mod window;

use super::block::BlockWriter;
use super::params::Revision;
use super::tokens::Tokens;
use chains::Chains;
use effort::Effort;
use step::{LEAST_AHEAD, Pending, Step};
use window::{CAPACITY, Window};

/// A match finder of levels 7 to 9.
pub(super) struct Lazy {
    effort: Effort,
    window: Window,
    chains: Chains,
    tokens: Tokens,
    pending: Pending,
}

impl Lazy {
    /// `None` unless `level` is 7 to 9.
    pub(super) fn new(level: u8, revision: Revision) -> Option<Self> {
        Some(Self {
            effort: Effort::of(level, revision)?,
            window: Window::new(),
            chains: Chains::new(),
            tokens: Tokens::new(),
            pending: Pending::default(),
        })
    }

    /// Takes bytes from the front of `input`, after encoding what there is if the window is full.
    pub(super) fn write(&mut self, input: &mut &[u8], writer: &mut BlockWriter, out: &mut Vec<u8>) {
        if self.window.is_full() {
            self.step(writer, false, out);
        }
        // Behind a flush this may be before the window is full.
        if self.window.start >= CAPACITY - LEAST_AHEAD {
            self.window.slide();
            self.chains.slide();
        }
        self.window.fill(input);
    }

    /// Encodes everything; all blocks are closed.
    pub(super) fn end(&mut self, writer: &mut BlockWriter, out: &mut Vec<u8>) {
        self.step(writer, true, out);
    }

    /// Forgets everything but the last `tail` bytes.
    pub(super) fn restart(&mut self, tail: usize) {
        self.window.restart(tail, self.effort.revision < Revision::V1_20);
        self.chains.restart(self.window.bytes(), self.window.start);
        self.tokens.clear();
        self.pending = Pending::default();
    }

    fn step(&mut self, writer: &mut BlockWriter, end: bool, out: &mut Vec<u8>) {
        let Self { effort, window, chains, tokens, pending } = self;
        Step::new(effort, window, chains, tokens, writer, end, out).run(pending);
    }
}
