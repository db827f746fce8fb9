//! From the arena to the bytes of a tree: one pass over the entries fills all columns at once.

use super::TreeBuilder;
use super::arena::{Inode, NONE, Payload, ROOT};
use super::order::Order;
use crate::tree::error::BuildError;
use crate::tree::format::{Counts, EntryType, HEADER_LEN, Header, SAMPLE_EVERY, Section};
use crate::tree::node::NodeKind;

/// Serializes what a builder has merged.
pub(super) fn write(mut builder: TreeBuilder) -> Result<Vec<u8>, BuildError> {
    let xattr_sets = std::mem::take(&mut builder.xattrs).into_sets();
    let defect = BuildError::Defect("sections and entries do not match");
    let order = Order::of(&mut builder, &xattr_sets).ok_or(BuildError::Defect("more than 2^32 rows in a table"))?;
    let len = usize::try_from(order.counts.file_len()).map_err(|_| defect.clone())?;
    let mut file = vec![0; len];
    let (head, body) = file.split_at_mut_checked(HEADER_LEN).ok_or(defect.clone())?;
    let mut writer = Writer::new(body, &order.counts).ok_or(defect.clone())?;
    writer.entries(&builder, &order).ok_or(defect.clone())?;
    writer.xattrs(&order, &xattr_sets).ok_or(defect.clone())?;
    if !writer.is_full() {
        return Err(defect);
    }
    let header = Header { counts: order.counts, totals: order.totals };
    head.copy_from_slice(&header.encode(body));
    Ok(file)
}

/// The sections of the body, each with what is still to be written of it, and the running sums that samples hold.
struct Writer<'a> {
    sections: [&'a mut [u8]; Section::COUNT],
    names: u32,
    dirs: u32,
    targets: u32,
    target_bytes: u32,
    sparse_runs: u32,
    expected_chunk: u64,
}

impl<'a> Writer<'a> {
    fn new(mut body: &'a mut [u8], counts: &Counts) -> Option<Writer<'a>> {
        let mut sections: [&mut [u8]; Section::COUNT] = std::array::from_fn(|_| &mut [][..]);
        for (section, kind) in sections.iter_mut().zip(Section::ALL) {
            *section = body.split_off_mut(..usize::try_from(counts.length(kind)).ok()?)?;
        }
        let start =
            Writer { sections, names: 0, dirs: 0, targets: 0, target_bytes: 0, sparse_runs: 0, expected_chunk: 0 };
        Some(start)
    }

    fn put(&mut self, section: Section, bytes: &[u8]) -> Option<()> {
        let rest = self.sections.get_mut(section as usize)?;
        rest.split_off_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(())
    }

    fn put_u32(&mut self, section: Section, value: u32) -> Option<()> {
        self.put(section, &value.to_le_bytes())
    }

    fn is_full(&self) -> bool {
        self.sections.iter().all(|rest| rest.is_empty())
    }

    fn entries(&mut self, builder: &TreeBuilder, order: &Order) -> Option<()> {
        self.entry(builder, order, 0, &[], ROOT)?;
        for (&name, index) in order.names.iter().zip(1u32..) {
            self.entry(builder, order, index, builder.arena.name_bytes(name), builder.arena.name(name).inode)?;
        }
        Some(())
    }

    fn entry(&mut self, builder: &TreeBuilder, order: &Order, index: u32, name: &[u8], inode: u32) -> Option<()> {
        if index.is_multiple_of(SAMPLE_EVERY) {
            for sum in [self.names, self.dirs, self.targets] {
                self.put_u32(Section::Samples, sum)?;
            }
            self.put(Section::Samples, &self.expected_chunk.to_le_bytes())?;
        }
        self.put(Section::NameLens, &[u8::try_from(name.len()).ok()?])?;
        self.put(Section::Names, name)?;
        self.names += u32::try_from(name.len()).ok()?;
        let own = *order.entry_of.get(inode as usize)?;
        if own != index {
            return self.alias(index.checked_sub(own)?);
        }
        let record = builder.arena.inode(inode);
        let kind = entry_type(record);
        self.put(Section::Modes, &(kind.code() << 12 | record.mode).to_le_bytes())?;
        self.put_u32(Section::Uids, record.uid)?;
        self.put_u32(Section::Gids, record.gid)?;
        self.put_u32(Section::Nlinks, record.nlink)?;
        self.put(Section::MtimeSecs, &record.secs.to_le_bytes())?;
        self.put_u32(Section::MtimeNanos, record.nanos)?;
        self.put_u32(Section::XattrRefs, *order.xattr_numbers.get(record.xattrs as usize)?)?;
        let size = self.payload(builder, order, index, record)?;
        self.put(Section::Sizes, &size.to_le_bytes())
    }

    /// A further name: how far back its inode's entry lies, and nothing else.
    fn alias(&mut self, back: u32) -> Option<()> {
        self.put(Section::Modes, &(EntryType::Alias.code() << 12).to_le_bytes())?;
        for section in [Section::Uids, Section::Gids, Section::Nlinks, Section::MtimeNanos, Section::XattrRefs] {
            self.put_u32(section, 0)?;
        }
        self.put(Section::MtimeSecs, &[0; 8])?;
        self.put(Section::Sizes, &u64::from(back).to_le_bytes())?;
        self.chunks(0, 0, 0)
    }

    /// Writes what only this type has; gives what belongs in the size column.
    fn payload(&mut self, builder: &TreeBuilder, order: &Order, index: u32, inode: &Inode) -> Option<u64> {
        let size = match inode.payload {
            Payload::File { size, first, count, layer, sparse } => {
                if sparse != NONE {
                    self.put_u32(Section::SparseFiles, index)?;
                    for run in builder.sparse.get(sparse as usize)? {
                        self.put(Section::SparseRuns, &run.offset.to_le_bytes())?;
                        self.put(Section::SparseRuns, &run.len.to_le_bytes())?;
                        self.sparse_runs += 1;
                    }
                    self.put_u32(Section::SparseFiles, self.sparse_runs)?;
                }
                self.chunks(layer, first, count)?;
                return Some(size);
            }
            Payload::Directory { name, first, count, .. } => {
                let parent = if name == NONE { ROOT } else { builder.arena.name(name).dir };
                self.directory(order, index, parent, first, count)?;
                0
            }
            Payload::Symlink { start, len } => {
                if self.targets.is_multiple_of(SAMPLE_EVERY) {
                    self.put_u32(Section::TargetSamples, self.target_bytes)?;
                }
                self.put(Section::TargetLens, &len.to_le_bytes())?;
                self.put(Section::Targets, builder.target(start, len))?;
                self.targets += 1;
                self.target_bytes += u32::from(len);
                u64::from(len)
            }
            Payload::CharDevice { major, minor } | Payload::BlockDevice { major, minor } => {
                u64::from(major) << 32 | u64::from(minor)
            }
            Payload::Fifo => 0,
        };
        self.chunks(0, 0, 0)?;
        Some(size)
    }

    fn directory(&mut self, order: &Order, index: u32, parent: u32, first: u32, count: u32) -> Option<()> {
        let ahead = if count == 0 { 0 } else { first.checked_sub(index)? };
        let parent = *order.entry_of.get(parent as usize)?;
        self.put_u32(Section::DirFirsts, ahead)?;
        self.put_u32(Section::DirCounts, count)?;
        self.put_u32(Section::DirParents, index.checked_sub(parent)?)?;
        self.dirs += 1;
        Some(())
    }

    /// A file's chunks as the distance from where the previous file's end; for everything else `count` is 0.
    fn chunks(&mut self, layer: u16, first: u64, count: u32) -> Option<()> {
        let gap = if count == 0 { 0 } else { first.wrapping_sub(self.expected_chunk) };
        self.expected_chunk = self.expected_chunk.wrapping_add(gap).wrapping_add(u64::from(count));
        self.put(Section::Layers, &layer.to_le_bytes())?;
        self.put(Section::Gaps, &gap.to_le_bytes())?;
        self.put_u32(Section::Counts, count)
    }

    fn xattrs(&mut self, order: &Order, sets: &[Box<[u8]>]) -> Option<()> {
        let mut used: Vec<(u32, &[u8])> = Vec::new();
        for (&number, set) in order.xattr_numbers.iter().zip(sets) {
            if number != 0 {
                used.push((number, set));
            }
        }
        used.sort_unstable_by_key(|&(number, _)| number);
        let mut end = 0;
        for (_, set) in used {
            end += u32::try_from(set.len()).ok()?;
            self.put_u32(Section::XattrEnds, end)?;
            self.put(Section::XattrPool, set)?;
        }
        Some(())
    }
}

fn entry_type(inode: &Inode) -> EntryType {
    match inode.payload {
        Payload::File { sparse: NONE, .. } => EntryType::Node(NodeKind::File),
        Payload::File { .. } => EntryType::SparseFile,
        Payload::Directory { .. } => EntryType::Node(NodeKind::Directory),
        Payload::Symlink { .. } => EntryType::Node(NodeKind::Symlink),
        Payload::CharDevice { .. } => EntryType::Node(NodeKind::CharDevice),
        Payload::BlockDevice { .. } => EntryType::Node(NodeKind::BlockDevice),
        Payload::Fifo => EntryType::Node(NodeKind::Fifo),
    }
}
