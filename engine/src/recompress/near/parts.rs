//! Amendments carried out side by side: a stretch ends one part of the stream, and the next begins where the encoder is resumed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};

use super::carry::AmendedEncoder;
use super::edges::{BEYOND, HISTORY};
use super::{Amendment, Amendments, Resume, Stretch};
use crate::parallel::{Crew, Hand};
use crate::recompress::DeflateEncoder;
use crate::recompress::encoder::EncodeError;
use crate::recompress::recent::Recent;

/// Decoded bytes of a part at least.
const MIN_PART: u64 = 2 << 20;
/// Decoded bytes kept to begin the next part with: more than [`HISTORY`] and [`BEYOND`].
const KEPT: usize = 1 << 20;
/// Decoded bytes handed on at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait for a part: all of one as a proof cuts them.
const QUEUE: usize = 80;
/// Outputs that wait of a part.
const READY: usize = 1024;

type Sink<'s> = &'s mut dyn FnMut(&[u8]) -> Result<(), EncodeError>;

/// Makes one member's deflate stream from its decoded bytes, with amendments, by as many threads as there are hands free.
///
/// Memory: about 8 MiB for each part under way, of which there is one more than the crew has hands.
pub(in crate::recompress) struct PartedEncoder {
    encoder: DeflateEncoder,
    amendments: Arc<Amendments>,
    /// Parts that are not begun; the first of them may be of the stream.
    coming: VecDeque<Part>,
    /// Parts that are begun and not written to their end. The last is being fed.
    under_way: VecDeque<Working>,
    recent: Recent<KEPT>,
    /// One part may be encoded at any time, more only by hands of the crew.
    own: Crew,
    crew: Crew,
}

/// Amendments between two cuts.
struct Part {
    /// The stretch behind which it begins, by number; `None` for the stream's first.
    behind: Option<usize>,
    /// Its amendments. Unless it is the last part, a stretch ends it.
    list: Range<usize>,
}

struct Working {
    feed: Sender<Feed>,
    made: Receiver<Made>,
}

enum Feed {
    Bytes(Vec<u8>),
    End,
}

enum Made {
    Bytes(Vec<u8>),
    End(Result<(), EncodeError>),
}

impl PartedEncoder {
    /// `None` if there is nothing to do side by side.
    pub(in crate::recompress) fn start(
        encoder: DeflateEncoder,
        amendments: &Arc<Amendments>,
        crew: &Crew,
    ) -> Option<Self> {
        if crew.size() < 2 {
            return None;
        }
        let mut coming = VecDeque::new();
        let (mut behind, mut first, mut begun) = (None, 0, 0);
        for (number, amendment) in amendments.list.iter().enumerate() {
            if let Some((_, at)) = cut(amendment)
                && at.saturating_sub(begun) >= MIN_PART
            {
                coming.push_back(Part { behind, list: first..number + 1 });
                (behind, first, begun) = (Some(number), number + 1, at);
            }
        }
        behind?;
        coming.push_back(Part { behind, list: first..amendments.list.len() });
        Some(Self {
            encoder,
            amendments: Arc::clone(amendments),
            coming,
            under_way: VecDeque::new(),
            recent: Recent::default(),
            own: Crew::new(1),
            crew: crew.clone(),
        })
    }

    /// Takes `data`; what is ready goes to `sink`.
    pub(in crate::recompress) fn push(&mut self, data: &[u8], sink: Sink<'_>) -> Result<(), EncodeError> {
        for piece in data.chunks(PIECE) {
            if self.under_way.is_empty() {
                self.begin(sink)?;
            }
            self.recent.push(piece);
            self.feed(Feed::Bytes(piece.to_vec()), sink)?;
            while self.next_start().is_some_and(|at| self.recent.end() >= at.saturating_add(BEYOND)) {
                self.change(sink)?;
            }
        }
        while let Some(first) = self.under_way.front() {
            match first.made.try_recv() {
                Ok(made) => self.take(made, sink)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(EncodeError::Failed),
            }
        }
        Ok(())
    }

    /// Ends the stream.
    pub(in crate::recompress) fn finish(mut self, sink: Sink<'_>) -> Result<(), EncodeError> {
        if self.under_way.is_empty() {
            self.begin(sink)?;
        }
        while self.next_start().is_some_and(|at| self.recent.end() >= at) {
            self.change(sink)?;
        }
        if !self.coming.is_empty() {
            return Err(EncodeError::Unfit);
        }
        self.feed(Feed::End, sink)?;
        while !self.under_way.is_empty() {
            self.wait(sink)?;
        }
        Ok(())
    }

    /// Where the next part begins in the decoded bytes.
    fn next_start(&self) -> Option<u64> {
        let behind = self.coming.front()?.behind?;
        self.amendments.list.get(behind).and_then(cut).map(|(_, at)| at)
    }

    /// Lets the part that is fed come to its end, and begins the next.
    fn change(&mut self, sink: Sink<'_>) -> Result<(), EncodeError> {
        self.feed(Feed::End, sink)?;
        self.begin(sink)
    }

    /// Begins the next part, once somebody is free for it.
    fn begin(&mut self, sink: Sink<'_>) -> Result<(), EncodeError> {
        let Some(part) = self.coming.pop_front() else { return Err(EncodeError::Unfit) };
        let hand = loop {
            // Parts that are made and wait for their turn to be written take room, too.
            let is_full = self.under_way.len() > self.crew.size();
            if let Some(hand) = self.own.take().or_else(|| self.crew.take()).filter(|_| !is_full) {
                break hand;
            }
            self.wait(sink)?;
        };
        let amendments = Arc::new(self.amendments_of(&part));
        let (encoder, plain) = match part.behind.and_then(|number| self.amendments.list.get(number)).and_then(cut) {
            None => (AmendedEncoder::start(self.encoder, amendments)?, Vec::new()),
            Some((stretch, at)) => {
                let from = at.saturating_sub(HISTORY).max(self.recent.start());
                let plain = self.recent.since(from).unwrap_or_default().to_vec();
                (AmendedEncoder::behind(self.encoder, amendments, stretch, from), plain)
            }
        };
        let (feed, queue) = bounded(QUEUE);
        let (ready, made) = bounded(READY);
        thread::Builder::new()
            .name("encoder".into())
            .spawn(move || work(encoder, &plain, &queue, &ready, hand))
            .map_err(EncodeError::Write)?;
        self.under_way.push_back(Working { feed, made });
        Ok(())
    }

    fn amendments_of(&self, part: &Part) -> Amendments {
        let mut list = self.amendments.list.get(part.list.clone()).unwrap_or_default().to_vec();
        if !self.coming.is_empty()
            && let Some(Amendment::Stretch(stretch)) = list.last_mut()
        {
            // What it shares with the block behind it, that block's part writes.
            let shared = matches!(stretch.resume, Resume::Block { bits: ..8, .. });
            let whole = stretch.bytes.len().saturating_sub(shared.into());
            stretch.bytes = stretch.bytes.get(..whole).unwrap_or_default().into();
            stretch.resume = Resume::End;
        }
        Amendments { slides: self.amendments.slides.clone(), list }
    }

    /// Hands something to the last part, and takes what the first has made while that takes time.
    fn feed(&mut self, feed: Feed, sink: Sink<'_>) -> Result<(), EncodeError> {
        loop {
            let (Some(first), Some(last)) = (self.under_way.front(), self.under_way.back()) else {
                return Err(EncodeError::Failed);
            };
            let mut select = Select::new();
            let to_last = select.send(&last.feed);
            select.recv(&first.made);
            let ready = select.select();
            let made = if ready.index() == to_last {
                if ready.send(&last.feed, feed).is_ok() {
                    return Ok(());
                }
                break;
            } else {
                ready.recv(&first.made)
            };
            self.take(made.map_err(|_| EncodeError::Failed)?, sink)?;
        }
        // It takes nothing any more: what it says comes last.
        while !self.under_way.is_empty() {
            self.wait(sink)?;
        }
        Err(EncodeError::Failed)
    }

    /// Waits until the first part has made something, and takes it.
    fn wait(&mut self, sink: Sink<'_>) -> Result<(), EncodeError> {
        let first = self.under_way.front().ok_or(EncodeError::Failed)?;
        let made = first.made.recv().map_err(|_| EncodeError::Failed)?;
        self.take(made, sink)
    }

    fn take(&mut self, made: Made, sink: Sink<'_>) -> Result<(), EncodeError> {
        match made {
            Made::Bytes(bytes) => sink(&bytes),
            Made::End(ended) => {
                self.under_way.pop_front();
                ended
            }
        }
    }
}

/// A stretch behind which a part can begin, and the decoded bytes before that.
fn cut(amendment: &Amendment) -> Option<(&Stretch, u64)> {
    match amendment {
        Amendment::Stretch(stretch) => match stretch.resume {
            Resume::Block { at, .. } => Some((stretch, at)),
            Resume::End => None,
        },
        Amendment::Flush { .. } => None,
    }
}

/// Encodes a part; ends early if nobody wants it any more.
fn work(encoder: AmendedEncoder, plain: &[u8], queue: &Receiver<Feed>, ready: &Sender<Made>, hand: Hand) {
    let ended = encode(encoder, plain, queue, ready);
    drop(hand);
    // Without a receiver nobody wants to know.
    let _ = ready.send(Made::End(ended));
}

fn encode(
    mut encoder: AmendedEncoder,
    plain: &[u8],
    queue: &Receiver<Feed>,
    ready: &Sender<Made>,
) -> Result<(), EncodeError> {
    let mut sink = |bytes: &[u8]| {
        if bytes.is_empty() {
            return Ok(());
        }
        ready.send(Made::Bytes(bytes.to_vec())).map_err(|_| EncodeError::Failed)
    };
    encoder.push(plain, &mut sink)?;
    for feed in queue {
        match feed {
            Feed::Bytes(bytes) => encoder.push(&bytes, &mut sink)?,
            Feed::End => return encoder.finish(&mut sink),
        }
    }
    Err(EncodeError::Failed)
}
