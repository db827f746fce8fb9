//! One member out of its header and the extended headers before it.

use super::Block;
use super::entry::{DataRun, Entry, EntryKind, Timestamp};
use super::error::Problem;
use super::header::{Dialect, Header, bytes};
use super::limits::Limits;
use super::number::{decimal, numeric};
use super::path::normalise;
use super::pax::{Records, SparseRecords};
use super::sparse::{self, MapSource};
use super::time::pax_time;
use super::xattr;

/// What the extended headers before a member's own header said about it.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pub(super) records: Records,
    pub(super) long_path: Vec<u8>,
    pub(super) long_link: Vec<u8>,
}

/// A member, decoded as far as its headers go.
#[derive(Debug)]
pub(super) enum Member {
    /// Of a type that no runtime makes a file of; `size` bytes of data are passed over.
    Unknown { size: u64 },
    /// One to report, once its sparse map has been read.
    Known(Draft, MapSource),
}

/// An entry whose extent is not settled yet: `stored` still counts a map at the start of the data.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) entry: Entry,
    /// Extended attributes that could not be decoded.
    pub(super) undecodable: u64,
}

impl Draft {
    /// Settles what is stored, `map_bytes` of the data having been the map, and where it goes.
    ///
    /// # Errors
    /// A map that contradicts the file's size or the data stored for it.
    pub(super) fn complete(mut self, runs: Vec<DataRun>, map_bytes: u64) -> Result<Self, Problem> {
        let entry = &mut self.entry;
        entry.stored = entry.stored.saturating_sub(map_bytes);
        entry.sparse = Some(sparse::validate(runs, entry.size, entry.stored)?);
        Ok(self)
    }
}

/// The path by which a member is known, before a sparse file's records rename it: a GNU long name goes before a PAX record,
/// which goes before the header.
pub(super) fn path<'a>(header: &'a Header, before: &'a Extended) -> &'a [u8] {
    first_of([&before.long_path, &before.records.path, &header.path])
}

/// Merges a header with the extended headers before it.
///
/// # Errors
/// What Go's reader refuses, and what [`Limits`] or the widths of Linux's owner and device numbers exclude.
pub(super) fn decode(header: &Header, block: &Block, before: &Extended, limits: &Limits) -> Result<Member, Problem> {
    let records = &before.records;
    let path = path(header, before);
    let size = data_size(header, records)?;
    let Some(kind) = entry_kind(header.kind, path) else {
        return Ok(Member::Unknown { size });
    };
    let stored = if kind == EntryKind::File { size } else { 0 };
    let map = match header.kind {
        // star has sparse files of the same type flag with another layout, which Go does not read either.
        b'S' if header.dialect != Dialect::Gnu => {
            return Err(Problem::BadSparseMap { why: "not in GNU format" });
        }
        b'S' => sparse::from_header(block)?,
        _ => sparse::from_pax(&records.sparse)?,
    };
    let (path, size) = match map {
        MapSource::Dense => (path, stored),
        _ if kind != EntryKind::File => {
            return Err(Problem::BadSparseMap { why: "only a regular file can be sparse" });
        }
        _ if header.kind == b'S' => (path, old_gnu_size(block)?),
        _ => (first_of([&records.sparse.name, path, &[]]), pax_size(&records.sparse, stored)?),
    };
    let link = match kind {
        EntryKind::HardLink | EntryKind::Symlink => first_of([&before.long_link, &records.linkpath, &header.link]),
        _ => &[],
    };
    check_names(kind, path, link, limits)?;
    let (dev_major, dev_minor) = match kind {
        EntryKind::CharDevice | EntryKind::BlockDevice => {
            (word(header.dev_major, "device major")?, word(header.dev_minor, "device minor")?)
        }
        _ => (0, 0),
    };
    let mtime = time(&records.mtime, "mtime")?;
    // Not kept, but a header whose times are no times is refused as a whole.
    time(&records.atime, "atime")?;
    time(&records.ctime, "ctime")?;
    let (xattrs, undecodable) = xattr::resolve(&records.xattrs, limits)?;
    let entry = Entry {
        // An empty path is the root, as after cleaning it is for every runtime.
        path: if path.is_empty() { b".".to_vec() } else { path.to_vec() },
        link: link.to_vec(),
        kind,
        mode: permissions(header.mode),
        uid: word(number(&records.uid, header.uid, "uid")?, "uid")?,
        gid: word(number(&records.gid, header.gid, "gid")?, "gid")?,
        mtime: mtime.unwrap_or(Timestamp { secs: header.mtime, nanos: 0 }),
        size,
        stored,
        dev_major,
        dev_minor,
        xattrs,
        sparse: None,
    };
    Ok(Member::Known(Draft { entry, undecodable }, map))
}

/// Bytes of data after a header of a type that has data; for the others the number means nothing.
///
/// The header's own field must be sound even where a PAX record replaces it.
pub(super) fn data_size(header: &Header, records: &Records) -> Result<u64, Problem> {
    if matches!(header.kind, b'1'..=b'6') {
        number(&records.size, 0, "size")?;
        return Ok(0);
    }
    unsigned(header.size, "size")?;
    unsigned(number(&records.size, header.size, "size")?, "size")
}

/// `None` for a type that no runtime unpacks.
fn entry_kind(flag: u8, path: &[u8]) -> Option<EntryKind> {
    Some(match flag {
        // Unix V7 knew no directories; its successors marked them with a slash.
        0 if path.ends_with(b"/") => EntryKind::Directory,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::CharDevice,
        b'4' => EntryKind::BlockDevice,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        _ => return None,
    })
}

fn old_gnu_size(block: &Block) -> Result<u64, Problem> {
    let field = "real size";
    unsigned(numeric(bytes(block, 483, 12)).ok_or(Problem::BadNumber { field })?, field)
}

fn pax_size(records: &SparseRecords, stored: u64) -> Result<u64, Problem> {
    let field = "GNU.sparse.size";
    match first_of([&records.size, &records.real_size, &[]]) {
        [] => Ok(stored),
        text => unsigned(decimal(text).ok_or(Problem::BadNumber { field })?, field),
    }
}

/// # Errors
/// A NUL (only `GNU.sparse.name` can bring one), a name that no system call takes, a link that leads nowhere.
fn check_names(kind: EntryKind, path: &[u8], link: &[u8], limits: &Limits) -> Result<(), Problem> {
    if path.contains(&0) {
        return Err(Problem::Nul { field: "path" });
    }
    let limit = limits.path;
    // What counts is the path that is left when `.`, `..` and double slashes are gone.
    let fits = |path: &[u8]| {
        path.len() <= limit
            || normalise(path).is_ok_and(|names| names.iter().map(|name| name.len() + 1).sum::<usize>() <= limit + 1)
    };
    if !fits(path) {
        return Err(Problem::NameTooLong { field: "path", len: path.len(), limit });
    }
    match kind {
        // A whiteout is what it is by its name, whatever its type.
        EntryKind::HardLink | EntryKind::Symlink if link.is_empty() && !is_whiteout(path) => Err(Problem::EmptyLink),
        EntryKind::HardLink if !fits(link) => {
            Err(Problem::NameTooLong { field: "link target", len: link.len(), limit })
        }
        // A symbolic link's target is stored as it is.
        EntryKind::Symlink if link.len() > limit => {
            Err(Problem::NameTooLong { field: "link target", len: link.len(), limit })
        }
        _ => Ok(()),
    }
}

fn is_whiteout(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').find(|name| !name.is_empty());
    name.is_some_and(|name| name.starts_with(b".wh."))
}

/// A PAX record's number where there is one, else the header's.
fn number(record: &[u8], header: i64, field: &'static str) -> Result<i64, Problem> {
    match record {
        [] => Ok(header),
        text => decimal(text).ok_or(Problem::BadNumber { field }),
    }
}

fn time(record: &[u8], field: &'static str) -> Result<Option<Timestamp>, Problem> {
    match record {
        [] => Ok(None),
        text => pax_time(text).ok_or(Problem::BadNumber { field }).map(Some),
    }
}

fn unsigned(value: i64, field: &'static str) -> Result<u64, Problem> {
    u64::try_from(value).map_err(|_| Problem::BadNumber { field })
}

fn word(value: i64, field: &'static str) -> Result<u32, Problem> {
    u32::try_from(value).map_err(|_| Problem::OutOfRange { field, value })
}

/// Some writers store the whole `st_mode`; the type flag says the type.
fn permissions(mode: i64) -> u32 {
    u32::try_from(mode & 0o7777).unwrap_or_default()
}

fn first_of(candidates: [&[u8]; 3]) -> &[u8] {
    candidates.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}
