//! The differences between two trees.

use std::fmt;
use std::path::{Path, PathBuf};

use super::snapshot::{Entry, Tree, shown};
use crate::error::{Result, check_failed};

/// One difference at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, relative to the root.
    pub path: PathBuf,
    /// What differs, e.g. `mode`.
    pub field: &'static str,
    /// What the reference has.
    pub expected: String,
    /// What the other tree has.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: expected {}, found {}", shown(&self.path), self.field, self.expected, self.found)
    }
}

/// Compares a tree with a reference, entry by entry, in the order of paths.
pub fn compare(reference: &Tree, other: &Tree) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (path, expected) in reference {
        match other.get(path) {
            Some(found) => compare_entry(path, expected, found, &mut differences),
            None => differences.push(whole(path, "entry", "present", "missing")),
        }
    }
    for path in other.keys().filter(|p| !reference.contains_key(*p)) {
        differences.push(whole(path, "entry", "missing", "present"));
    }
    differences
}

/// Says what was compared if nothing differs.
///
/// # Errors
/// Something does; the first is named.
pub fn none(reference: &Tree, differences: &[Difference]) -> Result<String> {
    match differences.first() {
        None => Ok(format!("{} entries with their contents", reference.len())),
        Some(first) => check_failed(format!("{} differences, first {first}", differences.len())),
    }
}

fn whole(path: &Path, field: &'static str, expected: &str, found: &str) -> Difference {
    Difference { path: path.to_owned(), field, expected: expected.to_owned(), found: found.to_owned() }
}

fn compare_entry(path: &Path, expected: &Entry, found: &Entry, out: &mut Vec<Difference>) {
    let mut field = |field, expected: String, found: String| {
        if expected != found {
            out.push(Difference { path: path.to_owned(), field, expected, found });
        }
    };
    field("mode", format!("{:o}", expected.mode), format!("{:o}", found.mode));
    field("uid", expected.uid.to_string(), found.uid.to_string());
    field("gid", expected.gid.to_string(), found.gid.to_string());
    field("size", format!("{:?}", expected.size), format!("{:?}", found.size));
    field("rdev", format!("{:#x}", expected.rdev), format!("{:#x}", found.rdev));
    field("mtime", time(expected.mtime), time(found.mtime));
    // Some filesystems do not count a directory's names (1 on btrfs), so the reference is what the tree itself shows.
    field("nlink", expected.names.to_string(), found.nlink.to_string());
    field("target", bytes(expected.target.as_deref()), bytes(found.target.as_deref()));
    field("hard links with", group(expected), group(found));
    if expected.content.is_some() || found.content.is_some() {
        field("content", format!("{:?}", expected.content), format!("{:?}", found.content));
    }
    for key in expected.xattrs.keys().chain(found.xattrs.keys().filter(|k| !expected.xattrs.contains_key(*k))) {
        let value =
            |entry: &Entry| format!("{}={}", key.escape_ascii(), bytes(entry.xattrs.get(key).map(Vec::as_slice)));
        field("xattr", value(expected), value(found));
    }
}

fn time((secs, nanos): (i64, i64)) -> String {
    format!("{secs}.{nanos:09}")
}

fn bytes(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "none".to_owned(), |v| format!("\"{}\"", v.escape_ascii()))
}

fn group(entry: &Entry) -> String {
    entry.first_name.as_deref().map_or_else(|| "none".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

    use super::super::snapshot::take;
    use super::*;

    /// A tree with one of everything that a user may create, all times the same.
    fn plant(root: &Path) {
        fs::create_dir_all(root.join("dir/sub")).unwrap();
        fs::write(root.join("file"), "content").unwrap();
        fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(root.join("linked"), "two names").unwrap();
        fs::hard_link(root.join("linked"), root.join("dir/second")).unwrap();
        symlink("target", root.join("symlink")).unwrap();
        fifo(&root.join("fifo"));
        rustix::fs::lsetxattr(root.join("file"), "user.key", b"value", XattrFlags::empty()).unwrap();
        level(root);
    }

    fn fifo(path: &Path) {
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    fn set_mtime(path: &Path, nanos: i64) {
        let stamp = Timespec { tv_sec: 1000, tv_nsec: nanos };
        let times = Timestamps { last_access: stamp, last_modification: stamp };
        rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }

    /// Gives every entry the same time again, children first.
    fn level(path: &Path) {
        if fs::symlink_metadata(path).unwrap().is_dir() {
            crate::files::list(path).unwrap().iter().for_each(|p| level(p));
        }
        set_mtime(path, 5);
    }

    /// The fields that differ after `change` was made to a copy, other times than the changed one levelled again.
    fn after(change: impl Fn(&Path)) -> Vec<(String, &'static str)> {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        plant(&a);
        plant(&b);
        let reference = take(&a, true).unwrap();
        assert_eq!(compare(&reference, &take(&b, true).unwrap()), [], "equal trees");
        change(&b);
        let found = compare(&reference, &take(&b, true).unwrap());
        found.into_iter().map(|d| (d.path.display().to_string(), d.field)).collect()
    }

    fn one(path: &str, field: &'static str) -> Vec<(String, &'static str)> {
        vec![(path.to_owned(), field)]
    }

    #[test]
    fn every_kind_of_single_difference_is_found_and_nothing_else() {
        let mode = |root: &Path| fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o4640)).unwrap();
        assert_eq!(after(mode), one("file", "mode"));
        assert_eq!(after(|root| set_mtime(&root.join("file"), 6)), one("file", "mtime"));
        assert_eq!(after(|root| set_mtime(&root.join("symlink"), 6)), one("symlink", "mtime"));
        assert_eq!(after(|root| set_mtime(root, 6)), one("", "mtime"));
        let write = |text: &'static str| {
            move |root: &Path| {
                fs::write(root.join("file"), text).unwrap();
                level(root);
            }
        };
        assert_eq!(after(write("Content")), one("file", "content"));
        assert_eq!(after(write("longer content")), [("file".to_owned(), "size"), ("file".to_owned(), "content")]);
        let xattr = |key: &'static str, value: &'static [u8]| {
            move |root: &Path| rustix::fs::lsetxattr(root.join("file"), key, value, XattrFlags::empty()).unwrap()
        };
        assert_eq!(after(xattr("user.key", b"valuE")), one("file", "xattr"));
        assert_eq!(after(xattr("user.more", b"")), one("file", "xattr"));
        let removed = |root: &Path| rustix::fs::lremovexattr(root.join("file"), "user.key").unwrap();
        assert_eq!(after(removed), one("file", "xattr"));
    }

    #[test]
    fn entries_and_links_are_compared() {
        let level_after = |change: fn(&Path)| {
            after(move |root| {
                change(root);
                level(root);
            })
        };
        assert_eq!(level_after(|root| fs::remove_file(root.join("fifo")).unwrap()), one("fifo", "entry"));
        assert_eq!(level_after(|root| fifo(&root.join("extra"))), one("extra", "entry"));
        let retarget = |root: &Path| {
            fs::remove_file(root.join("symlink")).unwrap();
            symlink("TARGET", root.join("symlink")).unwrap();
        };
        assert_eq!(level_after(retarget), one("symlink", "target"));
        let split = |root: &Path| {
            fs::remove_file(root.join("dir/second")).unwrap();
            fs::copy(root.join("linked"), root.join("dir/second")).unwrap();
        };
        let fields: Vec<_> = level_after(split).into_iter().map(|(path, field)| format!("{path} {field}")).collect();
        assert_eq!(
            fields,
            ["dir/second nlink", "dir/second hard links with", "linked nlink", "linked hard links with"]
        );
        let fields = level_after(|root| fs::create_dir(root.join("dir/new")).unwrap());
        assert_eq!(fields, [("dir".to_owned(), "nlink"), ("dir/new".to_owned(), "entry")]);
    }

    #[test]
    fn what_only_root_may_change_is_compared_too() {
        let dir = tempfile::tempdir().unwrap();
        plant(dir.path());
        let reference = take(dir.path(), true).unwrap();
        type Change = (fn(&mut Entry), &'static str);
        let changes: [Change; 3] = [(|e| e.uid += 1, "uid"), (|e| e.gid += 1, "gid"), (|e| e.rdev += 1, "rdev")];
        for (change, field) in changes {
            let mut other = reference.clone();
            change(other.get_mut(Path::new("file")).unwrap());
            let found: Vec<_> = compare(&reference, &other).into_iter().map(|d| d.field).collect();
            assert_eq!(found, [field]);
        }
    }
}
