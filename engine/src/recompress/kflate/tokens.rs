//! What the match finders hand to the block writer: literals, and matches between them.

use super::history::Source;
use crate::recompress::coding::alphabet::{
    DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LENGTH_CLASS_OF, LITERAL_SYMBOLS, MAX_MATCH, MIN_MATCH,
    distance_symbol,
};

/// Literals of a block: less than this, and room for copying some bytes too many.
const LITERALS: usize = (64 << 10) + COPY;
/// Matches of a block: a match is 3 bytes at least, and blocks have 65,535 bytes or 32,768 tokens.
const MATCHES: usize = 32 << 10;
/// Bytes that are copied at once.
const COPY: usize = 16;

/// A match and the number of literals between it and the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Match {
    pub(super) literals: u16,
    /// Distance - 1.
    pub(super) distance: u16,
    /// Length - 3.
    pub(super) len: u8,
    pub(super) distance_symbol: u8,
}

/// How often each symbol occurs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frequencies {
    pub(super) literals: [u16; LITERAL_SYMBOLS],
    pub(super) distances: [u16; DISTANCE_SYMBOLS],
}

/// The tokens of one block.
pub(super) struct Tokens {
    literals: Box<[u8; LITERALS]>,
    literal_count: usize,
    /// Literals before the last match.
    before: usize,
    matches: Box<[Match; MATCHES]>,
    match_count: usize,
    lengths: [u16; 32],
    distances: [u16; 32],
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self {
            literals: Box::new([0; LITERALS]),
            literal_count: 0,
            before: 0,
            matches: Box::new([Match::default(); MATCHES]),
            match_count: 0,
            lengths: [0; 32],
            distances: [0; 32],
        }
    }

    pub(super) fn clear(&mut self) {
        (self.literal_count, self.before, self.match_count) = (0, 0, 0);
        (self.lengths, self.distances) = ([0; 32], [0; 32]);
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.literal_count + self.match_count
    }

    /// Adds one literal.
    #[inline(always)]
    pub(super) fn literal(&mut self, byte: u8) {
        if let Some(place) = self.literals.get_mut(self.literal_count) {
            *place = byte;
            self.literal_count += 1;
        }
    }

    /// Adds the bytes from `from` to `to` as literals; a block's add up to 65,535 at most.
    #[inline(always)]
    pub(super) fn literals(&mut self, source: Source<'_>, from: usize, to: usize) {
        let len = to - from;
        // Most runs are short: one copy of fixed size is faster than one of the right size.
        if let Some(room) = self.literals.get_mut(self.literal_count..).and_then(<[u8]>::first_chunk_mut::<COPY>) {
            *room = source.load16(from);
        }
        if len > COPY
            && let Some(room) = self.literals.get_mut(self.literal_count..self.literal_count + len)
        {
            room.copy_from_slice(source.slice(from, to));
        }
        self.literal_count += len;
    }

    /// Adds a match of any length of 3 and more, in as many pieces as it takes, at a distance of 1 to 32768.
    #[inline(always)]
    pub(super) fn long_match(&mut self, mut len: usize, distance: usize) {
        while len > MAX_MATCH {
            // What is left must be a match too.
            let piece = if len > MAX_MATCH + MIN_MATCH { MAX_MATCH } else { MAX_MATCH - MIN_MATCH };
            self.matched(piece, distance);
            len -= piece;
        }
        self.matched(len, distance);
    }

    /// Adds a match of 3 to 258 bytes at a distance of 1 to 32768.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked to the arrays' lengths")]
    #[expect(clippy::cast_possible_truncation, reason = "the ranges given fit")]
    pub(super) fn matched(&mut self, len: usize, distance: usize) {
        let (len, distance) = ((len - MIN_MATCH) as u8, (distance - 1) as u16);
        let symbol = distance_symbol(distance);
        let class = LENGTH_CLASS_OF[usize::from(len)];
        self.lengths[usize::from(class & 31)] += 1;
        self.distances[usize::from(symbol & 31)] += 1;
        let literals = (self.literal_count - self.before) as u16;
        self.before = self.literal_count;
        self.matches[self.match_count % MATCHES] = Match { literals, distance, len, distance_symbol: symbol };
        self.match_count += 1;
    }

    /// All literals, and the matches between them.
    #[inline(always)]
    pub(super) fn parts(&self) -> (&[u8], &[Match]) {
        let literals = self.literals.get(..self.literal_count).unwrap_or_default();
        (literals, self.matches.get(..self.match_count).unwrap_or_default())
    }

    /// Counts symbols; the end of the block is not among them.
    pub(super) fn frequencies(&self) -> Frequencies {
        let mut frequencies = Frequencies { literals: [0; LITERAL_SYMBOLS], distances: [0; DISTANCE_SYMBOLS] };
        if let Some(bytes) = frequencies.literals.first_chunk_mut() {
            *bytes = histogram(self.parts().0);
        }
        for (to, from) in frequencies.literals.iter_mut().skip(FIRST_LENGTH).zip(self.lengths) {
            *to = from;
        }
        for (to, from) in frequencies.distances.iter_mut().zip(self.distances) {
            *to = from;
        }
        debug_assert_eq!(frequencies.literals.get(END_OF_BLOCK), Some(&0));
        frequencies
    }
}

/// Counts bytes, modulo 2^16.
#[expect(clippy::indexing_slicing, reason = "bytes index 256 entries")]
pub(super) fn histogram(bytes: &[u8]) -> [u16; 256] {
    // Four counters per byte, as equal neighbours would wait for each other.
    let mut counts = [[0u16; 256]; 4];
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        for (counts, &byte) in counts.iter_mut().zip(chunk) {
            counts[usize::from(byte)] += 1;
        }
    }
    for &byte in chunks.remainder() {
        counts[0][usize::from(byte)] += 1;
    }
    let [mut sum, rest @ ..] = counts;
    for counts in rest {
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum = sum.wrapping_add(count);
        }
    }
    sum
}
