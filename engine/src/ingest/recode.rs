//! Whether layers can be re-created from their tar streams: dismissed by a glance, or proved beside the work on them.

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::feed::HashingReader;
use crate::codec::{Compression, SNIFF_LEN};
use crate::error::{Error, LayerError};
use crate::id::Digest;
use crate::oci::ImageSource;
use crate::recompress::{DetectError, DetectLimits, Detection, detect, dismiss};

/// A layer whose encoder is looked for.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    digest: Digest,
    size: u64,
}

/// Blobs by digest, as often as wanted.
pub(crate) trait Blobs: Sync {
    /// What the place is called.
    fn origin(&self) -> &str;

    /// A blob from its first byte on, or `None` if there is none.
    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error>;
}

/// The images' own blobs.
pub(crate) struct SourceBlobs<'s>(pub(crate) &'s dyn ImageSource);

impl Blobs for SourceBlobs<'_> {
    fn origin(&self) -> &str {
        self.0.origin()
    }

    fn open(&self, digest: &Digest) -> Result<Option<Box<dyn Read + Send>>, Error> {
        self.0.open(digest)
    }
}

/// Looks for the encoders of the layers handed in, on as many threads as run [`Recoder::work`].
pub(crate) struct Recoder<'s> {
    blobs: &'s dyn Blobs,
    limits: DetectLimits,
    queue: Receiver<Suspect>,
    cancelled: AtomicBool,
    verdicts: Mutex<HashMap<Digest, Result<Detection, Error>>>,
}

/// Where layers are handed in; dropped, it lets the threads end once they are done.
pub(crate) struct Suspects(Sender<Suspect>);

impl Suspects {
    /// Has a layer's encoder looked for.
    pub(crate) fn hand_in(&self, digest: Digest, size: u64) {
        // The receiver lives as long as the recoder, which outlives this.
        let _ = self.0.send(Suspect { digest, size });
    }
}

impl<'s> Recoder<'s> {
    pub(crate) fn new(blobs: &'s dyn Blobs, limits: DetectLimits) -> (Self, Suspects) {
        let (sender, queue) = unbounded();
        let (cancelled, verdicts) = (AtomicBool::new(false), Mutex::default());
        (Recoder { blobs, limits, queue, cancelled, verdicts }, Suspects(sender))
    }

    /// Works until [`Suspects`] is gone and nothing is left, or the search is cancelled.
    pub(crate) fn work(&self) {
        for Suspect { digest, size } in &self.queue {
            if self.cancelled.load(Ordering::Relaxed) {
                return;
            }
            let verdict = prove(self.blobs, &digest, size, self.limits, &self.cancelled);
            self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, verdict);
        }
    }

    /// Makes all threads stop soon.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The verdicts, once all threads are done.
    pub(crate) fn into_verdicts(self) -> HashMap<Digest, Result<Detection, Error>> {
        self.verdicts.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// A verdict if a glance shows that no encoder re-creates the layer. What is wrong with it, others find out.
    pub(crate) fn dismiss(&self, digest: &Digest, size: u64) -> Option<Detection> {
        let open = || open(self.blobs, digest);
        dismiss(&open, size, self.limits, &self.cancelled).ok().flatten()
    }

    /// Whether the layer is compressed at all: one that is not is its own original.
    pub(crate) fn is_compressed(&self, digest: &Digest) -> bool {
        let mut magic = Vec::with_capacity(SNIFF_LEN);
        let read = open(self.blobs, digest).and_then(|blob| blob.take(SNIFF_LEN as u64).read_to_end(&mut magic));
        read.is_ok() && Compression::sniff(&magic) != Compression::None
    }
}

fn open(blobs: &dyn Blobs, digest: &Digest) -> std::io::Result<Box<dyn Read + Send>> {
    let input = blobs.open(digest).map_err(std::io::Error::other)?;
    input.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
}

/// Looks for a layer's encoder; one that is found wrote every byte of a blob with this digest.
pub(crate) fn prove(
    blobs: &dyn Blobs,
    digest: &Digest,
    size: u64,
    limits: DetectLimits,
    cancelled: &AtomicBool,
) -> Result<Detection, Error> {
    // The bytes that are compared must be the blob's: each pass is hashed, and the last one decides.
    let last_pass: Arc<Mutex<Option<Pass>>> = Arc::default();
    let open = || {
        let pass: Pass = Arc::new(Mutex::new(HashingReader::new(open(blobs, digest)?, None)));
        *last_pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&pass));
        Ok(Box::new(SharedReader(pass)) as Box<dyn Read + Send>)
    };
    let mut detection = detect(&open, size, limits, cancelled).map_err(|error| match error {
        DetectError::Layer(error) => Error::Layer { digest: *digest, source: LayerError::Decode(error) },
        error => Error::source_because(blobs.origin(), format!("blob {digest}"))(error),
    })?;
    if detection.recipe.is_some() {
        let pass = last_pass.lock().unwrap_or_else(PoisonError::into_inner).take();
        let pass = pass.and_then(Arc::into_inner).and_then(|pass| pass.into_inner().ok());
        match pass {
            Some(pass) => pass.finish(blobs.origin(), digest, size)?,
            None => detection.recipe = None,
        }
    }
    Ok(detection)
}

type Pass = Arc<Mutex<HashingReader<'static, Box<dyn Read + Send>>>>;

struct SharedReader(Pass);

impl Read for SharedReader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buf)
    }
}
