//! The proof of a recipe: it is carried out as a restore does it, and what comes out is compared with the blob.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::codec::decoder;
use crate::codec::layer::DecodeLimits;
use crate::recompress::compare::Comparison;
use crate::recompress::detect::DetectError;
use crate::recompress::encoder::EncodeError;
use crate::recompress::{Encoder, Recipe};

/// Decoded bytes given to the encoder at once.
const PIECE: usize = 64 << 10;

/// What was read of the blob, compared with what was written.
#[derive(Default)]
struct Both {
    comparison: Comparison,
    read: u64,
    differs: bool,
}

type Shared = Arc<Mutex<Both>>;

/// Whether the recipe gives exactly the blob, which is read once.
pub(super) fn holds(
    recipe: &Recipe,
    open: &dyn Fn() -> io::Result<Box<dyn Read + Send>>,
    len: u64,
    limits: DecodeLimits,
    cancel: &AtomicBool,
) -> Result<bool, DetectError> {
    let shared = Shared::default();
    let source = Original { source: open().map_err(DetectError::Open)?, shared: Arc::clone(&shared) };
    let mut decoder = decoder(source, limits)?;
    let mut encoder = Encoder::new(recipe, Written(Arc::clone(&shared)));
    let mut piece = vec![0; PIECE];
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(DetectError::Cancelled);
        }
        let n = match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) => return Err(read_error(error)),
        };
        match encoder.push(piece.get(..n).unwrap_or_default()) {
            Ok(()) => {}
            Err(EncodeError::Encoder(fault)) => return Err(fault.into()),
            Err(_) => return Ok(false),
        }
    }
    match encoder.finish() {
        Ok(_) => {}
        Err(EncodeError::Encoder(fault)) => return Err(fault.into()),
        Err(_) => return Ok(false),
    }
    let both = shared.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(!both.differs && both.read == len && both.comparison.settled())
}

fn read_error(error: io::Error) -> DetectError {
    match error.downcast::<crate::codec::layer::LayerError>() {
        Ok(layer) => layer.into(),
        Err(error) => DetectError::Open(error),
    }
}

struct Original {
    source: Box<dyn Read + Send>,
    shared: Shared,
}

impl Read for Original {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buf)?;
        let mut both = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        both.read += n as u64;
        if !both.differs && both.comparison.original(buf.get(..n).unwrap_or_default()).is_err() {
            both.differs = true;
        }
        Ok(n)
    }
}

struct Written(Shared);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if both.differs || both.comparison.emitted(bytes).is_err() {
            both.differs = true;
            return Err(io::Error::other("not what the blob has"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
