//! Two trees side by side, in the order of names.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::chunks::{self, Chunks};
use super::compare::{Side, compare};
use super::{Change, Each, Kind, Kinds, Summary, damaged};
use crate::error::Error;
use crate::read::OpenImage;
use crate::tree::{Ino, Node, NodeKind};

/// Where a walk is in a directory of one tree.
#[derive(Clone, Copy)]
struct Cursor {
    dir: Ino,
    next: u32,
}

/// A directory that at least one of the trees has.
struct Frame {
    first: Option<Cursor>,
    second: Option<Cursor>,
    path_len: usize,
}

/// What is known of one image on the way.
struct Image<'i> {
    open: &'i OpenImage,
    side: chunks::Side,
    /// Number of the path at which a hard-linked inode was met first.
    firsts: HashMap<Ino, u64>,
}

pub(super) struct Walk<'i> {
    first: Image<'i>,
    second: Image<'i>,
    ignored: Kinds,
    stack: Vec<Frame>,
    path: Vec<u8>,
    /// Paths gone through, of either tree: the same number is the same path.
    number: u64,
    chunks: Chunks,
    summary: Summary,
}

impl<'i> Image<'i> {
    fn new(open: &'i OpenImage, side: chunks::Side) -> Self {
        Image { open, side, firsts: HashMap::new() }
    }

    /// The next name of a directory, if there is one.
    fn peek(&self, cursor: Option<Cursor>) -> Result<Option<(&'i [u8], Ino)>, Error> {
        let Some(Cursor { dir, next }) = cursor else { return Ok(None) };
        Ok(self.open.tree().entry(dir, next).map_err(damaged)?.map(|(name, ino, _)| (name, ino)))
    }

    /// Looks at an inode, and gives the number of the path where it was met first.
    fn meet(&mut self, ino: Ino, number: u64, chunks: &mut Chunks) -> Result<(Side<'i>, u64), Error> {
        let node = self.open.tree().node(ino).map_err(damaged)?;
        let is_linked = node.kind != NodeKind::Directory && node.nlink > 1;
        let first = if is_linked { *self.firsts.entry(ino).or_insert(number) } else { number };
        if first == number {
            chunks.note(self.side, self.open, &node)?;
        }
        Ok((Side { image: self.open, ino, node }, first))
    }
}

fn into_directory(side: Option<(Ino, Node)>) -> Option<Cursor> {
    side.filter(|(_, node)| node.kind == NodeKind::Directory).map(|(dir, _)| Cursor { dir, next: 0 })
}

impl<'i> Walk<'i> {
    pub(super) fn new(first: &'i OpenImage, second: &'i OpenImage, ignored: Kinds) -> Self {
        Walk {
            first: Image::new(first, chunks::Side::First),
            second: Image::new(second, chunks::Side::Second),
            ignored,
            stack: Vec::new(),
            path: Vec::new(),
            number: 0,
            chunks: Chunks::default(),
            summary: Summary::default(),
        }
    }

    pub(super) fn run(mut self, each: &mut Each<'_>) -> Result<Summary, Error> {
        self.visit(Some(Ino::ROOT), Some(Ino::ROOT), each)?;
        while let Some(frame) = self.stack.last_mut() {
            let (one, other) = (self.first.peek(frame.first)?, self.second.peek(frame.second)?);
            let order = match (one, other) {
                (None, None) => {
                    self.stack.pop();
                    continue;
                }
                (Some((one, _)), Some((other, _))) => one.cmp(other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let one = one.filter(|_| order.is_le());
            let other = other.filter(|_| order.is_ge());
            for (cursor, taken) in [(&mut frame.first, one), (&mut frame.second, other)] {
                if let (Some(cursor), Some(_)) = (cursor, taken) {
                    cursor.next += 1;
                }
            }
            self.path.truncate(frame.path_len);
            self.path.push(b'/');
            self.path.extend_from_slice(one.or(other).map_or(b"", |(name, _)| name));
            self.visit(one.map(|(_, ino)| ino), other.map(|(_, ino)| ino), each)?;
        }
        self.chunks.sum(&mut self.summary);
        Ok(self.summary)
    }

    /// Compares what the trees have under the current path.
    fn visit(&mut self, first: Option<Ino>, second: Option<Ino>, each: &mut Each<'_>) -> Result<(), Error> {
        self.number += 1;
        let number = self.number;
        let first = first.map(|ino| self.first.meet(ino, number, &mut self.chunks)).transpose()?;
        let second = second.map(|ino| self.second.meet(ino, number, &mut self.chunks)).transpose()?;
        let change = match (&first, &second) {
            (Some((one, one_met)), Some((other, other_met))) => {
                let mut kinds = compare(*one, *other)?;
                if !kinds.contains(Kind::Type) {
                    kinds.note(Kind::Links, one_met != other_met);
                }
                let kinds = kinds.without(self.ignored);
                (!kinds.is_empty()).then_some(Change::Changed { before: one.node, after: other.node, kinds })
            }
            (Some((one, _)), None) => Some(Change::Removed(one.node)),
            (None, Some((other, _))) => Some(Change::Added(other.node)),
            (None, None) => None,
        };
        self.count(change.as_ref());
        if let Some(change) = &change {
            let path = if self.path.is_empty() { b"/" } else { self.path.as_slice() };
            each(path, change)?;
        }
        let inode = |side: Option<(Side<'_>, u64)>| side.map(|(side, _)| (side.ino, side.node));
        let (first, second) = (into_directory(inode(first)), into_directory(inode(second)));
        if first.is_some() || second.is_some() {
            self.stack.push(Frame { first, second, path_len: self.path.len() });
        }
        Ok(())
    }

    fn count(&mut self, change: Option<&Change>) {
        match change {
            None => self.summary.same += 1,
            Some(Change::Added(_)) => self.summary.added += 1,
            Some(Change::Removed(_)) => self.summary.removed += 1,
            Some(Change::Changed { kinds, .. }) => {
                self.summary.changed += 1;
                for (kind, count) in Kind::ALL.into_iter().zip(&mut self.summary.by_kind) {
                    *count += u64::from(kinds.contains(kind));
                }
            }
        }
    }
}
