//! Which entry gets which index, and how long each section becomes.

use super::TreeBuilder;
use super::arena::{NONE, Payload, ROOT};
use crate::tree::format::Counts;
use crate::tree::node::Totals;

/// The entries of a finished tree in order.
pub(super) struct Order {
    /// Name of entry `i + 1`; entry 0 is the root.
    pub names: Vec<u32>,
    /// Entry index by inode; `NONE` for inodes no longer in use.
    pub entry_of: Vec<u32>,
    /// New number of each attribute set, by old number; 0 for those no longer in use.
    pub xattr_numbers: Vec<u32>,
    pub counts: Counts,
    pub totals: Totals,
}

impl Order {
    /// Numbers the entries: the names of a directory in one block, in byte order; then, in the same order, the blocks of its
    /// subdirectories, each followed by its own. Neighbours in the image are neighbours in the file, and a change in one
    /// directory moves what comes later without changing it. Link counts of directories are settled on the way.
    ///
    /// `None` when a table would need more than 2^32 rows.
    pub fn of(builder: &mut TreeBuilder, xattr_sets: &[Box<[u8]>]) -> Option<Order> {
        let mut order = Order {
            names: Vec::with_capacity(builder.arena.name_count()),
            entry_of: vec![NONE; builder.arena.inode_slots()],
            xattr_numbers: vec![0; xattr_sets.len()],
            counts: Counts { entries: 1, ..Counts::default() },
            totals: Totals::default(),
        };
        let mut stack = vec![ROOT];
        let mut children = Vec::new();
        order.count_inode(builder, ROOT, 0, xattr_sets)?;
        while let Some(dir) = stack.pop() {
            children.clear();
            let mut at = builder.arena.first_name(dir);
            while let Some(name) = at {
                children.push(name);
                at = builder.arena.next_name(name);
            }
            children.sort_unstable_by(|&a, &b| builder.arena.name_bytes(a).cmp(builder.arena.name_bytes(b)));
            let block = if children.is_empty() { 0 } else { order.counts.entries };
            let below = stack.len();
            for &name in &children {
                let index = order.counts.entries;
                order.counts.entries = index.checked_add(1)?;
                let len = u32::try_from(builder.arena.name_bytes(name).len()).ok()?;
                order.counts.name_bytes = order.counts.name_bytes.checked_add(len)?;
                let inode = builder.arena.name(name).inode;
                if *order.entry_of.get(inode as usize)? == NONE {
                    order.count_inode(builder, inode, index, xattr_sets)?;
                }
                if builder.arena.is_directory(inode) {
                    stack.push(inode);
                }
            }
            let subdirs = stack.get_mut(below..)?;
            subdirs.reverse();
            let record = builder.arena.inode_mut(dir);
            record.nlink = u32::try_from(subdirs.len()).ok()?.checked_add(2)?;
            if let Payload::Directory { first, count, .. } = &mut record.payload {
                *first = block;
                *count = u32::try_from(children.len()).ok()?;
            }
            order.names.extend_from_slice(&children);
        }
        order.totals.entries = u64::from(order.counts.entries) - 1;
        order.totals.any_xattrs = order.counts.xattr_sets > 0;
        Some(order)
    }

    fn count_inode(&mut self, builder: &TreeBuilder, inode: u32, index: u32, xattr_sets: &[Box<[u8]>]) -> Option<()> {
        *self.entry_of.get_mut(inode as usize)? = index;
        self.totals.inodes += 1;
        let record = builder.arena.inode(inode);
        let counts = &mut self.counts;
        match record.payload {
            Payload::Directory { .. } => counts.dirs += 1,
            Payload::Symlink { len, .. } => {
                counts.targets += 1;
                counts.target_bytes = counts.target_bytes.checked_add(u32::from(len))?;
            }
            Payload::File { size, sparse, .. } => {
                self.totals.files += 1;
                self.totals.logical_bytes = self.totals.logical_bytes.wrapping_add(size);
                if sparse != NONE {
                    let runs = u32::try_from(builder.sparse.get(sparse as usize)?.len()).ok()?;
                    counts.sparse_files += 1;
                    counts.sparse_runs = counts.sparse_runs.checked_add(runs)?;
                }
            }
            _ => {}
        }
        let number = self.xattr_numbers.get_mut(record.xattrs as usize)?;
        if record.xattrs != 0 && *number == 0 {
            counts.xattr_sets += 1;
            *number = counts.xattr_sets;
            let bytes = u32::try_from(xattr_sets.get(record.xattrs as usize)?.len()).ok()?;
            counts.xattr_bytes = counts.xattr_bytes.checked_add(bytes)?;
        }
        Some(())
    }
}
