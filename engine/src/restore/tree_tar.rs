//! The merged tree as one tar stream.
//!
//! A pure function of the tree and its contents: names in byte order, every field from the tree. Every path starts with
//! `./`, so that no name can be taken for an absolute path or an option.

use std::io::{self, Write};

use super::content::pieces;
use super::pax::{self, Records};
use super::ustar::{END, Header, NAME_LEN, kind, pad};
use super::walk::{Visit, Walk, damaged, sound_tree};
use crate::error::Error;
use crate::ingest::Meter;
use crate::read::OpenImage;
use crate::tar::BLOCK;
use crate::tree::{Ino, Node, NodeKind, Tree, escaped_xattr};

/// Longest path in bytes, `./` included: what Linux takes in one call, and so what tar programs can extract.
const MAX_PATH: usize = 4095;
/// Sizes from here on do not fit a header in octal.
const LARGE: u64 = 1 << 33;
/// Owners from here on do not fit a header in octal.
const LARGE_ID: u32 = 1 << 21;

/// What a restore of a merged tree wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeRestored {
    /// Names, the root included.
    pub entries: u64,
    /// Bytes of file content written, holes left out.
    pub bytes: u64,
}

/// Writes the merged tree of an image as a tar stream; memory is bounded by the reader's cache. After an error what was
/// written must be thrown away.
///
/// # Errors
/// [`Error::Usage`] for a path that is too long for tar programs; damage; `out` fails.
pub fn restore_tar(image: &OpenImage, out: &mut dyn Write, meter: &Meter) -> Result<TreeRestored, Error> {
    let tree = sound_tree(image)?;
    meter.add_total(tree.totals().logical_bytes);
    let mut writer = Writer { image, tree, out, meter, done: TreeRestored::default() };
    let mut walk = Walk::new(tree);
    while let Some(visit) = walk.next()? {
        let (ino, node, first) = match visit {
            Visit::Node { ino, node, .. } => (ino, node, None),
            Visit::Link { ino, node, first, .. } => (ino, node, Some(first)),
            Visit::Leave { .. } => continue,
        };
        let path = dotted(walk.path(), node.kind == NodeKind::Directory)?;
        match first {
            None => writer.node(&path, ino, &node)?,
            Some(first) => writer.link(&path, &node, &dotted(&first.path(tree)?, false)?)?,
        }
        writer.done.entries += 1;
    }
    writer.out.write_all(&END).and_then(|()| writer.out.flush()).map_err(failed())?;
    Ok(writer.done)
}

fn failed() -> impl FnOnce(io::Error) -> Error {
    Error::system("writing the tar stream")
}

fn dotted(path: &[u8], is_directory: bool) -> Result<Vec<u8>, Error> {
    let mut dotted = [b"./", path].concat();
    if is_directory && !path.is_empty() {
        dotted.push(b'/');
    }
    if dotted.len() > MAX_PATH {
        let start = path.get(..60).unwrap_or(path).escape_ascii();
        let what = format!("{start}…: a path of {} bytes, which no tar program extracts: restore to dir:", path.len());
        return Err(Error::Usage(what));
    }
    Ok(dotted)
}

struct Writer<'w> {
    image: &'w OpenImage,
    tree: &'w Tree,
    out: &'w mut dyn Write,
    meter: &'w Meter,
    done: TreeRestored,
}

impl Writer<'_> {
    fn node(&mut self, path: &[u8], ino: Ino, node: &Node) -> Result<(), Error> {
        let mut header = header(path, node);
        let mut records = records(&header, node);
        if header.kind == kind::SYMLINK {
            header.link = self.tree.link_target(ino).map_err(damaged)?;
            add_long(&mut records, b"linkpath", header.link);
        }
        if node.kind != NodeKind::File {
            self.xattrs(ino, node, &mut records)?;
            return self.head(&header, &records);
        }
        let map = if node.is_sparse { self.sparse(path, ino, node, &mut records)? } else { Sparse::default() };
        self.xattrs(ino, node, &mut records)?;
        header.size = map.text.len() as u64 + if node.is_sparse { map.stored } else { node.size };
        if header.size >= LARGE {
            records.add_number(b"size", header.size);
        }
        if node.is_sparse {
            header.name = &map.name;
        }
        self.head(&header, &records)?;
        self.out.write_all(&map.text).map_err(failed())?;
        self.content(ino, node)?;
        pad(self.out, header.size).map_err(failed())
    }

    fn link(&mut self, path: &[u8], node: &Node, target: &[u8]) -> Result<(), Error> {
        let header = Header { kind: kind::HARD_LINK, link: target, device: None, ..header(path, node) };
        let mut records = records(&header, node);
        add_long(&mut records, b"linkpath", target);
        self.head(&header, &records)
    }

    fn head(&mut self, header: &Header<'_>, records: &Records) -> Result<(), Error> {
        records.write(self.out).and_then(|()| self.out.write_all(&header.encode())).map_err(failed())
    }

    fn xattrs(&self, ino: Ino, node: &Node, records: &mut Records) -> Result<(), Error> {
        if node.has_xattrs {
            for xattr in self.tree.xattrs(ino).map_err(damaged)? {
                let (name, value) = xattr.map_err(damaged)?;
                records.add_xattr(&escaped_xattr(name), value);
            }
        }
        Ok(())
    }

    /// The map of a sparse file in GNU's format 1.0, which stands before the data.
    fn sparse(&self, path: &[u8], ino: Ino, node: &Node, records: &mut Records) -> Result<Sparse, Error> {
        let runs = self.tree.sparse_runs(ino).map_err(damaged)?;
        let stored = runs.iter().map(|run| run.len).sum();
        // A file that ends in a hole ends its map with an empty run, as GNU tar writes it.
        let end = runs.last().map_or(0, |run| run.offset + run.len);
        let tail = (end < node.size || runs.is_empty()).then_some((node.size, 0));
        let all: Vec<(u64, u64)> = runs.iter().map(|run| (run.offset, run.len)).chain(tail).collect();
        let mut text = format!("{}\n", all.len()).into_bytes();
        all.iter().for_each(|(offset, len)| text.extend_from_slice(format!("{offset}\n{len}\n").as_bytes()));
        text.resize(text.len().next_multiple_of(BLOCK), 0);
        records.add(b"GNU.sparse.major", b"1");
        records.add(b"GNU.sparse.minor", b"0");
        records.add(b"GNU.sparse.name", path);
        records.add_number(b"GNU.sparse.realsize", node.size);
        // Programs that know nothing of this unpack map and data under a name that gives them away.
        let slash = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (dir, base) = path.split_at(slash);
        Ok(Sparse { text, stored, name: [dir, b"GNUSparseFile.0/", base].concat() })
    }

    fn content(&mut self, ino: Ino, node: &Node) -> Result<(), Error> {
        let Writer { image, tree, out, meter, done } = self;
        let before = done.bytes;
        pieces(image, tree, ino, node, &mut |_, bytes| {
            meter.add_done(bytes.len() as u64);
            done.bytes += bytes.len() as u64;
            out.write_all(bytes).map_err(failed())
        })?;
        meter.add_done(node.size.saturating_sub(done.bytes - before));
        Ok(())
    }
}

#[derive(Default)]
struct Sparse {
    text: Vec<u8>,
    stored: u64,
    name: Vec<u8>,
}

fn header<'a>(path: &'a [u8], node: &Node) -> Header<'a> {
    let device = (node.rdev_major, node.rdev_minor);
    let (kind, device) = match node.kind {
        NodeKind::File => (kind::FILE, None),
        NodeKind::Directory => (kind::DIRECTORY, None),
        NodeKind::Symlink => (kind::SYMLINK, None),
        NodeKind::Fifo => (kind::FIFO, None),
        NodeKind::CharDevice => (kind::CHAR_DEVICE, Some(device)),
        NodeKind::BlockDevice => (kind::BLOCK_DEVICE, Some(device)),
    };
    let mtime = u64::try_from(node.mtime.secs).ok().filter(|secs| *secs < LARGE).unwrap_or(0);
    Header { name: path, kind, mode: node.mode, uid: node.uid, gid: node.gid, size: 0, mtime, link: b"", device }
}

/// What of a member's common fields the header can't hold.
fn records(header: &Header<'_>, node: &Node) -> Records {
    let mut records = Records::default();
    add_long(&mut records, b"path", header.name);
    for (key, id) in [(&b"uid"[..], node.uid), (b"gid", node.gid)] {
        if id >= LARGE_ID {
            records.add_number(key, id.into());
        }
    }
    if node.mtime.nanos != 0 || i64::try_from(header.mtime) != Ok(node.mtime.secs) {
        records.add(b"mtime", pax::time(node.mtime).as_bytes());
    }
    records
}

fn add_long(records: &mut Records, key: &[u8], name: &[u8]) {
    if name.len() > NAME_LEN {
        records.add(key, name);
    }
}
