//! Everything an image needs, read and hashed.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::AtomicBool;

use super::anew::with_current;
use crate::error::Error;
use crate::format::{BlobBody, BlobRecord, ImageRecord, MountTree, Wrapper};
use crate::id::Digest;
use crate::ingest::{LayerMetadata, Merged, Meter, merge};
use crate::parallel::{Crew, in_parallel};
use crate::read::{ChunkReader, StreamReader, write_blob, write_diff};
use crate::store::PackArea;

/// Largest tree that is compared in memory.
const MAX_TREE: u64 = 4 << 30;

/// Something of an image that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    /// What it is about, e.g. a blob's digest.
    pub subject: String,
    /// What is wrong.
    pub error: Error,
}

/// What a verification went through and found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Blobs re-created and hashed, those of [`VerifyReport::shared`] among them.
    pub blobs: u64,
    /// Blobs that an image verified before has, too, kept in the same way: they were not read again.
    pub shared: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Trees merged anew and compared.
    pub trees: u64,
    /// Everything that is wrong; empty for a good image.
    pub findings: Vec<Finding>,
}

/// Verifies one image after the other, and reads what they share once.
pub struct Verifier<'r> {
    reader: &'r ChunkReader,
    tar_limits: crate::tar::Limits,
    threads: usize,
    /// Hashes of the records of blobs that were found good: 32 bytes for each, of all images.
    good: HashSet<[u8; 32]>,
}

/// [`Verifier::image`] for a single one.
pub fn verify_image(
    reader: &ChunkReader,
    record: &ImageRecord,
    tar_limits: &crate::tar::Limits,
    threads: usize,
    meter: &Meter,
) -> Result<VerifyReport, Error> {
    Verifier::new(reader, *tar_limits, threads).image(record, meter)
}

impl<'r> Verifier<'r> {
    /// Reads by `reader`, with as many threads.
    pub fn new(reader: &'r ChunkReader, tar_limits: crate::tar::Limits, threads: usize) -> Self {
        Verifier { reader, tar_limits, threads, good: HashSet::new() }
    }

    /// Re-creates every blob of an image and checks its digest, and merges every tree anew and compares it with the stored one.
    /// Goes on after a finding, so that a report is complete; fails only where the storage itself does. Findings are in the
    /// record's order, however many threads there are.
    pub fn image(&mut self, record: &ImageRecord, meter: &Meter) -> Result<VerifyReport, Error> {
        self.reader.learn(record.all_packs())?;
        let named: Vec<([u8; 32], &BlobRecord)> = record.blobs.iter().map(|blob| (blob.fingerprint(), blob)).collect();
        let (shared, new): (Vec<_>, Vec<_>) = named.into_iter().partition(|(name, _)| self.good.contains(name));
        meter.add_total(new.iter().map(|(_, blob)| blob.size).sum());
        let mut report = VerifyReport { blobs: record.blobs.len() as u64, ..VerifyReport::default() };
        report.shared = shared.len() as u64;
        report.bytes = record.blobs.iter().map(|blob| blob.size).sum();
        let never = AtomicBool::new(false);
        let crew = Crew::new(self.threads);
        let read = in_parallel(&new, self.threads, &never, |(_, blob)| {
            let _hand = crew.take();
            let read = self.blob(record, blob, &crew);
            meter.add_done(blob.size);
            read
        });
        for ((name, blob), read) in new.into_iter().zip(read) {
            match read.unwrap_or_else(|| Err(Error::worker_lost())) {
                Ok(()) => _ = self.good.insert(name),
                bad => report.note(format!("blob {}", blob.digest), bad),
            }
        }
        for filesystem in &record.filesystems {
            if let MountTree::Stored(stream) = &filesystem.tree {
                let layers = filesystem.layers.iter().filter_map(|index| record.layer_at(*index)).collect::<Vec<_>>();
                let stored = StreamReader::new(self.reader, PackArea::Meta, stream).read_all(MAX_TREE);
                let compared = stored
                    .and_then(|stored| compare(self.reader, &filesystem.manifest, &layers, &stored, &self.tar_limits));
                report.trees += 1;
                report.note(format!("the merged tree of {}", filesystem.manifest), compared);
            }
        }
        Ok(report)
    }

    fn blob(&self, record: &ImageRecord, blob: &BlobRecord, crew: &Crew) -> Result<(), Error> {
        with_current(self.reader, &record.root, blob, &mut |blob| match &blob.body {
            // What was given up can't be compared; what was promised can.
            BlobBody::Layer(layer) if layer.wrapper == Wrapper::Dropped => {
                write_diff(self.reader, layer, &mut io::sink())
            }
            _ => write_blob(self.reader, blob, crew, &mut io::sink()),
        })
    }
}

impl VerifyReport {
    fn note(&mut self, subject: String, result: Result<(), Error>) {
        if let Err(error) = result {
            self.findings.push(Finding { subject, error });
        }
    }
}

fn compare(
    reader: &ChunkReader,
    manifest: &Digest,
    layers: &[&BlobRecord],
    stored: &[u8],
    limits: &crate::tar::Limits,
) -> Result<(), Error> {
    let mut metadata = Vec::with_capacity(layers.len());
    for blob in layers {
        match &blob.body {
            BlobBody::Layer(layer) => metadata.push(LayerMetadata::Stored(reader, layer)),
            BlobBody::Bytes(_) => return Ok(()),
        }
    }
    let differs = |what: &str| {
        let error = io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        Error::metadata(format!("the merged tree of {manifest}"))(error)
    };
    match merge(&metadata, limits)? {
        Merged::Tree(bytes) if bytes == stored => Ok(()),
        Merged::Tree(_) => Err(differs("it is not what the layers merge to")),
        Merged::Unmountable(reason) => Err(differs(&reason)),
    }
}
