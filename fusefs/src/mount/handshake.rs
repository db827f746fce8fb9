//! The first words between the kernel and a process that serves a mount, and how another process takes its place.
//!
//! The kernel says INIT once in the life of a connection, so a successor has to be told what was said; fuser starts no session
//! without hearing it. So every session is started on a socket: it gets the kernel's INIT there, or the one that was kept, its answer goes to
//! the kernel if that waits for one, and then the connection takes the socket's place under the same number.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;

use fuser::{Config, Filesystem, Session, SessionACL};

use crate::sys;

/// Room for one request: the kernel gives none to who could not take the largest.
const ROOM: usize = (1 << 20) + 4096;
/// Where an INIT names the major version of the protocol, and the one that is spoken here.
const MAJOR: std::ops::Range<usize> = 40..44;
const VERSION: u32 = 7;
/// A notification that asks for everything that was handed out and not answered (Linux 6.9; `FUSE_NOTIFY_RESEND`): length, code, no request.
const RESEND: [u8; 16] = [16, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What a successor needs.
#[derive(Debug)]
pub struct Parked {
    /// The connection. As long as anybody has it open, readers wait rather than fail.
    pub connection: OwnedFd,
    /// What the kernel said at first.
    pub init: Vec<u8>,
}

impl Parked {
    /// Another one of the same connection.
    ///
    /// # Errors
    /// Too many open files.
    pub fn try_clone(&self) -> io::Result<Parked> {
        Ok(Parked { connection: self.connection.try_clone()?, init: self.init.clone() })
    }
}

/// Starts a session on a connection that was just made.
pub(super) fn begin<F: Filesystem>(
    filesystem: F,
    connection: OwnedFd,
    config: Config,
) -> io::Result<(Session<F>, Parked)> {
    let mut device = File::from(connection);
    let mut request = vec![0; ROOM];
    let len = loop {
        match device.read(&mut request) {
            // What was asked for is not wanted any more.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR | libc::EAGAIN)) => {}
            other => break other?,
        }
    };
    request.truncate(len);
    request.shrink_to_fit();
    let (session, answer) = rehearse(filesystem, &request, config)?;
    // One write for one answer.
    if device.write(&answer)? != answer.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let parked = Parked { connection: device.into(), init: request };
    sys::put_in_place(parked.connection.as_fd(), session.as_fd())?;
    Ok((session, parked))
}

/// Starts a session that goes on with a connection whose process is gone. What that process has not answered is asked for again.
pub(super) fn resume<F: Filesystem>(filesystem: F, parked: Parked, config: Config) -> io::Result<(Session<F>, Parked)> {
    let (session, _) = rehearse(filesystem, &parked.init, config)?;
    sys::put_in_place(parked.connection.as_fd(), session.as_fd())?;
    let mut device = File::from(parked.connection);
    match device.write(&RESEND) {
        Ok(_) => {}
        // A kernel that can't: who waits for an answer waits until the mount is gone, everybody else is served.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
        Err(error) => return Err(error),
    }
    Ok((session, Parked { connection: device.into(), init: parked.init }))
}

/// A session that has heard `init` on a socket, and what it answered.
fn rehearse<F: Filesystem>(filesystem: F, init: &[u8], config: Config) -> io::Result<(Session<F>, Vec<u8>)> {
    let major = init.get(MAJOR).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    if major != Some(VERSION) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the kernel speaks another version of FUSE"));
    }
    let (ours, theirs) = UnixDatagram::pair()?;
    ours.send(init)?;
    let session = Session::from_fd(filesystem, theirs.into(), SessionACL::All, config)?;
    let mut answer = vec![0; 4096];
    ours.set_nonblocking(true)?;
    let len = ours.recv(&mut answer)?;
    answer.truncate(len);
    Ok((session, answer))
}
