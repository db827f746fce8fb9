//! A mount that survives the process that serves it.
//!
//! In the background a mount is two processes: one serves it, the other keeps the kernel's connection open and starts a new server
//! when the old one is killed or breaks down. Until the new one is ready, readers wait; they get no error. The keeper does nothing else,
//! so there is little in it that could fail. If it is killed itself, the mount goes on, and is an ordinary one from then on.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firn_fusefs::mount::background::Parent;
use firn_fusefs::mount::{Parked, StopSignals};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// Largest message, in bytes: an error and its causes.
const MAX_MESSAGE: usize = 64 << 10;
/// A server that dies more often than this is not started again: so many times within so long.
const DEATHS: (usize, Duration) = (20, Duration::from_secs(60));
/// What a process exits with that panicked.
const PANICKED: i32 = 101;

/// What is kept of a mount, beside its connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    init: Vec<u8>,
    /// Where it is, absolute and without links: a mount that nobody serves must not be looked at.
    pub point: PathBuf,
    /// What was said of it when it was made.
    pub said: String,
}

/// What keeper and server say to each other.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// To the server: mount, or go on with what is kept; the connection comes along.
    Start(Option<Kept>),
    /// From it: keep this and the connection that comes along.
    Keep(Kept),
    /// From it: the mount answers.
    Ready,
    /// From it: there is no mount.
    Failed { report: String, code: u8 },
}

/// A mount that is to be gone on with.
pub struct Resumed {
    pub kept: Kept,
    pub parked: Parked,
}

/// The server's side.
pub struct Keeper {
    socket: OwnedFd,
}

impl Keeper {
    /// Takes over the socket from standard input, and what there is to go on with.
    pub fn attach() -> io::Result<(Keeper, Option<Resumed>)> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        match receive(socket.as_fd())? {
            Some((Word::Start(None), _)) => Ok((Keeper { socket }, None)),
            Some((Word::Start(Some(kept)), Some(connection))) => {
                let parked = Parked { connection, init: kept.init.clone() };
                Ok((Keeper { socket }, Some(Resumed { kept, parked })))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "standard input is no keeper")),
        }
    }

    /// Has the mount kept.
    pub fn keep(&self, parked: &Parked, point: &Path, said: &str) -> io::Result<()> {
        let kept = Kept { init: parked.init.clone(), point: point.to_owned(), said: said.to_owned() };
        send(self.socket.as_fd(), &Word::Keep(kept), Some(parked.connection.as_fd()))
    }

    /// Says that the mount answers.
    pub fn ready(&self) -> io::Result<()> {
        send(self.socket.as_fd(), &Word::Ready, None)
    }

    /// Says that there is no mount. Nobody may be left to hear it.
    pub fn failed(&self, report: String, code: u8) {
        let _ = send(self.socket.as_fd(), &Word::Failed { report, code }, None);
    }
}

/// The keeper's side: has `server` serve a mount until it is gone. `server` is run with a socket as its standard input, in the directory where this
/// process was started.
pub fn keep(parent: Parent, log: Option<&Path>, signals: StopSignals, server: impl Fn() -> Command) -> io::Result<()> {
    let home = std::env::current_dir()?;
    let serving = Arc::new(Serving::default());
    Serving::pass_on(&serving, signals)?;
    let (mut parent, mut kept, mut deaths) = (Some(parent), None, Vec::new());
    loop {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let mut command = server();
        let mut child = command.current_dir(&home).stdin(Stdio::from(theirs)).spawn()?;
        drop(command);
        serving.is(&child);
        let (what, connection) =
            kept.as_ref().map(|(kept, connection): &(Kept, OwnedFd)| (kept.clone(), connection)).unzip();
        // A server that is gone already is noticed below.
        let _ = send(ours.as_fd(), &Word::Start(what), connection.map(AsFd::as_fd));
        while let Ok(Some((word, connection))) = receive(ours.as_fd()) {
            match (word, connection) {
                (Word::Keep(new), Some(connection)) => kept = Some((new, connection)),
                (Word::Ready, _) => {
                    if let Some(parent) = parent.take() {
                        let said = kept.as_ref().map_or("", |(kept, _)| kept.said.as_str());
                        // Nobody wants the mount any more, or it can't be served in the background.
                        if parent.ready(said, log).is_err() {
                            serving.stop();
                        }
                    }
                }
                (Word::Failed { report, code }, _) => {
                    if let Some(parent) = parent.take() {
                        parent.failed(&report, code);
                    }
                }
                _ => {}
            }
        }
        let status = child.wait()?;
        let now = Instant::now();
        deaths.retain(|death: &Instant| now.duration_since(*death) < DEATHS.1);
        deaths.push(now);
        if serving.is_over() || !is_death(status) || kept.is_none() {
            if let Some(parent) = parent.take() {
                parent.failed(&format!("the process that was to serve the mount ended: {status}\n"), 10);
            }
            return Ok(());
        }
        if deaths.len() > DEATHS.0 {
            return Err(io::Error::other(format!("the process that serves the mount dies again and again: {status}")));
        }
        eprintln!("firn: the process that served the mount ended ({status}); another one goes on");
    }
}

/// Whether a process ended in a way that it did not choose.
fn is_death(status: ExitStatus) -> bool {
    status.code().is_none_or(|code| code == PANICKED)
}

/// Who serves, for signals.
#[derive(Debug, Default)]
struct Serving(Mutex<(Option<Pid>, bool)>);

impl Serving {
    fn is(&self, child: &Child) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if state.1 {
            Self::signal(state.0);
        }
    }

    /// Ends the mount, as soon as nobody uses it.
    fn stop(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = true;
        Self::signal(state.0);
    }

    fn signal(server: Option<Pid>) {
        // Gone already, if that fails.
        let _ = server.map(|server| kill_process(server, Signal::TERM));
    }

    /// Whether it was to be ended.
    fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn pass_on(serving: &Arc<Serving>, mut signals: StopSignals) -> io::Result<()> {
        let serving = Arc::clone(serving);
        let pass = move || {
            while let Ok(came) = signals.came_within(Duration::from_secs(3600)) {
                if came {
                    serving.stop();
                }
            }
        };
        std::thread::Builder::new().name("firn-signals".into()).spawn(pass).map(drop)
    }
}

fn send(socket: BorrowedFd<'_>, word: &Word, connection: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let text = serde_json::to_vec(word).map_err(io::Error::other)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let connections: Vec<_> = connection.into_iter().collect();
    if !connections.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&connections));
    }
    sendmsg(socket, &[io::IoSlice::new(&text)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// `None` when the other side is gone.
fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Word, Option<OwnedFd>)>> {
    let mut text = vec![0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = loop {
        match recvmsg(socket, &mut [io::IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if got.bytes == 0 {
        return Ok(None);
    }
    let connection = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let word = serde_json::from_slice(text.get(..got.bytes).unwrap_or_default()).map_err(io::Error::other)?;
    Ok(Some((word, connection)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn words_and_connections_arrive_and_an_end_is_an_end() {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let kept = Kept { init: vec![1, 2, 255], point: "/mnt".into(), said: "mode".into() };
        let file = std::fs::File::open("/dev/zero").unwrap();
        send(one.as_fd(), &Word::Keep(kept), Some(file.as_fd())).unwrap();
        send(one.as_fd(), &Word::Ready, None).unwrap();
        let Some((Word::Keep(got), Some(zero))) = receive(other.as_fd()).unwrap() else { panic!() };
        assert_eq!((got.init, got.point, got.said), (vec![1, 2, 255], "/mnt".into(), "mode".to_owned()));
        let mut bytes = [7; 3];
        io::Read::read_exact(&mut std::fs::File::from(zero), &mut bytes).unwrap();
        assert_eq!(bytes, [0; 3]);
        assert!(matches!(receive(other.as_fd()).unwrap(), Some((Word::Ready, None))));
        drop(one);
        assert!(receive(other.as_fd()).unwrap().is_none());
        assert!(send(other.as_fd(), &Word::Ready, None).is_err());
    }

    #[test]
    fn only_what_was_not_meant_is_a_death() {
        let code = |code: i32| ExitStatus::from_raw(code << 8);
        assert!(is_death(ExitStatus::from_raw(9)) && is_death(ExitStatus::from_raw(11)) && is_death(code(101)));
        assert!(!is_death(code(0)) && !is_death(code(7)));
    }
}
