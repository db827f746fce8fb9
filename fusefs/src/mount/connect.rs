//! Making the kernel connection: by `mount(2)`, or by `fusermount3` for those who may not.
//!
//! fuser's own mounting is not used. It hides the descriptor, which a successor of this process will need;
//! it unmounts by path when it is dropped, whatever is mounted there by then; and it lets a comma in the
//! file system name bring in options.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::MountError;
use super::options::{MountOptions, Via};
use super::table::FS_TYPE;
use crate::sys;

/// The set-uid helper of libfuse 3.
pub(super) const HELPER: &str = "fusermount3";

/// Most of what the helper says that is repeated, bytes.
const MAX_MESSAGE: u64 = 4096;

/// Mounts at `point` and returns the connection. The kernel holds requests back until it is served.
pub(super) fn connect(point: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    if options.via == Via::Helper {
        return by_helper(point, options);
    }
    match by_system_call(point, options) {
        Err(MountError::Refused { source, .. }) if source.raw_os_error() == Some(libc::EPERM) => {
            by_helper(point, options)
        }
        other => other,
    }
}

fn by_system_call(point: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").map_err(MountError::NoDevice)?;
    let (user, group) = sys::user_and_group();
    let mut data = vec![
        format!("fd={}", device.as_raw_fd()),
        // The root is a directory.
        "rootmode=40000".to_owned(),
        format!("user_id={user}"),
        format!("group_id={group}"),
    ];
    data.extend(options.common());
    let data = data.join(",");
    let call = || {
        let source = CString::new(options.fsname.as_str())?;
        let (target, fs_type) = (sys::c_path(point)?, CString::new(FS_TYPE)?);
        sys::mount(&source, &target, &fs_type, options.flags(), &CString::new(data.as_str())?)
    };
    match call() {
        Ok(()) => Ok(device.into()),
        Err(source) => Err(MountError::Refused { path: point.to_owned(), options: data, source }),
    }
}

/// The helper mounts and sends the connection back over the socket that `_FUSE_COMMFD` names: its
/// standard input here, which needs no descriptor to be inherited by number.
fn by_helper(point: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let failed = |message: String| MountError::Helper { path: point.to_owned(), message };
    let run = || -> io::Result<_> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut child = Command::new(HELPER)
            .args(["-o", &options.for_helper(), "--"])
            .arg(point)
            .env("_FUSE_COMMFD", "0")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let received = sys::receive_fd(&ours);
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(MAX_MESSAGE).read_to_end(&mut said)?;
        }
        Ok((received, child.wait()?, String::from_utf8_lossy(&said).trim().to_owned()))
    };
    match run() {
        Ok((Ok(connection), status, _)) if status.success() => Ok(connection),
        Ok((_, status, said)) if said.is_empty() => Err(failed(format!("it ended with {status}"))),
        Ok((_, _, said)) => Err(failed(said)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(failed(
            "it is not installed (Debian: apt-get install fuse3), and this user may not mount without it".into(),
        )),
        Err(error) => Err(failed(error.to_string())),
    }
}
