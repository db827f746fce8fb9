//! Trees made for tests: members go in, a `Tree` and its content come out.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::lib_api::content::{Content, ContentError};
use crate::lib_api::fs::Fs;
use firn_engine::id::PackId;
use firn_engine::tar::{DataRun, Entry, EntryKind};
use firn_engine::tree::{ContentRef, Limits, Tree, TreeBuilder};

/// Bytes per chunk in tests: small, so that ordinary reads span several.
pub(crate) const CHUNK: u64 = 4096;

/// The pack that everything frozen is in.
pub(crate) const PACK: PackId = PackId::from_bytes([7; 32]);

/// What a damaged file answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Corrupt,
    Missing,
    Frozen,
    Io,
    Panic,
}

/// A tree in the making. Paths have no leading slash; parents come first.
pub(crate) struct Sample {
    members: Vec<(Entry, Option<ContentRef>)>,
    content: Bytes,
}

/// Contents by the first chunk reference.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bytes {
    files: HashMap<u64, Arc<[u8]>>,
    damage: HashMap<u64, Damage>,
    chunks: u64,
    /// Files of which something was asked for.
    asked: Arc<Mutex<HashSet<u64>>>,
}

impl Sample {
    pub(crate) fn new() -> Sample {
        let root = Entry { mode: 0o755, ..Entry::bare(".", EntryKind::Directory) };
        Sample { members: vec![(root, None)], content: Bytes::default() }
    }

    /// Adds a member as it is; the returned reference lets the caller change it.
    pub(crate) fn push(&mut self, entry: Entry, stored: &[u8]) -> &mut Entry {
        let content = (!stored.is_empty()).then(|| self.content.add(stored));
        self.members.push((entry, content));
        let (entry, _) = self.members.last_mut().unwrap();
        entry
    }

    pub(crate) fn file(&mut self, path: &str, data: &[u8]) -> &mut Entry {
        let size = data.len() as u64;
        self.push(Entry { mode: 0o644, size, stored: size, ..Entry::bare(path, EntryKind::File) }, data)
    }

    pub(crate) fn sparse(&mut self, path: &str, size: u64, runs: &[DataRun], stored: &[u8]) -> &mut Entry {
        let file = Entry {
            mode: 0o644,
            size,
            stored: stored.len() as u64,
            sparse: Some(runs.to_vec()),
            ..Entry::bare(path, EntryKind::File)
        };
        self.push(file, stored)
    }

    pub(crate) fn dir(&mut self, path: &str) -> &mut Entry {
        self.push(Entry { mode: 0o755, ..Entry::bare(path, EntryKind::Directory) }, b"")
    }

    pub(crate) fn symlink(&mut self, path: &str, target: &[u8]) -> &mut Entry {
        self.push(Entry { mode: 0o777, link: target.to_vec(), ..Entry::bare(path, EntryKind::Symlink) }, b"")
    }

    pub(crate) fn hard_link(&mut self, path: &str, target: &str) -> &mut Entry {
        self.push(Entry { link: target.into(), ..Entry::bare(path, EntryKind::HardLink) }, b"")
    }

    pub(crate) fn device(&mut self, path: &str, kind: EntryKind, major: u32, minor: u32) -> &mut Entry {
        self.push(Entry { mode: 0o600, dev_major: major, dev_minor: minor, ..Entry::bare(path, kind) }, b"")
    }

    /// Sets an attribute of an earlier member; "." is the root.
    pub(crate) fn xattr(&mut self, path: &str, name: &[u8], value: &[u8]) {
        let (entry, _) = self.find(path);
        entry.xattrs.push((name.to_vec(), value.to_vec()));
    }

    /// Makes every read of an earlier file fail.
    pub(crate) fn damage(&mut self, path: &str, damage: Damage) {
        let content = self.find(path).1.expect("only files with bytes can be damaged");
        self.content.damage.insert(content.first, damage);
    }

    /// The root directory.
    pub(crate) fn root(&mut self) -> &mut Entry {
        &mut self.find(".").0
    }

    /// What was put in so far, the root first.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Entry> {
        self.members.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn build(self) -> (Arc<Tree>, Bytes) {
        let mut builder = TreeBuilder::new(Limits::default());
        builder.begin_layer();
        for (entry, content) in &self.members {
            builder.apply(entry, *content).unwrap();
        }
        let tree = Tree::open(builder.finish().unwrap().into()).unwrap();
        (Arc::new(tree), self.content)
    }

    pub(crate) fn fs(self) -> Fs {
        let (tree, content) = self.build();
        Fs::new(tree, Arc::new(content))
    }

    fn find(&mut self, path: &str) -> &mut (Entry, Option<ContentRef>) {
        self.members.iter_mut().find(|(e, _)| e.path == path.as_bytes()).expect("no such member")
    }
}

impl Bytes {
    fn add(&mut self, stored: &[u8]) -> ContentRef {
        let content = ContentRef { layer: 0, first: self.chunks, count: (stored.len() as u64).div_ceil(CHUNK) };
        self.files.insert(content.first, stored.into());
        self.chunks += content.count;
        content
    }

    /// Of how many files something was asked for since it was last forgotten.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }
}

impl Content for Bytes {
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError> {
        let what = format!("chunk {}", content.first);
        self.asked.lock().unwrap().insert(content.first);
        match self.damage.get(&content.first) {
            Some(Damage::Corrupt) => return Err(ContentError::Corrupt { what }),
            Some(Damage::Missing) => return Err(ContentError::Missing { what }),
            Some(Damage::Frozen) => return Err(ContentError::Frozen { what, pack: PACK }),
            Some(Damage::Io) => {
                return Err(ContentError::Io { what, source: std::io::Error::other("unplugged") });
            }
            Some(Damage::Panic) => panic!("a content that panics"),
            None => {}
        }
        let bytes = self.files.get(&content.first).expect("a reference of this tree");
        let from = usize::try_from(offset).unwrap();
        buf.copy_from_slice(&bytes[from..from + buf.len()]);
        Ok(())
    }

    fn touched(&self, content: ContentRef) -> Vec<Range<u64>> {
        let bytes = self.asked.lock().unwrap().contains(&content.first).then(|| self.files.get(&content.first));
        bytes.flatten().map(|bytes| 0..bytes.len() as u64).into_iter().collect()
    }
}
