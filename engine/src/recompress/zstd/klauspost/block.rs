//! Blocks: raw, a run, or literals and sequences.

use super::literals::{self, Coding, coded_head, plain_head};
use super::params::{Params, Release};
use super::parsed::{MIN_MATCH, OFFSET, Parsed};
use super::sequences;

/// Blocks without matches that are shorter are not coded.
const LEAST: usize = 32;
/// What matches must take away at least, with a part of the block for heads.
const SAVED: usize = 16;

#[derive(Clone, Copy)]
enum Kind {
    Raw = 0,
    Run = 1,
    Compressed = 2,
}

/// Writes blocks of a frame, one after another.
pub(super) struct Writer {
    params: Params,
    literals: literals::Coder,
    sequences: sequences::Coder,
}

impl Writer {
    pub(super) fn new(params: Params) -> Self {
        let release = params.release();
        Self { params, literals: literals::Coder::new(release), sequences: sequences::Coder::new(release) }
    }

    /// Begins a frame.
    pub(super) fn begin(&mut self) {
        self.literals.forget();
        self.sequences.forget();
    }

    /// Appends the block that was parsed.
    pub(super) fn block(&mut self, block: &[u8], parsed: &Parsed, last: bool, out: &mut Vec<u8>) {
        let early = self.params.release() == Release::V1_15;
        let (literals, sequences) = (parsed.literals(), parsed.sequences.as_slice());
        if sequences.is_empty() {
            if early && block.len() == self.params.block() {
                raw(block, last, out);
            } else {
                self.bare(block, last, out);
            }
            return;
        }
        if let ([only], false) = (sequences, early)
            && literals.len() <= 1
            && only.literals as usize == literals.len()
            && only.offset as usize == OFFSET + 1
        {
            run(block, only.len as usize + MIN_MATCH + literals.len(), last, out);
            return;
        }
        let heads = block.len() >> if early { 5 } else { 6 };
        if block.len() < literals.len() + heads + SAVED {
            self.bare(block, last, out);
            return;
        }
        let start = out.len();
        out.extend_from_slice(&[0; 3]);
        let coding = self.literals.code(literals, plain_head(literals.len(), false).1);
        self.section(literals, coding, out);
        let written = self.sequences.code(sequences, out);
        let len = out.len() - start - 3;
        if written.is_none() || len >= block.len() {
            out.truncate(start);
            raw(block, last, out);
            self.literals.forget();
            return;
        }
        self.sequences.keep();
        if let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *room = header(Kind::Compressed, len, last);
        }
    }

    /// A block of literals alone.
    fn bare(&mut self, block: &[u8], last: bool, out: &mut Vec<u8>) {
        if block.len() < LEAST || !self.params.codes_bare_literals() {
            return raw(block, last, out);
        }
        match self.literals.code(block, 0) {
            Coding::Raw => raw(block, last, out),
            Coding::Run => run(block, block.len(), last, out),
            coding @ Coding::Coded { .. } => {
                let start = out.len();
                out.extend_from_slice(&[0; 3]);
                self.section(block, coding, out);
                // No sequences.
                out.push(0);
                let len = out.len() - start - 3;
                if let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
                    *room = header(Kind::Compressed, len, last);
                }
            }
        }
    }

    /// The literals section.
    fn section(&mut self, literals: &[u8], coding: Coding, out: &mut Vec<u8>) {
        match coding {
            Coding::Raw | Coding::Run => {
                let (head, bytes) = plain_head(literals.len(), coding == Coding::Run);
                out.extend(head.into_iter().take(bytes));
                out.extend(literals.iter().take(if coding == Coding::Run { 1 } else { literals.len() }));
            }
            Coding::Coded { reused, one_stream } => {
                let coded = self.literals.coded();
                let (head, bytes) = coded_head(literals.len(), coded.len(), if reused { 3 } else { 2 }, one_stream);
                out.extend(head.into_iter().take(bytes));
                out.extend_from_slice(coded);
                self.literals.keep();
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "lengths within a block")]
fn header(kind: Kind, len: usize, last: bool) -> [u8; 3] {
    let [a, b, c, _] = (u32::from(last) | (kind as u32) << 1 | (len as u32) << 3).to_le_bytes();
    [a, b, c]
}

pub(super) fn raw(block: &[u8], last: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&header(Kind::Raw, block.len(), last));
    out.extend_from_slice(block);
}

fn run(block: &[u8], len: usize, last: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(&header(Kind::Run, len, last));
    out.extend(block.first());
}
