//! The signals that end a mount.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level;

/// Byte that says "the session has ended"; any other byte is a signal.
const ENDED: u8 = b'E';

/// SIGTERM, SIGINT and SIGHUP, caught from `install` until this is dropped.
///
/// Install it before anything is mounted: a signal that comes in between is then not lost, and no mount is
/// left behind without its process.
#[derive(Debug)]
pub struct StopSignals {
    read: UnixStream,
    write: UnixStream,
    ids: Vec<SigId>,
}

/// What [`StopSignals::next`] saw.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Signal,
    SessionEnded,
}

/// Tells the waiting thread that the session has ended.
pub(super) struct Ending(UnixStream);

impl StopSignals {
    /// Starts to catch.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn install() -> io::Result<StopSignals> {
        let (read, write) = UnixStream::pair()?;
        let mut signals = StopSignals { read, write, ids: Vec::new() };
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            let end = signals.write.try_clone()?;
            signals.ids.push(low_level::pipe::register(signal, end)?);
        }
        Ok(signals)
    }

    /// Waits so long at most, and says whether one of the signals came.
    ///
    /// # Errors
    /// Whatever waiting gives.
    pub fn came_within(&mut self, time: Duration) -> io::Result<bool> {
        // Zero would be for ever.
        self.read.set_read_timeout(Some(time.max(Duration::from_millis(1))))?;
        let came = match self.read.read(&mut [0]) {
            Ok(bytes) => Ok(bytes > 0),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error),
        };
        self.read.set_read_timeout(None)?;
        came
    }

    pub(super) fn ending(&self) -> io::Result<Ending> {
        Ok(Ending(self.write.try_clone()?))
    }

    /// Waits for the next event.
    pub(super) fn next(&mut self) -> io::Result<Event> {
        let mut byte = [0];
        self.read.read_exact(&mut byte)?;
        Ok(if byte == [ENDED] { Event::SessionEnded } else { Event::Signal })
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            low_level::unregister(id);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // The other end is alive or nobody waits any more.
        let _ = self.0.write_all(&[ENDED]);
    }
}
