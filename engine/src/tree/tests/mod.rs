#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod format;
mod hostile;
mod links;
mod metadata;
mod model;
mod names;
mod paths;
mod whiteouts;

use std::collections::BTreeMap;

use super::*;
use crate::tar::{DataRun, Entry, EntryKind, Timestamp};

/// A member with metadata that differs from every default.
fn entry(kind: EntryKind, path: &str) -> Entry {
    let mtime = Timestamp { secs: 1000, nanos: 5 };
    Entry { mode: 0o640, uid: 10, gid: 20, mtime, ..Entry::bare(path, kind) }
}

/// A file of `size` bytes; sizes tell the files of a test apart.
fn file(path: &str, size: u64) -> Entry {
    Entry { size, stored: size, ..entry(EntryKind::File, path) }
}

fn dir(path: &str) -> Entry {
    Entry { mode: 0o750, ..entry(EntryKind::Directory, path) }
}

fn symlink(path: &str, target: &str) -> Entry {
    Entry { link: target.into(), ..entry(EntryKind::Symlink, path) }
}

fn hard(path: &str, target: &str) -> Entry {
    Entry { link: target.into(), ..entry(EntryKind::HardLink, path) }
}

fn whiteout(path: &str) -> Entry {
    entry(EntryKind::File, path)
}

fn xattr(name: &str, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (name.into(), value.to_vec())
}

/// Applies layers; the n-th member of all has its content, if any, at chunk n.
fn build_with(limits: Limits, layers: &[Vec<Entry>]) -> Result<Vec<u8>, BuildError> {
    let mut builder = TreeBuilder::new(limits);
    let mut chunk = 0;
    for (layer, entries) in (0..).zip(layers) {
        builder.begin_layer();
        for entry in entries {
            let content = (entry.stored > 0).then_some(ContentRef { layer, first: chunk, count: 1 });
            builder.apply(entry, content)?;
            chunk += 1;
        }
    }
    builder.finish()
}

fn build(layers: &[Vec<Entry>]) -> Tree {
    let tree = Tree::open(build_with(Limits::default(), layers).unwrap().into()).unwrap();
    tree.check().unwrap();
    tree
}

fn build_error(layers: &[Vec<Entry>]) -> BuildError {
    build_with(Limits::default(), layers).unwrap_err()
}

/// Every path with its inode; directories end in `/`.
fn paths_of(tree: &Tree) -> BTreeMap<String, Ino> {
    fn visit(tree: &Tree, dir: Ino, prefix: &str, found: &mut BTreeMap<String, Ino>) {
        for index in 0..tree.entry_count(dir).unwrap() {
            let (name, ino, kind) = tree.entry(dir, index).unwrap().unwrap();
            assert_eq!(tree.lookup(dir, name).unwrap(), Some(ino));
            let path = format!("{prefix}{}", name.escape_ascii());
            if kind == NodeKind::Directory {
                assert_eq!(tree.parent(ino).unwrap(), dir);
                visit(tree, ino, &format!("{path}/"), found);
                found.insert(path + "/", ino);
            } else {
                found.insert(path, ino);
            }
        }
        assert_eq!(tree.entry(dir, tree.entry_count(dir).unwrap()).unwrap(), None);
    }
    let mut found = BTreeMap::new();
    visit(tree, Ino::ROOT, "", &mut found);
    found
}

/// The paths alone, space-separated; files as `path=size`.
fn listing(tree: &Tree) -> String {
    let shown = paths_of(tree).into_iter().map(|(path, ino)| match tree.node(ino).unwrap() {
        Node { kind: NodeKind::File, size, .. } => format!("{path}={size}"),
        Node { kind: NodeKind::Symlink, .. } => format!("{path}->{}", tree.link_target(ino).unwrap().escape_ascii()),
        _ => path,
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn node(tree: &Tree, path: &str) -> Node {
    tree.node(tree.resolve(path.as_bytes()).unwrap().unwrap()).unwrap()
}

/// Whether a directory has the metadata of one that no entry declared.
fn is_bare(tree: &Tree, path: &str) -> bool {
    let Node { mode, uid, gid, mtime, has_xattrs, .. } = node(tree, path);
    (mode, uid, gid, mtime, has_xattrs) == (0o755, 0, 0, Timestamp::default(), false)
}

fn runs(pairs: &[(u64, u64)]) -> Vec<DataRun> {
    pairs.iter().map(|&(offset, len)| DataRun { offset, len }).collect()
}
