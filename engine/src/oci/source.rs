//! Where the blobs of an image are read from.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::docker::DockerArchive;
use super::document::Descriptor;
use super::layout::Layout;
use super::reference::{Reference, Transport};
use super::tarfile::TarFile;
use crate::codec::{Compression, DecodeLimits};
use crate::error::Error;
use crate::id::Digest;

/// One image in some place: its root descriptor, and blobs by digest that may be opened any number of times.
pub trait ImageSource: Send + Sync {
    /// The place as the user wrote it.
    fn origin(&self) -> &str;

    /// The image's root document.
    fn root(&self) -> &Descriptor;

    /// The name that the place gives the image.
    fn name(&self) -> Option<String>;

    /// A blob from its first byte on, or `None` when the place does not have it. The bytes are not verified.
    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error>;
}

/// Opens the image that a reference means. Compressed archive files are unpacked into `scratch` first.
pub fn open_source(
    reference: &Reference,
    scratch: &Path,
    limits: &DecodeLimits,
) -> Result<Box<dyn ImageSource>, Error> {
    let origin = reference.to_string();
    let archive = |origin: &str| -> Result<TarFile, Error> {
        let file = File::open(&reference.path).map_err(Error::source_because(origin, "can't be opened"))?;
        TarFile::index(origin, decompressed(origin, file, scratch, limits)?)
    };
    Ok(match reference.transport {
        Transport::Oci => Box::new(Layout::in_directory(origin, reference)?),
        Transport::OciArchive => {
            let archive = archive(&origin)?;
            Box::new(Layout::in_archive(origin, archive, reference)?)
        }
        Transport::DockerArchive => {
            let archive = archive(&origin)?;
            // Since version 25 docker writes an OCI layout with the old files beside it: the layout has the real manifest.
            if archive.contains("index.json") && archive.contains("oci-layout") {
                Box::new(Layout::in_archive(origin, archive, reference)?)
            } else {
                Box::new(DockerArchive::open(origin, archive, reference)?)
            }
        }
    })
}

/// The file itself if it is a plain tar, else an unnamed temporary file with what it decompresses to.
fn decompressed(origin: &str, mut file: File, scratch: &Path, limits: &DecodeLimits) -> Result<File, Error> {
    let failed = || Error::source_because::<io::Error>(origin, "can't be read");
    let mut magic = [0; 8];
    let len = file.read_at(&mut magic, 0).map_err(failed())?;
    if Compression::sniff(magic.get(..len).unwrap_or_default()) == Compression::None {
        return Ok(file);
    }
    file.seek(SeekFrom::Start(0)).map_err(failed())?;
    let mut decoder =
        crate::codec::decoder(file, *limits).map_err(Error::source_because(origin, "can't be decompressed"))?;
    std::fs::create_dir_all(scratch).map_err(Error::system("creating a directory for temporary files"))?;
    let mut plain = tempfile::tempfile_in(scratch).map_err(Error::system("creating a temporary file"))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let len = decoder.read(&mut buffer).map_err(Error::source_because(origin, "can't be decompressed"))?;
        if len == 0 {
            break;
        }
        plain
            .write_all(buffer.get(..len).unwrap_or_default())
            .map_err(Error::system("unpacking the archive file into a temporary file"))?;
    }
    Ok(plain)
}

/// Reads a small document; more than `limit` bytes are refused.
pub(super) fn read_small(origin: &str, what: &str, input: impl Read, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    input
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::source_because(origin, format!("{what} can't be read")))?;
    if bytes.len() as u64 > limit {
        return Err(Error::source(origin, format!("{what} is longer than {limit} bytes")));
    }
    Ok(bytes)
}
