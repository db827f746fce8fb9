//! gzip (RFC 1952) as a state machine without I/O: every byte of the blob is accounted to one part of it.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::gzip_header::{GzipHeader, HeaderParser};
use super::sniff::GZIP_MAGIC;
use super::{Compression, LayerError};

/// CRC-32 and length of a member's contents, little-endian.
const TRAILER_LEN: usize = 8;

/// What the bytes consumed by a step belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A member's header.
    Header,
    /// A member's deflate stream.
    Body,
    /// A member's CRC and length.
    Trailer,
    /// What follows the last member, padding or garbage.
    Trailing,
    /// Nothing: the blob was read to its end and is complete.
    End,
}

/// What one step did. A step that neither consumed nor produced nor completed a part needs more input (or output) room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) part: Part,
    /// Bytes of the input that are done with.
    pub(crate) consumed: usize,
    /// Decoded bytes written to the output; only in a body.
    pub(crate) produced: usize,
    /// Whether the part ends here.
    pub(crate) complete: bool,
}

/// Decoder for a blob of one or more members.
pub(crate) struct GzipStream {
    state: State,
    inflate: Decompress,
    crc: Crc,
    header: GzipHeader,
    members: u64,
    offset: u64,
}

enum State {
    Between,
    Header(HeaderParser),
    Body,
    Trailer { bytes: [u8; TRAILER_LEN], filled: usize },
    Trailing,
}

impl GzipStream {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Between,
            inflate: Decompress::new(false),
            crc: Crc::new(),
            header: GzipHeader::default(),
            members: 0,
            offset: 0,
        }
    }

    /// Members that were complete.
    pub(crate) fn members(&self) -> u64 {
        self.members
    }

    /// Compressed bytes consumed.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Header of the member begun last.
    pub(crate) fn header(&self) -> GzipHeader {
        self.header
    }

    /// Goes on with `input`, all of what is left when `eof`. Between members three bytes must be there to go on, or `eof`.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8], eof: bool) -> Result<Step, LayerError> {
        let step = match self.state {
            State::Between => match self.begin(input, eof) {
                Some(step) => step,
                None => self.header_step(input, eof)?,
            },
            State::Header(_) => self.header_step(input, eof)?,
            State::Body => self.body_step(input, output, eof)?,
            State::Trailer { .. } => self.trailer_step(input, eof)?,
            State::Trailing => trailing_step(input, eof),
        };
        self.offset += step.consumed as u64;
        Ok(step)
    }

    /// Decides what comes next at a member's edge; `None` when it is a header.
    fn begin(&mut self, input: &[u8], eof: bool) -> Option<Step> {
        // What follows the first member is a member only if it starts like one: padding and garbage are kept, not refused.
        if self.members > 0 {
            if input.len() < GZIP_MAGIC.len() && !eof {
                return Some(Step { part: Part::Header, consumed: 0, produced: 0, complete: false });
            }
            if !input.starts_with(&GZIP_MAGIC) {
                self.state = State::Trailing;
                return Some(trailing_step(input, eof));
            }
        }
        self.state = State::Header(HeaderParser::new());
        None
    }

    fn header_step(&mut self, input: &[u8], eof: bool) -> Result<Step, LayerError> {
        let State::Header(parser) = &mut self.state else {
            return Err(self.damaged("decoder out of step"));
        };
        let (consumed, header) = match parser.push(input) {
            Ok(done) => done,
            Err(detail) => return Err(self.damaged(detail)),
        };
        if let Some(header) = header {
            self.header = header;
            if self.members > 0 {
                self.inflate.reset(false);
                self.crc.reset();
            }
            self.state = State::Body;
        } else if eof {
            return Err(self.truncated(consumed, "a member's header"));
        }
        Ok(Step { part: Part::Header, consumed, produced: 0, complete: header.is_some() })
    }

    fn body_step(&mut self, input: &[u8], output: &mut [u8], eof: bool) -> Result<Step, LayerError> {
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, output, FlushDecompress::None);
        // Both differences are at most the lengths of the slices; `min` keeps them so whatever the inflater says.
        let consumed = usize::try_from(self.inflate.total_in() - in_before).unwrap_or(usize::MAX).min(input.len());
        let produced = usize::try_from(self.inflate.total_out() - out_before).unwrap_or(usize::MAX).min(output.len());
        let Ok(status) = status else {
            self.offset += consumed as u64;
            return Err(self.damaged("not a deflate stream"));
        };
        self.crc.update(output.get(..produced).unwrap_or_default());
        let complete = status == Status::StreamEnd;
        if complete {
            self.state = State::Trailer { bytes: [0; TRAILER_LEN], filled: 0 };
        } else if eof && consumed == input.len() && produced == 0 && !output.is_empty() {
            return Err(self.truncated(consumed, "a member's deflate stream"));
        }
        Ok(Step { part: Part::Body, consumed, produced, complete })
    }

    /// In a body, instead of a step: `consumed` bytes of it were decoded to `plain` by somebody else; `complete` ends it.
    pub(crate) fn body_decoded(&mut self, consumed: usize, plain: &[u8], complete: bool) {
        self.offset += consumed as u64;
        self.crc.update(plain);
        if complete {
            self.state = State::Trailer { bytes: [0; TRAILER_LEN], filled: 0 };
        }
    }

    /// What to say of a body that somebody else could not decode.
    pub(crate) fn body_error(&self, truncated: bool) -> LayerError {
        if truncated { self.truncated(0, "a member's deflate stream") } else { self.damaged("not a deflate stream") }
    }

    fn trailer_step(&mut self, input: &[u8], eof: bool) -> Result<Step, LayerError> {
        let State::Trailer { bytes, filled } = &mut self.state else {
            return Err(self.damaged("decoder out of step"));
        };
        let mut consumed = 0;
        for (to, from) in bytes.iter_mut().skip(*filled).zip(input) {
            *to = *from;
            consumed += 1;
        }
        *filled += consumed;
        let complete = *filled == TRAILER_LEN;
        if complete {
            let [a, b, c, d, e, f, g, h] = *bytes;
            self.check_trailer(consumed, u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))?;
            self.members += 1;
            self.state = State::Between;
        } else if eof {
            return Err(self.truncated(consumed, "a member's trailer"));
        }
        Ok(Step { part: Part::Trailer, consumed, produced: 0, complete })
    }

    fn check_trailer(&self, consumed: usize, crc: u32, len: u32) -> Result<(), LayerError> {
        let checks = [("CRC-32", crc, self.crc.sum()), ("length", len, self.crc.amount())];
        for (what, expected, found) in checks {
            if expected != found {
                let offset = self.offset + consumed as u64;
                return Err(LayerError::Checksum { member: self.members, offset, what, expected, found });
            }
        }
        Ok(())
    }

    fn damaged(&self, detail: &'static str) -> LayerError {
        LayerError::Damaged { format: Compression::Gzip, offset: self.offset, detail }
    }

    fn truncated(&self, consumed: usize, inside: &'static str) -> LayerError {
        LayerError::Truncated { format: Compression::Gzip, offset: self.offset + consumed as u64, inside }
    }
}

fn trailing_step(input: &[u8], eof: bool) -> Step {
    let part = if input.is_empty() && eof { Part::End } else { Part::Trailing };
    Step { part, consumed: input.len(), produced: 0, complete: part == Part::End }
}
