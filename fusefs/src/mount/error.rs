//! What can go wrong with a mount, in words that say what to do.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use super::holders::Holder;
use super::options::OptionError;

/// Why a filesystem could not be mounted or served.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The options contradict themselves or are not known.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The mount point is not there.
    #[error("mount point {} does not exist; create the directory first", .0.display())]
    NoMountPoint(PathBuf),
    /// The mount point is a file or something else.
    #[error("mount point {} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The mount point cannot be looked at.
    #[error("mount point {}: {source}", path.display())]
    BadMountPoint {
        /// The path as given.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something of firn is mounted there already.
    #[error("{} already is a firn mount (of {what}); unmount it first: firn umount {}", path.display(), path.display())]
    AlreadyMounted {
        /// The mount point.
        path: PathBuf,
        /// Source of that mount.
        what: String,
    },
    /// A firn mount is there whose process has died.
    #[error("at {} is a firn mount whose process is gone (reads give \"Transport endpoint is not connected\"); remove it first: firn umount {}", path.display(), path.display())]
    Stale {
        /// The mount point.
        path: PathBuf,
    },
    /// No FUSE on this machine, or not for this user.
    #[error(
        "/dev/fuse cannot be opened: {0}; the kernel needs FUSE, and a container needs the device (--device /dev/fuse) and the right to mount"
    )]
    NoDevice(io::Error),
    /// `mount(2)` failed.
    #[error("the kernel refused to mount at {} with options `{options}`: {source}", path.display())]
    Refused {
        /// The mount point.
        path: PathBuf,
        /// The option string given to the kernel.
        options: String,
        /// The cause.
        source: io::Error,
    },
    /// The set-uid helper failed.
    #[error("fusermount3 could not mount at {}: {message}", path.display())]
    Helper {
        /// The mount point.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// The connection was made, but the kernel and the filesystem did not come to terms.
    #[error("starting the filesystem at {}: {source}", path.display())]
    Start {
        /// The mount point.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The serving threads ended with an error.
    #[error("serving the filesystem at {}: {source}", path.display())]
    Serve {
        /// The mount point.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Taking the mount down failed.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
}

/// Why a mount could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// The path cannot be resolved.
    #[error("{}: {source}", path.display())]
    BadPath {
        /// The path as given.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Nothing is mounted at the path.
    #[error("{} is not a mount point", .0.display())]
    NotMounted(PathBuf),
    /// Something that is not firn's is mounted at the path.
    #[error("{} is a {fs_type} mount, not one of firn's; use umount", path.display())]
    NotFirn {
        /// The path.
        path: PathBuf,
        /// Type of the filesystem that is there.
        fs_type: String,
    },
    /// Processes or mounts use it.
    #[error("{} is in use{}; stop what uses it, or unmount with --lazy", path.display(), list(holders))]
    Busy {
        /// The path.
        path: PathBuf,
        /// Who uses it, as far as this process may see; may be empty.
        holders: Vec<Holder>,
    },
    /// Any other refusal.
    #[error("unmounting {}: {message}", path.display())]
    Refused {
        /// The path.
        path: PathBuf,
        /// What the kernel or the helper said.
        message: String,
    },
}

/// The first few of those who hold a mount.
fn list(holders: &[Holder]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for (i, holder) in holders.iter().take(SHOWN).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} {holder}", if i == 0 { " by" } else { "," });
    }
    if holders.len() > SHOWN {
        let _ = write!(text, " and {} more", holders.len() - SHOWN);
    }
    text
}
