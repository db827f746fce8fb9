//! The shape of a tree file: `FORMAT.md` as constants, and its header in both directions.

use std::ops::Range;

use super::error::TreeError;
use super::node::{NodeKind, Totals};

pub(super) const MAGIC: [u8; 8] = *b"FIRNTREE";
pub(super) const VERSION: u16 = 1;
/// Entries (and link targets) between two samples of running sums.
pub(super) const SAMPLE_EVERY: u32 = 64;
/// Bytes of one row of [`Section::Samples`].
pub(super) const SAMPLE_WIDTH: usize = 20;
/// Size reported for every directory.
pub(super) const DIRECTORY_SIZE: u64 = 4096;

const COUNTS_AT: usize = 16;
const LENGTHS_AT: usize = 64;
const CHECKSUM_AT: usize = LENGTHS_AT + Section::COUNT * 8;
/// Bytes of the header; the body follows at once.
pub(super) const HEADER_LEN: usize = CHECKSUM_AT + blake3::OUT_LEN;

/// The sections of the body, in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Modes,
    Uids,
    Gids,
    Nlinks,
    MtimeSecs,
    MtimeNanos,
    Sizes,
    Layers,
    Gaps,
    Counts,
    XattrRefs,
    NameLens,
    Samples,
    DirFirsts,
    DirCounts,
    DirParents,
    TargetLens,
    TargetSamples,
    SparseFiles,
    SparseRuns,
    XattrEnds,
    XattrPool,
    Names,
    Targets,
}

impl Section {
    pub(super) const COUNT: usize = 24;
    pub(super) const ALL: [Section; Section::COUNT] = {
        use Section::*;
        [
            Modes,
            Uids,
            Gids,
            Nlinks,
            MtimeSecs,
            MtimeNanos,
            Sizes,
            Layers,
            Gaps,
            Counts,
            XattrRefs,
            NameLens,
            Samples,
            DirFirsts,
            DirCounts,
            DirParents,
            TargetLens,
            TargetSamples,
            SparseFiles,
            SparseRuns,
            XattrEnds,
            XattrPool,
            Names,
            Targets,
        ]
    };
}

/// What an entry is: the upper four bits of its mode word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryType {
    Node(NodeKind),
    SparseFile,
    /// A further name of an inode that an earlier entry describes.
    Alias,
}

impl EntryType {
    pub(super) fn code(self) -> u16 {
        match self {
            EntryType::Node(NodeKind::File) => 1,
            EntryType::Node(NodeKind::Directory) => 2,
            EntryType::Node(NodeKind::Symlink) => 3,
            EntryType::Node(NodeKind::CharDevice) => 4,
            EntryType::Node(NodeKind::BlockDevice) => 5,
            EntryType::Node(NodeKind::Fifo) => 6,
            EntryType::SparseFile => 7,
            EntryType::Alias => 8,
        }
    }

    pub(super) fn from_mode_word(word: u16) -> Option<EntryType> {
        Some(match word >> 12 {
            1 => EntryType::Node(NodeKind::File),
            2 => EntryType::Node(NodeKind::Directory),
            3 => EntryType::Node(NodeKind::Symlink),
            4 => EntryType::Node(NodeKind::CharDevice),
            5 => EntryType::Node(NodeKind::BlockDevice),
            6 => EntryType::Node(NodeKind::Fifo),
            7 => EntryType::SparseFile,
            8 => EntryType::Alias,
            _ => return None,
        })
    }
}

/// Rows of each table and bytes of each pool: everything that section lengths follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub entries: u32,
    pub dirs: u32,
    pub targets: u32,
    pub sparse_files: u32,
    pub sparse_runs: u32,
    pub xattr_sets: u32,
    pub xattr_bytes: u32,
    pub name_bytes: u32,
    pub target_bytes: u32,
}

impl Counts {
    /// Length of a section in bytes; cannot overflow: at most 2^32 rows of 20 bytes.
    pub(super) fn length(&self, section: Section) -> u64 {
        let (rows, width) = match section {
            Section::Modes | Section::Layers => (self.entries, 2),
            Section::Uids
            | Section::Gids
            | Section::Nlinks
            | Section::MtimeNanos
            | Section::Counts
            | Section::XattrRefs => (self.entries, 4),
            Section::MtimeSecs | Section::Sizes | Section::Gaps => (self.entries, 8),
            Section::NameLens => (self.entries, 1),
            Section::Samples => (self.entries.div_ceil(SAMPLE_EVERY), SAMPLE_WIDTH as u64),
            Section::DirFirsts | Section::DirCounts | Section::DirParents => (self.dirs, 4),
            Section::TargetLens => (self.targets, 2),
            Section::TargetSamples => (self.targets.div_ceil(SAMPLE_EVERY), 4),
            Section::SparseFiles => (self.sparse_files, 8),
            Section::SparseRuns => (self.sparse_runs, 16),
            Section::XattrEnds => (self.xattr_sets, 4),
            Section::XattrPool => (self.xattr_bytes, 1),
            Section::Names => (self.name_bytes, 1),
            Section::Targets => (self.target_bytes, 1),
        };
        u64::from(rows) * width
    }

    /// Length of the whole file in bytes.
    pub(super) fn file_len(&self) -> u64 {
        HEADER_LEN as u64 + Section::ALL.iter().map(|&section| self.length(section)).sum::<u64>()
    }
}

/// Header of a tree: what `open` needs to know before it touches the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    pub counts: Counts,
    pub totals: Totals,
}

/// Byte range of every section in the file, by `Section as usize`.
pub(super) type Layout = [Range<usize>; Section::COUNT];

impl Header {
    /// Header bytes for a finished body.
    pub(super) fn encode(&self, body: &[u8]) -> [u8; HEADER_LEN] {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&u32::from(self.totals.any_xattrs).to_le_bytes());
        let counts = &self.counts;
        for rows in [counts.entries, counts.dirs, counts.targets, counts.sparse_files] {
            out.extend_from_slice(&rows.to_le_bytes());
        }
        for rows in [counts.sparse_runs, counts.xattr_sets] {
            out.extend_from_slice(&rows.to_le_bytes());
        }
        for total in [self.totals.inodes, self.totals.files, self.totals.logical_bytes] {
            out.extend_from_slice(&total.to_le_bytes());
        }
        for section in Section::ALL {
            out.extend_from_slice(&counts.length(section).to_le_bytes());
        }
        out.extend_from_slice(&checksum(&out, body));
        let mut header = [0; HEADER_LEN];
        for (to, from) in header.iter_mut().zip(out) {
            *to = from;
        }
        header
    }

    /// Reads and cross-checks the header; every section range it returns lies inside `file`.
    pub(super) fn decode(file: &[u8]) -> Result<(Header, Layout), TreeError> {
        if !file.starts_with(&MAGIC) {
            return Err(TreeError::BadMagic);
        }
        let found = u16_at(file, 8)?;
        if found != VERSION {
            return Err(TreeError::UnsupportedVersion { found, known: VERSION });
        }
        let flags = u32_at(file, 12)?;
        if u16_at(file, 10)? != 0 || flags > 1 {
            return Err(corrupt("reserved header bits are set", 10));
        }
        let count = |slot: usize| u32_at(file, COUNTS_AT + slot * 4);
        let total = |slot: usize| u64_at(file, COUNTS_AT + 24 + slot * 8);
        let pool = |section: Section| {
            let at = LENGTHS_AT + section as usize * 8;
            u32::try_from(u64_at(file, at)?).map_err(|_| corrupt("a pool over 4 GiB", at))
        };
        let counts = Counts {
            entries: count(0)?,
            dirs: count(1)?,
            targets: count(2)?,
            sparse_files: count(3)?,
            sparse_runs: count(4)?,
            xattr_sets: count(5)?,
            xattr_bytes: pool(Section::XattrPool)?,
            name_bytes: pool(Section::Names)?,
            target_bytes: pool(Section::Targets)?,
        };
        if counts.entries == 0 || counts.entries > super::limits::MAX_ENTRIES {
            return Err(corrupt("entry count out of range", COUNTS_AT));
        }
        let layout = lay_out(file, &counts)?;
        let totals = Totals {
            inodes: total(0)?,
            entries: u64::from(counts.entries) - 1,
            files: total(1)?,
            logical_bytes: total(2)?,
            any_xattrs: flags == 1,
        };
        Ok((Header { counts, totals }, layout))
    }
}

fn lay_out(file: &[u8], counts: &Counts) -> Result<Layout, TreeError> {
    let mut at = HEADER_LEN;
    let mut layout: Layout = std::array::from_fn(|_| 0..0);
    for (range, section) in layout.iter_mut().zip(Section::ALL) {
        let slot = LENGTHS_AT + section as usize * 8;
        let len = u64_at(file, slot)?;
        if len != counts.length(section) {
            return Err(corrupt("a section length does not follow from its row count", slot));
        }
        let end = usize::try_from(len).ok().and_then(|len| at.checked_add(len));
        *range = at..end.ok_or_else(|| corrupt("a section beyond the address space", slot))?;
        at = range.end;
    }
    if at != file.len() {
        return Err(corrupt("the file is not as long as its sections", file.len()));
    }
    Ok(layout)
}

/// Whether the checksum in the header is that of header and body.
pub(super) fn checksum_matches(file: &[u8]) -> bool {
    match (file.get(..CHECKSUM_AT), file.get(CHECKSUM_AT..HEADER_LEN), file.get(HEADER_LEN..)) {
        (Some(head), Some(stored), Some(body)) => checksum(head, body) == *stored,
        _ => false,
    }
}

fn checksum(head: &[u8], body: &[u8]) -> [u8; blake3::OUT_LEN] {
    *blake3::Hasher::new().update(head).update(body).finalize().as_bytes()
}

/// A rule of the format is broken at a byte offset or entry index.
pub(super) fn corrupt(what: &'static str, at: usize) -> TreeError {
    TreeError::Corrupt { what, at: at as u64 }
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], TreeError> {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end))
        .and_then(|field| field.try_into().ok())
        .ok_or_else(|| corrupt("ends in the middle of a field", at))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Result<u16, TreeError> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Result<u32, TreeError> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, TreeError> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}
