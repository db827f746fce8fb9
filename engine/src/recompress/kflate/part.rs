//! One part of a stream: input gathered into blocks, each encoded when the next byte comes or the part ends.

use super::block::BlockWriter;
use super::fast::Fast;
use super::history::{BLOCK, History};
use super::lazy::Lazy;
use super::params::{Params, TAIL};
use super::tokens::Tokens;

/// Literal blocks of the level without matches.
const HUFFMAN_BLOCK: usize = 32 << 10;
/// Blocks that end a part or come before a flush are stored if shorter than this, and not searched for matches if shorter than
/// the other. After a flush everything before them is forgotten.
const TINY: usize = 33;
const SMALL: usize = 128;

/// A part being encoded.
pub(super) struct Part {
    method: Method,
    writer: BlockWriter,
}

enum Method {
    Stored(History),
    Huffman(History),
    Fast { history: History, fast: Fast, tokens: Tokens },
    Lazy(Box<Lazy>),
}

impl Part {
    pub(super) fn new(params: Params) -> Option<Self> {
        let level = u8::try_from(params.level()).ok();
        let (method, penalty) = match level {
            Some(0) => (Method::Stored(History::new()), 0),
            Some(level @ 1..=6) => {
                let fast = Fast::new(level, params.revision())?;
                (Method::Fast { history: History::new(), fast, tokens: Tokens::new() }, 7)
            }
            Some(level) => (Method::Lazy(Box::new(Lazy::new(level, params.revision())?)), 8),
            None => (Method::Huffman(History::new()), 10),
        };
        Some(Self { method, writer: BlockWriter::new(penalty, params.revision()) })
    }

    /// Encodes `input`, appending to `out` what is ready.
    pub(super) fn write(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        let Self { method, writer } = self;
        while !input.is_empty() {
            match method {
                Method::Stored(history) => {
                    if history.block_len() == BLOCK {
                        stored(history, writer, out);
                    }
                    history.fill(&mut input, BLOCK);
                }
                Method::Huffman(history) => {
                    if history.block_len() == HUFFMAN_BLOCK {
                        huffman(history, writer, false, out);
                    }
                    history.fill(&mut input, HUFFMAN_BLOCK);
                }
                Method::Fast { history, fast, tokens } => {
                    if history.block_len() == BLOCK {
                        fast_block(history, fast, tokens, writer, false, out);
                    }
                    history.fill(&mut input, BLOCK);
                }
                Method::Lazy(lazy) => lazy.write(&mut input, writer, out),
            }
        }
    }

    /// Encodes what is left of the part; all blocks are closed.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let Self { method, writer } = self;
        match method {
            Method::Stored(history) if history.block_len() > 0 => stored(history, writer, out),
            Method::Huffman(history) if history.block_len() > 0 => huffman(history, writer, true, out),
            Method::Stored(_) | Method::Huffman(_) => {}
            Method::Fast { history, fast, tokens } => match history.block_len() {
                0 => {}
                1..TINY => stored(history, writer, out),
                TINY..SMALL => huffman(history, writer, true, out),
                _ => fast_block(history, fast, tokens, writer, true, out),
            },
            Method::Lazy(lazy) => lazy.end(writer, out),
        }
    }

    /// Appends an empty stored block, which ends on a whole byte.
    pub(super) fn mark(&mut self, out: &mut Vec<u8>) {
        self.writer.stored(&[], out);
    }

    /// Encodes what was taken so far and marks the place; the part goes on.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        let searched =
            !matches!(&self.method, Method::Fast { history, .. } if (1..SMALL).contains(&history.block_len()));
        self.end(out);
        if let Method::Fast { history, fast, .. } = &mut self.method
            && !searched
        {
            history.restart(0);
            fast.clear();
        }
        self.mark(out);
    }

    /// Starts a part that may refer to the end of this one.
    pub(super) fn restart(&mut self) {
        match &mut self.method {
            Method::Stored(history) | Method::Huffman(history) => history.restart(0),
            Method::Fast { history, fast, tokens } => {
                fast.clear();
                history.restart(TAIL);
                fast.encode(history, tokens);
                history.advance();
                tokens.clear();
            }
            Method::Lazy(lazy) => lazy.restart(TAIL),
        }
    }

    /// Ends the stream.
    pub(super) fn last(&mut self, out: &mut Vec<u8>) {
        self.writer.last(out);
    }
}

fn stored(history: &mut History, writer: &mut BlockWriter, out: &mut Vec<u8>) {
    writer.stored(history.block(), out);
    next_block(history);
}

fn huffman(history: &mut History, writer: &mut BlockWriter, end: bool, out: &mut Vec<u8>) {
    writer.literals(history.block(), end, out);
    next_block(history);
}

fn next_block(history: &mut History) {
    history.settle();
    history.advance();
}

fn fast_block(
    history: &mut History,
    fast: &mut Fast,
    tokens: &mut Tokens,
    writer: &mut BlockWriter,
    end: bool,
    out: &mut Vec<u8>,
) {
    fast.encode(history, tokens);
    let bytes = history.block();
    let few_matches = tokens.len() > bytes.len() - (bytes.len() >> 4);
    match tokens.len() {
        0 => writer.stored(bytes, out),
        _ if few_matches => writer.literals(bytes, end, out),
        _ => writer.tokens(tokens, Some(bytes), end, out),
    }
    history.advance();
    tokens.clear();
}
