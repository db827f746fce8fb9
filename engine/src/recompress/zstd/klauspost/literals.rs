//! The literals section, and how tables of codes live on from block to block.

use super::huffman::Codes;
use super::params::Release;

/// From so many literals on, they are coded in four streams.
const FOUR: usize = 1024;
/// A part of this size (a power of two) must be saved, or literals stay as they are.
const SAVED: u32 = 4;

/// What became of literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Raw,
    Run,
    Coded {
        /// With the table of a block before.
        reused: bool,
        one_stream: bool,
    },
}

/// Codes literals, block by block.
pub(super) struct Coder {
    release: Release,
    previous: Option<Codes>,
    /// Whether a block may use the table of the one before.
    may_reuse: bool,
    coded: Vec<u8>,
}

impl Coder {
    pub(super) fn new(release: Release) -> Self {
        Self { release, previous: None, may_reuse: false, coded: Vec::new() }
    }

    /// Has the next block use a table of its own.
    pub(super) fn forget(&mut self) {
        self.may_reuse = false;
    }

    /// Tells that coded literals have become part of a block.
    pub(super) fn keep(&mut self) {
        self.may_reuse = true;
    }

    /// Table and streams of the literals that were coded last.
    pub(super) fn coded(&self) -> &[u8] {
        &self.coded
    }

    /// Codes literals. What they would take raw in their place, apart from themselves, is `raw_head` bytes.
    pub(super) fn code(&mut self, literals: &[u8], raw_head: usize) -> Coding {
        let one_stream = literals.len() < FOUR;
        let least = if self.release == Release::V1_15 { 33 } else { 17 };
        if literals.len() < least {
            return Coding::Raw;
        }
        let coding = self.try_code(literals, one_stream);
        let len = self.coded.len();
        let is_close = matches!(coding, Coding::Coded { .. }) && len + 5 > literals.len();
        if self.release > Release::V1_15 && is_close {
            let head = coded_head(literals.len(), len, 0, one_stream).1;
            if len + head >= literals.len() + raw_head {
                return Coding::Raw;
            }
        }
        coding
    }

    fn try_code(&mut self, literals: &[u8], one_stream: bool) -> Coding {
        if !self.may_reuse {
            self.previous = None;
        }
        let counts = count(literals);
        let highest = counts.iter().max().map_or(0, |count| *count as usize);
        if highest == literals.len() {
            return Coding::Run;
        }
        if highest == 1 || highest < literals.len() >> 7 {
            return Coding::Raw;
        }
        let wanted = literals.len() - (literals.len() >> SAVED);
        let codes = Codes::new(&counts, literals.len());
        self.coded.clear();
        if let Some(previous) = self.previous.as_ref().filter(|previous| previous.cover(&counts))
            && (previous.size(&counts) <= codes.size(&counts) || wanted <= 12)
        {
            let fits = streams(previous, literals, one_stream, &mut self.coded) && self.coded.len() < wanted;
            return if fits { Coding::Coded { reused: true, one_stream } } else { Coding::Raw };
        }
        let fits = codes.write(&mut self.coded)
            && streams(&codes, literals, one_stream, &mut self.coded)
            && self.coded.len() < wanted;
        if !fits {
            return Coding::Raw;
        }
        self.previous = Some(codes);
        Coding::Coded { reused: false, one_stream }
    }
}

/// How often each byte stands there.
#[expect(clippy::indexing_slicing, reason = "a byte")]
fn count(literals: &[u8]) -> [u32; 256] {
    let mut counts = [[0u32; 256]; 4];
    let (fours, rest) = literals.as_chunks::<4>();
    let [one, two, three, four] = &mut counts;
    for [a, b, c, d] in fours {
        one[usize::from(*a)] += 1;
        two[usize::from(*b)] += 1;
        three[usize::from(*c)] += 1;
        four[usize::from(*d)] += 1;
    }
    for byte in rest {
        one[usize::from(*byte)] += 1;
    }
    for (((one, two), three), four) in one.iter_mut().zip(two).zip(three).zip(four) {
        *one += *two + *three + *four;
    }
    counts[0]
}

/// Appends the streams; false if one of four is too long for the table of their lengths.
fn streams(codes: &Codes, literals: &[u8], one_stream: bool, out: &mut Vec<u8>) -> bool {
    if one_stream {
        codes.encode(literals, out);
        return true;
    }
    let lengths = out.len();
    out.extend_from_slice(&[0; 6]);
    for (number, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
        let start = out.len();
        codes.encode(part, out);
        let Ok(len) = u16::try_from(out.len() - start) else { return false };
        if number < 3
            && let Some(room) = out.get_mut(lengths + 2 * number..).and_then(<[u8]>::first_chunk_mut)
        {
            *room = len.to_le_bytes();
        }
    }
    true
}

/// The head of literals that stand there as they are, or of a run: its bytes and how many they are.
#[expect(clippy::cast_possible_truncation, reason = "at most 2^17 literals")]
pub(super) fn plain_head(literals: usize, run: bool) -> ([u8; 4], usize) {
    let (len, kind) = (literals as u32, u32::from(run));
    let (head, bytes) = match literals {
        0..16 => (kind | len << 3, 1),
        16..2048 => (kind | 1 << 2 | len << 4, 2),
        _ => (kind | 3 << 2 | len << 4, 3),
    };
    (head.to_le_bytes(), bytes)
}

/// The head of coded literals: its bytes and how many they are.
pub(super) fn coded_head(literals: usize, coded: usize, kind: u64, one_stream: bool) -> ([u8; 8], usize) {
    let (len, coded) = (literals as u64, coded as u64);
    let (head, bytes) = match len.max(coded) {
        0..1024 => (u64::from(!one_stream) << 2 | len << 4 | coded << 14, 3),
        1024..16_384 => (2 << 2 | len << 4 | coded << 18, 4),
        _ => (3 << 2 | len << 4 | coded << 22, 5),
    };
    ((head | kind).to_le_bytes(), bytes)
}
