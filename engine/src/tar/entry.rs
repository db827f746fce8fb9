//! One member of a layer's tar stream, decoded: what the merged tree is built from.

/// A point in time as tar gives it: seconds since the epoch (may be negative) and nanoseconds in `0..1_000_000_000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamp {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds past `secs`, below one billion.
    pub nanos: u32,
}

/// What a member creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file; its content follows in the stream.
    File,
    /// A further name for the member named by [`Entry::link`].
    HardLink,
    /// A symbolic link to [`Entry::link`].
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

/// Where a run of stored content lies in a sparse file; what no run covers reads as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRun {
    /// Byte offset in the logical file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

impl Entry {
    /// A member without content that belongs to user 0, has no permissions, and is of the epoch.
    pub fn bare(path: impl Into<Vec<u8>>, kind: EntryKind) -> Entry {
        Entry {
            path: path.into(),
            link: Vec::new(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: Timestamp::default(),
            size: 0,
            stored: 0,
            dev_major: 0,
            dev_minor: 0,
            xattrs: Vec::new(),
            sparse: None,
        }
    }
}

/// One decoded member. Names are raw bytes as the archive holds them: not normalised, possibly hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path as stored, e.g. `./usr/bin/env`; never empty, no NUL.
    pub path: Vec<u8>,
    /// Target of a hard or symbolic link, else empty; no NUL.
    pub link: Vec<u8>,
    /// What it creates.
    pub kind: EntryKind,
    /// Permission bits, `0..=0o7777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Modification time.
    pub mtime: Timestamp,
    /// Logical size in bytes (of the expanded file when sparse); 0 unless a file.
    pub size: u64,
    /// Content bytes that follow in the stream (equal to `size` unless sparse).
    pub stored: u64,
    /// Device numbers; 0 unless a device.
    pub dev_major: u32,
    /// See `dev_major`.
    pub dev_minor: u32,
    /// Extended attributes, name and value, in stream order, later duplicates already resolved.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Data runs of a sparse file, ascending, not overlapping, inside `size`, lengths summing to `stored`.
    pub sparse: Option<Vec<DataRun>>,
}
