//! Attributes of an inode as `stat` shows them.

use super::sparse::SparseMap;
use super::{Fs, FsError};
use crate::engine::{Ino, Node, NodeKind, Timestamp};

/// Preferred I/O size that `st_blksize` and `statfs` report, bytes.
pub const BLOCK_SIZE: u32 = 4096;

/// Unit of `st_blocks`, bytes; fixed by the system call interface.
const STAT_BLOCK: u64 = 512;

/// Largest device numbers that the kernel can hold: 12 bits and 20 bits.
const MAX_MAJOR: u32 = 0xfff;
const MAX_MINOR: u32 = 0xf_ffff;

/// What `stat` shows of one inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr {
    /// Inode number, also the node id that the kernel uses.
    pub ino: Ino,
    /// File type.
    pub kind: NodeKind,
    /// Permission bits, `0..=0o7777`.
    pub mode: u16,
    /// Number of names.
    pub nlink: u32,
    /// Numeric owner as in the image.
    pub uid: u32,
    /// Numeric group as in the image.
    pub gid: u32,
    /// Device number in the kernel's 32-bit encoding; 0 unless a device.
    pub rdev: u32,
    /// Logical size, bytes.
    pub size: u64,
    /// Space that data takes, in units of 512 bytes; holes are not counted.
    pub blocks: u64,
    /// Modification time, also shown as access and change time.
    pub mtime: Timestamp,
}

impl Fs {
    /// Attributes of one inode.
    ///
    /// # Errors
    /// [`FsError::NoSuchInode`], or a damaged tree.
    pub fn getattr(&self, ino: Ino) -> Result<Attr, FsError> {
        self.watched(ino, || {
            let node = self.tree.node(ino)?;
            Ok(Attr {
                ino,
                kind: node.kind,
                mode: u16::try_from(node.mode & 0o7777).unwrap_or(0),
                nlink: node.nlink,
                uid: node.uid,
                gid: node.gid,
                rdev: encoded_device(&node),
                size: node.size,
                blocks: self.blocks(ino, &node)?,
                mtime: node.mtime,
            })
        })
    }

    /// A file without holes counts every byte, so that no archiver takes it for sparse.
    fn blocks(&self, ino: Ino, node: &Node) -> Result<u64, FsError> {
        match node.kind {
            NodeKind::File if node.is_sparse => {
                let map = SparseMap::new(ino, node.size, &self.tree.sparse_runs(ino)?)?;
                Ok(map.blocks(STAT_BLOCK))
            }
            NodeKind::File | NodeKind::Directory => Ok(node.size.div_ceil(STAT_BLOCK)),
            _ => Ok(0),
        }
    }
}

/// The device number of an inode as the kernel's `new_encode_dev` gives it; 0 unless a device. Numbers that no kernel can hold are clamped rather than wrapped:
/// wrapping could turn a strange device into 0:0, which overlayfs takes for a whiteout.
pub(crate) fn encoded_device(node: &Node) -> u32 {
    match node.kind {
        NodeKind::CharDevice | NodeKind::BlockDevice => {
            let (major, minor) = (node.rdev_major.min(MAX_MAJOR), node.rdev_minor.min(MAX_MINOR));
            (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DataRun;
    use crate::sample::Sample;
    use firn_engine::tar::EntryKind;

    #[test]
    fn device_numbers_match_the_c_library() {
        let mut sample = Sample::new();
        let numbers = [(0, 0), (1, 3), (8, 17), (259, 0), (4095, 0xfffff), (10, 229), (253, 300)];
        for (i, (major, minor)) in numbers.iter().enumerate() {
            sample.device(&format!("d{i}"), EntryKind::BlockDevice, *major, *minor);
        }
        let fs = sample.fs();
        for (i, (major, minor)) in numbers.iter().enumerate() {
            let attr = fs.lookup(Ino::ROOT, format!("d{i}").as_bytes()).unwrap().unwrap();
            assert_eq!(u64::from(attr.rdev), libc::makedev(*major, *minor), "{major}:{minor}");
        }
    }

    #[test]
    fn impossible_device_numbers_never_become_a_whiteout() {
        let mut sample = Sample::new();
        sample.device("odd", EntryKind::CharDevice, 1 << 12, 1 << 20);
        let attr = sample.fs().lookup(Ino::ROOT, b"odd").unwrap().unwrap();
        assert_eq!(u64::from(attr.rdev), libc::makedev(4095, 0xfffff));
    }

    #[test]
    fn blocks_count_data_not_holes() {
        let mut sample = Sample::new();
        sample.file("empty", b"");
        sample.file("one", b"x");
        sample.file("full", &[7; 513]);
        // 1 byte at 0, 2 bytes across the edge of sectors 3 and 4, then a hole up to the end.
        let runs = [DataRun { offset: 0, len: 1 }, DataRun { offset: 2047, len: 2 }];
        sample.sparse("sparse", 1 << 30, &runs, b"abc");
        sample.sparse("hole", 4096, &[], b"");
        let fs = sample.fs();
        let blocks = |name: &str| fs.lookup(Ino::ROOT, name.as_bytes()).unwrap().unwrap().blocks;
        assert_eq!(["empty", "one", "full", "sparse", "hole"].map(blocks), [0, 1, 2, 3, 0]);
    }
}
