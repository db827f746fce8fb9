//! An image into what `docker load` and `skopeo copy docker-archive:` read.
//!
//! The format holds a config and uncompressed layers, and no manifest: the manifest digest is lost, the image id (the
//! config's digest) and the diff ids stay.

use std::collections::BTreeSet;
use std::io::Write;

use serde::Deserialize;
use serde_json::json;

use super::layout::Metered;
use super::ustar::{END, Header, pad, write_member};
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord, Filesystem, ImageRecord, LayerRecord};
use crate::id::Digest;
use crate::ingest::Meter;
use crate::oci::{Document, MAX_DOCUMENT};
use crate::parallel::Crew;
use crate::read::{ChunkReader, write_blob, write_diff};

/// Longest repository, as registries take it, in bytes.
const MAX_REPOSITORY: usize = 255;
/// Longest tag, in bytes.
const MAX_TAG: usize = 128;

/// What a restore to a docker archive wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DockerRestored {
    /// Digest of the config: docker's image id, the same as before.
    pub image_id: Digest,
    /// Layers of the image.
    pub layers: u64,
    /// Bytes of config and layers.
    pub bytes: u64,
}

/// A name that docker takes, `repository[:tag]`; the tag is `latest` where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerName(String);

impl DockerName {
    /// Reads a name; what docker would refuse is [`Error::Usage`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (repository, tag) = match text.rsplit_once(':') {
            // A colon before a slash belongs to a port.
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (text, "latest"),
        };
        if is_repository(repository) && is_tag(tag) {
            return Ok(DockerName(format!("{repository}:{tag}")));
        }
        Err(Error::Usage(format!(
            "'{}' is no name that docker takes: lower-case repository[:tag], such as app:1.2",
            text.escape_debug()
        )))
    }
}

fn is_repository(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str, extra: &[u8]| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|byte| is_word(*byte))
            && bytes.last().is_some_and(|byte| is_word(*byte))
            && bytes.iter().all(|byte| is_word(*byte) || b"._-".contains(byte) || extra.contains(byte))
    };
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    // Only a host may have a port.
    let is_first = is_part(first, if rest.is_empty() { b"" } else { b":" });
    text.len() <= MAX_REPOSITORY && is_first && rest.iter().all(|part| is_part(part, b""))
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.len() <= MAX_TAG
        && bytes.iter().all(|byte| is_word(byte) || b".-".contains(byte))
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    rootfs: Rootfs,
}

#[derive(Deserialize, Default)]
struct Rootfs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// Writes one filesystem's image as a docker archive. Layers are streamed and their diff ids checked meanwhile: after an
/// error what was written must be thrown away.
pub fn restore_docker(
    reader: &ChunkReader,
    record: &ImageRecord,
    filesystem: &Filesystem,
    name: Option<&DockerName>,
    out: &mut dyn Write,
    meter: &Meter,
) -> Result<DockerRestored, Error> {
    reader.learn(record.all_packs())?;
    let failed = || Error::system("writing the docker archive");
    let manifest = blob(record, &filesystem.manifest)?;
    let document = Document::parse(&manifest.media_type, &small(reader, manifest)?)
        .map_err(Error::metadata(format!("manifest {}", filesystem.manifest)))?;
    let Document::Manifest { config, layers, .. } = document else {
        return Err(no_image(&filesystem.manifest, "it is not described by a manifest"));
    };
    let layers: Vec<&LayerRecord> =
        layers.iter().map(|layer| layer_of(record, &filesystem.manifest, &layer.digest)).collect::<Result<_, _>>()?;
    let config = config.sha256().ok_or_else(|| no_image(&filesystem.manifest, "its config has no SHA-256"))?;
    let config_bytes = small(reader, blob(record, &config)?)?;
    let parsed: Config = serde_json::from_slice(&config_bytes).map_err(|_| no_config(&config))?;
    if !parsed.rootfs.diff_ids.iter().cloned().eq(layers.iter().map(|layer| layer.diff_id.to_string())) {
        return Err(no_image(&filesystem.manifest, "its config lists other diff ids than its layers have"));
    }
    let file = |layer: &LayerRecord| format!("{}.tar", layer.diff_id.hex());
    let list = json!([{
        "Config": format!("{}.json", config.hex()),
        "RepoTags": name.map(|name| vec![&name.0]),
        "Layers": layers.iter().map(|layer| file(layer)).collect::<Vec<_>>(),
    }]);
    let mut written = BTreeSet::new();
    // A layer that an image has twice is one file.
    let distinct: Vec<&LayerRecord> =
        layers.iter().copied().filter(|layer| written.insert(*layer.diff_id.as_bytes())).collect();
    let bytes: u64 = distinct.iter().map(|layer| layer.tar_len).sum();
    meter.add_total(bytes);
    write_member(out, "manifest.json", list.to_string().as_bytes())
        .and_then(|()| write_member(out, &format!("{}.json", config.hex()), &config_bytes))
        .map_err(failed())?;
    for layer in distinct {
        let header = Header::file(file(layer).as_bytes(), layer.tar_len).encode();
        out.write_all(&header).map_err(failed())?;
        write_diff(reader, layer, &mut Metered { out, meter })?;
        pad(out, layer.tar_len).map_err(failed())?;
    }
    out.write_all(&END).map_err(failed())?;
    Ok(DockerRestored { image_id: config, layers: layers.len() as u64, bytes: bytes + config_bytes.len() as u64 })
}

fn no_image(manifest: &Digest, what: &str) -> Error {
    Error::Source {
        origin: format!("image {manifest}"),
        what: format!("can't become a docker archive: {what}; restore it to oci: or oci-archive:"),
        source: None,
    }
}

fn no_config(config: &Digest) -> Error {
    no_image(config, "its config is no image config")
}

fn blob<'r>(record: &'r ImageRecord, digest: &Digest) -> Result<&'r BlobRecord, Error> {
    record.blob(digest).ok_or_else(|| no_image(digest, "the source it was archived from did not have it"))
}

fn layer_of<'r>(record: &'r ImageRecord, manifest: &Digest, digest: &str) -> Result<&'r LayerRecord, Error> {
    let found = digest.parse().ok().and_then(|digest| record.blob(&digest)).map(|blob| &blob.body);
    match found {
        Some(BlobBody::Layer(layer)) => Ok(layer),
        Some(BlobBody::Bytes(_)) => Err(no_image(manifest, &format!("layer {digest} was kept as opaque bytes"))),
        None => Err(no_image(manifest, &format!("its source did not have layer {digest}"))),
    }
}

/// A document, checked.
fn small(reader: &ChunkReader, blob: &BlobRecord) -> Result<Vec<u8>, Error> {
    if blob.size > MAX_DOCUMENT {
        return Err(no_image(&blob.digest, "a document of more than 4 MiB"));
    }
    let mut bytes = Vec::new();
    write_blob(reader, blob, &Crew::new(1), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_docker_takes() {
        let name = |text| DockerName::parse(text).map(|name| name.0).ok();
        for good in ["app:1", "local/deb:1", "host:5000/a/b_c:V1.x", "docker.io/library/x:latest"] {
            assert_eq!(name(good).as_deref(), Some(good));
        }
        assert_eq!(name("app").as_deref(), Some("app:latest"));
        assert_eq!(name("host:5000/app").as_deref(), Some("host:5000/app:latest"));
        for bad in ["", ":1", "App:1", "app:", "app:-1", "a//b", "-a", "a/b:c:d", "app:1\n", "../x", &"a".repeat(300)] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
