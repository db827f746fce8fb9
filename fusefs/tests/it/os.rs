//! System calls that the tests need and the standard library does not have.
#![allow(unsafe_code)]

use std::ffi::{CString, c_void};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

fn sized(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `lgetxattr` into a buffer of `room` bytes; its result and what it filled.
pub(crate) fn getxattr(path: &Path, name: &str, room: usize) -> io::Result<(usize, Vec<u8>)> {
    let (path, name, mut buf) = (c(path), CString::new(name).unwrap(), vec![0_u8; room]);
    // SAFETY: NUL-terminated strings; a buffer of the length that is given.
    let len = sized(unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), buf.as_mut_ptr().cast::<c_void>(), room) })?;
    buf.truncate(len);
    Ok((len, buf))
}

/// The whole value of an attribute.
pub(crate) fn xattr(path: &Path, name: &str) -> io::Result<Vec<u8>> {
    Ok(getxattr(path, name, 65536)?.1)
}

/// Names of all attributes, sorted; `room` 0 asks for the size only.
pub(crate) fn listxattr(path: &Path, room: usize) -> io::Result<(usize, Vec<String>)> {
    let (path, mut buf) = (c(path), vec![0_u8; room]);
    // SAFETY: a NUL-terminated string; a buffer of the length that is given.
    let len = sized(unsafe { libc::llistxattr(path.as_ptr(), buf.as_mut_ptr().cast(), room) })?;
    buf.truncate(len);
    let text = String::from_utf8(buf).unwrap();
    let mut names: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    names.sort();
    Ok((len, names))
}

pub(crate) fn setxattr(path: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    let (path, name) = (c(path), CString::new(name).unwrap());
    // SAFETY: NUL-terminated strings; a buffer of the length that is given.
    done(unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })
}

pub(crate) fn removexattr(path: &Path, name: &str) -> io::Result<()> {
    let (path, name) = (c(path), CString::new(name).unwrap());
    // SAFETY: NUL-terminated strings.
    done(unsafe { libc::lremovexattr(path.as_ptr(), name.as_ptr()) })
}

pub(crate) fn mknod(path: &Path, mode: u32, dev: u64) -> io::Result<()> {
    let path = c(path);
    // SAFETY: a NUL-terminated string.
    done(unsafe { libc::mknod(path.as_ptr(), mode, dev) })
}

pub(crate) fn lchown(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let path = c(path);
    // SAFETY: a NUL-terminated string.
    done(unsafe { libc::lchown(path.as_ptr(), uid, gid) })
}

pub(crate) fn fallocate(file: &impl AsRawFd, len: i64) -> io::Result<()> {
    // SAFETY: an open descriptor; no memory is passed.
    done(unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) })
}

pub(crate) fn lseek(file: &impl AsRawFd, offset: i64, whence: i32) -> io::Result<i64> {
    // SAFETY: an open descriptor; no memory is passed.
    let at = unsafe { libc::lseek(file.as_raw_fd(), offset, whence) };
    if at < 0 { Err(io::Error::last_os_error()) } else { Ok(at) }
}

pub(crate) fn statfs(path: &Path) -> io::Result<libc::statfs> {
    let path = c(path);
    // SAFETY: all-zero is a valid statfs; it is written by the call.
    let mut out = unsafe { std::mem::zeroed() };
    // SAFETY: a NUL-terminated string and writable memory of the right type.
    done(unsafe { libc::statfs(path.as_ptr(), &raw mut out) })?;
    Ok(out)
}

/// `umount2`, past all of firn's own code.
pub(crate) fn umount(path: &Path) -> io::Result<()> {
    let path = c(path);
    // SAFETY: a NUL-terminated string.
    done(unsafe { libc::umount2(path.as_ptr(), 0) })
}

pub(crate) fn kill(pid: u32, signal: i32) {
    // SAFETY: no memory is passed; the pid is that of a child that has not been waited for.
    done(unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) }).unwrap();
}

/// `name_to_handle_at` for a handle that is to be opened later.
pub(crate) fn make_handle(path: &Path) -> io::Result<()> {
    let (path, mut room, mut mount_id) = (c(path), [0_u64; 20], 0);
    let handle: *mut libc::file_handle = room.as_mut_ptr().cast();
    // SAFETY: `handle` points at 160 zeroed, aligned bytes: a header of 8 and room for 128, which it says.
    unsafe { (*handle).handle_bytes = 128 };
    // SAFETY: a NUL-terminated string, the handle above and an int to write to.
    done(unsafe { libc::name_to_handle_at(libc::AT_FDCWD, path.as_ptr(), handle, &raw mut mount_id, 0) })
}
