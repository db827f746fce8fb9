//! Files that only some images have and every archive must bring back: devices, odd names, holes, capabilities, and the
//! deletions and replacements that make layers more than a pile of files.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use crate::error::{IoContext, Result};
use crate::files;

/// Which program packs a layer, and in which dialect of tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TarStyle {
    /// GNU tar, POSIX (PAX) headers, with sparse maps, xattrs and ACLs.
    GnuPosix,
    /// GNU tar's own format: long-link members, base-256 numbers.
    GnuOld,
    /// GNU tar writing plain ustar in single blocks.
    Ustar,
    /// Python's `tarfile` with PAX headers, duplicate members and links to the layers below.
    Python,
}

/// `cap_net_raw+ep` as the kernel stores it (`vfs_cap_data`, revision 2, effective bit).
const CAP_NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// An access ACL: owner rw, user 1000 r, group r, mask r, others r (`posix_acl_xattr`, version 2).
const ACL: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0,
    255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];

/// Creates the odd files below `root/opt/odd`. Needs root.
///
/// # Errors
/// The filesystem refuses one of them.
pub fn plant(root: &Path, seed: u64, style: Option<TarStyle>) -> Result<()> {
    let odd = root.join("opt/odd");
    files::make_dir(&odd)?;
    special_files(&odd, seed)?;
    names(&odd, style)?;
    contents(&odd, seed)?;
    links(&odd)?;
    if matches!(style, None | Some(TarStyle::GnuPosix)) {
        attributes(&odd)?;
    }
    times(&odd, seed)
}

fn file(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
    files::write(path, bytes)?;
    chmod(path, mode)
}

fn chmod(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at("cannot chmod", path)
}

fn special_files(odd: &Path, seed: u64) -> Result<()> {
    let devices = [
        ("null", FileType::CharacterDevice, 1, 3),
        ("high-minor", FileType::CharacterDevice, 10, 1000),
        ("disk", FileType::BlockDevice, 8, 1),
        ("pipe", FileType::Fifo, 0, 0),
    ];
    for (name, kind, major, minor) in devices {
        let path = odd.join(name);
        rustix::fs::mknodat(CWD, &path, kind, Mode::from_raw_mode(0o640), rustix::fs::makedev(major, minor))
            .at("cannot mknod", &path)?;
    }
    file(&odd.join("setuid"), "#!/bin/sh\n", 0o4755)?;
    file(&odd.join("setgid"), "#!/bin/sh\n", 0o2755)?;
    file(&odd.join("no-mode"), format!("secret {seed}"), 0)?;
    for (name, mode) in [("sticky", 0o1777), ("setgid-dir", 0o2775), ("closed", 0o700), ("empty-dir", 0o555)] {
        files::make_dir(&odd.join(name))?;
        chmod(&odd.join(name), mode)?;
    }
    file(&odd.join("owned"), "owned", 0o604)?;
    lchown(odd.join("owned"), Some(1000), Some(65534)).at("cannot chown", &odd.join("owned"))
}

fn names(odd: &Path, style: Option<TarStyle>) -> Result<()> {
    let dir = odd.join("names");
    files::make_dir(&dir)?;
    let mut all: Vec<Vec<u8>> = [
        "日本語-ü-😀",
        "with space",
        "-leading-dash",
        "new\nline",
        "back\\slash",
        "trailing.",
        "quote'\"",
        "*?[glob]",
        "...",
        " ",
    ]
    .iter()
    .map(|n| n.as_bytes().to_vec())
    .collect();
    all.push(b"latin-1-caf\xe9".to_vec());
    all.push(b"\x80\xff\xfe".to_vec());
    for name in all {
        file(&dir.join(OsStr::from_bytes(&name)), &name, 0o644)?;
    }
    // ustar splits at 155 + 100 bytes and cannot hold a longer component.
    let (long, depth) = if style == Some(TarStyle::Ustar) { (90, 2) } else { (255, 5) };
    file(&dir.join("x".repeat(long)), "long name", 0o644)?;
    let deep =
        (0..depth).fold(dir.clone(), |path, i| path.join(format!("{i}").repeat(if depth == 2 { 40 } else { 200 })));
    files::make_dir(&deep)?;
    file(&deep.join("deep"), "deep", 0o644)?;
    if style != Some(TarStyle::Ustar) {
        file(&dir.join("large-ids"), "ids", 0o644)?;
        lchown(dir.join("large-ids"), Some(3_000_000), Some(4_000_000_000)).at("cannot chown", &dir)?;
        symlink("t/".repeat(300), dir.join("long-target")).at("cannot link in", &dir)?;
    }
    Ok(())
}

fn contents(odd: &Path, seed: u64) -> Result<()> {
    file(&odd.join("empty"), "", 0o644)?;
    file(&odd.join("one-byte"), "x", 0o644)?;
    file(&odd.join("block"), [b'b'; 512], 0o644)?;
    file(&odd.join("block-and-one"), [b'b'; 513], 0o644)?;
    file(&odd.join("zeros"), vec![0; 3 << 20], 0o644)?;
    let noise: Vec<u8> = noise(seed).take(1 << 20).collect();
    file(&odd.join("noise"), noise, 0o644)?;
    let path = odd.join("sparse");
    let mut sparse = fs::File::create(&path).at("cannot create", &path)?;
    for (offset, text) in [(0, "head"), (1 << 20, "middle"), ((9 << 20) + 77, "tail")] {
        sparse.seek(SeekFrom::Start(offset)).at("cannot seek", &path)?;
        sparse.write_all(format!("{text} {seed}").as_bytes()).at("cannot write", &path)?;
    }
    sparse.set_len(12 << 20).at("cannot extend", &path)
}

/// A file with `runs` islands of data in a sea of nothing.
///
/// # Errors
/// It cannot be written.
pub fn many_holes(path: &Path, runs: u64) -> Result<()> {
    let mut file = fs::File::create(path).at("cannot create", path)?;
    for i in 0..runs {
        file.seek(SeekFrom::Start(i * 200_000)).at("cannot seek", path)?;
        file.write_all(format!("island {i}").as_bytes()).at("cannot write", path)?;
    }
    Ok(())
}

/// Bytes that no compressor shrinks, the same for the same seed (xorshift64).
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
}

fn links(odd: &Path) -> Result<()> {
    let dir = odd.join("links");
    files::make_dir(&dir.join("sub"))?;
    file(&dir.join("z-first"), "three names", 0o644)?;
    for name in ["a-second", "sub/third"] {
        fs::hard_link(dir.join("z-first"), dir.join(name)).at("cannot link in", &dir)?;
    }
    for (target, name) in [
        ("/etc/passwd", "absolute"),
        ("../owned", "relative"),
        ("nowhere", "dangling"),
        ("loop", "loop"),
        ("../../../../../../etc", "climbing"),
    ] {
        symlink(target, dir.join(name)).at("cannot link in", &dir)?;
    }
    lchown(dir.join("dangling"), Some(7), Some(8)).at("cannot chown", &dir)
}

fn attributes(odd: &Path) -> Result<()> {
    let dir = odd.join("xattrs");
    files::make_dir(&dir)?;
    let set = |name: &str, key: &str, value: &[u8]| {
        let path = dir.join(name);
        if !path.exists() {
            file(&path, name, 0o755)?;
        }
        rustix::fs::lsetxattr(&path, key, value, XattrFlags::empty()).at("cannot set an xattr on", &path)
    };
    set("ping", "security.capability", &CAP_NET_RAW)?;
    set("user", "user.plain", b"value")?;
    set("user", "user.binary", &[0, 1, 2, 255, 10, 61])?;
    set("trusted", "trusted.firn.test", b"only root sees this")?;
    set("large", "user.large", &[b'v'; 3000])?;
    set("acl", "system.posix_acl_access", &ACL)?;
    rustix::fs::lsetxattr(&dir, "user.on-a-directory", b"d", XattrFlags::empty()).at("cannot set an xattr on", &dir)
}

fn times(odd: &Path, seed: u64) -> Result<()> {
    let dir = odd.join("times");
    files::make_dir(&dir)?;
    let base = 1_700_000_000 + i64::try_from(seed).unwrap_or(0);
    let stamps: [(&str, i64, i64); 5] = [
        ("nanos", base, 123_456_789),
        ("micros", base, 5_000),
        ("one-nano", base, 1),
        ("last-nano", base, 999_999_999),
        ("epoch", 0, 0),
    ];
    for (name, secs, nanos) in stamps {
        file(&dir.join(name), name, 0o644)?;
        set_mtime(&dir.join(name), secs, nanos)?;
    }
    symlink("nanos", dir.join("link")).at("cannot link in", &dir)?;
    set_mtime(&dir.join("link"), base + 9, 987_654_321)?;
    set_mtime(&dir, base + 10, 111_222_333)
}

fn set_mtime(path: &Path, secs: i64, nanos: i64) -> Result<()> {
    let stamp = Timespec { tv_sec: secs, tv_nsec: nanos };
    let times = Timestamps { last_access: stamp, last_modification: stamp };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).at("cannot set the times of", path)
}

/// Changes a filesystem as a Dockerfile's `RUN` would, and plants the odd files; a packer then finds the difference.
///
/// # Errors
/// A file that every corpus image has is missing, or the filesystem refuses a change.
pub fn edit(root: &Path, seed: u64) -> Result<()> {
    // Deletions: whole directories and single files here and there.
    files::remove_dir(&root.join("usr/share/man"))?;
    let mut docs = Vec::new();
    regular_files(&root.join("usr/share/doc"), &mut docs)?;
    for path in docs.iter().skip(usize::try_from(seed % 3).unwrap_or(0)).step_by(5) {
        fs::remove_file(path).at("cannot remove", path)?;
    }
    // Replacements of every kind by every other.
    let at = |path: &str| root.join(path);
    append(&at("usr/lib/os-release"), &format!("BUILD_ID={seed}\n"))?;
    fs::remove_file(at("etc/issue")).at("cannot remove", &at("etc/issue"))?;
    files::make_dir(&at("etc/issue"))?;
    file(&at("etc/issue/now-a-directory"), "x", 0o644)?;
    files::remove_dir(&at("etc/skel"))?;
    file(&at("etc/skel"), "now a file\n", 0o644)?;
    files::remove_dir(&at("var/backups"))?;
    symlink("../tmp", at("var/backups")).at("cannot link", &at("var/backups"))?;
    fs::remove_file(at("var/run")).at("cannot remove", &at("var/run"))?;
    files::make_dir(&at("var/run/was-a-link"))?;
    // A directory dropped and made again is what opaque directories are for.
    files::fresh_dir(&at("usr/share/pam-configs"))?;
    file(&at("usr/share/pam-configs/only"), format!("# {seed}\n"), 0o644)?;
    // Metadata only.
    chmod(&at("usr/bin/tac"), 0o711)?;
    lchown(at("etc/motd"), Some(5), Some(60)).at("cannot chown", &at("etc/motd"))?;
    set_mtime(&at("etc/hostname"), 1_600_000_000, 0)?;
    plant(root, seed, None)?;
    fs::hard_link(at("usr/bin/env"), at("opt/odd/env-again")).at("cannot link", &at("usr/bin/env"))
}

fn append(path: &Path, text: &str) -> Result<()> {
    let mut out = fs::OpenOptions::new().append(true).open(path).at("cannot open", path)?;
    out.write_all(text.as_bytes()).at("cannot write", path)
}

fn regular_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for path in files::list(dir)? {
        let kind = fs::symlink_metadata(&path).at("cannot stat", &path)?.file_type();
        if kind.is_dir() {
            regular_files(&path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
