//! The proof that encoders wrote the members of a blob: each deflate stream is cut into lanes that threads check side by side.
//!
//! Memory: the lanes under way, `threads` + 2 at most, hold up to [`QUEUE`] pieces each.

use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::lane::{End, Feed, Lane, Start};
use super::near::{Amendment, Resume, Stretch};
use super::place::Bits;
use super::recent::Recent;
use super::watch::{Edge, Edges};
use super::{DeflateEncoder, EncoderFault};

/// Decoded bytes after which a lane ends at the next block: what a resumed encoder does twice is a thirtieth of that.
const LANE: u64 = 4 << 20;
/// Decoded bytes that a lane is given beyond its end, so that its encoder gets there: more than any encoder's look-ahead.
const BEYOND: u64 = 96 << 10;
/// Decoded bytes before a block that are at hand: a window, what may lie between it and its place in a buffer, and a block's
/// worth of literals.
const HISTORY: usize = 192 << 10;
/// A piece is handed to a lane when it has so many decoded bytes, or half as many of the stream.
const PIECE: usize = 128 << 10;
/// Pieces that wait for one lane.
const QUEUE: usize = 40;
/// Most places that a member's recipe tells of; beyond, every other is dropped.
const MAX_PLACES: usize = 4096;

/// What the lanes found.
#[derive(Debug, Default)]
pub(super) struct Findings(Mutex<Option<Result<Wrong, EncoderFault>>>);

/// A member, and an encoder that did not write it.
pub(super) type Wrong = (usize, DeflateEncoder);

impl Findings {
    /// The first that went wrong.
    pub(super) fn first(&self) -> Option<Result<Wrong, EncoderFault>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, found: Result<Wrong, EncoderFault>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
    }
}

/// Where lanes are checked.
pub(super) struct Lanes<'f> {
    sender: Sender<Lane>,
    findings: &'f Findings,
}

impl Lanes<'_> {
    /// Whether a lane went wrong already.
    pub(super) fn has_failed(&self) -> bool {
        self.findings.first().is_some()
    }

    fn open(&self, member: usize, encoder: DeflateEncoder, start: Start) -> Result<Sender<Feed>, Gone> {
        let (sender, feed) = bounded(QUEUE);
        self.sender.send(Lane { member, encoder, start, feed }).map_err(|_| Gone)?;
        Ok(sender)
    }
}

/// Runs `feed` while `threads` threads check the lanes that it makes; [`Findings`] are complete when it returns.
pub(super) fn with_lanes<T>(threads: usize, findings: &Findings, feed: impl FnOnce(&Lanes<'_>) -> T) -> T {
    let (sender, queue) = bounded::<Lane>(1);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let queue = queue.clone();
            scope.spawn(move || check(&queue, findings));
        }
        drop(queue);
        let lanes = Lanes { sender, findings };
        feed(&lanes)
    })
}

fn check(queue: &Receiver<Lane>, findings: &Findings) {
    for lane in queue {
        let who = (lane.member, lane.encoder);
        match lane.holds() {
            Ok(true) => {}
            Ok(false) => findings.report(Ok(who)),
            Err(fault) => findings.report(Err(fault)),
        }
    }
}

/// A lane is gone: [`Findings`] say why.
#[derive(Debug)]
pub(super) struct Gone;

/// Feeds one member's deflate stream to lanes.
pub(super) struct MemberProof<'l> {
    lanes: &'l Lanes<'l>,
    member: usize,
    encoder: DeflateEncoder,
    lane: Sender<Feed>,
    plain: Vec<u8>,
    body: Vec<u8>,
    /// Decoded offset at which the lane began.
    lane_at: u64,
    recent: Recent<HISTORY>,
    /// Where the lane ends and the next begins, until the lane has had enough bytes beyond.
    next: Option<Next>,
    places: Places,
}

struct Next {
    edge: Edge,
    tail: Bits,
    /// The byte in which the block behind the edge starts, or the one before if it starts a byte.
    shared: Option<u8>,
    plain: Vec<u8>,
    plain_at: u64,
    body: Vec<u8>,
}

impl<'l> MemberProof<'l> {
    /// Begins with the stream.
    pub(super) fn begin(lanes: &'l Lanes<'l>, member: usize, encoder: DeflateEncoder) -> Result<Self, Gone> {
        let lane = lanes.open(member, encoder, Start::Stream)?;
        let (plain, body, recent, places) = (Vec::new(), Vec::new(), Recent::default(), Places::default());
        Ok(Self { lanes, member, encoder, lane, plain, body, lane_at: 0, recent, next: None, places })
    }

    /// Who is said to have written it.
    pub(super) fn encoder(&self) -> DeflateEncoder {
        self.encoder
    }

    /// Takes bytes that begin at offset `body_at` of the stream, what they decode to, and the edge that lies in them, if any.
    pub(super) fn push(&mut self, body: &[u8], body_at: u64, plain: &[u8], edges: &mut Edges) -> Result<(), Gone> {
        if self.lanes.has_failed() {
            return Err(Gone);
        }
        self.recent.push(plain);
        if let Some(edge) = edges.take()
            && self.next.is_none()
        {
            self.meet(edge, body, body_at);
        } else if let Some(next) = &mut self.next {
            next.plain.extend_from_slice(plain);
            next.body.extend_from_slice(body);
        } else {
            self.body.extend_from_slice(body);
        }
        self.plain.extend_from_slice(plain);
        if self.next.as_ref().is_some_and(|next| self.recent.end() >= next.edge.block + BEYOND) {
            self.change_lanes()?;
        }
        if self.next.is_none()
            && self.recent.end() - self.lane_at >= LANE
            && let Some(cut) = self.encoder.cut()
        {
            edges.want(cut);
        }
        if self.plain.len() >= PIECE || self.body.len() >= PIECE / 2 { self.send() } else { Ok(()) }
    }

    /// The stream is complete: where it can be resumed, if it is what the encoder writes.
    pub(super) fn finish(&mut self) -> Result<Vec<Amendment>, Gone> {
        // A lane that could not be given enough beyond its end goes on to the stream's.
        if let Some(next) = self.next.take() {
            self.body.extend_from_slice(&next.body);
        }
        self.send()?;
        self.lane.send(Feed::End(End::Stream)).map_err(|_| Gone)?;
        Ok(std::mem::take(&mut self.places).into_amendments())
    }

    /// The edge lies in the bytes pushed last: what comes before it belongs to this lane, the rest to the next.
    fn meet(&mut self, edge: Edge, body: &[u8], body_at: u64) {
        let plain = self.encoder.origin(edge.clean).and_then(|origin| self.recent.since(origin));
        let cut = (edge.bit / 8).checked_sub(body_at).and_then(|at| body.split_at_checked(usize::try_from(at).ok()?));
        let (Some(plain), Some((before, after))) = (plain, cut) else {
            // Too far back: this edge is passed by.
            self.body.extend_from_slice(body);
            return;
        };
        let count = (edge.bit % 8) as u8;
        let value = after.first().map_or(0, |byte| byte & !(0xff << count));
        self.body.extend_from_slice(before);
        self.next = Some(Next {
            edge,
            tail: Bits { value, count },
            shared: if count == 0 { before.last().copied() } else { Some(value) },
            plain_at: self.recent.end() - plain.len() as u64,
            plain: plain.to_vec(),
            body: after.to_vec(),
        });
    }

    fn change_lanes(&mut self) -> Result<(), Gone> {
        let Some(next) = self.next.take() else { return Ok(()) };
        self.send()?;
        self.lane.send(Feed::End(End::Block(next.tail))).map_err(|_| Gone)?;
        let Next { edge, tail, shared, plain, plain_at, body } = next;
        if let Some(shared) = shared {
            self.places.add(edge, shared);
        }
        let start = Start::Block { plain, plain_at, clean: edge.clean, block: edge.block, lead: tail };
        self.lane = self.lanes.open(self.member, self.encoder, start)?;
        self.lane_at = edge.block;
        self.body = body;
        Ok(())
    }

    fn send(&mut self) -> Result<(), Gone> {
        let (plain, body) = (std::mem::take(&mut self.plain), std::mem::take(&mut self.body));
        self.lane.send(Feed::Bytes { plain, body }).map_err(|_| Gone)
    }
}

/// Where lanes begin: an encoder can be resumed there when the stream is made again.
///
/// A place is a stretch of a single byte, which the encoder would write just so.
#[derive(Default)]
struct Places {
    list: Vec<Stretch>,
    /// Least decoded bytes between two of them, once there were too many.
    apart: u64,
    last: u64,
}

impl Places {
    fn add(&mut self, edge: Edge, shared: u8) {
        let (at, bits) = match edge.bit % 8 {
            0 => (edge.bit / 8 - 1, 8),
            _ => (edge.bit / 8, (edge.bit % 8) as u8),
        };
        if edge.block - self.last < self.apart {
            return;
        }
        self.last = edge.block;
        let resume = Resume::Block { bits, at: edge.block, literals: edge.block - edge.clean };
        self.list.push(Stretch { at, bytes: [shared].into(), resume });
        if self.list.len() >= MAX_PLACES {
            let mut odd = false;
            self.list.retain(|_| {
                odd = !odd;
                odd
            });
            self.apart = (2 * self.apart).max(2 * LANE);
        }
    }

    fn into_amendments(self) -> Vec<Amendment> {
        self.list.into_iter().map(Amendment::Stretch).collect()
    }
}
