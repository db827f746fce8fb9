//! OCI image layouts, in a directory or in a tar file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::{Descriptor, MAX_DOCUMENT};
use super::reference::{Reference, Selector};
use super::source::{ImageSource, read_small};
use super::tarfile::TarFile;
use crate::error::Error;
use crate::id::Digest;

/// Name that containerd and docker give an exported image, beside the tag in `ref.name`.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

enum Place {
    Directory(PathBuf),
    Archive(TarFile),
}

/// One image of a layout.
pub(super) struct Layout {
    origin: String,
    place: Place,
    root: Descriptor,
}

impl Layout {
    pub(super) fn in_directory(origin: String, reference: &Reference) -> Result<Self, Error> {
        let path = reference.path.join("index.json");
        let index = File::open(&path).map_err(Error::source_because(
            &origin,
            format!("{} can't be opened: is {} an OCI layout?", path.display(), reference.path.display()),
        ))?;
        Layout::select(origin, Place::Directory(reference.path.clone()), index, reference)
    }

    pub(super) fn in_archive(origin: String, archive: TarFile, reference: &Reference) -> Result<Self, Error> {
        let index = archive
            .open("index.json")
            .ok_or_else(|| Error::source(&origin, "holds no index.json: not an OCI archive"))?;
        Layout::select(origin, Place::Archive(archive), index, reference)
    }

    fn select(origin: String, place: Place, index: impl Read, reference: &Reference) -> Result<Self, Error> {
        let bytes = read_small(&origin, "index.json", index, MAX_DOCUMENT)?;
        let index: Index =
            serde_json::from_slice(&bytes).map_err(Error::source_because(&origin, "index.json is not valid"))?;
        let root = choose(index.manifests, &reference.selector).map_err(|what| Error::source(&origin, what))?;
        Ok(Layout { origin, place, root })
    }
}

fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    let containerd = descriptor.annotations.get(CONTAINERD_NAME).and_then(|name| name.as_str());
    descriptor.ref_name().into_iter().chain(containerd)
}

fn choose(manifests: Vec<Descriptor>, selector: &Selector) -> Result<Descriptor, String> {
    let listed = || {
        let mut all: Vec<&str> = manifests.iter().flat_map(names).take(20).collect();
        all.dedup();
        if all.is_empty() { "no names".to_owned() } else { all.join(", ") }
    };
    let mut matching: Vec<&Descriptor> = match selector {
        Selector::Only => manifests.iter().collect(),
        Selector::Name(name) => manifests.iter().filter(|item| names(item).any(|known| known == name)).collect(),
        Selector::Digest(digest) => manifests.iter().filter(|item| item.sha256().as_ref() == Some(digest)).collect(),
    };
    // Several names may be bound to one image.
    matching.dedup_by(|a, b| a.digest == b.digest);
    match (matching.as_slice(), selector) {
        ([one], _) => Ok((*one).clone()),
        ([], Selector::Only) => Err("holds no image".to_owned()),
        ([], Selector::Name(name)) => Err(format!("holds no image named '{name}' (it has: {})", listed())),
        // A manifest inside an index is not listed, but may be asked for: its size is found when it is opened.
        ([], Selector::Digest(digest)) => Err(format!("does not list {digest} (it has: {})", listed())),
        (_, Selector::Only) => Err(format!("holds several images, name one of them: {}", listed())),
        (several, _) => Err(format!("{} images of that name, choose one by @digest", several.len())),
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn open_file(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl ImageSource for Layout {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn root(&self) -> &Descriptor {
        &self.root
    }

    fn name(&self) -> Option<String> {
        let full = self.root.annotations.get(CONTAINERD_NAME).and_then(|name| name.as_str());
        full.or(self.root.ref_name()).map(str::to_owned)
    }

    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error> {
        let path = blob_path(digest);
        match &self.place {
            Place::Archive(archive) => Ok(archive.open(&path)),
            Place::Directory(directory) => {
                let file = open_file(&directory.join(path))
                    .map_err(Error::source_because(&self.origin, format!("blob {digest} can't be opened")))?;
                Ok(file.map(|file| Box::new(file) as Box<dyn Read + Send>))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(byte: &str, name: Option<&str>) -> Descriptor {
        let annotations =
            name.map(|name| format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#));
        let text = format!(r#"{{"digest":"sha256:{}","size":1{}}}"#, byte.repeat(32), annotations.unwrap_or_default());
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn one_image_needs_no_name_and_several_need_one() {
        let two = || vec![descriptor("aa", Some("v1")), descriptor("bb", Some("v2"))];
        assert_eq!(choose(vec![descriptor("aa", None)], &Selector::Only).unwrap().digest.len(), 71);
        assert_eq!(choose(two(), &Selector::Name("v2".into())).unwrap(), descriptor("bb", Some("v2")));
        assert!(choose(two(), &Selector::Only).unwrap_err().contains("v1, v2"));
        assert!(choose(two(), &Selector::Name("v3".into())).unwrap_err().contains("v1, v2"));
        assert!(choose(vec![], &Selector::Only).is_err());
        let digest = format!("sha256:{}", "bb".repeat(32)).parse().unwrap();
        assert_eq!(choose(two(), &Selector::Digest(digest)).unwrap(), descriptor("bb", Some("v2")));
    }
}
