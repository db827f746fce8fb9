//! File contents: open, read, holes.

use super::sparse::{Segment, SparseMap};
use super::{Fs, FsError};
use crate::engine::{ContentRef, Ino, Node, NodeKind};
use crate::hydrate::Pacer;

/// How an opened file is to be served.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opened {
    /// By `read`, with the kernel keeping what it has read; there is nothing to close.
    Cached,
}

impl Fs {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`FsError::ReadOnly`] if it is to be written, [`FsError::IsADirectory`], [`FsError::Invalid`] for
    /// other kinds, [`FsError::NoSuchInode`].
    pub fn open(&self, ino: Ino, for_writing: bool) -> Result<Opened, FsError> {
        self.watched(ino, || {
            self.file_node(ino)?;
            if for_writing { Err(FsError::ReadOnly) } else { Ok(Opened::Cached) }
        })
    }

    /// Reads from `offset` into `buf` and returns how much there was: less than `buf` only at the end of
    /// the file. Holes read as zeros.
    ///
    /// # Errors
    /// [`FsError::Content`] when bytes could not be had (nothing is handed out then),
    /// [`FsError::IsADirectory`], [`FsError::Invalid`] for other kinds, [`FsError::NoSuchInode`].
    pub fn read(&self, ino: Ino, offset: u64, buf: &mut [u8]) -> Result<usize, FsError> {
        let _reading = self.pacer.as_deref().map(Pacer::reading);
        let read = self.watched(ino, || {
            let node = self.file_node(ino)?;
            let left = usize::try_from(node.size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let len = left.min(buf.len());
            let (buf, _) = buf.split_at_mut(len);
            if node.is_sparse {
                self.read_sparse(ino, &node, offset, buf)?;
            } else if len > 0 {
                self.content.read_stored(stored(ino, &node)?, offset, buf)?;
            }
            Ok(len)
        });
        if let (Some(cold), Some(pack)) = (&self.cold, read.as_ref().err().and_then(FsError::asleep)) {
            cold.asleep(pack);
        }
        read
    }

    /// Whether [`Fs::read`] would answer at once, without waiting for a disk or the network.
    pub fn is_hot(&self, ino: Ino, offset: u64, len: u64) -> bool {
        match self.tree.node(ino) {
            Ok(Node { kind: NodeKind::File, is_sparse: false, size, content: Some(content), .. }) => {
                let len = len.min(size.saturating_sub(offset));
                len == 0 || self.content.is_hot(content, offset, len)
            }
            Ok(node) => !node.is_sparse,
            Err(_) => true,
        }
    }

    /// `SEEK_DATA`: the first data byte at or after `offset`.
    ///
    /// # Errors
    /// [`FsError::PastData`] when there is none; else as [`Fs::read`].
    pub fn seek_data(&self, ino: Ino, offset: u64) -> Result<u64, FsError> {
        self.seek(ino, offset, |map| map.next_data(offset).ok_or(FsError::PastData), |_| offset)
    }

    /// `SEEK_HOLE`: the first hole byte at or after `offset`; every file ends in one.
    ///
    /// # Errors
    /// [`FsError::PastData`] from the end of the file on; else as [`Fs::read`].
    pub fn seek_hole(&self, ino: Ino, offset: u64) -> Result<u64, FsError> {
        self.seek(ino, offset, |map| Ok(map.next_hole(offset)), |size| size)
    }

    fn seek(
        &self,
        ino: Ino,
        offset: u64,
        sparse: impl FnOnce(&SparseMap) -> Result<u64, FsError>,
        dense: impl FnOnce(u64) -> u64,
    ) -> Result<u64, FsError> {
        self.watched(ino, || {
            let node = self.file_node(ino)?;
            if offset >= node.size {
                return Err(FsError::PastData);
            }
            if node.is_sparse { sparse(&*self.map(ino, &node)?) } else { Ok(dense(node.size)) }
        })
    }

    fn read_sparse(&self, ino: Ino, node: &Node, offset: u64, buf: &mut [u8]) -> Result<(), FsError> {
        let map = self.map(ino, node)?;
        buf.fill(0);
        for Segment { at, stored: from, len } in map.segments(offset, buf.len() as u64) {
            let range = usize::try_from(at).ok().zip(usize::try_from(at + len).ok());
            let piece = range.and_then(|(from, to)| buf.get_mut(from..to));
            let piece = piece.ok_or(FsError::Corrupt { ino: ino.0, what: "a data run is out of range" })?;
            self.content.read_stored(stored(ino, node)?, from, piece)?;
        }
        Ok(())
    }

    fn map(&self, ino: Ino, node: &Node) -> Result<std::sync::Arc<SparseMap>, FsError> {
        self.sparse.get(ino, || SparseMap::new(ino, node.size, &self.tree.sparse_runs(ino)?))
    }

    fn file_node(&self, ino: Ino) -> Result<Node, FsError> {
        let node = self.tree.node(ino)?;
        match node.kind {
            NodeKind::File => Ok(node),
            NodeKind::Directory => Err(FsError::IsADirectory(ino.0)),
            _ => Err(FsError::Invalid(ino.0)),
        }
    }
}

fn stored(ino: Ino, node: &Node) -> Result<ContentRef, FsError> {
    node.content.ok_or(FsError::Corrupt { ino: ino.0, what: "it has a size but no content" })
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use crate::content::ContentError;
    use crate::engine::DataRun;
    use crate::sample::{Damage, Sample};
    use proptest::prelude::*;

    fn one_file(make: impl FnOnce(&mut Sample)) -> (Fs, Ino) {
        let mut sample = Sample::new();
        make(&mut sample);
        let fs = sample.fs();
        let ino = fs.lookup(Ino::ROOT, b"f").unwrap().unwrap().ino;
        (fs, ino)
    }

    #[test]
    fn reads_stop_at_the_end() {
        let (fs, f) = one_file(|s| {
            s.file("f", b"0123456789");
        });
        let mut buf = [0xee; 6];
        assert_eq!(fs.read(f, 7, &mut buf).unwrap(), 3);
        assert_eq!(&buf, b"789\xee\xee\xee");
        assert_eq!(fs.read(f, 10, &mut buf).unwrap(), 0);
        assert_eq!(fs.read(f, u64::MAX, &mut buf).unwrap(), 0);
        assert_eq!(fs.read(f, 0, &mut []).unwrap(), 0);
    }

    #[test]
    fn only_files_can_be_read_and_nothing_written() {
        let mut sample = Sample::new();
        sample.symlink("l", b"x");
        sample.file("f", b"x");
        let fs = sample.fs();
        let ino = |name: &[u8]| fs.lookup(Ino::ROOT, name).unwrap().unwrap().ino;
        assert_eq!(fs.open(ino(b"f"), false).unwrap(), Opened::Cached);
        assert!(matches!(fs.open(ino(b"f"), true), Err(FsError::ReadOnly)));
        assert!(matches!(fs.open(ino(b"l"), false), Err(FsError::Invalid(_))));
        assert!(matches!(fs.read(Ino::ROOT, 0, &mut [0]), Err(FsError::IsADirectory(1))));
        assert!(matches!(fs.read(ino(b"l"), 0, &mut [0]), Err(FsError::Invalid(_))));
        assert!(matches!(fs.read(Ino(77), 0, &mut [0]), Err(FsError::NoSuchInode(77))));
    }

    #[test]
    fn what_cannot_be_had_is_an_error_of_its_kind() {
        for (damage, errno) in [
            (Damage::Corrupt, libc::EIO),
            (Damage::Missing, libc::EIO),
            (Damage::Frozen, libc::EREMOTEIO),
            (Damage::Io, libc::EIO),
        ] {
            let (fs, f) = one_file(|s| {
                s.file("f", b"0123456789");
                s.damage("f", damage);
            });
            let error = fs.read(f, 0, &mut [0; 4]).unwrap_err();
            assert_eq!(error.errno(), errno, "{damage:?}");
            assert!(matches!(
                error,
                FsError::Content(
                    ContentError::Corrupt { .. }
                        | ContentError::Missing { .. }
                        | ContentError::Frozen { .. }
                        | ContentError::Io { .. }
                )
            ));
            assert_eq!(fs.read(f, 10, &mut [0; 4]).unwrap(), 0, "nothing is asked for past the end");
        }
    }

    #[test]
    fn seeks_in_a_plain_file() {
        let (fs, f) = one_file(|s| {
            s.file("f", b"0123456789");
        });
        assert_eq!(fs.seek_data(f, 3).unwrap(), 3);
        assert_eq!(fs.seek_hole(f, 3).unwrap(), 10);
        assert!(matches!(fs.seek_data(f, 10), Err(FsError::PastData)));
        assert!(matches!(fs.seek_hole(f, 10), Err(FsError::PastData)));
    }

    proptest! {
        #[test]
        fn sparse_reads_agree_with_the_expanded_file(
            parts in prop::collection::vec((0u64..50, prop::collection::vec(1u8.., 0..50)), 0..8),
            tail in 0u64..50, offset in 0u64..500, len in 0usize..500,
        ) {
            let (mut runs, mut stored, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            for (gap, data) in parts {
                whole.resize(whole.len() + gap as usize, 0);
                runs.push(DataRun { offset: whole.len() as u64, len: data.len() as u64 });
                whole.extend_from_slice(&data);
                stored.extend_from_slice(&data);
            }
            whole.resize(whole.len() + tail as usize, 0);
            let (fs, f) = one_file(|s| { s.sparse("f", whole.len() as u64, &runs, &stored); });
            let mut buf = vec![0xee; len];
            let got = fs.read(f, offset, &mut buf).unwrap();
            let want: Vec<u8> = whole.iter().copied().skip(offset as usize).take(len).collect();
            prop_assert_eq!(&buf[..got], &want[..]);
        }
    }
}
