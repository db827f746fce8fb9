//! The proof that a layer comes back without its original.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::survey::Waiting;
use super::{SettleOptions, SettledLayer};
use crate::archive::Archive;
use crate::error::{Error, ErrorKind};
use crate::format::{BlobBody, LayerRecord, StreamRef, Wrapper};
use crate::id::Digest;
use crate::ingest::{Blobs, Meter, prove};
use crate::read::{ChunkReader, StreamReader, write_diff};
use crate::recompress::{DetectLimits, Recipe};
use crate::store::PackArea;

/// What became of a layer.
#[derive(Debug)]
pub enum Outcome {
    /// An encoder re-creates it; its original is dropped. The recipe takes so many bytes.
    Recreated {
        /// Bytes of the recipe.
        recipe_bytes: u64,
    },
    /// No encoder re-creates it; its original stays.
    Kept,
    /// It could not be read; it stays as it is.
    Failed(Error),
}

/// A layer that was looked at.
pub(super) struct Proved {
    pub(super) summary: SettledLayer,
    /// What its record has to say from now on; `None` leaves it as it is.
    pub(super) wrapper: Option<Wrapper>,
}

/// Looks at every layer, on several threads; the answers have the layers' order.
pub(super) fn prove_all(
    archive: &Archive,
    reader: &Arc<ChunkReader>,
    layers: &[Waiting],
    options: &SettleOptions,
    meter: &Meter,
) -> Result<Vec<Proved>, Error> {
    let (next, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
    let answers: Mutex<Vec<(usize, Result<Proved, Error>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, layers.len().max(1)) {
            scope.spawn(|| {
                while let Some((number, layer)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    layers.get(number).map(|layer| (number, layer))
                } {
                    if cancelled.load(Ordering::Relaxed) {
                        return;
                    }
                    let answer = prove_one(archive, reader, layer, options, &cancelled);
                    if answer.is_err() {
                        cancelled.store(true, Ordering::Relaxed);
                    }
                    meter.add_done(layer.size);
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push((number, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(number, _)| *number);
    let proved: Vec<Proved> = answers.into_iter().map(|(_, answer)| answer).collect::<Result<_, _>>()?;
    if proved.len() == layers.len() { Ok(proved) } else { Err(Error::worker_lost()) }
}

/// Fails only if the machine does: what is wrong with a layer is an outcome.
fn prove_one(
    archive: &Archive,
    reader: &Arc<ChunkReader>,
    waiting: &Waiting,
    options: &SettleOptions,
    cancelled: &AtomicBool,
) -> Result<Proved, Error> {
    let Waiting { digest, size, .. } = *waiting;
    let summary = |outcome, detection| SettledLayer { digest, size, outcome, detection };
    let answer = record_of(archive, waiting).and_then(|layer| {
        let original = layer.wrapper.original().cloned().unwrap_or_default();
        reader.learn(layer.packs.iter().copied())?;
        let stored = StoredOriginal { reader: Arc::clone(reader), digest, original: original.clone() };
        let limits =
            DetectLimits { decode: options.decode_limits, threads: options.threads, ..DetectLimits::default() };
        let mut detection = prove(&stored, &digest, size, limits, cancelled)?;
        let recipe = detection.recipe.as_ref().map(Recipe::encode);
        if recipe.is_some() {
            // The encoder was given what the original decompresses to; a restore will give it what is in the packs.
            write_diff(reader, &layer, &mut std::io::sink())?;
        }
        let (wrapper, outcome) = match recipe {
            Some(recipe) => {
                let recipe_bytes = recipe.len() as u64;
                (Wrapper::Recipe(recipe), Outcome::Recreated { recipe_bytes })
            }
            None => (Wrapper::Kept(original), Outcome::Kept),
        };
        detection.recipe = None;
        Ok(Proved { summary: summary(outcome, Some(detection)), wrapper: Some(wrapper) })
    });
    match answer {
        Err(error) if error.kind() == ErrorKind::System => Err(error),
        Err(error) => Ok(Proved { summary: summary(Outcome::Failed(error), None), wrapper: None }),
        proved => proved,
    }
}

fn record_of(archive: &Archive, waiting: &Waiting) -> Result<LayerRecord, Error> {
    let gone = || Error::Internal(format!("layer {} is in no record any more", waiting.digest));
    let record = archive.image(waiting.images.first().ok_or_else(gone)?)?;
    match record.blob(&waiting.digest).map(|blob| &blob.body) {
        Some(BlobBody::Layer(layer)) => Ok(layer.as_ref().clone()),
        _ => Err(gone()),
    }
}

/// The kept blob of one layer.
struct StoredOriginal {
    reader: Arc<ChunkReader>,
    digest: Digest,
    original: StreamRef,
}

impl Blobs for StoredOriginal {
    fn origin(&self) -> &str {
        "the archive"
    }

    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error> {
        if *digest != self.digest {
            return Ok(None);
        }
        Ok(Some(Box::new(StreamReader::new(Arc::clone(&self.reader), PackArea::Data, &self.original))))
    }
}
