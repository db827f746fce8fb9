//! A mount process in the background, and the process that started it and waits for it to be ready.
//!
//! The parent starts the program anew, with a socket as its standard input. Nothing is forked that has
//! threads or locks, and no descriptor number has to be passed on. The child does all of the work: it opens
//! the archive, mounts, and reports; the parent repeats the report and exits.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::sys;

/// First byte of a report.
const READY: u8 = b'R';
const FAILED: u8 = b'F';

/// Longest error message that is passed on, bytes.
const MAX_MESSAGE: usize = 16 << 10;

/// Why there is no mount process in the background.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    /// The child could not be started.
    #[error("starting the mount process: {0}")]
    Start(io::Error),
    /// The child reported that it failed; the text is its own.
    #[error("{message}")]
    Failed {
        /// The child's error message.
        message: String,
        /// Exit status the child asked for.
        code: u8,
    },
    /// The child is gone without a word.
    #[error("the mount process ended ({0}) before the mount was ready")]
    Died(String),
    /// Standard input is not the socket of a waiting parent.
    #[error("this process was not started by one that waits for it: {0}")]
    NoParent(io::Error),
    /// The parent is gone, so nobody wants the mount any more.
    #[error("the process that asked for the mount is gone")]
    ParentGone,
    /// The log file cannot be opened.
    #[error("log file {}: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The process could not be detached from its terminal.
    #[error("detaching from the terminal: {0}")]
    Detach(io::Error),
}

/// Parent: runs `command` and returns once it has called [`Parent::ready`], with what it said then. Its standard input and output
/// are replaced; standard error stays until it is ready, so that even a crash can be read.
///
/// # Errors
/// [`BackgroundError::Start`], [`BackgroundError::Failed`] with the child's message and exit status,
/// [`BackgroundError::Died`]. The child is gone in all three cases.
pub fn start(mut command: Command) -> Result<(Child, String), BackgroundError> {
    let (ours, theirs) = UnixStream::pair().map_err(BackgroundError::Start)?;
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    let mut child = command.spawn().map_err(BackgroundError::Start)?;
    // Closes the parent's copy of the child's end: only the child's death may look like an end.
    drop(command);
    let mut report = Vec::new();
    let limit = u64::try_from(MAX_MESSAGE + 2).unwrap_or(u64::MAX);
    // A child that is killed while it reports has not reported.
    let _ = ours.take(limit).read_to_end(&mut report);
    if let [READY, said @ ..] = &report[..] {
        return Ok((child, String::from_utf8_lossy(said).into_owned()));
    }
    let status = child.wait().map_err(BackgroundError::Start)?;
    match &report[..] {
        [FAILED, code, message @ ..] => {
            let message = String::from_utf8_lossy(message).into_owned();
            Err(BackgroundError::Failed { message, code: *code })
        }
        _ => Err(BackgroundError::Died(status.to_string())),
    }
}

/// Child: the process that waits for the mount to be ready.
#[derive(Debug)]
pub struct Parent(UnixStream);

impl Parent {
    /// Takes over the socket from standard input and leaves the terminal's session. Call it first thing.
    ///
    /// # Errors
    /// [`BackgroundError::NoParent`] when standard input is something else.
    pub fn attach() -> Result<Parent, BackgroundError> {
        let attach = || {
            let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
            // Fails for anything that is not a connected socket.
            socket.peer_addr()?;
            sys::redirect(0, File::open("/dev/null")?.as_fd())?;
            Ok(socket)
        };
        let parent = Parent(attach().map_err(BackgroundError::NoParent)?);
        sys::new_session().map_err(BackgroundError::Detach)?;
        Ok(parent)
    }

    /// Tells the parent that the mount answers, and `said` about it, sends output and errors to `log` from now on (to nowhere
    /// without one), and goes to the root directory so that no other filesystem is kept in use. Paths that
    /// are used later must be absolute.
    ///
    /// # Errors
    /// [`BackgroundError::ParentGone`]: unmount and end. [`BackgroundError::Log`] and
    /// [`BackgroundError::Detach`]: the parent has been told of them.
    pub fn ready(mut self, said: &str, log: Option<&Path>) -> Result<(), BackgroundError> {
        if let Err(error) = quiet(log) {
            self.report(FAILED, 1, &error.to_string());
            return Err(error);
        }
        self.announce(said)
    }

    fn announce(&mut self, said: &str) -> Result<(), BackgroundError> {
        let report = [&[READY], shortened(said).as_bytes()].concat();
        self.0.write_all(&report).map_err(|_| BackgroundError::ParentGone)
    }

    /// Tells the parent that there will be no mount, and why. The parent exits with `code`.
    pub fn failed(mut self, message: &str, code: u8) {
        self.report(FAILED, code, message);
    }

    fn report(&mut self, kind: u8, code: u8, message: &str) {
        let report = [&[kind, code], shortened(message).as_bytes()].concat();
        // A parent that is gone needs no report.
        let _ = self.0.write_all(&report);
    }
}

fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default()
}

/// Sends output and errors to `log` from now on, to nowhere without one, and goes to the root directory so that no other filesystem is kept
/// in use.
///
/// # Errors
/// [`BackgroundError::Log`], [`BackgroundError::Detach`].
pub fn quiet(log: Option<&Path>) -> Result<(), BackgroundError> {
    let path = log.unwrap_or(Path::new("/dev/null"));
    let out = OpenOptions::new().append(true).create(log.is_some()).open(path);
    let out = out.map_err(|source| BackgroundError::Log { path: path.to_owned(), source })?;
    let detach = || {
        sys::redirect(1, out.as_fd())?;
        sys::redirect(2, out.as_fd())?;
        std::env::set_current_dir("/")
    };
    detach().map_err(BackgroundError::Detach)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<(Child, String), BackgroundError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        start(command)
    }

    #[test]
    fn a_ready_child_is_left_running() {
        let (mut child, said) = shell("printf 'Rall is well' >&0; exec sleep 60 <&-").unwrap();
        assert_eq!(said, "all is well");
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_failing_child_passes_its_message_and_status_on() {
        match shell("printf 'F\\007no such image' >&0; exit 7") {
            Err(BackgroundError::Failed { message, code: 7 }) => {
                assert_eq!(message, "no such image")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_child_notices_that_nobody_waits_any_more() {
        let (parent, child) = UnixStream::pair().unwrap();
        let mut child = Parent(child);
        child.announce("").unwrap();
        drop(parent);
        assert!(matches!(child.announce(""), Err(BackgroundError::ParentGone)));
        child.failed("nobody hears this, and nothing breaks", 1);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let (mut parent, child) = UnixStream::pair().unwrap();
        Parent(child).failed(&"\u{e4}".repeat(MAX_MESSAGE), 3);
        let mut report = Vec::new();
        parent.read_to_end(&mut report).unwrap();
        assert_eq!(report.len(), 2 + MAX_MESSAGE);
        assert!(str::from_utf8(&report[2..]).is_ok());
    }

    #[test]
    fn a_child_that_just_ends_is_reported_with_its_status() {
        for (script, status) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9"), ("printf F >&0", "exit")] {
            match shell(script) {
                Err(BackgroundError::Died(how)) => assert!(how.contains(status), "{how}"),
                other => panic!("{script}: {other:?}"),
            }
        }
        let missing = start(Command::new("/no/such/program"));
        assert!(matches!(missing, Err(BackgroundError::Start(_))));
    }
}
