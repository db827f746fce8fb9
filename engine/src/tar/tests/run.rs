//! Feeds a stream and records what comes out.

use crate::tar::{Entry, Event, Limits, Splitter, Summary, TarError};

/// An event that owns its bytes; neighbours of one kind are joined, so that slicing leaves no trace.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    Skeleton(Vec<u8>),
    Entry(Box<Entry>),
    Content(Vec<u8>),
    EndEntry,
}

#[derive(Debug, PartialEq)]
pub(super) struct Run {
    pub(super) events: Vec<Seen>,
    pub(super) result: Result<Summary, TarError>,
}

/// Feeds the stream in the pieces given and checks what holds for every stream.
pub(super) fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Run {
    let mut splitter = Splitter::new(Limits::default());
    let mut events = Vec::new();
    let mut sink = |event: Event<'_>| {
        match (events.last_mut(), event) {
            (Some(Seen::Skeleton(bytes)), Event::Skeleton(more)) => bytes.extend_from_slice(more),
            (Some(Seen::Content(bytes)), Event::Content(more)) => bytes.extend_from_slice(more),
            (_, Event::Skeleton(bytes)) => events.push(Seen::Skeleton(bytes.to_vec())),
            (_, Event::Content(bytes)) => events.push(Seen::Content(bytes.to_vec())),
            (_, Event::Entry(entry)) => events.push(Seen::Entry(Box::new(entry))),
            (_, Event::EndEntry) => events.push(Seen::EndEntry),
        }
        Ok::<(), TarError>(())
    };
    let (mut fed, mut failure) = (Vec::new(), None);
    for piece in pieces {
        fed.extend_from_slice(piece);
        if let Err(error) = splitter.feed(piece, &mut sink) {
            failure = Some(error);
            break;
        }
    }
    let finished = splitter.finish();
    let result = match failure {
        Some(error) => {
            assert!(finished.is_err(), "a refused stream must stay refused");
            Err(error)
        }
        None => finished,
    };
    let run = Run { events, result };
    run.check(&fed);
    run
}

pub(super) fn feed_whole(stream: &[u8]) -> Run {
    feed(std::iter::once(stream))
}

impl Run {
    /// Every stream: the bytes are all there (up to an error, a prefix), events are in order, entries are sound.
    fn check(&self, fed: &[u8]) {
        let bytes = self.bytes();
        match &self.result {
            Err(error) if !matches!(error.problem, crate::tar::Problem::Truncated { .. }) => {
                assert!(fed.starts_with(&bytes));
            }
            _ => assert!(bytes == fed, "bytes were lost"),
        }
        let (mut open, mut skeleton, mut content) = (None, 0, 0);
        for event in &self.events {
            match (event, &mut open) {
                (Seen::Skeleton(bytes), None) => skeleton += bytes.len() as u64,
                (Seen::Entry(entry), None) => {
                    check_entry(entry);
                    open = Some((entry.stored, 0));
                }
                (Seen::Content(bytes), Some((_, seen))) => {
                    assert!(!bytes.is_empty());
                    *seen += bytes.len() as u64;
                    content += bytes.len() as u64;
                }
                (Seen::EndEntry, Some((stored, seen))) => {
                    assert_eq!(stored, seen);
                    open = None;
                }
                (event, open) => panic!("{event:?} in {open:?}"),
            }
        }
        if let Ok(summary) = &self.result {
            assert!(open.is_none());
            assert_eq!((summary.skeleton, summary.content), (skeleton, content));
            assert_eq!(summary.entries, self.entries().count() as u64);
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let parts = self.events.iter().filter_map(|event| match event {
            Seen::Skeleton(bytes) | Seen::Content(bytes) => Some(&bytes[..]),
            _ => None,
        });
        parts.collect::<Vec<_>>().concat()
    }

    /// Entries with their stored content.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Entry, &[u8])> {
        self.events.iter().enumerate().filter_map(|(at, event)| match (event, self.events.get(at + 1)) {
            (Seen::Entry(entry), Some(Seen::Content(bytes))) => Some((&**entry, &bytes[..])),
            (Seen::Entry(entry), _) => Some((&**entry, &[][..])),
            _ => None,
        })
    }

    /// The only entry of a sound stream, with its content.
    pub(super) fn only(&self) -> (&Entry, &[u8]) {
        assert!(self.result.is_ok(), "{:?}", self.result);
        let mut entries = self.entries();
        let first = entries.next().expect("an entry");
        assert!(entries.next().is_none());
        first
    }

    pub(super) fn error(&self) -> &TarError {
        self.result.as_ref().expect_err("a stream to refuse")
    }
}

/// What the documentation of [`Entry`] promises.
fn check_entry(entry: &Entry) {
    assert!(!entry.path.is_empty() && !entry.path.contains(&0) && !entry.link.contains(&0));
    assert!(entry.mode <= 0o7777 && entry.mtime.nanos < 1_000_000_000);
    match &entry.sparse {
        None => assert_eq!(entry.size, entry.stored),
        Some(runs) => {
            assert_eq!(runs.iter().map(|run| run.len).sum::<u64>(), entry.stored);
            assert!(runs.iter().all(|run| run.len > 0));
            assert!(runs.is_sorted_by(|a, b| a.offset + a.len <= b.offset));
            assert!(runs.last().is_none_or(|run| run.offset + run.len <= entry.size));
        }
    }
}
