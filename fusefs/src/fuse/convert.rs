//! Between the filesystem's words and fuser's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{Errno, FileAttr, FileType, INodeNo};

use crate::engine::{Ino, NodeKind, Timestamp};
use crate::fs::{Attr, BLOCK_SIZE, FsError};

pub(super) fn errno(error: &FsError) -> Errno {
    Errno::from_i32(error.errno())
}

pub(super) fn ino(ino: INodeNo) -> Ino {
    Ino(ino.0)
}

pub(super) fn kind(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::File => FileType::RegularFile,
        NodeKind::Directory => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
        NodeKind::CharDevice => FileType::CharDevice,
        NodeKind::BlockDevice => FileType::BlockDevice,
        NodeKind::Fifo => FileType::NamedPipe,
    }
}

pub(super) fn attr(attr: &Attr) -> FileAttr {
    let time = time(attr.mtime);
    FileAttr {
        ino: INodeNo(attr.ino.0),
        size: attr.size,
        blocks: attr.blocks,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(attr.kind),
        perm: attr.mode,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: attr.rdev,
        blksize: BLOCK_SIZE,
        flags: 0,
    }
}

/// An entry reply with this inode number says "there is no such name, and that will stay so".
pub(super) fn no_entry() -> FileAttr {
    FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: FileType::RegularFile,
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
    }
}

/// Times that the clock type cannot hold become the epoch; on 64-bit Linux it holds all.
fn time(at: Timestamp) -> SystemTime {
    let whole = Duration::from_secs(at.secs.unsigned_abs());
    let base = if at.secs < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    base.and_then(|base| base.checked_add(Duration::from_nanos(u64::from(at.nanos)))).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_nanoseconds_before_and_after_the_epoch() {
        let at = |secs, nanos| time(Timestamp { secs, nanos });
        assert_eq!(at(1, 5), UNIX_EPOCH + Duration::new(1, 5));
        assert_eq!(at(-2, 999_999_999), UNIX_EPOCH - Duration::new(1, 1));
        assert_eq!(at(i64::MIN, 0), UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 63)).unwrap());
        assert!(at(i64::MAX, 999_999_999) > UNIX_EPOCH);
    }
}
