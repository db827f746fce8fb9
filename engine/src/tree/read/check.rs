//! Every rule of `FORMAT.md`, checked over a whole tree.

use super::Tree;
use super::columns::take_xattr;
use crate::tree::error::TreeError;
use crate::tree::format::{EntryType, SAMPLE_EVERY, SAMPLE_WIDTH, Section, corrupt, u32_at, u64_at};
use crate::tree::node::{Ino, NodeKind, Totals};

/// What is summed while the entries are gone through in order.
#[derive(Default)]
struct Running {
    totals: Totals,
    names: u64,
    dirs: u32,
    targets: u32,
    target_bytes: u64,
    sparse_files: u32,
    xattr_sets: u32,
    expected_chunk: u64,
    /// Names seen per inode, by entry index.
    links: Vec<u32>,
}

impl Tree {
    /// Checks every rule of the format, not only what a reader needs to stay safe: for scrubbing, tests and fuzzing.
    /// O(n) time and 4 bytes of memory an entry.
    ///
    /// # Errors
    /// [`TreeError::Corrupt`] with the first rule that is broken.
    pub fn check(&self) -> Result<(), TreeError> {
        let counts = self.header.counts;
        let mut run = Running { links: vec![0; counts.entries as usize], ..Running::default() };
        for index in 0..counts.entries {
            self.check_sample(index, &run)?;
            self.check_entry(index, &mut run)?;
        }
        self.check_directories(&mut run)?;
        for (index, &links) in run.links.iter().enumerate() {
            if links != self.columns().u32(Section::Nlinks, index)? {
                return Err(corrupt("a link count that is not the number of links", index));
            }
        }
        run.totals.entries = u64::from(counts.entries) - 1;
        run.totals.any_xattrs = run.xattr_sets > 0;
        let rows = [(run.dirs, counts.dirs), (run.targets, counts.targets), (run.sparse_files, counts.sparse_files)];
        let bytes = [(run.names, counts.name_bytes), (run.target_bytes, counts.target_bytes)];
        if rows.iter().any(|(seen, told)| seen != told)
            || bytes.iter().any(|&(seen, told)| seen != u64::from(told))
            || run.xattr_sets != counts.xattr_sets
            || run.totals != self.header.totals
        {
            return Err(corrupt("header counts that do not match the entries", 0));
        }
        self.check_pool_ends()
    }

    fn check_sample(&self, index: u32, run: &Running) -> Result<(), TreeError> {
        if !index.is_multiple_of(SAMPLE_EVERY) {
            return Ok(());
        }
        let at = (index / SAMPLE_EVERY) as usize * SAMPLE_WIDTH;
        let samples = self.columns().section(Section::Samples);
        if u64::from(u32_at(samples, at)?) != run.names
            || u32_at(samples, at + 4)? != run.dirs
            || u32_at(samples, at + 8)? != run.targets
            || u64_at(samples, at + 12)? != run.expected_chunk
        {
            return Err(corrupt("a sample that is not the sum before it", index as usize));
        }
        Ok(())
    }

    fn check_entry(&self, index: u32, run: &mut Running) -> Result<(), TreeError> {
        let columns = self.columns();
        let at = index as usize;
        let fail = |what| Err(corrupt(what, at));
        let name = columns.name(index)?;
        run.names += name.len() as u64;
        let bad =
            name.is_empty() || name == b"." || name == b".." || name.iter().any(|&byte| byte == 0 || byte == b'/');
        if bad != (index == 0) || (index == 0 && !name.is_empty()) {
            return fail("a name that no directory can hold");
        }
        let entry_type = columns.entry_type(index)?;
        if let EntryType::Alias = entry_type {
            let (inode, _) = self.behind(index)?;
            self.check_unused(index, true)?;
            return bump(&mut run.links, inode as usize);
        }
        run.totals.inodes += 1;
        let node = self.node(Ino::from_index(index))?;
        match entry_type {
            EntryType::Node(NodeKind::Directory) => run.dirs += 1,
            EntryType::Node(NodeKind::Symlink) => {
                if columns.target(index)?.len() as u64 != node.size || node.size == 0 || node.mode != 0o777 {
                    return fail("a symbolic link that contradicts itself");
                }
                if run.targets.is_multiple_of(SAMPLE_EVERY) {
                    let sample = columns.u32(Section::TargetSamples, (run.targets / SAMPLE_EVERY) as usize)?;
                    if u64::from(sample) != run.target_bytes {
                        return fail("a sample that is not the sum before it");
                    }
                }
                run.targets += 1;
                run.target_bytes += node.size;
            }
            EntryType::Node(NodeKind::File) | EntryType::SparseFile => {
                run.totals.files += 1;
                run.totals.logical_bytes = run.totals.logical_bytes.wrapping_add(node.size);
                self.check_file(index, run)?;
            }
            _ => {}
        }
        if index != 0 && node.kind != NodeKind::Directory {
            bump(&mut run.links, at)?;
        }
        if node.kind != NodeKind::File || node.content.is_none() {
            self.check_unused(index, false)?;
        }
        self.check_xattrs(index, run)
    }

    fn check_file(&self, index: u32, run: &mut Running) -> Result<(), TreeError> {
        let node = self.node(Ino::from_index(index))?;
        if let Some(content) = node.content {
            run.expected_chunk = content.first.wrapping_add(content.count);
        }
        if node.is_sparse {
            let row = run.sparse_files as usize;
            if u32_at(self.columns().section(Section::SparseFiles), row * 8)? != index {
                return Err(corrupt("a sparse file out of order in its table", index as usize));
            }
            run.sparse_files += 1;
            let mut end = 0;
            for data in self.sparse_runs(Ino::from_index(index))? {
                match data.offset.checked_add(data.len) {
                    Some(next) if data.offset >= end && next <= node.size => end = next,
                    _ => {
                        return Err(corrupt("sparse runs out of order or outside the file", index as usize));
                    }
                }
            }
        } else if node.size > 0 && node.content.is_none() {
            return Err(corrupt("a file with a size and no content", index as usize));
        }
        Ok(())
    }

    /// Columns that do not apply to an entry are zero, so that equal trees are equal bytes.
    fn check_unused(&self, index: u32, alias: bool) -> Result<(), TreeError> {
        let columns = self.columns();
        let at = index as usize;
        let mut used = u64::from(columns.u16(Section::Layers, at)?) | columns.u64(Section::Gaps, at)?;
        used |= u64::from(columns.u32(Section::Counts, at)?);
        if alias {
            used |= u64::from(columns.mode_word(index)? & 0o7777) | columns.u64(Section::MtimeSecs, at)?;
            for section in [Section::Uids, Section::Gids, Section::Nlinks, Section::MtimeNanos, Section::XattrRefs] {
                used |= u64::from(columns.u32(section, at)?);
            }
        } else if let EntryType::Node(NodeKind::Directory | NodeKind::Fifo) = columns.entry_type(index)? {
            used |= columns.u64(Section::Sizes, at)?;
        }
        if used != 0 {
            return Err(corrupt("a column that does not apply is not zero", at));
        }
        Ok(())
    }

    fn check_xattrs(&self, index: u32, run: &mut Running) -> Result<(), TreeError> {
        let set = self.columns().u32(Section::XattrRefs, index as usize)?;
        if set <= run.xattr_sets {
            return Ok(());
        }
        if set != run.xattr_sets + 1 {
            return Err(corrupt("attribute sets not numbered by first use", index as usize));
        }
        run.xattr_sets = set;
        let mut rest = self.columns().xattr_set(index)?;
        let mut last: Option<&[u8]> = None;
        while !rest.is_empty() || last.is_none() {
            let ((name, _), after) = take_xattr(rest)?;
            if last.is_some_and(|last| last >= name) {
                return Err(corrupt("attributes of a set not sorted", index as usize));
            }
            (last, rest) = (Some(name), after);
        }
        Ok(())
    }

    /// Directories lie as `FORMAT.md` orders them: each one's names in one block, blocks depth first.
    fn check_directories(&self, run: &mut Running) -> Result<(), TreeError> {
        let mut next = 1;
        let mut stack = vec![0];
        while let Some(dir) = stack.pop() {
            let (first, count) = self.children(Ino::from_index(dir))?;
            if first != if count == 0 { dir } else { next } {
                return Err(corrupt("a directory's names out of place", dir as usize));
            }
            let mut last: &[u8] = b"";
            let subdirs = stack.len();
            for index in first..first + count {
                let name = self.columns().name(index)?;
                if last >= name {
                    return Err(corrupt("names of a directory not sorted", index as usize));
                }
                last = name;
                if let (inode, NodeKind::Directory) = self.behind(index)? {
                    if self.parent(Ino::from_index(inode))?.index() != Some(dir) {
                        return Err(corrupt("a directory that names another parent", index as usize));
                    }
                    stack.push(inode);
                    bump(&mut run.links, dir as usize)?;
                }
            }
            if let Some(new) = stack.get_mut(subdirs..) {
                new.reverse();
            }
            next += count;
            bump(&mut run.links, dir as usize)?;
            bump(&mut run.links, dir as usize)?;
        }
        if next != self.header.counts.entries {
            return Err(corrupt("entries that no directory lists", next as usize));
        }
        Ok(())
    }

    fn check_pool_ends(&self) -> Result<(), TreeError> {
        let counts = self.header.counts;
        let last = |section, rows: u32, width: usize| match rows.checked_sub(1) {
            Some(row) => u32_at(self.columns().section(section), row as usize * width + width - 4),
            None => Ok(0),
        };
        if last(Section::XattrEnds, counts.xattr_sets, 4)? != counts.xattr_bytes
            || last(Section::SparseFiles, counts.sparse_files, 8)? != counts.sparse_runs
        {
            return Err(corrupt("a pool with bytes that belong to nothing", 0));
        }
        Ok(())
    }
}

fn bump(links: &mut [u32], index: usize) -> Result<(), TreeError> {
    let count = links.get_mut(index).ok_or_else(|| corrupt("a link to no inode", index))?;
    *count = count.saturating_add(1);
    Ok(())
}
