//! Which ranges of one pack are here or on their way, and how its readers move.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::SystemTime;

use super::MAX_AHEAD;

/// Whether a reader that stopped at `last` and now wants `start..end` goes from front to back. What it skips may be a few times as
/// much as what it wants: more than that, and most of what is fetched ahead would be for nobody.
fn goes_on(last: Option<u64>, start: u64, end: u64) -> bool {
    last.is_some_and(|last| start >= last && start - last <= 4 * (end - start))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the file of a piece, which may begin before and end after what counts of it.
    Here(Piece),
    OnItsWay,
}

/// What one file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) len: u64,
}

/// What is to be done for the next bytes of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Read them from this piece, up to this byte.
    Here { piece: Piece, end: u64 },
    /// Somebody is fetching them.
    Wait,
    /// Fetch this piece, which is now marked as on its way.
    Fetch { start: u64, len: u64 },
}

/// Pieces of one pack: none overlaps another.
#[derive(Debug, Default)]
pub(super) struct Known {
    pieces: BTreeMap<u64, (u64, State)>,
    /// Where the last reader stopped.
    last_end: Option<u64>,
    /// Bytes that are worth fetching ahead.
    ahead: u64,
    /// What the directory was like when its pieces were last learned.
    stamp: Option<SystemTime>,
}

impl Known {
    /// Whether some piece has the byte, or will have it.
    pub(super) fn covers(&self, at: u64) -> bool {
        self.pieces.range(..=at).next_back().is_some_and(|(start, (len, _))| start + len > at)
    }

    /// Whether the directory may hold pieces that are not known here: other processes keep theirs in it, too.
    pub(super) fn is_behind(&self, stamp: Option<SystemTime>) -> bool {
        stamp.is_none() || self.stamp != stamp
    }

    /// Learns of the pieces that are here. Where two overlap, the one that is known counts, then the earlier.
    pub(super) fn learn(&mut self, here: Vec<(u64, u64)>, stamp: Option<SystemTime>) {
        for (start, len) in here {
            let (mut at, end) = (start, start.saturating_add(len));
            while at < end {
                let before = self.pieces.range(..=at).next_back().map_or(0, |(start, (len, _))| start + len);
                at = at.max(before);
                let free = self.pieces.range(at..).next().map_or(end, |(start, _)| *start).min(end);
                if free > at {
                    self.pieces.insert(at, (free - at, State::Here(Piece { start, len })));
                }
                at = at.max(free);
            }
        }
        self.stamp = stamp;
    }

    /// What to do for the byte at `at`, for somebody who reads all of `read`.
    pub(super) fn next(&mut self, read: Range<u64>, at: u64, pack_len: Option<u64>) -> Next {
        let end = read.end;
        if let Some((start, (len, state))) = self.pieces.range(..=at).next_back()
            && start + len > at
        {
            return match state {
                State::Here(piece) => Next::Here { piece: *piece, end: start + len },
                State::OnItsWay => Next::Wait,
            };
        }
        let room = self.pieces.range(at..).next().map_or(u64::MAX, |(start, _)| *start);
        let is_sequential = goes_on(self.last_end, read.start, end);
        let ahead = match pack_len {
            Some(pack_len) if is_sequential => at.saturating_add(self.ahead).min(pack_len),
            _ => 0,
        };
        let len = end.max(ahead).min(room) - at;
        self.pieces.insert(at, (len, State::OnItsWay));
        Next::Fetch { start: at, len }
    }

    /// Learns of a reader's progress: going on from where the last one stopped doubles what is fetched ahead.
    pub(super) fn read_until(&mut self, start: u64, end: u64) {
        self.ahead =
            if goes_on(self.last_end, start, end) { (self.ahead * 2).max(2 * (end - start)).min(MAX_AHEAD) } else { 0 };
        self.last_end = Some(end);
    }

    /// A piece that was on its way is here, or did not come.
    pub(super) fn arrived(&mut self, start: u64, kept: bool) {
        match self.pieces.get_mut(&start) {
            Some((len, state)) if kept => *state = State::Here(Piece { start, len: *len }),
            _ => drop(self.pieces.remove(&start)),
        }
    }

    /// Whatever was to be read from this piece is not here.
    pub(super) fn forget(&mut self, piece: Piece) {
        self.pieces.retain(|_, (_, state)| *state != State::Here(piece));
    }

    /// The pieces that bytes of this range are read from.
    pub(super) fn touching(&self, start: u64, end: u64) -> Vec<Piece> {
        let before = self.pieces.range(..start).next_back();
        let within = self.pieces.range(start..end);
        let touched = before.into_iter().chain(within).filter(|(at, (len, _))| *at + len > start);
        let mut pieces: Vec<Piece> = touched
            .filter_map(|(_, (_, state))| match state {
                State::Here(piece) => Some(*piece),
                State::OnItsWay => None,
            })
            .collect();
        pieces.dedup();
        pieces
    }
}

/// Whether these pieces, which may overlap, have every byte of `start..end` together.
pub(super) fn cover(mut pieces: Vec<(u64, u64)>, start: u64, end: u64) -> bool {
    pieces.sort_unstable();
    let reached = pieces
        .into_iter()
        .fold(start, |reached, (at, len)| if at <= reached { reached.max(at.saturating_add(len)) } else { reached });
    reached >= end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_covered_by_pieces_without_gaps() {
        let pieces = || vec![(50, 20), (0, 50), (60, 30), (91, 9)];
        assert!(cover(pieces(), 0, 90) && cover(pieces(), 10, 60) && cover(pieces(), 91, 100) && cover(vec![], 5, 5));
        assert!(!cover(pieces(), 0, 91) && !cover(pieces(), 90, 95) && !cover(vec![], 0, 1));
    }

    #[test]
    fn only_what_is_missing_is_fetched_and_only_once() {
        let mut known = Known::default();
        known.learn(vec![(100, 50), (120, 10), (300, 0)], None);
        assert_eq!(known.next(0..200, 0, Some(1000)), Next::Fetch { start: 0, len: 100 });
        assert_eq!(known.next(99..200, 99, Some(1000)), Next::Wait);
        let here = |start, len| Next::Here { piece: Piece { start, len }, end: start + len };
        assert_eq!(known.next(100..200, 100, Some(1000)), here(100, 50));
        assert_eq!(known.next(150..200, 150, Some(1000)), Next::Fetch { start: 150, len: 50 });
        known.arrived(0, true);
        known.arrived(150, false);
        assert_eq!(known.next(5..6, 5, None), here(0, 100));
        assert_eq!(known.next(150..160, 150, None), Next::Fetch { start: 150, len: 10 });
        let (first, second) = (Piece { start: 0, len: 100 }, Piece { start: 100, len: 50 });
        assert_eq!(known.touching(99, 101), [first, second]);
        known.forget(first);
        assert_eq!(known.touching(0, 200), [second]);
    }

    /// Somebody else brought all of it while parts of it came here: what lies between them is not fetched again.
    #[test]
    fn a_piece_that_others_overlap_counts_where_it_is_alone() {
        let mut known = Known::default();
        assert_eq!(known.next(10..20, 10, None), Next::Fetch { start: 10, len: 10 });
        known.arrived(10, true);
        assert_eq!(known.next(50..60, 50, None), Next::Fetch { start: 50, len: 10 });
        known.learn(vec![(5, 100)], None);
        known.learn(vec![(5, 100)], None);
        let (whole, own) = (Piece { start: 5, len: 100 }, Piece { start: 10, len: 10 });
        for (at, piece, end) in [(5, whole, 10), (10, own, 20), (20, whole, 50), (60, whole, 105)] {
            assert_eq!(known.next(at..at + 1, at, None), Next::Here { piece, end });
        }
        assert_eq!(known.next(50..60, 55, None), Next::Wait);
        known.forget(whole);
        assert_eq!(known.touching(0, 200), [own]);
        assert_eq!(known.next(0..200, 60, None), Next::Fetch { start: 60, len: 140 });
    }

    #[test]
    fn who_goes_on_gets_more_and_more_ahead_and_never_past_the_end() {
        let mut known = Known::default();
        let (frame, mut at, mut lens) = (300_000, 0, Vec::new());
        let pack_len = 60_000_000;
        while at < pack_len {
            let end = (at + frame).min(pack_len);
            let mut position = at;
            while position < end {
                match known.next(at..end, position, Some(pack_len)) {
                    Next::Fetch { start, len } => {
                        assert!(start + len <= pack_len);
                        lens.push(len);
                        known.arrived(start, true);
                    }
                    Next::Here { end, .. } => position = end,
                    Next::Wait => unreachable!(),
                }
            }
            known.read_until(at, end);
            at = end;
        }
        assert_eq!(lens.iter().sum::<u64>(), pack_len);
        assert!(lens.len() < 16, "{lens:?}");
        assert_eq!(lens[..2], [frame, frame], "a first read is no reason to read ahead");
    }

    #[test]
    fn who_jumps_gets_what_was_asked_for() {
        let mut known = Known::default();
        for at in [50_000_000, 10_000_000, 30_000_000] {
            assert_eq!(known.next(at..at + 1000, at, Some(60_000_000)), Next::Fetch { start: at, len: 1000 });
            known.arrived(at, true);
            known.read_until(at, at + 1000);
        }
    }
}
