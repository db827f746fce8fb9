use super::bits::{Bits, Leftover, Run};
use super::careful::{self, Found};
use super::fast;
use super::lengths::{LengthReader, Lengths};
use super::table::Tables;
use super::window::Window;
use super::{BlockEnd, BlockHeader, BlockKind, Codes, Fault, TokenError, TokenSink};

/// Reads one raw deflate stream (RFC 1951) that comes in slices of any size.
///
/// Needs at most about 140 KiB, whatever the stream says.
pub struct TokenReader {
    state: State,
    left: Leftover,
    window: Window,
    tables: Box<Tables>,
    /// Those of the fixed codes, made when a block needs them, and once: such a block can be as short as ten bits.
    fixed_tables: Option<Box<Tables>>,
    /// Whether the block has the fixed codes.
    fixed: bool,
    lengths: Box<Lengths>,
    length_reader: Box<LengthReader>,
    block: Block,
}

/// How far a slice brought the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All of the slice was taken and more is needed.
    More,
    /// The stream is complete.
    End {
        /// Bytes of the slice that belong to it.
        consumed: usize,
        /// The up to 7 bits that fill its last byte; almost always 0.
        padding: u8,
    },
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    StoredLen { padding: u8 },
    Stored { left: u16 },
    Lengths,
    Tokens,
    End { padding: u8 },
    Refused,
}

/// The block being read.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    bit: u64,
    decoded: u64,
    last: bool,
    tokens: u64,
}

/// Whether to go on with the slice.
enum Go {
    To(State),
    /// The slice ends within an item.
    Starved,
}

impl Default for TokenReader {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenReader {
    /// At the start of a stream.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            left: Leftover::default(),
            window: Window::new(),
            tables: Box::new(Tables::new()),
            fixed_tables: None,
            fixed: false,
            lengths: Box::new(Lengths::new()),
            length_reader: Box::new(LengthReader::new()),
            block: Block::default(),
        }
    }

    /// Takes the next slice of the stream and tells `sink` all that is in it. After the end it takes nothing.
    ///
    /// # Errors
    /// When the stream is none, as soon as that shows; the sink has then had all that comes before. Later calls fail, too.
    pub fn push(&mut self, input: &[u8], sink: &mut impl TokenSink) -> Result<Step, TokenError> {
        let mut bits = Bits::new(self.left, input);
        let outcome = self.run(&mut bits, sink);
        self.window.hand_out(sink);
        if let Err(fault) = outcome {
            self.state = State::Refused;
            return Err(TokenError { bit: bits.position(), fault });
        }
        if let State::End { padding } = self.state {
            bits.give_back();
            self.left = bits.leftover();
            return Ok(Step::End { consumed: bits.at, padding });
        }
        self.left = bits.leftover();
        Ok(Step::More)
    }

    /// Says that there is no more input.
    ///
    /// # Errors
    /// When the stream is not complete.
    pub fn finish(&self) -> Result<(), TokenError> {
        let fault = match self.state {
            State::End { .. } => return Ok(()),
            State::Refused => Fault::Refused,
            _ => Fault::Truncated,
        };
        Err(TokenError { bit: Bits::new(self.left, &[]).position(), fault })
    }

    /// Bytes decoded so far.
    pub fn decoded(&self) -> u64 {
        self.window.decoded()
    }

    fn run(&mut self, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Result<(), Fault> {
        loop {
            let go = match self.state {
                State::Header => self.header(bits, sink)?,
                State::StoredLen { padding } => self.stored_len(padding, bits, sink)?,
                State::Stored { left } => self.stored(left, bits, sink),
                State::Lengths => self.lengths(bits, sink)?,
                State::Tokens => self.tokens(bits, sink)?,
                State::End { .. } => return Ok(()),
                State::Refused => return Err(Fault::Refused),
            };
            match go {
                Go::To(state) => self.state = state,
                Go::Starved => return Ok(()),
            }
        }
    }

    fn header(&mut self, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Result<Go, Fault> {
        if !bits.have(3) {
            return Ok(Go::Starved);
        }
        let head = bits.peek(3);
        if head >> 1 == 3 {
            return Err(Fault::BlockType);
        }
        self.block = Block { bit: bits.position(), decoded: self.window.decoded(), last: head & 1 == 1, tokens: 0 };
        bits.drop(3);
        Ok(Go::To(match head >> 1 {
            0 => State::StoredLen { padding: bits.align() },
            1 => {
                self.fixed = true;
                if self.fixed_tables.is_none() {
                    self.lengths.set_fixed();
                    let mut tables = Box::new(Tables::new());
                    tables.build(&self.lengths)?;
                    self.fixed_tables = Some(tables);
                }
                self.block.announce(BlockKind::Fixed, sink);
                State::Tokens
            }
            _ => {
                self.length_reader.start(&mut self.lengths);
                State::Lengths
            }
        }))
    }

    fn stored_len(&mut self, padding: u8, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Result<Go, Fault> {
        if !bits.have(32) {
            return Ok(Go::Starved);
        }
        let len = bits.peek(16);
        let complement = {
            let mut ahead = [0; 2];
            ahead.copy_from_slice(&bits.buffer.to_le_bytes()[2..4]);
            u16::from_le_bytes(ahead)
        };
        if len != !complement {
            return Err(Fault::StoredLength { len, complement });
        }
        bits.drop(32);
        self.block.announce(BlockKind::Stored { len, padding }, sink);
        Ok(Go::To(State::Stored { left: len }))
    }

    #[expect(clippy::cast_possible_truncation, reason = "no more than `left` bytes are taken")]
    fn stored(&mut self, left: u16, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Go {
        if left == 0 {
            return Go::To(self.end_block(bits, sink));
        }
        if self.window.is_full() {
            self.window.slide(sink);
        }
        let taken = match bits.bytes(usize::from(left).min(self.window.room())) {
            Run::One(byte) => {
                self.window.append(&[byte]);
                1
            }
            Run::Slice(run) => {
                self.window.append(run);
                run.len() as u16
            }
        };
        if taken == 0 { Go::Starved } else { Go::To(State::Stored { left: left - taken }) }
    }

    fn lengths(&mut self, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Result<Go, Fault> {
        if !self.length_reader.read(bits, &mut self.lengths)? {
            return Ok(Go::Starved);
        }
        self.fixed = false;
        self.tables.build(&self.lengths)?;
        self.block.announce(BlockKind::Dynamic(Codes::new(&self.lengths)), sink);
        Ok(Go::To(State::Tokens))
    }

    fn tokens(&mut self, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> Result<Go, Fault> {
        let tables = if self.fixed { self.fixed_tables.as_deref() } else { None }.unwrap_or(&self.tables);
        loop {
            if self.window.is_full() {
                self.window.slide(sink);
            }
            self.block.tokens += fast::tokens(bits, tables, &mut self.window, sink);
            if self.window.is_full() {
                continue;
            }
            match careful::token(bits, tables, &mut self.window, sink)? {
                Found::Token => self.block.tokens += 1,
                Found::EndOfBlock => return Ok(Go::To(self.end_block(bits, sink))),
                Found::Part => return Ok(Go::Starved),
            }
        }
    }

    fn end_block(&mut self, bits: &mut Bits<'_>, sink: &mut impl TokenSink) -> State {
        sink.end_block(&BlockEnd { bit: bits.position(), decoded: self.window.decoded(), tokens: self.block.tokens });
        if self.block.last { State::End { padding: bits.align() } } else { State::Header }
    }
}

impl Block {
    fn announce(&self, kind: BlockKind<'_>, sink: &mut impl TokenSink) {
        sink.block(&BlockHeader { bit: self.bit, decoded: self.decoded, last: self.last, kind });
    }
}
