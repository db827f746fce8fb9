//! The system calls that the standard library does not offer. The only `unsafe` code of this crate.
#![expect(unsafe_code, reason = "system calls; each block says why it is sound")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A path for the kernel.
///
/// # Errors
/// `InvalidInput` when it holds a NUL.
pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `mount(2)`.
pub(crate) fn mount(source: &CStr, target: &CStr, fs_type: &CStr, flags: libc::c_ulong, data: &CStr) -> io::Result<()> {
    // SAFETY: all four pointers are NUL-terminated strings that outlive the call, which keeps none of them.
    check(unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), fs_type.as_ptr(), flags, data.as_ptr().cast::<c_void>())
    })?;
    Ok(())
}

/// `umount2(2)`.
pub(crate) fn umount(target: &CStr, flags: c_int) -> io::Result<()> {
    // SAFETY: the pointer is a NUL-terminated string that outlives the call.
    check(unsafe { libc::umount2(target.as_ptr(), flags) })?;
    Ok(())
}

/// Asks the filesystem at `path` for its totals; a FUSE filesystem is asked each time.
pub(crate) fn statfs(path: &CStr) -> io::Result<()> {
    let mut out = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` is NUL-terminated; `out` is writable memory of the right size, and is never read.
    check(unsafe { libc::statfs(path.as_ptr(), out.as_mut_ptr()) })?;
    Ok(())
}

/// Real user and group of this process.
pub(crate) fn user_and_group() -> (u32, u32) {
    // SAFETY: both calls take nothing, change nothing and cannot fail.
    unsafe { (libc::getuid(), libc::getgid()) }
}

/// Whether there is no such process, or thread, any more.
pub(crate) fn is_gone(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: takes numbers only; signal 0 is sent to nobody.
    let answer = check(unsafe { libc::kill(pid, 0) });
    answer.is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH))
}

/// Leaves the terminal's session.
pub(crate) fn new_session() -> io::Result<()> {
    // SAFETY: takes nothing and touches no memory.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

/// Makes the standard descriptor `standard` (0, 1 or 2) refer to what `to` refers to.
pub(crate) fn redirect(standard: c_int, to: BorrowedFd<'_>) -> io::Result<()> {
    debug_assert!((0..=2).contains(&standard), "only standard descriptors belong to nobody");
    // SAFETY: `to` is open; the standard descriptors are owned by no Rust object, so none is closed under
    // its owner.
    check(unsafe { libc::dup2(to.as_raw_fd(), standard) })?;
    Ok(())
}

/// Makes the number of the open file `place` refer to what `file` refers to; what it referred to is closed.
pub(crate) fn put_in_place(file: BorrowedFd<'_>, place: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: both are open, and `place` stays open under its owner: it refers to another file at no time to none.
    check(unsafe { libc::dup3(file.as_raw_fd(), place.as_raw_fd(), libc::O_CLOEXEC) })?;
    Ok(())
}

/// Receives one descriptor that another process sends over `socket`, close-on-exec.
///
/// # Errors
/// `UnexpectedEof` when the sender closed without sending one.
pub(crate) fn receive_fd(socket: &UnixStream) -> io::Result<OwnedFd> {
    // Room for one descriptor, aligned as control messages must be.
    let mut control = [0_u64; 8];
    let mut byte = 0_u8;
    let mut iov = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: an all-zero msghdr is valid: null pointers with zero lengths.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes; 4 bytes fit the 64 of `control`.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as usize;
    loop {
        // SAFETY: `message` points at `iov`, `byte` and `control`, all alive and of the lengths it says.
        let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
        match got {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            1.. => break,
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    // SAFETY: the kernel filled `message`; CMSG_FIRSTHDR gives null or a header inside `control`.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: null, or an aligned header inside `control`.
    match unsafe { header.as_ref() } {
        Some(h) if h.cmsg_level == libc::SOL_SOCKET && h.cmsg_type == libc::SCM_RIGHTS => {
            // SAFETY: such a message carries at least one descriptor, which the kernel has just installed
            // in this process and which therefore nobody else owns.
            Ok(unsafe { OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<c_int>().read_unaligned()) })
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no descriptor was sent")),
    }
}
