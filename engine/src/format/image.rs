//! The image record: everything an archived image consists of. Writing it is the commit.

use super::FormatError;
use super::sealed::Kind;
use super::stream::StreamRef;
use super::wire::{Put, Reader};
use crate::id::{Digest, PackId};

const KIND: Kind = Kind { name: "image record", magic: b"firnimag", version: 1, limit: 64 << 20 };
const MAX_TEXT: usize = 4096;
const MAX_DESCRIPTOR: usize = 256 << 10;
const MAX_RECIPE: usize = 1 << 20;

/// How one layer blob is re-created byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRecord {
    /// SHA-256 of the uncompressed tar stream.
    pub diff_id: Digest,
    /// Bytes of the uncompressed tar stream.
    pub tar_len: u64,
    /// Members of the tar stream that were decoded.
    pub members: u64,
    /// Everything of the tar stream that is not file content.
    pub skeleton: StreamRef,
    /// How skeleton and content take turns ([`super::OpsDecoder`]).
    pub ops: StreamRef,
    /// Encoded [`super::ChunkRef`]s of all file content, in stream order.
    pub refs: StreamRef,
    /// What turns the tar stream back into the blob.
    pub wrapper: Wrapper,
    /// Packs that held all of this layer when it was taken apart: a hint, true until packs are rewritten.
    pub packs: Vec<PackId>,
}

/// What stands between a layer's tar stream and its blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrapper {
    /// An encoder whose output was compared with every byte of the blob; the bytes are a compression recipe.
    Recipe(Vec<u8>),
    /// No encoder re-creates it: the blob is kept beside the content.
    Kept(StreamRef),
    /// Nobody has looked for an encoder yet: the blob is kept until somebody does.
    Deferred(StreamRef),
    /// Given up on demand: the tar stream comes back, the blob does not.
    Dropped,
}

impl Wrapper {
    /// The blob, if it is stored.
    pub fn original(&self) -> Option<&StreamRef> {
        match self {
            Wrapper::Kept(original) | Wrapper::Deferred(original) => Some(original),
            Wrapper::Recipe(_) | Wrapper::Dropped => None,
        }
    }
}

/// What a blob is stored as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobBody {
    /// Its bytes as they are.
    Bytes(StreamRef),
    /// A layer taken apart.
    Layer(Box<LayerRecord>),
}

/// One blob of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRecord {
    /// SHA-256 of the blob.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Media type as its descriptor gives it.
    pub media_type: String,
    /// How it is stored.
    pub body: BlobBody,
}

/// The merged tree of an image's layers, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountTree {
    /// The encoded tree.
    Stored(StreamRef),
    /// Some layer is no tar stream that could be mounted; the image still restores exactly.
    Unmountable(String),
}

/// The root filesystem that one image manifest describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// The manifest.
    pub manifest: Digest,
    /// `os/architecture[/variant]` from the index or the config; may be empty.
    pub platform: String,
    /// Indices into the record's blobs, lowest layer first.
    pub layers: Vec<u32>,
    /// The layers merged.
    pub tree: MountTree,
}

/// A committed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    /// Digest of the root document: an image manifest, an image index, or an artifact.
    pub root: Digest,
    /// When it was archived, in seconds since the epoch.
    pub archived_at: i64,
    /// Where it came from, as the user wrote it.
    pub source: String,
    /// The root's descriptor as the source gave it, JSON.
    pub descriptor: Vec<u8>,
    /// Every blob that was reachable from the root and present.
    pub blobs: Vec<BlobRecord>,
    /// Blobs that the documents name but the source did not have (other platforms of an index, foreign layers).
    pub absent: Vec<Digest>,
    /// Root filesystems, in document order.
    pub filesystems: Vec<Filesystem>,
    /// Packs that held everything but the layers when the image was committed: a hint, true until packs are rewritten.
    pub packs: Vec<PackId>,
    /// Bytes this image added to packs when it was archived.
    pub added_bytes: u64,
}

impl ImageRecord {
    /// The object's bytes.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut out = Vec::new();
        out.extend_from_slice(self.root.as_bytes());
        out.put_i64(self.archived_at);
        out.put_blob(self.source.as_bytes());
        out.put_blob(&self.descriptor);
        out.put_count(self.blobs.len());
        self.blobs.iter().for_each(|blob| blob.encode(&mut out));
        out.put_count(self.absent.len());
        self.absent.iter().for_each(|digest| out.extend_from_slice(digest.as_bytes()));
        out.put_count(self.filesystems.len());
        self.filesystems.iter().for_each(|filesystem| filesystem.encode(&mut out));
        put_packs(&mut out, &self.packs);
        out.put_u64(self.added_bytes);
        KIND.seal(&out)
    }

    /// Reads the object and checks that its parts refer to one another.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = KIND.open(bytes)?;
        let root = Digest::from_bytes(reader.array()?);
        let archived_at = reader.i64()?;
        let source = reader.text(MAX_TEXT)?;
        let descriptor = reader.blob(MAX_DESCRIPTOR)?.to_vec();
        let blobs = list(&mut reader, 32 + 8 + 4 + 1, BlobRecord::read)?;
        let absent = list(&mut reader, 32, |reader| Ok(Digest::from_bytes(reader.array()?)))?;
        let filesystems = list(&mut reader, 32 + 4 + 4 + 1, Filesystem::read)?;
        let packs = list(&mut reader, PackId::LEN, read_pack)?;
        let added_bytes = reader.u64()?;
        let record =
            ImageRecord { root, archived_at, source, descriptor, blobs, absent, filesystems, packs, added_bytes };
        if record.blob(&root).is_none() {
            return Err(reader.invalid("the root document is not among the blobs"));
        }
        for filesystem in &record.filesystems {
            if filesystem.layers.iter().any(|index| record.layer_at(*index).is_none()) {
                return Err(reader.invalid("a filesystem that names a layer the record does not have"));
            }
        }
        reader.finish()?;
        Ok(record)
    }

    /// The blob of this digest.
    pub fn blob(&self, digest: &Digest) -> Option<&BlobRecord> {
        self.blobs.iter().find(|blob| &blob.digest == digest)
    }

    /// Layers with their blobs.
    pub fn layers(&self) -> impl Iterator<Item = (&BlobRecord, &LayerRecord)> {
        self.blobs.iter().filter_map(|blob| match &blob.body {
            BlobBody::Layer(layer) => Some((blob, layer.as_ref())),
            BlobBody::Bytes(_) => None,
        })
    }

    /// Every pack that the record names.
    pub fn all_packs(&self) -> std::collections::BTreeSet<PackId> {
        let of_layers = self.layers().flat_map(|(_, layer)| &layer.packs);
        of_layers.chain(&self.packs).copied().collect()
    }

    /// Whether every blob can be given back.
    pub fn is_whole(&self) -> bool {
        self.layers().all(|(_, layer)| layer.wrapper != Wrapper::Dropped)
    }

    /// The layer blob at this index of `blobs`.
    pub fn layer_at(&self, index: u32) -> Option<&BlobRecord> {
        self.blobs.get(index as usize)
    }
}

impl BlobRecord {
    /// A hash of everything that is recorded: the same only for the same blob that comes back from the same packs in the same way.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut encoded = Vec::new();
        self.encode(&mut encoded);
        *blake3::hash(&encoded).as_bytes()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.digest.as_bytes());
        out.put_u64(self.size);
        out.put_blob(self.media_type.as_bytes());
        match &self.body {
            BlobBody::Bytes(stream) => {
                out.put_u8(1);
                stream.encode(out);
            }
            BlobBody::Layer(layer) => {
                out.put_u8(2);
                layer.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let digest = Digest::from_bytes(reader.array()?);
        let size = reader.u64()?;
        let media_type = reader.text(MAX_TEXT)?;
        let body = match reader.u8()? {
            1 => BlobBody::Bytes(StreamRef::read(reader)?),
            2 => BlobBody::Layer(Box::new(LayerRecord::read(reader)?)),
            other => return Err(reader.invalid(format!("unknown kind of blob {other}: use a newer firn"))),
        };
        Ok(BlobRecord { digest, size, media_type, body })
    }
}

impl LayerRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.diff_id.as_bytes());
        out.put_u64(self.tar_len);
        out.put_u64(self.members);
        self.skeleton.encode(out);
        self.ops.encode(out);
        self.refs.encode(out);
        match &self.wrapper {
            Wrapper::Recipe(recipe) => {
                out.put_u8(1);
                out.put_blob(recipe);
            }
            Wrapper::Kept(stream) => {
                out.put_u8(2);
                stream.encode(out);
            }
            Wrapper::Deferred(stream) => {
                out.put_u8(3);
                stream.encode(out);
            }
            Wrapper::Dropped => out.put_u8(4),
        }
        put_packs(out, &self.packs);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(LayerRecord {
            diff_id: Digest::from_bytes(reader.array()?),
            tar_len: reader.u64()?,
            members: reader.u64()?,
            skeleton: StreamRef::read(reader)?,
            ops: StreamRef::read(reader)?,
            refs: StreamRef::read(reader)?,
            wrapper: match reader.u8()? {
                1 => Wrapper::Recipe(reader.blob(MAX_RECIPE)?.to_vec()),
                2 => Wrapper::Kept(StreamRef::read(reader)?),
                3 => Wrapper::Deferred(StreamRef::read(reader)?),
                4 => Wrapper::Dropped,
                other => return Err(reader.invalid(format!("unknown kind of wrapper {other}: use a newer firn"))),
            },
            packs: list(reader, PackId::LEN, read_pack)?,
        })
    }
}

impl Filesystem {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.manifest.as_bytes());
        out.put_blob(self.platform.as_bytes());
        out.put_count(self.layers.len());
        self.layers.iter().for_each(|index| out.put_u32(*index));
        match &self.tree {
            MountTree::Stored(stream) => {
                out.put_u8(1);
                stream.encode(out);
            }
            MountTree::Unmountable(reason) => {
                out.put_u8(2);
                let end = reason.floor_char_boundary(MAX_TEXT);
                out.put_blob(reason.get(..end).unwrap_or_default().as_bytes());
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Filesystem {
            manifest: Digest::from_bytes(reader.array()?),
            platform: reader.text(MAX_TEXT)?,
            layers: list(reader, 4, Reader::u32)?,
            tree: match reader.u8()? {
                1 => MountTree::Stored(StreamRef::read(reader)?),
                2 => MountTree::Unmountable(reader.text(MAX_TEXT)?),
                other => return Err(reader.invalid(format!("unknown kind of tree {other}: use a newer firn"))),
            },
        })
    }
}

fn put_packs(out: &mut Vec<u8>, packs: &[PackId]) {
    out.put_count(packs.len());
    packs.iter().for_each(|pack| out.extend_from_slice(pack.as_bytes()));
}

fn read_pack(reader: &mut Reader<'_>) -> Result<PackId, FormatError> {
    reader.array().map(PackId::from_bytes)
}

fn list<'a, T>(
    reader: &mut Reader<'a>,
    item_bytes: usize,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, FormatError>,
) -> Result<Vec<T>, FormatError> {
    let count = reader.count(item_bytes)?;
    (0..count).map(|_| item(reader)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::stream::ChunkRef;
    use super::*;
    use crate::id::ChunkId;

    fn sample() -> ImageRecord {
        let stream = |byte: u8, len: u32| StreamRef {
            len: len.into(),
            depth: 0,
            chunks: vec![ChunkRef { id: ChunkId::from_bytes([byte; 32]), len }],
        };
        let layer = |wrapper| {
            BlobBody::Layer(Box::new(LayerRecord {
                diff_id: Digest::from_bytes([0x11; 32]),
                tar_len: 10240,
                members: 3,
                skeleton: stream(0x21, 2048),
                ops: stream(0x22, 9),
                refs: stream(0x23, 72),
                wrapper,
                packs: vec![PackId::from_bytes([0x32; 32])],
            }))
        };
        let blob = |byte: u8, size, media_type: &str, body| BlobRecord {
            digest: Digest::from_bytes([byte; 32]),
            size,
            media_type: media_type.to_owned(),
            body,
        };
        ImageRecord {
            root: Digest::from_bytes([0x01; 32]),
            archived_at: 1_790_000_000,
            source: "oci:layout:app".to_owned(),
            descriptor: br#"{"size":300}"#.to_vec(),
            blobs: vec![
                blob(0x01, 300, "application/vnd.oci.image.manifest.v1+json", BlobBody::Bytes(stream(0x24, 300))),
                blob(0x02, 4000, "application/vnd.oci.image.layer.v1.tar+gzip", layer(Wrapper::Recipe(vec![1, 2, 3]))),
                blob(
                    0x03,
                    4100,
                    "application/vnd.oci.image.layer.v1.tar+gzip",
                    layer(Wrapper::Kept(stream(0x25, 4100))),
                ),
            ],
            absent: vec![Digest::from_bytes([0x04; 32])],
            filesystems: vec![
                Filesystem {
                    manifest: Digest::from_bytes([0x01; 32]),
                    platform: "linux/amd64".to_owned(),
                    layers: vec![1, 2],
                    tree: MountTree::Stored(stream(0x26, 999)),
                },
                Filesystem {
                    manifest: Digest::from_bytes([0x01; 32]),
                    platform: String::new(),
                    layers: vec![],
                    tree: MountTree::Unmountable("layer 2: bad checksum".to_owned()),
                },
            ],
            packs: vec![PackId::from_bytes([0x31; 32])],
            added_bytes: 5000,
        }
    }

    #[test]
    fn a_record_comes_back() {
        assert_eq!(ImageRecord::decode(&sample().encode().unwrap()), Ok(sample()));
    }

    #[test]
    fn the_golden_record_is_what_is_written_today() {
        let bytes = sample().encode().unwrap();
        assert_eq!(super::super::golden("image", &bytes), bytes);
    }

    #[test]
    fn references_to_nothing_are_refused() {
        let mut record = sample();
        record.filesystems[0].layers.push(3);
        assert!(ImageRecord::decode(&record.encode().unwrap()).is_err());
        let mut record = sample();
        record.root = Digest::from_bytes([0x77; 32]);
        assert!(ImageRecord::decode(&record.encode().unwrap()).is_err());
    }

    #[test]
    fn a_body_under_a_valid_seal_may_be_anything_without_a_panic() {
        let sealed = sample().encode().unwrap();
        let body = &sealed[16..sealed.len() - 32];
        for position in 0..body.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut spoiled = body.to_vec();
                spoiled[position] = value;
                let _ = ImageRecord::decode(&KIND.seal(&spoiled).unwrap());
            }
            assert!(ImageRecord::decode(&KIND.seal(&body[..position]).unwrap()).is_err(), "cut at {position}");
        }
    }
}
