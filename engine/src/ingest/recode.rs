//! Whether layers can be re-created from their tar streams: proved beside the ingest, by threads of its own.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::feed::HashingReader;
use crate::error::{Error, LayerError};
use crate::id::Digest;
use crate::oci::ImageSource;
use crate::recompress::{DetectError, DetectLimits, Detection, detect};

/// A layer whose encoder is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspect {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// Looks for encoders of all `suspects` on `threads` threads; verdicts come in the same order.
pub(crate) struct Recoder<'s> {
    source: &'s dyn ImageSource,
    suspects: Vec<Suspect>,
    limits: DetectLimits,
    next: AtomicUsize,
    cancelled: AtomicBool,
    verdicts: Mutex<Vec<Option<Result<Detection, Error>>>>,
}

impl<'s> Recoder<'s> {
    pub(crate) fn new(source: &'s dyn ImageSource, suspects: Vec<Suspect>, limits: DetectLimits) -> Self {
        let verdicts = Mutex::new(suspects.iter().map(|_| None).collect());
        let (next, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
        Recoder { source, suspects, limits, next, cancelled, verdicts }
    }

    /// Works until no suspect is left or the search is cancelled; run it on as many threads as wanted.
    pub(crate) fn work(&self) {
        while !self.cancelled.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(suspect) = self.suspects.get(number) else { return };
            let verdict = self.examine(*suspect);
            let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = verdicts.get_mut(number) {
                *slot = Some(verdict);
            }
        }
    }

    /// Makes all threads stop soon.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// The verdicts, once all threads are done.
    pub(crate) fn into_verdicts(self) -> Vec<(Suspect, Option<Result<Detection, Error>>)> {
        let verdicts = self.verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.suspects.into_iter().zip(verdicts).collect()
    }

    fn examine(&self, suspect: Suspect) -> Result<Detection, Error> {
        let Suspect { digest, size } = suspect;
        // The bytes that are compared must be the blob's: each pass is hashed, and the last one decides.
        let last_pass: Arc<Mutex<Option<Pass>>> = Arc::default();
        let open = || {
            let input = self.source.open(&digest).map_err(std::io::Error::other)?;
            let input = input.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
            let pass: Pass = Arc::new(Mutex::new(HashingReader::new(input, None)));
            *last_pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&pass));
            Ok(Box::new(SharedReader(pass)) as Box<dyn Read + Send>)
        };
        let mut detection = detect(&open, size, self.limits, &self.cancelled).map_err(|error| match error {
            DetectError::Layer(error) => Error::Layer { digest, source: LayerError::Decode(error) },
            error => Error::source_because(self.source.origin(), format!("blob {digest}"))(error),
        })?;
        if detection.recipe.is_some() {
            let pass = last_pass.lock().unwrap_or_else(PoisonError::into_inner).take();
            let pass = pass.and_then(Arc::into_inner).and_then(|pass| pass.into_inner().ok());
            match pass {
                Some(pass) => pass.finish(self.source.origin(), &digest, size)?,
                None => detection.recipe = None,
            }
        }
        Ok(detection)
    }
}

type Pass = Arc<Mutex<HashingReader<'static, Box<dyn Read + Send>>>>;

struct SharedReader(Pass);

impl Read for SharedReader {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buf)
    }
}
