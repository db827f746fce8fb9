//! What is asked of files beyond what the standard library can.

use std::path::Path;

/// Most bytes of an attribute's value (`XATTR_SIZE_MAX`).
const MAX_VALUE: usize = 64 << 10;

/// An extended attribute of a file, of a link itself; nothing where there is none, or none can be read.
pub fn attribute(path: &Path, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; MAX_VALUE];
    let len = rustix::fs::lgetxattr(path, name, &mut value).ok()?;
    value.truncate(len);
    Some(value)
}
