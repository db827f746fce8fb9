//! Raw, bounds-checked access to the columns and pools of a tree.
//!
//! Running sums (where a name starts, which directory this is, which chunk a file starts at) are not stored per entry:
//! a sample row every 64 entries holds them, and what lies between is added up here. See `FORMAT.md`, "Samples".

use crate::tar::DataRun;
use crate::tree::error::TreeError;
use crate::tree::format::{EntryType, Layout, SAMPLE_EVERY, SAMPLE_WIDTH, Section, corrupt, u16_at, u32_at, u64_at};
use crate::tree::node::{NodeKind, Xattr};

/// The body of a tree by sections.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub file: &'a [u8],
    pub layout: &'a Layout,
}

/// One attribute and the bytes after it.
pub(super) type TakenXattr<'a> = (Xattr<'a>, &'a [u8]);

impl<'a> Columns<'a> {
    pub fn section(&self, section: Section) -> &'a [u8] {
        let range = self.layout.get(section as usize).cloned();
        range.and_then(|range| self.file.get(range)).unwrap_or_default()
    }

    pub fn u16(&self, section: Section, row: usize) -> Result<u16, TreeError> {
        u16_at(self.section(section), row.saturating_mul(2))
    }

    pub fn u32(&self, section: Section, row: usize) -> Result<u32, TreeError> {
        u32_at(self.section(section), row.saturating_mul(4))
    }

    pub fn u64(&self, section: Section, row: usize) -> Result<u64, TreeError> {
        u64_at(self.section(section), row.saturating_mul(8))
    }

    pub fn mode_word(&self, index: u32) -> Result<u16, TreeError> {
        self.u16(Section::Modes, index as usize)
    }

    pub fn entry_type(&self, index: u32) -> Result<EntryType, TreeError> {
        EntryType::from_mode_word(self.mode_word(index)?).ok_or_else(|| corrupt("unknown entry type", index as usize))
    }

    /// Bytes `[from, from + len)` of a pool.
    fn slice(&self, pool: Section, from: u64, len: u64) -> Result<&'a [u8], TreeError> {
        let start = usize::try_from(from).ok();
        let end = from.checked_add(len).and_then(|end| usize::try_from(end).ok());
        start
            .zip(end)
            .and_then(|(start, end)| self.section(pool).get(start..end))
            .ok_or(TreeError::Corrupt { what: "a reference outside its pool", at: from })
    }

    /// Rows of a column from the last sample up to `index`, `width` bytes each.
    fn since_sample(&self, section: Section, index: u32, width: usize) -> Result<&'a [u8], TreeError> {
        let start = (index - index % SAMPLE_EVERY) as usize;
        self.section(section)
            .get(start.saturating_mul(width)..(index as usize).saturating_mul(width))
            .ok_or_else(|| corrupt("a row outside its column", index as usize))
    }

    fn sample(&self, index: u32) -> usize {
        (index / SAMPLE_EVERY) as usize * SAMPLE_WIDTH
    }

    /// Name of an entry; empty for the root alone.
    pub fn name(&self, index: u32) -> Result<&'a [u8], TreeError> {
        let sample = u32_at(self.section(Section::Samples), self.sample(index))?;
        let before = self.since_sample(Section::NameLens, index, 1)?;
        let start = u64::from(sample) + before.iter().map(|&len| u64::from(len)).sum::<u64>();
        let len = self.section(Section::NameLens).get(index as usize).copied();
        let len = len.ok_or_else(|| corrupt("a row outside its column", index as usize))?;
        self.slice(Section::Names, start, u64::from(len))
    }

    /// How many entries of this kind lie before `index`: its row in the tables of that kind.
    fn rank(&self, index: u32, kind: NodeKind, sample_offset: usize) -> Result<usize, TreeError> {
        let sample = u32_at(self.section(Section::Samples), self.sample(index) + sample_offset)?;
        let code = EntryType::Node(kind).code();
        let modes = self.since_sample(Section::Modes, index, 2)?;
        let (words, _) = modes.as_chunks::<2>();
        let since = words.iter().filter(|&&word| u16::from_le_bytes(word) >> 12 == code).count();
        Ok((sample as usize).saturating_add(since))
    }

    /// Row of a directory in the directory tables.
    pub fn dir_row(&self, index: u32) -> Result<usize, TreeError> {
        self.rank(index, NodeKind::Directory, 4)
    }

    /// First chunk reference of a file that has stored bytes.
    pub fn first_chunk(&self, index: u32) -> Result<u64, TreeError> {
        let mut expected = u64_at(self.section(Section::Samples), self.sample(index) + 12)?;
        let (gaps, _) = self.since_sample(Section::Gaps, index, 8)?.as_chunks::<8>();
        let (counts, _) = self.since_sample(Section::Counts, index, 4)?.as_chunks::<4>();
        for (&gap, &count) in gaps.iter().zip(counts) {
            let step = u64::from_le_bytes(gap).wrapping_add(u64::from(u32::from_le_bytes(count)));
            expected = expected.wrapping_add(step);
        }
        Ok(expected.wrapping_add(self.u64(Section::Gaps, index as usize)?))
    }

    /// Target of the symbolic link at `index`.
    pub fn target(&self, index: u32) -> Result<&'a [u8], TreeError> {
        let row = self.rank(index, NodeKind::Symlink, 8)?;
        let lens = self.section(Section::TargetLens);
        let first = row - row % SAMPLE_EVERY as usize;
        let mut start = u64::from(self.u32(Section::TargetSamples, row / SAMPLE_EVERY as usize)?);
        for before in first..row {
            start += u64::from(u16_at(lens, before.saturating_mul(2))?);
        }
        let len = u16_at(lens, row.saturating_mul(2))?;
        self.slice(Section::Targets, start, u64::from(len))
    }

    /// Bytes of the attribute set of an entry; empty when it has none.
    pub fn xattr_set(&self, index: u32) -> Result<&'a [u8], TreeError> {
        let set = self.u32(Section::XattrRefs, index as usize)? as usize;
        let Some(row) = set.checked_sub(1) else {
            return Ok(&[]);
        };
        let start = match row.checked_sub(1) {
            Some(before) => self.u32(Section::XattrEnds, before)?,
            None => 0,
        };
        let end = self.u32(Section::XattrEnds, row)?;
        let len = end.checked_sub(start).ok_or_else(|| corrupt("an attribute set ends before it starts", row))?;
        self.slice(Section::XattrPool, u64::from(start), u64::from(len))
    }

    /// Data runs of the sparse file at `index`; `files` is the number of rows in the table.
    pub fn sparse_runs(&self, index: u32, files: u32) -> Result<Vec<DataRun>, TreeError> {
        let table = self.section(Section::SparseFiles);
        let (mut low, mut high) = (0, files as usize);
        while low < high {
            let middle = low + (high - low) / 2;
            if u32_at(table, middle.saturating_mul(8))? < index {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let missing = || corrupt("a sparse file without a row", index as usize);
        if low >= files as usize || u32_at(table, low * 8)? != index {
            return Err(missing());
        }
        let start = if low == 0 { 0 } else { u32_at(table, low * 8 - 4)? } as usize;
        let end = u32_at(table, low * 8 + 4)? as usize;
        let rows = self.section(Section::SparseRuns).get(start.saturating_mul(16)..end.saturating_mul(16));
        let (rows, _) = rows.ok_or_else(missing)?.as_chunks::<16>();
        rows.iter().map(|row| Ok(DataRun { offset: u64_at(row, 0)?, len: u64_at(row, 8)? })).collect()
    }
}

/// Takes one attribute off the front of a set: name length (u16), value length (u32), name, value.
pub(super) fn take_xattr(set: &[u8]) -> Result<TakenXattr<'_>, TreeError> {
    let name_len = usize::from(u16_at(set, 0)?);
    let value_len = u32_at(set, 2)? as usize;
    let (name, after) = set
        .get(6..)
        .and_then(|rest| rest.split_at_checked(name_len))
        .ok_or_else(|| corrupt("an attribute name outside its set", name_len))?;
    let (value, after) =
        after.split_at_checked(value_len).ok_or_else(|| corrupt("an attribute value outside its set", value_len))?;
    Ok(((name, value), after))
}
