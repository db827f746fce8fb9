//! Making inodes and names out of members.

use super::arena::{Inode, NONE, Payload};
use super::resolve::Parent;
use super::{TreeBuilder, bare_directory, new_directory};
use crate::tar::{Entry, EntryKind};
use crate::tree::error::{BuildError, show};
use crate::tree::limits::{MAX_ENTRIES, MAX_TARGET, MAX_XATTR_NAME, MAX_XATTR_VALUE, MAX_XATTRS};
use crate::tree::node::ContentRef;

impl TreeBuilder {
    /// The directory a member goes into; missing ones on the way are made.
    pub(super) fn make_parent(&mut self, entry: &Entry, parents: &[&[u8]]) -> Result<u32, BuildError> {
        match self.follow(&entry.path, parents)? {
            Parent::Found(dir) => Ok(dir),
            Parent::Blocked(component) => {
                Err(BuildError::NotADirectory { path: show(&entry.path), component: show(&component) })
            }
            Parent::Missing(dir, missing) => missing.iter().try_fold(dir, |dir, component| {
                let name = self.put_directory(&entry.path, dir, component)?;
                Ok(self.arena.name(name).inode)
            }),
        }
    }

    /// Puts an inode under a name, in place of what was there.
    pub(super) fn put(&mut self, entry: &Entry, dir: u32, name: &[u8], inode: u32) -> Result<u32, BuildError> {
        self.put_at(&entry.path, dir, name, inode)
    }

    fn put_at(&mut self, path: &[u8], dir: u32, name: &[u8], inode: u32) -> Result<u32, BuildError> {
        if let Some(existing) = self.arena.find(dir, name) {
            self.arena.detach(existing);
            self.arena.name_mut(existing).inode = inode;
            return Ok(existing);
        }
        let Payload::Directory { depth, .. } = self.arena.inode(dir).payload else {
            return Err(BuildError::Defect("a name put into something that is no directory"));
        };
        let limits = self.limits;
        if depth >= limits.max_depth {
            return Err(self.limit(path, "directories above a name", limits.max_depth, "max_depth"));
        }
        // The root is an entry too.
        if self.arena.name_count() + 1 >= limits.max_entries.min(MAX_ENTRIES) as usize {
            return Err(self.limit(path, "entries", limits.max_entries.min(MAX_ENTRIES), "max_entries"));
        }
        if self.arena.name_pool_len() + name.len() > limits.max_name_bytes as usize {
            return Err(self.limit(path, "bytes of names", limits.max_name_bytes, "max_name_bytes"));
        }
        self.arena
            .add_name(dir, name, inode)
            .ok_or_else(|| self.limit(path, "bytes of names", limits.max_name_bytes, "max_name_bytes"))
    }

    /// Makes a directory without metadata of its own.
    pub(super) fn put_directory(&mut self, path: &[u8], dir: u32, name: &[u8]) -> Result<u32, BuildError> {
        let Payload::Directory { depth, .. } = self.arena.inode(dir).payload else {
            return Err(BuildError::Defect("a directory made in something that is no directory"));
        };
        let inode = self.add_inode(path, bare_directory(new_directory(NONE, depth.saturating_add(1))))?;
        let own_name = self.put_at(path, dir, name, inode)?;
        if let Payload::Directory { name, .. } = &mut self.arena.inode_mut(inode).payload {
            *name = own_name;
        }
        Ok(own_name)
    }

    /// Gives a directory the metadata of its entry.
    pub(super) fn set_directory(&mut self, entry: &Entry, dir: u32) -> Result<(), BuildError> {
        let declared_by = self.layer;
        let mut inode = self.metadata(entry, self.arena.inode(dir).payload)?;
        if let Payload::Directory { declared, .. } = &mut inode.payload {
            *declared = declared_by;
        }
        *self.arena.inode_mut(dir) = inode;
        Ok(())
    }

    /// A new inode for anything that is neither a directory nor a hard link.
    pub(super) fn new_inode(&mut self, entry: &Entry, content: Option<ContentRef>) -> Result<u32, BuildError> {
        let (major, minor) = (entry.dev_major, entry.dev_minor);
        let payload = match entry.kind {
            EntryKind::File => self.file(entry, content)?,
            EntryKind::Symlink => self.symlink(entry)?,
            EntryKind::CharDevice => Payload::CharDevice { major, minor },
            EntryKind::BlockDevice => Payload::BlockDevice { major, minor },
            EntryKind::Fifo => Payload::Fifo,
            EntryKind::Directory | EntryKind::HardLink => {
                return Err(BuildError::Defect("a directory or hard link made as a plain inode"));
            }
        };
        let inode = self.metadata(entry, payload)?;
        self.add_inode(&entry.path, inode)
    }

    fn add_inode(&mut self, path: &[u8], inode: Inode) -> Result<u32, BuildError> {
        let limit = self.limits.max_entries;
        self.arena.add_inode(inode).ok_or_else(|| self.limit(path, "entries", limit, "max_entries"))
    }

    fn metadata(&mut self, entry: &Entry, payload: Payload) -> Result<Inode, BuildError> {
        let bad = |why| BuildError::BadEntry { path: show(&entry.path), why };
        if entry.mtime.nanos >= 1_000_000_000 {
            return Err(bad("a modification time with a billion nanoseconds or more"));
        }
        let mode = match (entry.kind, u16::try_from(entry.mode)) {
            // Symbolic links have no mode of their own on Linux.
            (EntryKind::Symlink, _) => 0o777,
            (_, Ok(mode @ 0..=0o7777)) => mode,
            _ => return Err(bad("mode bits beyond 07777")),
        };
        let too_long = |(name, value): &(Vec<u8>, Vec<u8>)| {
            name.is_empty() || name.len() > MAX_XATTR_NAME || value.len() > MAX_XATTR_VALUE
        };
        if entry.xattrs.len() > MAX_XATTRS || entry.xattrs.iter().any(too_long) {
            return Err(bad("extended attributes beyond what Linux can hold"));
        }
        let limit = self.limits.max_xattr_bytes;
        let over = || BuildError::Limit {
            path: show(&entry.path),
            what: "bytes of extended attributes",
            limit: u64::from(limit),
            field: "max_xattr_bytes",
        };
        let xattrs = self.xattrs.intern(&entry.xattrs).ok_or_else(over)?;
        if self.xattrs.bytes() > limit as usize {
            return Err(over());
        }
        let (secs, nanos) = (entry.mtime.secs, entry.mtime.nanos);
        Ok(Inode { secs, nanos, uid: entry.uid, gid: entry.gid, nlink: 1, xattrs, mode, payload })
    }

    fn file(&mut self, entry: &Entry, content: Option<ContentRef>) -> Result<Payload, BuildError> {
        let bad = |why| BuildError::BadEntry { path: show(&entry.path), why };
        let content = content.filter(|content| content.count > 0);
        if (entry.stored > 0) != content.is_some() {
            return Err(bad("its stored size and its content do not agree"));
        }
        if entry.sparse.is_none() && entry.stored != entry.size {
            return Err(bad("its stored size differs from its size, and it is not sparse"));
        }
        let (layer, first, count) = content.map_or((0, 0, 0), |at| (at.layer, at.first, at.count));
        let layer = u16::try_from(layer).map_err(|_| bad("its layer is number 65536 or above"))?;
        let count = u32::try_from(count).map_err(|_| bad("it has 2^32 chunks or more"))?;
        let sparse = self.sparse_file(entry)?;
        Ok(Payload::File { size: entry.size, first, count, layer, sparse })
    }

    fn sparse_file(&mut self, entry: &Entry) -> Result<u32, BuildError> {
        let Some(runs) = &entry.sparse else {
            return Ok(NONE);
        };
        let mut end = 0;
        let mut stored = 0u64;
        for run in runs {
            match run.offset.checked_add(run.len) {
                Some(next) if run.offset >= end && next <= entry.size => end = next,
                _ => stored = u64::MAX,
            }
            stored = stored.saturating_add(run.len);
        }
        if stored != entry.stored || stored == u64::MAX {
            let why = "its data runs overlap, lie outside the file, or do not add up to its stored size";
            return Err(BuildError::BadEntry { path: show(&entry.path), why });
        }
        self.sparse_runs += runs.len();
        let limit = self.limits.max_sparse_runs;
        let index = u32::try_from(self.sparse.len()).ok().filter(|&index| index != NONE);
        let Some(index) = index.filter(|_| self.sparse_runs <= limit as usize) else {
            return Err(self.limit(&entry.path, "data runs of sparse files", limit, "max_sparse_runs"));
        };
        self.sparse.push(runs.clone().into_boxed_slice());
        Ok(index)
    }

    fn symlink(&mut self, entry: &Entry) -> Result<Payload, BuildError> {
        let bad = |why| BuildError::BadEntry { path: show(&entry.path), why };
        let len = match u16::try_from(entry.link.len()) {
            Ok(0) => return Err(bad("a symbolic link without a target")),
            Ok(len) if usize::from(len) <= MAX_TARGET => len,
            _ => return Err(bad("a symbolic link's target over 4095 bytes")),
        };
        if entry.link.contains(&0) {
            return Err(bad("a NUL byte in its path or link"));
        }
        let limit = self.limits.max_target_bytes;
        let start = u32::try_from(self.targets.len()).ok();
        let Some(start) = start.filter(|&start| start.saturating_add(u32::from(len)) <= limit) else {
            return Err(self.limit(&entry.path, "bytes of link targets", limit, "max_target_bytes"));
        };
        self.targets.extend_from_slice(&entry.link);
        Ok(Payload::Symlink { start, len })
    }
}
