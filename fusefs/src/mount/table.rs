//! The kernel's table of mounts, read without touching any of the filesystems in it.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// File system type under which every firn mount shows.
pub const FS_TYPE: &str = "fuse.firn";

/// What the source of an overlay over firn's files begins with.
pub const ROOTFS_SOURCE: &str = "firn:";

/// One mount of this process's mount namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// Where it is.
    pub point: PathBuf,
    /// Number of the mount; the kernel uses it again when the mount is gone.
    pub id: u64,
    /// Device number as the kernel prints it, `major:minor`; used again like `id`.
    pub device: String,
    /// File system type, with subtype.
    pub fs_type: String,
    /// Source, any text.
    pub source: OsString,
}

impl MountEntry {
    /// Whether it is a mount of firn's: of files, or an overlay over such a one.
    pub fn is_firn(&self) -> bool {
        self.fs_type == FS_TYPE || self.is_rootfs()
    }

    /// Whether it is an overlay over files of firn's.
    pub fn is_rootfs(&self) -> bool {
        self.fs_type == "overlay" && self.source.as_encoded_bytes().starts_with(ROOTFS_SOURCE.as_bytes())
    }
}

/// All mounts, lower ones before those stacked upon them.
///
/// # Errors
/// Whatever reading `/proc/self/mountinfo` gives.
pub fn mounts() -> io::Result<Vec<MountEntry>> {
    Ok(parse(&std::fs::read("/proc/self/mountinfo")?))
}

/// The uppermost mount whose mount point is exactly `path`, which must be absolute and without links.
///
/// # Errors
/// As [`mounts`].
pub(super) fn mount_at(path: &Path) -> io::Result<Option<MountEntry>> {
    Ok(mounts()?.into_iter().rfind(|mount| mount.point == path))
}

fn parse(table: &[u8]) -> Vec<MountEntry> {
    table.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `id parent major:minor root point options [tag…] - type source options`, see proc_pid_mountinfo(5).
fn parse_line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = fields.nth(1)?;
    let point = fields.nth(1)?;
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let fs_type = fields.next()?;
    let source = fields.next()?;
    Some(MountEntry {
        point: OsString::from_vec(unescape(point)).into(),
        id,
        device: String::from_utf8(device.to_vec()).ok()?,
        fs_type: String::from_utf8_lossy(&unescape(fs_type)).into_owned(),
        source: OsString::from_vec(unescape(source)),
    })
}

/// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let octal = |digit: &u8| (b'0'..=b'7').contains(digit).then(|| u32::from(digit - b'0'));
        let escaped = match tail {
            [a, b, c, ..] if *first == b'\\' => octal(a).zip(octal(b)).zip(octal(c)),
            _ => None,
        };
        match escaped.and_then(|((a, b), c)| u8::try_from(a * 64 + b * 8 + c).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_and_odd_ones_skipped() {
        let table = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw\n\
            40 36 0:52 / /mnt/with\\040space\\011\\134 ro - fuse.firn app:1\\040x ro,user_id=0\n\
            garbage\n\
            41 36 0:53 / /mnt2 ro\n";
        let mounts = parse(table);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, Path::new("/mnt2"));
        assert!(!mounts[0].is_firn());
        assert_eq!(mounts[1].point, Path::new("/mnt/with space\t\\"));
        assert_eq!(mounts[1].source, "app:1 x");
        assert_eq!((mounts[1].id, mounts[1].device.as_str(), mounts[1].is_firn()), (40, "0:52", true));
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        for odd in [&b"\\"[..], b"\\04", b"\\9ab", b"\\777", b"a\\"] {
            assert_eq!(unescape(odd), odd);
        }
    }

    #[test]
    fn the_own_table_holds_the_root() {
        assert!(mount_at(Path::new("/")).unwrap().is_some());
    }
}
