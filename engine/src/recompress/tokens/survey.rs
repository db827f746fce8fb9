use super::{BlockEnd, BlockHeader, BlockKind, Step, TokenError, TokenReader, TokenSink};

/// Most blocks that a survey looks at.
pub const MAX_SURVEYED: usize = 64;
/// Bytes read between looks at whether enough was seen.
const PIECE: usize = 4 << 10;

/// What the first blocks of a stream look like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// In stream order, 0 to [`MAX_SURVEYED`]; of the last one, perhaps only the beginning.
    pub blocks: Vec<SurveyedBlock>,
    /// Something no encoder that is known does: bits set where a byte is filled up, or a match of 258 as symbol 284.
    pub odd: bool,
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurveyedBlock {
    /// Its type.
    pub kind: SurveyedKind,
    /// Whether the stream ends with it.
    pub last: bool,
    /// Where it begins.
    pub start: Edge,
    /// Where it ends, or `None` when the end was not seen.
    pub end: Option<Edge>,
    /// Literals and matches seen; 0 for a stored block.
    pub tokens: u64,
    /// Matches among them.
    pub matches: u64,
    /// Bytes those tokens stand for, or the length of a stored block.
    pub bytes: u64,
    /// Length of the shortest match, 3 to 258, if there is one.
    pub least_len: Option<u16>,
    /// Distance of the farthest match, up to 32768; 0 if there is none.
    pub greatest_distance: u16,
    /// Tokens after which GNU gzip would first have ended the block for its good ratio, whatever its level above 2.
    pub gzip_ends_at: Option<u64>,
    /// The last number of tokens after which it may have done so.
    pub gzip_may_end_at: Option<u64>,
}

/// A place between two blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edge {
    /// In bits from the stream's start.
    pub bit: u64,
    /// In decoded bytes.
    pub decoded: u64,
}

/// A block's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurveyedKind {
    /// Bytes as they are.
    Stored,
    /// The fixed codes.
    Fixed,
    /// Codes of its own.
    Dynamic,
}

impl SurveyedBlock {
    /// Whether it is complete and says nothing.
    pub fn is_empty(&self) -> bool {
        self.end.is_some() && self.bytes == 0
    }

    /// Whether it is what a sync or full flush leaves behind: stored and empty.
    pub fn is_sync(&self) -> bool {
        self.is_empty() && self.kind == SurveyedKind::Stored
    }
}

impl Survey {
    /// Looks at the first `blocks` blocks of a stream, as far as `prefix` goes; no more of it is read than they need (and 4 KiB).
    ///
    /// # Errors
    /// When that is no deflate stream. A prefix that breaks off anywhere is fine.
    pub fn of(prefix: &[u8], blocks: usize) -> Result<Self, TokenError> {
        let mut reader = TokenReader::new();
        let mut surveyor = Surveyor::new(blocks);
        for piece in prefix.chunks(PIECE) {
            if let Step::End { padding, .. } = reader.push(piece, &mut surveyor)? {
                surveyor.survey.odd |= padding != 0;
                break;
            }
            if surveyor.is_full() {
                break;
            }
        }
        Ok(surveyor.survey)
    }

    /// Length of the shortest match seen.
    pub fn least_len(&self) -> Option<u16> {
        self.blocks.iter().filter_map(|block| block.least_len).min()
    }

    /// Distance of the farthest match seen, 0 if there was none.
    pub fn greatest_distance(&self) -> u16 {
        self.blocks.iter().map(|block| block.greatest_distance).max().unwrap_or(0)
    }

    /// Where sync flushes lie, in decoded bytes.
    pub fn flushes(&self) -> impl Iterator<Item = u64> {
        self.blocks.iter().filter(|block| block.is_sync() && !block.last).map(|block| block.start.decoded)
    }

    /// Decoded bytes between any two neighbouring flushes (and the start), when that is always the same.
    pub fn flush_spacing(&self) -> Option<u64> {
        let first = self.flushes().next()?;
        let mut before = 0;
        for flush in self.flushes() {
            if flush - before != first {
                return None;
            }
            before = flush;
        }
        Some(first)
    }
}

/// Makes a [`Survey`] while a stream is read for something else, too.
#[derive(Debug)]
pub struct Surveyor {
    survey: Survey,
    blocks: usize,
    /// The block being read; its tokens and matches are counted here until it is put away.
    open: bool,
    distance_bits: u64,
}

impl Surveyor {
    /// Looks at up to `blocks` blocks, at most [`MAX_SURVEYED`].
    pub fn new(blocks: usize) -> Self {
        let blocks = blocks.min(MAX_SURVEYED);
        let survey = Survey { blocks: Vec::with_capacity(blocks), odd: false };
        Self { survey, blocks, open: false, distance_bits: 0 }
    }

    /// Whether all blocks asked for were seen to their ends.
    pub fn is_full(&self) -> bool {
        !self.open && self.survey.blocks.len() >= self.blocks
    }

    /// What was seen so far.
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Counts a token of `len` bytes.
    #[inline(always)]
    fn count(&mut self, len: u64) {
        let distance_bits = self.distance_bits;
        if let Some(block) = self.block() {
            let before = block.bytes;
            block.tokens += 1;
            block.bytes += len;
            if block.tokens.is_multiple_of(4096) {
                block.look_as_gzip(before, distance_bits);
            }
        }
    }

    #[inline(always)]
    fn block(&mut self) -> Option<&mut SurveyedBlock> {
        if self.open { self.survey.blocks.last_mut() } else { None }
    }
}

impl SurveyedBlock {
    /// GNU gzip's `ct_tally` looks every 4096 tokens whether what it has compressed to less than half, and ends the block if
    /// so. It has counted the bytes before the last token, or one more, depending on the level.
    fn look_as_gzip(&mut self, before: u64, distance_bits: u64) {
        let size = (8 * self.tokens + distance_bits) / 8;
        let few_matches = self.matches < self.tokens / 2;
        if few_matches && size < before / 2 {
            self.gzip_ends_at.get_or_insert(self.tokens);
        }
        if few_matches && size < before.div_ceil(2) {
            self.gzip_may_end_at = Some(self.tokens);
        }
    }
}

impl TokenSink for Surveyor {
    fn block(&mut self, header: &BlockHeader<'_>) {
        self.open = self.survey.blocks.len() < self.blocks;
        self.distance_bits = 0;
        if !self.open {
            return;
        }
        let (kind, bytes, padding) = match header.kind {
            BlockKind::Stored { len, padding } => (SurveyedKind::Stored, len.into(), padding),
            BlockKind::Fixed => (SurveyedKind::Fixed, 0, 0),
            BlockKind::Dynamic(_) => (SurveyedKind::Dynamic, 0, 0),
        };
        self.survey.odd |= padding != 0;
        self.survey.blocks.push(SurveyedBlock {
            kind,
            last: header.last,
            start: Edge { bit: header.bit, decoded: header.decoded },
            end: None,
            tokens: 0,
            matches: 0,
            bytes,
            least_len: None,
            greatest_distance: 0,
            gzip_ends_at: None,
            gzip_may_end_at: None,
        });
    }

    #[inline(always)]
    fn literal(&mut self, _: u8) {
        self.count(1);
    }

    #[inline(always)]
    fn matched(&mut self, len: u16, distance: u16) {
        // 5 bits and the extra ones: half the octave of distance - 1, from the third on.
        self.distance_bits += 5 + u64::from((distance - 1).checked_ilog2().unwrap_or(0).saturating_sub(1));
        if let Some(block) = self.block() {
            block.matches += 1;
            block.least_len = Some(block.least_len.map_or(len, |least| least.min(len)));
            block.greatest_distance = block.greatest_distance.max(distance);
        }
        self.count(len.into());
    }

    fn matched_in_full(&mut self, distance: u16) {
        self.survey.odd |= self.open;
        self.matched(258, distance);
    }

    fn end_block(&mut self, end: &BlockEnd) {
        if let Some(block) = self.block() {
            block.end = Some(Edge { bit: end.bit, decoded: end.decoded });
        }
        self.open = false;
    }
}
