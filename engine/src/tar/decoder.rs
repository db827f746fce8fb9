//! The state machine: which block or byte of the stream means what.

use super::entry::DataRun;
use super::error::{Problem, TarError};
use super::gather::{Cursor, Gather};
use super::header::Header;
use super::limits::Limits;
use super::member::{self, Draft, Extended, Member};
use super::number::c_string;
use super::pax::Records;
use super::sparse::{self, InData, MapSource};
use super::{BLOCK, Block};

/// What one step has found; what it passed over is skeleton unless it says otherwise.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing to report yet.
    Skeleton,
    /// A member, at the end of what was passed over.
    Entry(Draft),
    /// What was passed over is content of that member.
    Content {
        /// Whether it was the last of it.
        is_last: bool,
    },
}

/// What the next byte belongs to. Counts of bytes left are never 0.
#[derive(Debug)]
enum State {
    /// A header, or the first block of the end marker.
    Header,
    /// The second block of the end marker.
    EndMarker,
    /// An extended header: gathered, then decoded.
    Extended { kind: u8, size: usize, text: Vec<u8> },
    /// Extension blocks of an old GNU sparse header.
    OldGnuMap { draft: Box<Draft>, runs: Vec<DataRun>, bytes: usize },
    /// The map at the start of a PAX 1.0 sparse file's data.
    MapInData { draft: Box<Draft>, map: InData, bytes: u64 },
    /// Content of a regular file.
    Content { left: u64, padding: u64 },
    /// Data of a member of unknown type.
    Unknown { left: u64, padding: u64 },
    /// Padding, in which a stream may end.
    Padding { left: u64 },
    /// Everything after the end marker.
    Trailer,
}

impl State {
    fn after_data(padding: u64) -> Self {
        match padding {
            0 => Self::Header,
            left => Self::Padding { left },
        }
    }
}

/// Bytes from the end of `size` bytes of data to the next block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// Follows the stream up to each entry.
#[derive(Debug)]
pub(super) struct Decoder {
    limits: Limits,
    state: State,
    /// What was said of the member to come, since `member_at`.
    before: Extended,
    /// Whether an extended header of the member to come was seen.
    is_started: bool,
    /// Where the current member's first header starts.
    member_at: u64,
    /// The current member's path, once known.
    path: Vec<u8>,
    unknown: u64,
}

impl Decoder {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Header,
            before: Extended::default(),
            is_started: false,
            member_at: 0,
            path: Vec::new(),
            unknown: 0,
        }
    }

    /// An error at the current member.
    pub(super) fn error(&self, problem: Problem) -> TarError {
        let path = (!self.path.is_empty()).then(|| self.path.clone());
        TarError { offset: self.member_at, path, problem }
    }

    /// Members of unknown types so far.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Ends the stream at byte `at`, with `filled` bytes of an unfinished block; says whether the end marker was seen.
    pub(super) fn finish(&mut self, filled: usize, at: u64) -> Result<bool, Problem> {
        let inside = match self.state {
            State::Header | State::EndMarker if filled > 0 => {
                self.start_header(at - filled as u64);
                "a header"
            }
            State::Extended { .. } => "an extended header",
            State::OldGnuMap { .. } | State::MapInData { .. } => "a sparse map",
            State::Content { .. } | State::Unknown { .. } => "a member's data",
            State::Header | State::EndMarker | State::Padding { .. } => return Ok(false),
            State::Trailer => return Ok(true),
        };
        Err(Problem::Truncated { inside })
    }

    /// Passes over at least one byte of a cursor that is not empty.
    pub(super) fn step(&mut self, gather: &mut Gather, cursor: &mut Cursor<'_>) -> Result<Step, Problem> {
        match &mut self.state {
            State::Header | State::EndMarker | State::OldGnuMap { .. } | State::MapInData { .. } => {
                return match gather.next(cursor) {
                    Some(block) => self.block(block, cursor.position() - BLOCK as u64),
                    None => Ok(Step::Skeleton),
                };
            }
            State::Extended { kind, size, text } => {
                let piece = cursor.take((*size - text.len()) as u64);
                if piece.len() == *size {
                    let kind = *kind;
                    self.extended(kind, piece)?;
                    return Ok(Step::Skeleton);
                }
                text.extend_from_slice(piece);
                if text.len() == *size {
                    let (kind, text) = (*kind, std::mem::take(text));
                    self.extended(kind, &text)?;
                }
            }
            State::Content { left, padding } => {
                *left -= cursor.take(*left).len() as u64;
                let is_last = *left == 0;
                if is_last {
                    self.state = State::after_data(*padding);
                }
                return Ok(Step::Content { is_last });
            }
            State::Unknown { left, padding } => {
                *left -= cursor.take(*left).len() as u64;
                if *left == 0 {
                    self.state = State::after_data(*padding);
                }
            }
            State::Padding { left } => {
                *left -= cursor.take(*left).len() as u64;
                if *left == 0 {
                    self.state = State::Header;
                }
            }
            State::Trailer => {
                cursor.take(u64::MAX);
            }
        }
        Ok(Step::Skeleton)
    }

    /// Notes where the next member starts, unless its extended headers came before.
    fn start_header(&mut self, at: u64) {
        if !self.is_started {
            self.member_at = at;
            self.path.clear();
        }
    }

    fn block(&mut self, block: &Block, at: u64) -> Result<Step, Problem> {
        match std::mem::replace(&mut self.state, State::Header) {
            State::OldGnuMap { draft, runs, bytes } => self.old_gnu_map(block, *draft, runs, bytes),
            State::MapInData { draft, map, bytes } => self.map_in_data(block, *draft, map, bytes),
            state => {
                self.start_header(at);
                let is_zero = block.iter().all(|&byte| byte == 0);
                match (state, is_zero) {
                    (State::EndMarker, true) => self.state = State::Trailer,
                    (State::EndMarker, false) => return Err(Problem::LoneZeroBlock),
                    (_, true) => self.state = State::EndMarker,
                    (_, false) => return self.header(block),
                }
                Ok(Step::Skeleton)
            }
        }
    }

    fn header(&mut self, block: &Block) -> Result<Step, Problem> {
        let header = Header::parse(block)?;
        if !matches!(header.kind, b'x' | b'g' | b'L' | b'K') {
            return self.member(&header, block);
        }
        self.is_started = true;
        let size = member::data_size(&header, &Records::default())?;
        let limit = self.limits.extended_header;
        match usize::try_from(size) {
            Ok(0) => self.extended(header.kind, &[])?,
            Ok(size) if size <= limit => {
                self.state = State::Extended { kind: header.kind, size, text: Vec::new() };
            }
            _ => return Err(Problem::ExtendedHeaderTooLong { size, limit }),
        }
        Ok(Step::Skeleton)
    }

    /// Takes in an extended header; one of the same kind replaces it as a whole, as in Go.
    fn extended(&mut self, kind: u8, text: &[u8]) -> Result<(), Problem> {
        self.state = State::after_data(padding(text.len() as u64));
        match kind {
            b'L' => self.before.long_path = c_string(text).to_vec(),
            b'K' => self.before.long_link = c_string(text).to_vec(),
            b'x' => self.before.records = Records::parse(text)?,
            // A global header must be sound, but what it says is not applied: Go's reader hands it out as a member of its
            // own, which ends whatever extended headers came before it, and runtimes ignore it.
            _ => {
                Records::parse(text)?;
                self.before = Extended::default();
                self.is_started = false;
            }
        }
        Ok(())
    }

    fn member(&mut self, header: &Header, block: &Block) -> Result<Step, Problem> {
        let before = std::mem::take(&mut self.before);
        self.is_started = false;
        self.path.extend_from_slice(member::path(header, &before));
        match member::decode(header, block, &before, &self.limits)? {
            Member::Unknown { size } => {
                self.unknown += 1;
                self.state = match size {
                    0 => State::Header,
                    left => State::Unknown { left, padding: padding(left) },
                };
                Ok(Step::Skeleton)
            }
            Member::Known(draft, MapSource::Dense) => Ok(self.entry(draft)),
            Member::Known(draft, MapSource::Known(runs)) => Ok(self.entry(draft.complete(runs, 0)?)),
            Member::Known(draft, MapSource::Extended(runs)) => {
                let draft = Box::new(draft);
                self.state = State::OldGnuMap { draft, runs, bytes: 0 };
                Ok(Step::Skeleton)
            }
            Member::Known(draft, MapSource::InData) => self.await_map(draft, InData::default(), 0),
        }
    }

    fn old_gnu_map(
        &mut self,
        block: &Block,
        draft: Draft,
        mut runs: Vec<DataRun>,
        bytes: usize,
    ) -> Result<Step, Problem> {
        let limit = self.limits.sparse_map;
        let bytes = bytes + BLOCK;
        if bytes > limit {
            return Err(Problem::SparseMapTooLong { limit });
        }
        if !sparse::extend(block, &mut runs)? {
            return Ok(self.entry(draft.complete(runs, 0)?));
        }
        self.state = State::OldGnuMap { draft: Box::new(draft), runs, bytes };
        Ok(Step::Skeleton)
    }

    fn map_in_data(&mut self, block: &Block, draft: Draft, mut map: InData, bytes: u64) -> Result<Step, Problem> {
        let bytes = bytes + BLOCK as u64;
        match map.push(block, self.limits.sparse_map)? {
            Some(runs) => Ok(self.entry(draft.complete(runs, bytes)?)),
            None => self.await_map(draft, map, bytes),
        }
    }

    /// Waits for the next block of a map in the data, if there is room for one.
    fn await_map(&mut self, draft: Draft, map: InData, bytes: u64) -> Result<Step, Problem> {
        if draft.entry.stored - bytes < BLOCK as u64 {
            return Err(Problem::BadSparseMap { why: "it does not end within the data" });
        }
        self.state = State::MapInData { draft: Box::new(draft), map, bytes };
        Ok(Step::Skeleton)
    }

    fn entry(&mut self, draft: Draft) -> Step {
        self.state = match draft.entry.stored {
            0 => State::Header,
            left => State::Content { left, padding: padding(left) },
        };
        Step::Entry(draft)
    }
}
