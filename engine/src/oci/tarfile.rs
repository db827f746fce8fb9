//! Members of a tar file by name, for image archives.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::Error;
use crate::file_part::FilePart;
use crate::tar::{EntryKind, Event, Limits, Splitter, TarError};

/// Most members of an image archive: layers are single members, so real ones have tens.
const MAX_MEMBERS: usize = 100_000;
/// Most links followed from one member to the next.
const MAX_HOPS: usize = 16;

#[derive(Debug)]
enum Member {
    File { offset: u64, len: u64 },
    Link(String),
}

/// An indexed tar file.
#[derive(Debug)]
pub(super) struct TarFile {
    file: Arc<File>,
    members: HashMap<String, Member>,
}

impl TarFile {
    /// Reads through the file once and notes where each member's content lies.
    pub(super) fn index(origin: &str, file: File) -> Result<Self, Error> {
        let mut members = HashMap::new();
        let mut offset = 0u64;
        let mut open: Option<(String, u64)> = None;
        let mut splitter = Splitter::new(Limits::default());
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0u64;
        let bad = || Error::source_because::<TarError>(origin, "is not a readable tar file");
        let mut sink = |event: Event<'_>| -> Result<(), TarError> {
            match event {
                Event::Skeleton(bytes) | Event::Content(bytes) => offset += bytes.len() as u64,
                Event::Entry(entry) => {
                    let path = clean(&entry.path);
                    match entry.kind {
                        EntryKind::File => open = Some((path, offset)),
                        EntryKind::Symlink => {
                            members.insert(path.clone(), Member::Link(join(&path, &entry.link)));
                        }
                        EntryKind::HardLink => {
                            members.insert(path, Member::Link(clean(&entry.link)));
                        }
                        _ => {}
                    }
                }
                Event::EndEntry => {
                    if let Some((path, start)) = open.take() {
                        members.insert(path, Member::File { offset: start, len: offset - start });
                    }
                }
            }
            Ok(())
        };
        loop {
            let len = file.read_at(&mut buffer, at).map_err(Error::source_because(origin, "can't be read"))?;
            if len == 0 {
                break;
            }
            at += len as u64;
            splitter.feed(buffer.get(..len).unwrap_or_default(), &mut sink).map_err(bad())?;
        }
        splitter.finish().map_err(bad())?;
        if members.len() > MAX_MEMBERS {
            return Err(Error::source(origin, format!("holds more than {MAX_MEMBERS} members: not an image archive")));
        }
        Ok(TarFile { file: Arc::new(file), members })
    }

    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = name;
        for _ in 0..MAX_HOPS {
            match self.members.get(name)? {
                Member::File { offset, len } => return Some((*offset, *len)),
                Member::Link(target) => name = target,
            }
        }
        None
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Length of a member's content.
    pub(super) fn len(&self, name: &str) -> Option<u64> {
        self.find(name).map(|(_, len)| len)
    }

    /// A member's content from its first byte on.
    pub(super) fn open(&self, name: &str) -> Option<Box<dyn Read + Send>> {
        let (offset, len) = self.find(name)?;
        Some(Box::new(FilePart::new(Arc::clone(&self.file), offset, len)))
    }
}

/// A member's path as others refer to it: no `./`, no empty parts, `..` taken back.
fn clean(path: &[u8]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let text = String::from_utf8_lossy(path);
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn join(path: &str, target: &[u8]) -> String {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    clean(&[directory.as_bytes(), b"/", target].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_docker_writes_them() {
        assert_eq!(join("abc/layer.tar", b"../def/layer.tar"), "def/layer.tar");
        assert_eq!(clean(b"./blobs//sha256/x"), "blobs/sha256/x");
        assert_eq!(clean(b"../../etc/passwd"), "etc/passwd");
    }
}
