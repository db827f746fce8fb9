//! Bounds on what a builder accepts.

/// Largest number of entries the format can index.
pub(super) const MAX_ENTRIES: u32 = u32::MAX - 1;
/// Bytes of a symbolic link's target (Linux `PATH_MAX` without its NUL).
pub(super) const MAX_TARGET: usize = 4095;
/// Bytes of an extended attribute's name (Linux `XATTR_NAME_MAX`).
pub(super) const MAX_XATTR_NAME: usize = 255;
/// Bytes of an extended attribute's value (Linux `XATTR_SIZE_MAX`).
pub(super) const MAX_XATTR_VALUE: usize = 65_536;
/// Extended attributes of one entry; Linux lists at most 64 KiB of names.
pub(super) const MAX_XATTRS: usize = 4096;
/// Symbolic links followed while resolving one path, as many as umoci follows.
pub(super) const MAX_HOPS: u32 = 255;
/// Path components looked at while resolving one path: bounds the work that chains of long link targets can cause.
pub(super) const MAX_STEPS: u32 = 16_384;
/// Components of link targets looked at over a whole build: this many, and as many again for every member as
/// `LINK_STEPS_PER_MEMBER` says. Real images need one or two a member; without a bound a megabyte of gzip could ask for hours.
pub(super) const LINK_STEPS_FREE: u64 = 1 << 20;
/// See `LINK_STEPS_FREE`.
pub(super) const LINK_STEPS_PER_MEMBER: u64 = 64;

/// Bounds on a merged tree. Crossing one is [`super::BuildError::Limit`], which names the field to raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Names alive at once, at most 2^32 - 2. About 200 bytes of memory each.
    pub max_entries: u32,
    /// Directories above a name.
    pub max_depth: u32,
    /// Bytes of all names ever added; names that a later layer removes count too. At most 2^32 - 1.
    pub max_name_bytes: u32,
    /// Bytes of all symbolic link targets ever added. At most 2^32 - 1.
    pub max_target_bytes: u32,
    /// Bytes of all distinct sets of extended attributes. At most 2^32 - 1.
    pub max_xattr_bytes: u32,
    /// Data runs of all sparse files ever added, 16 bytes each.
    pub max_sparse_runs: u32,
}

impl Default for Limits {
    /// Room for ten million names; worst case about 3 GiB of memory, which only an image of that size can cause.
    fn default() -> Limits {
        Limits {
            max_entries: 10_000_000,
            max_depth: 2048,
            max_name_bytes: 512 << 20,
            max_target_bytes: 256 << 20,
            max_xattr_bytes: 256 << 20,
            max_sparse_runs: 8 << 20,
        }
    }
}
