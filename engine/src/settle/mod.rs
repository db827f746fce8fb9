//! What `archive` put off: finding how layers whose originals are kept can be re-created, and dropping those originals.
//!
//! A layer is settled in this order, so that a crash at any point loses nothing and the next run goes on: its encoder is proved
//! on every byte; its tar stream is read back from its packs and hashed; the image records that have it are replaced, each as a
//! whole; packs of originals that no record names any more are removed.

mod packs;
mod prove;
mod records;
mod survey;

use std::sync::Arc;

pub use prove::Outcome;

use crate::archive::{Archive, WriteLock};
use crate::codec::DecodeLimits;
use crate::error::Error;
use crate::id::Digest;
use crate::ingest::{Meter, Packer};
use crate::recompress::Detection;

/// Compressed bytes of layers that are settled together: records are replaced and packs dropped in between.
const BATCH_BYTES: u64 = 4 << 30;
/// Layers that are settled together.
const BATCH_LAYERS: usize = 256;
/// Memory for decompressed frames.
const CACHE: usize = 64 << 20;

/// How layers are settled.
#[derive(Debug, Clone)]
pub struct SettleOptions {
    /// Threads that look for encoders.
    pub threads: usize,
    /// Bounds on what layers decompress to.
    pub decode_limits: DecodeLimits,
    /// Whether to look again for encoders that were not found before.
    pub retry: bool,
}

impl Default for SettleOptions {
    fn default() -> Self {
        let threads = crate::one_per_core();
        SettleOptions { threads, decode_limits: DecodeLimits::default(), retry: false }
    }
}

/// What became of one layer.
#[derive(Debug)]
pub struct SettledLayer {
    /// The layer's blob.
    pub digest: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// Whether it is re-created from now on.
    pub outcome: Outcome,
    /// The search for its encoder, if it came to an end.
    pub detection: Option<Detection>,
}

/// What a settlement did.
#[derive(Debug, Default)]
pub struct Settled {
    /// Every layer that was looked at.
    pub layers: Vec<SettledLayer>,
    /// Image records that were replaced.
    pub images: u64,
    /// Packs of originals that were removed.
    pub packs_removed: u64,
    /// Bytes of those.
    pub bytes_removed: u64,
    /// Bytes of packs written for originals that stay, out of packs that went.
    pub bytes_moved: u64,
}

/// Settles every layer that waits for it.
///
/// # Errors
/// Where the storage fails; a layer that can't be read is an [`Outcome::Failed`] and stays as it is.
pub fn settle(archive: &Archive, lock: &WriteLock, options: &SettleOptions, meter: &Meter) -> Result<Settled, Error> {
    let mut settled = Settled::default();
    let waiting = survey::waiting(archive, options.retry)?;
    meter.add_total(waiting.iter().map(|layer| layer.size).sum());
    let (index, _) = archive.open_index(lock)?;
    let threads = options.threads.max(1);
    let mut packer = Packer::new(Arc::clone(archive.store()), archive.tmp(), archive.config(), index, threads)?;
    let mut rest = waiting.as_slice();
    loop {
        let (batch, later) = rest.split_at(batch_len(rest));
        let reader = archive.auditor(CACHE);
        let proved = prove::prove_all(archive, &reader, batch, options, meter)?;
        settled.images += records::replace(archive, &packer, &reader, batch, &proved)?;
        settled.layers.extend(proved.into_iter().map(|layer| layer.summary));
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    // Also when nothing waited: an interrupted settlement may have left packs that nobody needs.
    packs::drop_dead(archive, &mut packer, &mut settled)?;
    packer.close()?;
    Ok(settled)
}

fn batch_len(layers: &[survey::Waiting]) -> usize {
    let mut bytes = 0;
    let fits = |layer: &&survey::Waiting| {
        bytes += layer.size;
        bytes <= BATCH_BYTES
    };
    layers.iter().take(BATCH_LAYERS).take_while(fits).count().max(1).min(layers.len())
}
