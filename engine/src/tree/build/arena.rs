//! Inodes and names while layers are merged: two arenas of fixed-size records, referred to by index.
//!
//! A million files are a million `Inode`s (64 bytes), as many `Name`s (28 bytes), their bytes, and a hash slot each; a tree of
//! boxed maps would take several times that.

use std::ops::Range;

use super::index::NameIndex;

/// No index.
pub(super) const NONE: u32 = u32::MAX;
/// The root directory's inode.
pub(super) const ROOT: u32 = 0;

/// What only one type of file has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload {
    File {
        size: u64,
        first: u64,
        count: u32,
        layer: u16,
        /// Index into the builder's sparse files, or `NONE`.
        sparse: u32,
    },
    Directory {
        /// Head of the list of names.
        children: u32,
        /// This directory's own name; `NONE` for the root.
        name: u32,
        depth: u32,
        /// Layer whose entry gave the metadata; 0 when made as a missing parent.
        declared: u32,
        /// Layer in which everything from lower layers was already whited out of it.
        cleared: u32,
        /// Index of its first entry in the finished tree, and number of entries.
        first: u32,
        count: u32,
    },
    Symlink {
        start: u32,
        len: u16,
    },
    CharDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Inode {
    pub secs: i64,
    pub nanos: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    /// Interned attribute set, 0 for none.
    pub xattrs: u32,
    pub mode: u16,
    pub payload: Payload,
}

/// One name in one directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// Inode of the directory.
    pub dir: u32,
    /// Inode behind the name; `NONE` while it is being replaced.
    pub inode: u32,
    start: u32,
    len: u8,
    previous: u32,
    next: u32,
    /// Last layer that had this path or something below it: whiteouts of that layer leave it alone.
    pub touched: u32,
}

/// All inodes and names of the merged tree so far.
#[derive(Debug)]
pub(super) struct Arena {
    inodes: Vec<Inode>,
    free_inodes: Vec<u32>,
    names: Vec<Name>,
    free_names: Vec<u32>,
    bytes: Vec<u8>,
    index: NameIndex,
}

impl Arena {
    pub fn new(root: Inode) -> Arena {
        Arena {
            inodes: vec![root],
            free_inodes: Vec::new(),
            names: Vec::new(),
            free_names: Vec::new(),
            bytes: Vec::new(),
            index: NameIndex::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "indices come from this arena and are never kept past their removal")]
    pub fn inode(&self, inode: u32) -> &Inode {
        &self.inodes[inode as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "as for `inode`")]
    pub fn inode_mut(&mut self, inode: u32) -> &mut Inode {
        &mut self.inodes[inode as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "as for `inode`")]
    pub fn name(&self, name: u32) -> &Name {
        &self.names[name as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "as for `inode`")]
    pub fn name_mut(&mut self, name: u32) -> &mut Name {
        &mut self.names[name as usize]
    }

    /// Raw bytes of a name.
    pub fn name_bytes(&self, name: u32) -> &[u8] {
        bytes_of(&self.bytes, self.name(name))
    }

    /// Names alive.
    pub fn name_count(&self) -> usize {
        self.names.len() - self.free_names.len()
    }

    /// Bytes of all names ever added.
    pub fn name_pool_len(&self) -> usize {
        self.bytes.len()
    }

    /// Slots of the inode arena, free ones included.
    pub fn inode_slots(&self) -> usize {
        self.inodes.len()
    }

    pub fn is_directory(&self, inode: u32) -> bool {
        matches!(self.inode(inode).payload, Payload::Directory { .. })
    }

    /// The name record of `bytes` in a directory.
    pub fn find(&self, dir: u32, bytes: &[u8]) -> Option<u32> {
        self.index.find(dir, bytes, |name| {
            let record = self.name(name);
            record.dir == dir && bytes_of(&self.bytes, record) == bytes
        })
    }

    /// First name of a directory; follow with [`Arena::next_name`]. In no particular order.
    pub fn first_name(&self, dir: u32) -> Option<u32> {
        match self.inode(dir).payload {
            Payload::Directory { children, .. } if children != NONE => Some(children),
            _ => None,
        }
    }

    pub fn next_name(&self, name: u32) -> Option<u32> {
        Some(self.name(name).next).filter(|&next| next != NONE)
    }

    /// Adds an inode; `None` when 2^32 - 1 are in use.
    pub fn add_inode(&mut self, inode: Inode) -> Option<u32> {
        if let Some(free) = self.free_inodes.pop() {
            *self.inode_mut(free) = inode;
            return Some(free);
        }
        let index = u32::try_from(self.inodes.len()).ok().filter(|&index| index != NONE)?;
        self.inodes.push(inode);
        Some(index)
    }

    /// Adds a name to a directory that does not have it; `None` when a pool is full. `bytes` is 1 to 255 bytes long.
    pub fn add_name(&mut self, dir: u32, bytes: &[u8], inode: u32) -> Option<u32> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let len = u8::try_from(bytes.len()).ok()?;
        let head = self.first_name(dir).unwrap_or(NONE);
        let record = Name { dir, inode, start, len, previous: NONE, next: head, touched: 0 };
        let index = match self.free_names.pop() {
            Some(free) => {
                *self.name_mut(free) = record;
                free
            }
            None => {
                let index = u32::try_from(self.names.len()).ok().filter(|&index| index != NONE)?;
                self.names.push(record);
                index
            }
        };
        self.bytes.extend_from_slice(bytes);
        if head != NONE {
            self.name_mut(head).previous = index;
        }
        self.set_first_name(dir, index);
        self.index.insert(dir, bytes, index);
        Some(index)
    }

    fn set_first_name(&mut self, dir: u32, name: u32) {
        if let Payload::Directory { children, .. } = &mut self.inode_mut(dir).payload {
            *children = name;
        }
    }

    /// Takes the inode off a name and leaves the name empty; a directory goes with all that is in it.
    pub fn detach(&mut self, name: u32) {
        let inode = std::mem::replace(&mut self.name_mut(name).inode, NONE);
        if inode == NONE {
            return;
        }
        if self.is_directory(inode) {
            self.remove_below(inode);
            self.free_inodes.push(inode);
            return;
        }
        let nlink = &mut self.inode_mut(inode).nlink;
        *nlink = nlink.saturating_sub(1);
        if *nlink == 0 {
            self.free_inodes.push(inode);
        }
    }

    /// Removes a name and what it stands for.
    pub fn remove(&mut self, name: u32) {
        self.detach(name);
        let record = *self.name(name);
        let Name { dir, previous, next, .. } = record;
        self.index.remove(dir, bytes_of(&self.bytes, &record), name);
        match previous {
            NONE => self.set_first_name(dir, next),
            previous => self.name_mut(previous).next = next,
        }
        if next != NONE {
            self.name_mut(next).previous = previous;
        }
        self.free_names.push(name);
    }

    /// Empties a directory, deepest first, without recursion: hostile trees are deep.
    fn remove_below(&mut self, dir: u32) {
        let mut at = dir;
        loop {
            match self.first_name(at) {
                Some(name) if self.first_name(self.name(name).inode).is_some() => at = self.name(name).inode,
                Some(name) => self.remove(name),
                None if at == dir => return,
                None => at = self.parent(at),
            }
        }
    }

    /// Parent of a directory; the root's is the root.
    pub fn parent(&self, dir: u32) -> u32 {
        match self.inode(dir).payload {
            Payload::Directory { name, .. } if name != NONE => self.name(name).dir,
            _ => ROOT,
        }
    }
}

fn bytes_of<'a>(pool: &'a [u8], name: &Name) -> &'a [u8] {
    let start = name.start as usize;
    let range: Range<usize> = start..start + usize::from(name.len);
    pool.get(range).unwrap_or_default()
}
