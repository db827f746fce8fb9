//! One inode against another.

use super::{Kind, Kinds, damaged};
use crate::error::Error;
use crate::read::OpenImage;
use crate::tree::{Ino, Node, NodeKind, TreeError, Xattr};

/// An inode of one of the images.
#[derive(Clone, Copy)]
pub(super) struct Side<'i> {
    pub image: &'i OpenImage,
    pub ino: Ino,
    pub node: Node,
}

/// In what two inodes differ, hard links aside.
pub(super) fn compare(a: Side<'_>, b: Side<'_>) -> Result<Kinds, Error> {
    let mut kinds = Kinds::default();
    let (one, other) = (a.node, b.node);
    if one.kind != other.kind {
        kinds.note(Kind::Type, true);
        return Ok(kinds);
    }
    kinds.note(Kind::Mode, one.mode != other.mode);
    kinds.note(Kind::Owner, (one.uid, one.gid) != (other.uid, other.gid));
    kinds.note(Kind::Time, one.mtime != other.mtime);
    kinds.note(Kind::Xattrs, xattrs_differ(a, b).map_err(damaged)?);
    match one.kind {
        NodeKind::File => kinds.note(Kind::Content, content_differs(a, b)?),
        NodeKind::Symlink => {
            let target = |side: Side<'_>| side.image.tree().link_target(side.ino).map(<[u8]>::to_vec);
            kinds.note(Kind::Target, target(a).map_err(damaged)? != target(b).map_err(damaged)?);
        }
        NodeKind::CharDevice | NodeKind::BlockDevice => {
            let device = |node: Node| (node.rdev_major, node.rdev_minor);
            kinds.note(Kind::Device, device(one) != device(other));
        }
        NodeKind::Directory | NodeKind::Fifo => {}
    }
    Ok(kinds)
}

fn content_differs(a: Side<'_>, b: Side<'_>) -> Result<bool, Error> {
    if (a.node.size, a.node.is_sparse) != (b.node.size, b.node.is_sparse) {
        return Ok(true);
    }
    fn refs(side: Side<'_>) -> Result<&[u8], Error> {
        side.node.content.map_or(Ok(&[]), |content| side.image.encoded_refs(content))
    }
    if refs(a)? != refs(b)? {
        return Ok(true);
    }
    let runs = |side: Side<'_>| side.image.tree().sparse_runs(side.ino).map_err(damaged);
    Ok(a.node.is_sparse && runs(a)? != runs(b)?)
}

fn xattrs_differ(a: Side<'_>, b: Side<'_>) -> Result<bool, TreeError> {
    if !a.node.has_xattrs && !b.node.has_xattrs {
        return Ok(false);
    }
    fn all(side: Side<'_>) -> Result<Vec<Xattr<'_>>, TreeError> {
        side.image.tree().xattrs(side.ino)?.collect()
    }
    Ok(all(a)? != all(b)?)
}
