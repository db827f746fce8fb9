//! What a stream may ask for before it is refused.

/// Bounds on what one member can make the splitter hold in memory, and on names that nothing could unpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one extended header: a PAX header, a GNU long name or long link.
    pub extended_header: usize,
    /// Bytes of one sparse map inside the stream: a PAX 1.0 map or the extension blocks of an old GNU one.
    pub sparse_map: usize,
    /// Bytes of a path, after [`normalise`](super::normalise), or of a symbolic link's target.
    pub path: usize,
    /// Bytes of an extended attribute's name.
    pub xattr_name: usize,
    /// Bytes of an extended attribute's value.
    pub xattr_value: usize,
    /// Bytes of all attribute names of one member, each with its final NUL.
    pub xattr_list: usize,
}

impl Default for Limits {
    /// 1 MiB for headers and maps, as Go's `archive/tar` and libarchive have it; for the rest the Linux kernel's `PATH_MAX`
    /// without its NUL, `XATTR_NAME_MAX`, `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`, past which unpacking fails anyway.
    fn default() -> Self {
        Self {
            extended_header: 1 << 20,
            sparse_map: 1 << 20,
            path: 4095,
            xattr_name: 255,
            xattr_value: 65_536,
            xattr_list: 65_536,
        }
    }
}
