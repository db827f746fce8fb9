//! The push interface: bytes in, events out.

use super::decoder::{Decoder, Step};
use super::entry::Entry;
use super::error::{Problem, TarError};
use super::gather::{Cursor, Gather};
use super::limits::Limits;
use super::member::Draft;

/// What the splitter tells its sink.
#[derive(Debug)]
pub enum Event<'a> {
    /// Bytes that are no file's content: headers, maps, padding, whatever follows the end of the archive.
    Skeleton(&'a [u8]),
    /// A member; its content, if any, follows.
    Entry(Entry),
    /// The next stored bytes of the member announced last.
    Content(&'a [u8]),
    /// That member's content is complete.
    EndEntry,
}

/// What a stream held, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries reported.
    pub entries: u64,
    /// Bytes reported as skeleton.
    pub skeleton: u64,
    /// Bytes reported as content.
    pub content: u64,
    /// Members of types that no runtime unpacks, which were left in the skeleton.
    pub unknown: u64,
    /// `LIBARCHIVE.xattr.*` records that could not be decoded and have no `SCHILY.xattr.*` twin.
    pub undecodable_xattrs: u64,
    /// Whether the archive ended with its marker rather than with the stream.
    pub ended_by_marker: bool,
}

/// Splits a tar stream, given in slices of any size, into skeleton and content.
///
/// The payloads of all [`Event::Skeleton`] and [`Event::Content`], put together in order, are the input. They are slices of
/// it: nothing but headers split over two inputs, extended headers and sparse maps is ever copied, and memory stays within a
/// small multiple of [`Limits::extended_header`] and [`Limits::sparse_map`].
#[derive(Debug)]
pub struct Splitter {
    gather: Gather,
    decoder: Decoder,
    summary: Summary,
    /// Bytes taken in.
    position: u64,
    /// An error ends a stream for good.
    stopped: bool,
}

impl Splitter {
    /// Starts a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            gather: Gather::new(),
            decoder: Decoder::new(limits),
            summary: Summary::default(),
            position: 0,
            stopped: false,
        }
    }

    /// Takes the stream's next bytes and tells `sink` what they are.
    ///
    /// All of `input` has been handed on when this returns `Ok`.
    ///
    /// # Errors
    /// A stream that is no sound tar archive, or what `sink` returned; after either, every further call fails. Before a
    /// [`TarError`] the sink is given every byte up to the end of the header or block that shows it.
    pub fn feed<E: From<TarError>>(
        &mut self,
        input: &[u8],
        sink: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.stopped {
            return Err(self.decoder.error(Problem::Stopped).into());
        }
        self.stopped = true;
        let mut cursor = Cursor::new(input, self.position);
        while !cursor.is_empty() {
            match self.decoder.step(&mut self.gather, &mut cursor) {
                Ok(Step::Skeleton) => {}
                Ok(Step::Entry(draft)) => {
                    self.skeleton(&mut cursor, sink)?;
                    self.entry(draft, sink)?;
                }
                Ok(Step::Content { is_last }) => {
                    // All skeleton was sent before the entry: what is unsent is content.
                    let bytes = cursor.unsent();
                    self.summary.content += bytes.len() as u64;
                    sink(Event::Content(bytes))?;
                    if is_last {
                        sink(Event::EndEntry)?;
                    }
                }
                Err(problem) => {
                    self.skeleton(&mut cursor, sink)?;
                    return Err(self.decoder.error(problem).into());
                }
            }
        }
        self.skeleton(&mut cursor, sink)?;
        self.position = cursor.position();
        self.stopped = false;
        Ok(())
    }

    /// Ends the stream.
    ///
    /// An archive need not end with its marker, and the last member's padding may be missing, as for Go's reader.
    ///
    /// # Errors
    /// A stream that ends inside a header or a member, or that was refused before.
    pub fn finish(mut self) -> Result<Summary, TarError> {
        if self.stopped {
            return Err(self.decoder.error(Problem::Stopped));
        }
        match self.decoder.finish(self.gather.filled(), self.position) {
            Ok(ended_by_marker) => {
                let unknown = self.decoder.unknown();
                Ok(Summary { unknown, ended_by_marker, ..self.summary })
            }
            Err(problem) => Err(self.decoder.error(problem)),
        }
    }

    fn entry<E>(&mut self, draft: Draft, sink: &mut impl FnMut(Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let Draft { entry, undecodable } = draft;
        self.summary.entries += 1;
        self.summary.undecodable_xattrs += undecodable;
        let is_empty = entry.stored == 0;
        sink(Event::Entry(entry))?;
        if is_empty { sink(Event::EndEntry) } else { Ok(()) }
    }

    fn skeleton<E>(
        &mut self,
        cursor: &mut Cursor<'_>,
        sink: &mut impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match cursor.unsent() {
            [] => Ok(()),
            bytes => {
                self.summary.skeleton += bytes.len() as u64;
                sink(Event::Skeleton(bytes))
            }
        }
    }
}
