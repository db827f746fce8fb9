//! Mounting, serving and unmounting.

pub mod background;
mod connect;
mod error;
mod handshake;
mod holders;
mod options;
mod point;
mod signals;
mod table;
mod unmount;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use fuser::{Config, Session};

pub use error::{MountError, UnmountError};
pub use handshake::Parked;
pub use holders::{Holder, Tie};
pub use options::{MountOptions, OptionError, Via, Xattrs};
pub(crate) use point::check as check_point;
pub use signals::StopSignals;
pub use table::{FS_TYPE, MountEntry, ROOTFS_SOURCE, mounts};
pub use unmount::{Manner, unmount};

use crate::fs::Fs;
use crate::fuse::Adapter;
use crate::sys;
use signals::Event;

/// How a mount came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody unmounted it.
    Unmounted,
    /// A signal asked for it, and all users are gone.
    Signalled,
    /// A second signal came while the mount was still in use: the process has to exit now, which gives
    /// those users `ENOTCONN`.
    Forced,
}

/// A mount that is being served by threads of this process. Dropping it unmounts, lazily if need be.
#[derive(Debug)]
pub struct Mounted {
    point: PathBuf,
    /// Tells this mount from another one that may lie over it or take its place.
    entry: Option<MountEntry>,
    session: Option<JoinHandle<io::Result<()>>>,
    /// For a successor.
    parked: Option<Parked>,
    /// Open as long as this is there.
    kept_open: Option<Arc<File>>,
}

/// Mounts `fs` on the directory `path` and returns when the kernel gets answers from it.
///
/// # Errors
/// See [`MountError`]; nothing is left mounted.
pub fn mount(fs: Arc<Fs>, path: &Path, options: &MountOptions) -> Result<Mounted, MountError> {
    let point = point::check(path)?;
    let start = |source| MountError::Start { path: path.to_owned(), source };
    let adapter = adapter(fs, options).map_err(start)?;
    let connection = connect::connect(&point, options)?;
    // From here on, whatever fails unmounts by dropping this.
    let mut mounted = Mounted { point, entry: None, session: None, parked: None, kept_open: None };
    let entry = table::mount_at(&mounted.point).map_err(start)?;
    mounted.entry = Some(entry.ok_or_else(|| start(io::Error::other("it was unmounted at once")))?);
    mounted.serve(handshake::begin(adapter, connection, config(options)).map_err(start)?).map_err(start)?;
    sys::c_path(&mounted.point).and_then(|path| sys::statfs(&path)).map_err(start)?;
    Ok(mounted)
}

/// Goes on serving what is mounted at `point`, or an overlay there keeps in use, after the process is gone that served it. `fs` and `options`
/// are as they were.
///
/// # Errors
/// [`MountError::Start`]; the mount stays as it is.
pub fn resume(fs: Arc<Fs>, point: &Path, parked: Parked, options: &MountOptions) -> Result<Mounted, MountError> {
    let start = |source| MountError::Start { path: point.to_owned(), source };
    let adapter = adapter(fs, options).map_err(start)?;
    let begun = handshake::resume(adapter, parked, config(options)).map_err(start)?;
    let entry = table::mount_at(point).map_err(start)?;
    let mut mounted = Mounted { point: point.to_owned(), entry: None, session: None, parked: None, kept_open: None };
    mounted.serve(begun).map_err(start)?;
    mounted.entry = entry;
    Ok(mounted)
}

fn adapter(fs: Arc<Fs>, options: &MountOptions) -> io::Result<Adapter> {
    let xattrs = options.xattrs == Xattrs::Always || fs.any_xattrs();
    Adapter::new(fs, options.readers, xattrs)
}

fn config(options: &MountOptions) -> Config {
    let mut config = Config::default();
    config.n_threads = Some(options.threads);
    config
}

impl Mounted {
    /// The kernel lets in whom the mount options say; fuser's own check would come on top of that and refuse even what the kernel does on
    /// its own behalf, so a session lets everybody in.
    fn serve(&mut self, (session, parked): (Session<Adapter>, Parked)) -> io::Result<()> {
        let serve = std::thread::Builder::new().name("firn-session".into());
        self.session = Some(serve.spawn(move || session.run())?);
        self.parked = Some(parked);
        Ok(())
    }

    /// What another process needs to go on serving this mount if this one dies.
    ///
    /// # Errors
    /// Too many open files.
    pub fn parked(&self) -> io::Result<Parked> {
        let parked = self.parked.as_ref().map(Parked::try_clone);
        parked.unwrap_or_else(|| Err(io::Error::other("the mount is not served")))
    }

    /// The mount point, absolute and without links.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// From now on the mount at `point` stands for this one, which it keeps in use: it is what is unmounted, and this one goes with it.
    pub(crate) fn goes_with(&mut self, point: PathBuf) -> Result<(), MountError> {
        let start = |source| MountError::Start { path: point.clone(), source };
        let entry = table::mount_at(&point).map_err(start)?;
        self.entry = Some(entry.ok_or_else(|| start(io::Error::other("it was unmounted at once")))?);
        self.point = point;
        Ok(())
    }

    /// Keeps a file open as long as this is there.
    pub(crate) fn keep_open(&mut self, file: Arc<File>) {
        self.kept_open = Some(file);
    }

    /// Serves until the mount is gone: unmounted by anybody, or by one of the signals, and no longer used.
    ///
    /// After a signal the name is taken away at once; processes and overlays that still use the files are
    /// served until they are done, unless a second signal cuts them off.
    ///
    /// # Errors
    /// [`MountError::Serve`] when the connection broke down, [`MountError::Unmount`].
    pub fn wait(mut self, mut signals: StopSignals) -> Result<Ended, MountError> {
        let serve = |source| MountError::Serve { path: self.point.clone(), source };
        let ending = signals.ending().map_err(serve)?;
        let Some(session) = self.session.take() else {
            return Ok(Ended::Unmounted);
        };
        let watch = std::thread::Builder::new().name("firn-watch".into());
        let watcher = watch.spawn(move || {
            let _ending = ending;
            join(session)
        });
        let watcher = watcher.map_err(serve)?;
        let mut signalled = false;
        loop {
            match signals.next().map_err(serve)? {
                Event::SessionEnded => break,
                Event::Signal if signalled => return Ok(Ended::Forced),
                Event::Signal => {
                    signalled = true;
                    self.take_down()?;
                }
            }
        }
        self.entry = None;
        match watcher.join() {
            Ok(Ok(())) => Ok(if signalled { Ended::Signalled } else { Ended::Unmounted }),
            Ok(Err(source)) => Err(MountError::Serve { path: self.point.clone(), source }),
            Err(_) => Err(serve(io::Error::other("the watching thread panicked"))),
        }
    }

    /// Unmounts and waits for the serving threads, which go on while an overlay or another mount
    /// namespace still has the filesystem.
    ///
    /// # Errors
    /// [`UnmountError::Busy`] when it is in use, or when another mount lies over it: it goes on being
    /// served then, until this is dropped.
    pub fn unmount(&mut self) -> Result<(), MountError> {
        if self.is_there() {
            unmount::detach(&self.point, Manner::Now)?;
        } else if self.is_covered() {
            let path = self.point.clone();
            let holders = vec![Holder::Mount(path.clone())];
            return Err(UnmountError::Busy { path, holders }.into());
        }
        self.entry = None;
        match self.session.take().map(join) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(source)) => Err(MountError::Serve { path: self.point.clone(), source }),
        }
    }

    /// Removes the name, now or as soon as nobody uses it; not one that is another mount's by now.
    fn take_down(&self) -> Result<(), UnmountError> {
        if !self.is_there() {
            return Ok(());
        }
        match unmount::detach(&self.point, Manner::Now) {
            Err(UnmountError::Busy { .. }) => unmount::detach(&self.point, Manner::Lazy),
            other => other,
        }
    }

    /// Whether what lies uppermost at the mount point is this mount.
    fn is_there(&self) -> bool {
        self.is_served() && self.entry.is_some() && table::mount_at(&self.point).ok() == Some(self.entry.clone())
    }

    /// Whether this mount is there, but below another one.
    fn is_covered(&self) -> bool {
        let mounts = table::mounts().unwrap_or_default();
        self.is_served() && !self.is_there() && self.entry.as_ref().is_some_and(|entry| mounts.contains(entry))
    }

    /// Whether nobody can use it any more: unmounted, and its last user gone.
    pub fn has_ended(&self) -> bool {
        !self.is_served()
    }

    /// Numbers of mounts are used again, so one whose session has ended must not be looked for.
    fn is_served(&self) -> bool {
        self.session.as_ref().is_none_or(|session| !session.is_finished())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody is left to tell of a failure. The threads end when the last user is gone.
        let _ = self.take_down();
    }
}

fn join(session: JoinHandle<io::Result<()>>) -> io::Result<()> {
    session.join().unwrap_or_else(|_| Err(io::Error::other("a serving thread panicked")))
}
