//! What each family of encoders can and cannot do, as far as block edges, match lengths and distances show it.
//!
//! A rule says no only to what the encoder's source rules out for every level, strategy and input, and for every pattern of
//! flushes that leave a mark. Where the blocks seen end, anything may follow.

use super::{Survey, SurveyedBlock, SurveyedKind};

/// zlib, GNU gzip and pigz never reach farther: a window less the look-ahead they keep.
const ZLIB_REACH: u16 = 32_768 - 262;
/// Go's and klauspost's shortest match.
const GO_LEAST: u16 = 4;
/// Tokens in a full block of Go's levels 2 to 9; klauspost's levels 7 to 9 had them once, and twice as many since.
const GO_TOKENS: u64 = 1 << 14;
/// Bytes in a full block of Go's other levels, and what klauspost's other levels compress at once.
const GO_BYTES: u64 = 65_535;
/// Tokens in GNU gzip's longest blocks.
const GZIP_TOKENS: u64 = (1 << 15) - 1;

/// A block in its place.
struct At<'a> {
    block: &'a SurveyedBlock,
    next: Option<&'a SurveyedBlock>,
}

impl At<'_> {
    /// It is complete, something follows, and that was seen.
    fn has_successor(&self) -> bool {
        self.block.end.is_some() && !self.block.last && self.next.is_some()
    }

    fn before_sync(&self) -> bool {
        self.next.is_some_and(SurveyedBlock::is_sync)
    }

    /// What follows is a stored or fixed block that says nothing: a sync or partial flush, or the end.
    fn before_empty(&self) -> bool {
        self.next.is_some_and(|next| next.is_empty() && next.kind != SurveyedKind::Dynamic)
            || self.next.is_some_and(|next| next.kind == SurveyedKind::Fixed && next.end.is_none() && next.tokens == 0)
    }

    fn ends_at_byte(&self) -> bool {
        self.block.end.is_some_and(|end| end.bit.is_multiple_of(8))
    }

    fn is_stored(&self) -> bool {
        self.block.kind == SurveyedKind::Stored
    }

    /// Less than `tokens` tokens: a stored block may stand for any number up to its bytes.
    fn is_shorter(&self, tokens: u64) -> bool {
        if self.is_stored() { self.block.bytes < tokens } else { self.block.tokens < tokens }
    }
}

/// Blocks that say something, or are neither stored nor complete; empty ones are looked at as successors.
fn blocks(survey: &Survey) -> impl Iterator<Item = At<'_>> {
    let next = survey.blocks.iter().skip(1).map(Some).chain([None]);
    survey.blocks.iter().zip(next).map(|(block, next)| At { block, next })
}

/// zlib at `mem_level`: blocks of 2^(`mem_level` + 6) - 1 tokens (`deflateInit2`, `lit_bufsize`), but before a flush.
pub(super) fn zlib(survey: &Survey, mem_level: u32) -> bool {
    let full = (1 << (mem_level + 6)) - 1;
    let stored_only = blocks(survey).all(|at| at.is_stored() || at.block.is_empty());
    survey.greatest_distance() <= ZLIB_REACH
        && blocks(survey).all(|at| {
            let short = at.has_successor() && !at.block.is_empty() && at.is_shorter(full);
            at.block.tokens <= full && (!short || at.before_empty() || stored_only)
        })
}

/// pigz: zlib's blocks, and pieces that end at a byte, by themselves or by means of empty blocks.
pub(super) fn pigz(survey: &Survey) -> bool {
    let full = (1 << 14) - 1;
    survey.greatest_distance() <= ZLIB_REACH
        && blocks(survey).all(|at| {
            let short = at.has_successor() && !at.block.is_empty() && at.is_shorter(full);
            at.block.tokens <= full && (!short || at.before_empty() || at.ends_at_byte())
        })
}

/// GNU gzip: 32767 tokens, and above level 2 any multiple of 4096 that compresses well; `--rsyncable` aligns to bytes where
/// it ends a block.
pub(super) fn gnu_gzip(survey: &Survey) -> bool {
    let fits = |ends_early: bool| {
        blocks(survey).all(|at| {
            let SurveyedBlock { tokens, gzip_ends_at, gzip_may_end_at, .. } = *at.block;
            let stops = ends_early && gzip_may_end_at == Some(tokens);
            let overdue = ends_early && gzip_ends_at.is_some_and(|end| tokens > end);
            let short = at.has_successor() && !at.is_stored() && tokens < GZIP_TOKENS;
            let excused = stops || at.before_sync() || at.ends_at_byte();
            tokens <= GZIP_TOKENS && !overdue && (!short || excused)
        })
    };
    survey.greatest_distance() <= ZLIB_REACH && (fits(true) || fits(false))
}

/// Go's `compress/flate` from 1.8 to 1.26: the stream ends with an empty stored block, and so does what a `Flush` ends.
pub(super) fn go(survey: &Survey) -> bool {
    let by_tokens = || {
        blocks(survey).all(|at| {
            let short = at.has_successor() && !at.block.is_empty() && at.is_shorter(GO_TOKENS);
            at.block.tokens <= GO_TOKENS && (!short || at.before_sync())
        })
    };
    let by_bytes = || {
        blocks(survey).all(|at| {
            let short = at.has_successor() && !at.block.is_empty() && at.block.bytes < GO_BYTES;
            at.block.bytes <= GO_BYTES && (!short || at.before_sync())
        })
    };
    let empty_is_stored = survey.blocks.iter().all(|block| !block.is_empty() || block.is_sync());
    let ends_so =
        survey.blocks.iter().all(|block| !block.last || ends_empty(block) && block.kind == SurveyedKind::Stored);
    survey.least_len().is_none_or(|len| len >= GO_LEAST) && empty_is_stored && ends_so && (by_tokens() || by_bytes())
}

/// klauspost's `compress/flate`, and so pgzip and Go from 1.27 on: like Go's before, but a block goes on for as long as its codes stay good enough, and
/// the stream ends with an empty block of any kind.
pub(super) fn klauspost(survey: &Survey) -> bool {
    let excused = |at: &At<'_>| !at.has_successor() || at.block.is_empty() || at.before_sync() || at.next_is_end();
    let by_tokens = || {
        blocks(survey).all(|at| {
            let whole =
                if at.is_stored() { !at.is_shorter(GO_TOKENS) } else { at.block.tokens.is_multiple_of(GO_TOKENS) };
            whole || excused(&at)
        })
    };
    let by_bytes = || {
        // Pieces are counted from the last flush.
        let mut start = 0;
        blocks(survey).all(|at| {
            let Some(end) = at.block.end else { return true };
            if at.block.is_sync() {
                start = end.decoded;
            }
            (end.decoded - start).is_multiple_of(GO_BYTES) || excused(&at)
        })
    };
    survey.least_len().is_none_or(|len| len >= GO_LEAST)
        && survey.blocks.iter().all(|block| !block.last || ends_empty(block))
        && (by_tokens() || by_bytes())
}

/// miniz_oxide: a block ends when its tokens fill a buffer of 64 KiB (a byte a literal, three a match, a bit more for each), or
/// when there are 31 KiB that take 9/10 of their own size there.
pub(super) fn miniz(survey: &Survey) -> bool {
    const FULL: u64 = ((64 << 10) - 8) * 8;
    const LITERAL: u64 = 9;
    const MATCH: u64 = 25;
    blocks(survey).all(|at| {
        let SurveyedBlock { tokens, bytes, .. } = *at.block;
        if at.is_stored() || at.block.is_empty() {
            return true;
        }
        let is_full = tokens * MATCH >= FULL;
        let is_fat = bytes > 31 << 10 && ((tokens * MATCH / 8 + 8) * 115) >> 7 >= bytes;
        let short = at.has_successor() && !is_full && !is_fat;
        tokens * LITERAL <= FULL + 8 * LITERAL + MATCH && (!short || at.before_empty())
    })
}

impl At<'_> {
    fn next_is_end(&self) -> bool {
        self.next.is_some_and(|next| next.last && ends_empty(next))
    }
}

/// Whether a last block is empty, as far as it was seen.
fn ends_empty(block: &SurveyedBlock) -> bool {
    block.bytes == 0 && block.kind != SurveyedKind::Dynamic
}
