//! Names: looking one up, listing them all.

use super::{Attr, Fs, FsError};
use crate::engine::{Ino, NodeKind};

/// Longest name that can be asked for, bytes, as on every Linux filesystem.
pub const NAME_MAX: usize = 255;

/// Cookies of the two entries every directory starts with; entry `i` of the tree follows at `i + 2`.
const DOT: u64 = 0;
const DOT_DOT: u64 = 1;
const FIRST: u64 = 2;

/// One name of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The name, any bytes but NUL and `/`.
    pub name: &'a [u8],
    /// The inode it names.
    pub ino: Ino,
    /// Its file type.
    pub kind: NodeKind,
    /// Cookie at which a listing goes on behind this entry.
    pub next: u64,
}

impl Fs {
    /// The inode that `name` names in `dir`, or `None`. `.` is the inode itself, whatever its kind, and
    /// `..` a directory's parent (the root's is the root).
    ///
    /// # Errors
    /// [`FsError::NotADirectory`], [`FsError::NameTooLong`], [`FsError::NoSuchInode`], a damaged tree.
    pub fn lookup(&self, dir: Ino, name: &[u8]) -> Result<Option<Attr>, FsError> {
        let found = self.watched(dir, || {
            if name == b"." {
                return Ok(Some(dir));
            }
            self.need_directory(dir)?;
            if name == b".." {
                return Ok(Some(self.tree.parent(dir)?));
            }
            if name.len() > NAME_MAX {
                return Err(FsError::NameTooLong);
            }
            Ok(self.tree.lookup(dir, name)?)
        })?;
        found.map(|ino| self.getattr(ino)).transpose()
    }

    /// Lists `dir` from `cookie` on (0 is the start, then [`DirEntry::next`] of the last entry taken),
    /// in name order behind `.` and `..`, until `emit` returns `true` for "full".
    /// A cookie past the end lists nothing.
    ///
    /// # Errors
    /// [`FsError::NotADirectory`], [`FsError::NoSuchInode`], a damaged tree.
    pub fn readdir(&self, dir: Ino, cookie: u64, mut emit: impl FnMut(DirEntry<'_>) -> bool) -> Result<(), FsError> {
        self.watched(dir, || {
            self.need_directory(dir)?;
            let mut at = cookie;
            loop {
                let next = at.saturating_add(1);
                let entry = match at {
                    DOT => DirEntry { name: b".", ino: dir, kind: NodeKind::Directory, next },
                    DOT_DOT => {
                        let ino = self.tree.parent(dir)?;
                        DirEntry { name: b"..", ino, kind: NodeKind::Directory, next }
                    }
                    _ => {
                        let Ok(index) = u32::try_from(at - FIRST) else {
                            return Ok(());
                        };
                        match self.tree.entry(dir, index)? {
                            Some((name, ino, kind)) => DirEntry { name, ino, kind, next },
                            None => return Ok(()),
                        }
                    }
                };
                if emit(entry) {
                    return Ok(());
                }
                at = next;
            }
        })
    }

    /// Like [`Fs::readdir`], with every entry's attributes.
    ///
    /// # Errors
    /// As `readdir`. An entry that cannot be described ends the listing before it; only a listing that
    /// starts at that entry fails, so that what stands before it can be seen.
    pub fn readdirplus(
        &self,
        dir: Ino,
        cookie: u64,
        mut emit: impl FnMut(DirEntry<'_>, &Attr) -> bool,
    ) -> Result<(), FsError> {
        let mut emitted = false;
        let mut failed = None;
        self.readdir(dir, cookie, |entry| match self.getattr(entry.ino) {
            Ok(attr) => {
                emitted = true;
                emit(entry, &attr)
            }
            Err(error) => {
                failed = Some(error);
                true
            }
        })?;
        match failed {
            Some(error) if !emitted => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn need_directory(&self, ino: Ino) -> Result<(), FsError> {
        match self.tree.node(ino)?.kind {
            NodeKind::Directory => Ok(()),
            _ => Err(FsError::NotADirectory(ino.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    fn list(fs: &Fs, dir: Ino, batch: usize) -> Vec<(Vec<u8>, Ino, NodeKind)> {
        let (mut all, mut cookie) = (Vec::new(), 0);
        loop {
            let before = all.len();
            fs.readdir(dir, cookie, |entry| {
                if all.len() - before == batch {
                    return true;
                }
                cookie = entry.next;
                all.push((entry.name.to_vec(), entry.ino, entry.kind));
                false
            })
            .unwrap();
            if all.len() == before {
                return all;
            }
        }
    }

    fn sample() -> Sample {
        let mut sample = Sample::new();
        sample.dir("dir");
        sample.file("dir/b", b"b");
        sample.file("dir/\u{e4}", b"a");
        sample.symlink("dir/a", b"b");
        sample.dir("dir/sub");
        sample
    }

    #[test]
    fn every_batch_size_lists_every_entry_once_in_order() {
        let fs = sample().fs();
        let dir = fs.lookup(Ino::ROOT, b"dir").unwrap().unwrap().ino;
        let whole = list(&fs, dir, usize::MAX);
        let names: Vec<_> = whole.iter().map(|(name, _, _)| name.as_slice()).collect();
        assert_eq!(names, [&b"."[..], b"..", b"a", b"b", b"sub", "\u{e4}".as_bytes()]);
        assert_eq!(whole[0].1, dir);
        assert_eq!(whole[1].1, Ino::ROOT);
        for (name, ino, kind) in &whole {
            let attr = fs.lookup(dir, name).unwrap().unwrap();
            assert_eq!((attr.ino, attr.kind), (*ino, *kind));
        }
        for batch in 1..8 {
            assert_eq!(list(&fs, dir, batch), whole, "batches of {batch}");
        }
    }

    #[test]
    fn cookies_past_the_end_list_nothing() {
        let fs = sample().fs();
        for cookie in [100, u64::from(u32::MAX) + 2, u64::from(u32::MAX) + 3, u64::MAX] {
            fs.readdir(Ino::ROOT, cookie, |entry| panic!("{entry:?}")).unwrap();
        }
    }

    #[test]
    fn attributes_of_a_listing_are_those_of_getattr() {
        let fs = sample().fs();
        let dir = fs.lookup(Ino::ROOT, b"dir").unwrap().unwrap().ino;
        let mut seen = 0;
        fs.readdirplus(dir, 0, |entry, attr| {
            assert_eq!(*attr, fs.getattr(entry.ino).unwrap());
            assert_eq!(attr.kind, entry.kind);
            seen += 1;
            false
        })
        .unwrap();
        assert_eq!(seen, 6);
    }

    #[test]
    fn dot_and_dot_dot_resolve_and_missing_names_do_not() {
        let fs = sample().fs();
        let dir = fs.lookup(Ino::ROOT, b"dir").unwrap().unwrap().ino;
        let file = fs.lookup(dir, b"b").unwrap().unwrap().ino;
        let ino = |dir, name: &[u8]| fs.lookup(dir, name).map(|found| found.map(|attr| attr.ino));
        assert_eq!(ino(dir, b".").unwrap(), Some(dir));
        assert_eq!(ino(dir, b"..").unwrap(), Some(Ino::ROOT));
        assert_eq!(ino(Ino::ROOT, b"..").unwrap(), Some(Ino::ROOT));
        assert_eq!(ino(file, b".").unwrap(), Some(file), "a handle to a file is opened by this");
        assert!(matches!(ino(file, b".."), Err(FsError::NotADirectory(_))));
        assert!(matches!(ino(file, b"x"), Err(FsError::NotADirectory(_))));
        assert_eq!(ino(dir, b"c").unwrap(), None);
        assert_eq!(ino(dir, b"").unwrap(), None);
        assert_eq!(ino(dir, &[b'x'; NAME_MAX]).unwrap(), None);
        assert!(matches!(ino(dir, &[b'x'; NAME_MAX + 1]), Err(FsError::NameTooLong)));
        assert!(matches!(ino(Ino(0), b"."), Err(FsError::NoSuchInode(0))));
        assert!(matches!(ino(Ino(u64::MAX), b"x"), Err(FsError::NoSuchInode(_))));
    }
}
