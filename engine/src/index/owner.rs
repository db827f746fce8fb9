//! The thread that owns the database. sled may panic or spin for ever on damaged files, and its handles belong to one
//! thread; here both end as a [`Fault`] for the caller.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::db::TableDb;

/// What the database did instead of its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it panicked: {0}")]
    Panicked(String),
    #[error("no answer within {} s", .0.as_secs())]
    Hung(Duration),
    #[error("{0}")]
    Damaged(&'static str),
}

impl Fault {
    /// The error behind it when that is the disk's or the system's doing, which no rebuild helps against.
    pub fn environment(&self) -> Option<&io::Error> {
        use io::ErrorKind as Kind;
        match self {
            Fault::Io(error) => matches!(
                error.kind(),
                Kind::StorageFull
                    | Kind::QuotaExceeded
                    | Kind::FileTooLarge
                    | Kind::ReadOnlyFilesystem
                    | Kind::PermissionDenied
                    | Kind::OutOfMemory
                    | Kind::WouldBlock
            )
            .then_some(error),
            _ => None,
        }
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

type Job = Box<dyn FnOnce(&mut TableDb) -> bool + Send>;

/// A handle to the thread.
#[derive(Debug)]
pub(super) struct Owner {
    jobs: Option<Sender<Job>>,
    ended: Receiver<()>,
}

fn wait<T>(answer: &Receiver<Result<T, Fault>>, limit: Duration) -> Result<T, Fault> {
    match answer.recv_timeout(limit) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Fault::Hung(limit)),
        Err(RecvTimeoutError::Disconnected) => Err(Fault::Damaged("its thread has ended")),
    }
}

impl Owner {
    /// Starts the thread and opens the database in `dir` there.
    pub fn open(dir: &Path, limit: Duration) -> Result<Owner, Fault> {
        let (jobs, inbox) = channel::<Job>();
        let (end, ended) = sync_channel(1);
        let (opened, answer) = sync_channel(1);
        let dir = PathBuf::from(dir);
        thread::Builder::new().name("firn-index".into()).spawn(move || {
            let result = catch_unwind(|| TableDb::open(&dir)).map_err(|panic| Fault::Panicked(message(panic)));
            let (db, result) = match result.and_then(|db| Ok(db?)) {
                Ok(db) => (Some(db), Ok(())),
                Err(fault) => (None, Err(fault)),
            };
            // Whoever asked may have given up; then the inbox is closed as well.
            let _ = opened.send(result);
            if let Some(mut db) = db {
                while inbox.recv().is_ok_and(|job| job(&mut db)) {}
                // Closing flushes, and may fail in every way there is.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
            }
            let _ = end.send(());
        })?;
        wait(&answer, limit)?;
        Ok(Owner { jobs: Some(jobs), ended })
    }

    /// Runs `work` on the thread. After a panic the thread has ended; after a time-out it is not to be used again.
    pub fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut TableDb) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let (reply, answer) = sync_channel(1);
        let job: Job = Box::new(move |db| {
            let result = catch_unwind(AssertUnwindSafe(|| work(db)));
            let alive = result.is_ok();
            let result = result.map_err(|panic| Fault::Panicked(message(panic))).and_then(|result| Ok(result?));
            // A caller that timed out has gone.
            let _ = reply.send(result);
            alive
        });
        if self.jobs.as_ref().is_none_or(|jobs| jobs.send(job).is_err()) {
            return Err(Fault::Damaged("its thread has ended"));
        }
        wait(&answer, limit)
    }

    /// Closes the database and waits until that is done.
    pub fn close(&mut self, limit: Duration) -> Result<(), Fault> {
        self.jobs = None;
        match self.ended.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Err(Fault::Hung(limit)),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_ends_the_thread_and_not_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut owner = Owner::open(dir.path(), LIMIT).unwrap();
        let fault = owner.call(LIMIT, |_| -> io::Result<()> { panic!("as sled does") }).unwrap_err();
        assert!(matches!(&fault, Fault::Panicked(text) if text == "as sled does"), "{fault}");
        owner.call(LIMIT, |_| Ok(())).unwrap_err();
        owner.close(LIMIT).unwrap();
        Owner::open(dir.path(), LIMIT).unwrap().close(LIMIT).unwrap();
    }

    #[test]
    fn a_hang_is_given_up_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut owner = Owner::open(dir.path(), LIMIT).unwrap();
        let (stop, wait) = channel::<()>();
        let hang = move |_: &mut TableDb| Ok(wait.recv().is_ok());
        assert!(matches!(owner.call(Duration::from_millis(20), hang), Err(Fault::Hung(_))));
        drop(stop);
        owner.close(LIMIT).unwrap();
    }

    #[test]
    fn a_full_disk_is_not_damage() {
        assert!(Fault::Io(io::ErrorKind::StorageFull.into()).environment().is_some());
        assert!(Fault::Io(io::ErrorKind::InvalidData.into()).environment().is_none());
        assert!(Fault::Hung(LIMIT).environment().is_none());
    }
}
