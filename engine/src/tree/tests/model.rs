//! Random layers against a naive filesystem: a map from full paths to inode numbers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Path = Vec<Vec<u8>>;

#[derive(Clone)]
struct Meta {
    kind: EntryKind,
    mode: u32,
    uid: u32,
    secs: i64,
    size: u64,
    link: Vec<u8>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

struct Failed;

struct Model {
    paths: BTreeMap<Path, usize>,
    inodes: Vec<Meta>,
    /// Paths this layer brought, with all their ancestors, and directories it declared.
    upper: BTreeSet<Path>,
    declared: BTreeSet<Path>,
}

fn bare() -> Meta {
    Meta { kind: EntryKind::Directory, mode: 0o755, uid: 0, secs: 0, size: 0, link: vec![], xattrs: vec![] }
}

fn clean(path: &[u8]) -> Path {
    let mut out: Path = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(out.pop()),
            _ => out.push(part.to_vec()),
        }
    }
    out
}

impl Model {
    fn kind(&self, path: &Path) -> Option<EntryKind> {
        if path.is_empty() {
            return Some(EntryKind::Directory);
        }
        self.paths.get(path).map(|&inode| self.inodes[inode].kind)
    }

    /// Real path of a directory path; components that do not exist are kept.
    fn real(&self, parts: &[Vec<u8>], hops: &mut u32) -> Result<Path, Failed> {
        let mut at: Path = Vec::new();
        self.walk(&mut at, parts, hops)?;
        Ok(at)
    }

    fn walk(&self, at: &mut Path, parts: &[Vec<u8>], hops: &mut u32) -> Result<(), Failed> {
        for part in parts {
            match &part[..] {
                b"" | b"." => continue,
                b".." => {
                    at.pop();
                    continue;
                }
                _ => at.push(part.clone()),
            }
            match self.kind(at) {
                None | Some(EntryKind::Directory) => {}
                Some(EntryKind::Symlink) => {
                    *hops += 1;
                    if *hops > 255 {
                        return Err(Failed);
                    }
                    let target = self.inodes[self.paths[at]].link.clone();
                    at.pop();
                    if target[0] == b'/' {
                        at.clear();
                    }
                    let parts: Vec<_> = target.split(|&b| b == b'/').map(<[u8]>::to_vec).collect();
                    self.walk(at, &parts, hops)?;
                }
                Some(_) => return Err(Failed),
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &Path) {
        self.paths.retain(|other, _| !other.starts_with(path));
    }

    fn touch(&mut self, path: &Path) {
        for len in 1..=path.len() {
            self.upper.insert(path[..len].to_vec());
        }
    }

    fn hide(&mut self, path: &Path, itself: bool) {
        let below: Vec<Path> = self.paths.keys().filter(|other| other.starts_with(path)).cloned().collect();
        for other in below {
            if &other == path && !itself {
                continue;
            }
            if !self.upper.contains(&other) {
                self.paths.remove(&other);
            } else if self.kind(&other) == Some(EntryKind::Directory) && !self.declared.contains(&other) {
                let inode = self.paths[&other];
                self.inodes[inode] = bare();
            }
        }
    }

    fn whiteout(&mut self, parents: &[Vec<u8>], name: &[u8]) -> Result<(), Failed> {
        let blocked_is_nothing = |result: Result<Path, Failed>, hops: u32| match result {
            Err(Failed) if hops > 255 => Err(Failed),
            other => Ok(other.ok()),
        };
        let mut hops = 0;
        let found = self.real(parents, &mut hops);
        let Some(mut dir) = blocked_is_nothing(found, hops)? else {
            return Ok(());
        };
        if name == b".wh..wh..opq" {
            if self.kind(&dir).is_some() {
                self.hide(&dir, false);
            }
        } else {
            dir.push(name[4..].to_vec());
            self.hide(&dir, true);
        }
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Failed> {
        let mut path = clean(&entry.path);
        let meta = Meta {
            kind: entry.kind,
            mode: if entry.kind == EntryKind::Symlink { 0o777 } else { entry.mode },
            uid: entry.uid,
            secs: entry.mtime.secs,
            size: entry.size,
            link: entry.link.clone(),
            xattrs: entry.xattrs.clone(),
        };
        let Some(name) = path.pop() else {
            self.inodes[0] = meta;
            return if entry.kind == EntryKind::Directory { Ok(()) } else { Err(Failed) };
        };
        if name.starts_with(b".wh.") {
            return self.whiteout(&path, &name);
        }
        let mut path = self.real(&path, &mut 0)?;
        for len in 1..=path.len() {
            if !self.paths.contains_key(&path[..len]) {
                self.inodes.push(bare());
                self.paths.insert(path[..len].to_vec(), self.inodes.len() - 1);
            }
        }
        path.push(name);
        if entry.kind == EntryKind::Directory && self.kind(&path) == Some(EntryKind::Directory) {
            let inode = self.paths[&path];
            self.inodes[inode] = meta;
            self.declared.insert(path.clone());
        } else if entry.kind == EntryKind::HardLink {
            self.remove(&path);
            let mut target = clean(&entry.link);
            let name = target.pop().ok_or(Failed)?;
            let mut target = self.real(&target, &mut 0)?;
            target.push(name);
            let inode = *self.paths.get(&target).ok_or(Failed)?;
            if self.inodes[inode].kind == EntryKind::Directory {
                return Err(Failed);
            }
            self.paths.insert(path.clone(), inode);
        } else {
            self.remove(&path);
            self.declared.remove(&path);
            if entry.kind == EntryKind::Directory {
                self.declared.insert(path.clone());
            }
            self.inodes.push(meta);
            self.paths.insert(path.clone(), self.inodes.len() - 1);
        }
        self.touch(&path);
        Ok(())
    }

    fn shown(&self) -> BTreeMap<String, String> {
        let describe = |path: &Path, inode: usize| {
            let meta = &self.inodes[inode];
            let names = self.paths.iter().filter(|&(_, &other)| other == inode && inode != 0);
            let peers: Vec<String> = names.map(|(path, _)| show(path)).collect();
            let subdirs = |other: &Path| other.len() == path.len() + 1 && other.starts_with(path);
            let nlink = match meta.kind {
                EntryKind::Directory => {
                    2 + self.paths.keys().filter(|p| subdirs(p) && self.kind(p) == Some(EntryKind::Directory)).count()
                }
                _ => peers.len(),
            };
            let size = match meta.kind {
                EntryKind::Directory => 4096,
                EntryKind::Symlink => meta.link.len() as u64,
                _ => meta.size,
            };
            let peers = if peers.len() > 1 { peers } else { vec![] };
            line(meta.mode, meta.uid, meta.secs, size, nlink as u32, &meta.link, &meta.xattrs, &peers)
        };
        let mut out: BTreeMap<String, String> =
            self.paths.iter().map(|(path, &inode)| (show(path), describe(path, inode))).collect();
        out.insert(String::new(), describe(&vec![], 0));
        out
    }
}

#[allow(clippy::too_many_arguments)]
fn line(
    mode: u32,
    uid: u32,
    secs: i64,
    size: u64,
    nlink: u32,
    target: &[u8],
    xattrs: &[(Vec<u8>, Vec<u8>)],
    peers: &[String],
) -> String {
    format!("{mode:o} {uid} {secs} {size} {nlink} {target:?} {xattrs:?} {peers:?}")
}

fn show(path: &Path) -> String {
    path.iter().map(|part| format!("/{}", part.escape_ascii())).collect()
}

fn shown(tree: &Tree) -> BTreeMap<String, String> {
    let paths: BTreeMap<String, Ino> =
        paths_of(tree).into_iter().map(|(path, ino)| (format!("/{}", path.trim_end_matches('/')), ino)).collect();
    let describe = |ino: Ino| {
        let node = tree.node(ino).unwrap();
        let peers: Vec<String> = paths.iter().filter(|&(_, &other)| other == ino).map(|(p, _)| p.clone()).collect();
        let peers = if peers.len() > 1 { peers } else { vec![] };
        let target = if node.kind == NodeKind::Symlink { tree.link_target(ino).unwrap() } else { b"" };
        let pairs = tree.xattrs(ino).unwrap().map(Result::unwrap);
        let xattrs: Vec<_> = pairs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        assert_eq!(node.content.is_some(), node.kind == NodeKind::File && node.size > 0);
        line(node.mode, node.uid, node.mtime.secs, node.size, node.nlink, target, &xattrs, &peers)
    };
    let mut out: BTreeMap<String, String> = paths.iter().map(|(path, &ino)| (path.clone(), describe(ino))).collect();
    out.insert(String::new(), describe(Ino::ROOT));
    out
}

fn any_path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", "c", "..", "."]);
    let start = prop::sample::select(vec!["", "./", "/"]);
    (start, prop::collection::vec(part, 1..4)).prop_map(|(start, parts)| start.to_string() + &parts.join("/"))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let metadata = (0..0o7777u32, 1..5u32, 1..100i64, 0..50u64, prop::option::of(0..3u8));
    (0..12u8, any_path(), any_path(), metadata).prop_map(|(kind, path, link, (mode, uid, secs, size, value))| {
        let base = match kind {
            0..=2 => file(&path, size),
            3..=5 => dir(&path),
            6 => symlink(&path, &link),
            7 | 8 => hard(&path, &link),
            9 => entry(EntryKind::Fifo, &path),
            10 => whiteout(&format!("{path}/.wh..wh..opq")),
            _ => {
                let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
                let name = if name.starts_with('.') { "a" } else { name };
                whiteout(&format!("{parent}/.wh.{name}"))
            }
        };
        let xattrs = value.map(|value| vec![xattr("user.v", &[value])]).unwrap_or_default();
        Entry { mode, uid, mtime: Timestamp { secs, nanos: 0 }, xattrs, ..base }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_builder_agrees_with_a_naive_filesystem(
        layers in prop::collection::vec(prop::collection::vec(any_entry(), 0..14), 1..4)
    ) {
        let mut builder = TreeBuilder::new(Limits::default());
        let mut model = Model {
            paths: BTreeMap::new(), inodes: vec![bare()], upper: BTreeSet::new(), declared: BTreeSet::new(),
        };
        let mut applied: Vec<Vec<Entry>> = Vec::new();
        'layers: for layer in &layers {
            builder.begin_layer();
            model.upper.clear();
            model.declared.clear();
            applied.push(Vec::new());
            for entry in layer {
                let content = ContentRef { layer: 0, first: entry.size, count: 1 };
                let result = builder.apply(entry, Some(content).filter(|_| entry.size > 0));
                let expected = model.apply(entry);
                prop_assert_eq!(result.is_ok(), expected.is_ok(), "{:?}: {:?}", entry, result);
                if result.is_err() {
                    break 'layers;
                }
                applied.last_mut().unwrap().push(entry.clone());
            }
        }
        // What was accepted, built again: errors in mid-way must not hide the tree before them.
        let tree = build(&applied);
        let mut model = Model {
            paths: BTreeMap::new(), inodes: vec![bare()], upper: BTreeSet::new(), declared: BTreeSet::new(),
        };
        for layer in &applied {
            model.upper.clear();
            model.declared.clear();
            for entry in layer {
                prop_assert!(model.apply(entry).is_ok());
            }
        }
        prop_assert_eq!(shown(&tree), model.shown());
    }
}
