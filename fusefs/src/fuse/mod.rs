//! The kernel's requests, one thin method each, over [`Fs`].

mod config;
mod convert;
mod pool;
mod refuse;

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use fuser::{
    Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, KernelConfig, LockOwner, OpenAccMode, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request,
};

use crate::engine::Ino;
use crate::fs::{BLOCK_SIZE, Fs, FsError, NAME_MAX, Xattr};
use config::Negotiated;
use pool::Pool;

/// How long the kernel may believe an answer, "no such name" included: 136 years, as nothing changes.
const FOREVER: Duration = Duration::from_secs(1 << 32);

/// Inode numbers are never reused for anything else, so there is one generation.
const GENERATION: Generation = Generation(0);

/// Answers one kernel connection.
pub(crate) struct Adapter {
    fs: Arc<Fs>,
    reads: Pool<Read>,
    negotiated: Negotiated,
    xattrs: bool,
}

struct Read {
    ino: Ino,
    offset: u64,
    size: u32,
    reply: ReplyData,
}

impl Adapter {
    /// `readers` threads serve the reads that may block. Without `xattrs` the kernel is told once that
    /// there are none, and stops asking.
    pub(crate) fn new(fs: Arc<Fs>, readers: usize, xattrs: bool) -> std::io::Result<Adapter> {
        let serving = Arc::clone(&fs);
        let reads = Pool::new(readers, move |read, buffer| serve(&serving, read, buffer))?;
        Ok(Adapter { fs, reads, negotiated: Negotiated::default(), xattrs })
    }
}

fn serve(fs: &Fs, read: Read, buffer: &mut Vec<u8>) {
    let size = usize::try_from(read.size).unwrap_or(usize::MAX);
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    let (window, _) = buffer.split_at_mut(size);
    match fs.read(read.ino, read.offset, window) {
        Ok(len) => read.reply.data(window.get(..len).unwrap_or_default()),
        Err(error) => read.reply.error(convert::errno(&error)),
    }
}

fn answer_xattr(found: Result<Xattr<'_>, FsError>, reply: ReplyXattr) {
    match found {
        Ok(Xattr::Size(size)) => reply.size(size),
        Ok(Xattr::Data(data)) => reply.data(&data),
        Err(error) => reply.error(convert::errno(&error)),
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        self.negotiated = config::negotiate(config);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.fs.lookup(convert::ino(parent), name.as_bytes()) {
            Ok(Some(attr)) => reply.entry(&FOREVER, &convert::attr(&attr), GENERATION),
            Ok(None) => reply.entry(&FOREVER, &convert::no_entry(), GENERATION),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    // The kernel's reference counts are of no interest: every number stays valid for good.
    fn forget(&self, _: &Request, _: INodeNo, _: u64) {}

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.fs.getattr(convert::ino(ino)) {
            Ok(attr) => reply.attr(&FOREVER, &convert::attr(&attr)),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.fs.readlink(convert::ino(ino)) {
            Ok(target) => reply.data(target),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if self.negotiated.no_open {
            return reply.error(Errno::ENOSYS);
        }
        match self.fs.open(convert::ino(ino), flags.acc_mode() != OpenAccMode::O_RDONLY) {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        let read = Read { ino: convert::ino(ino), offset, size, reply };
        let now =
            if self.fs.is_hot(read.ino, offset, u64::from(size)) { Some(read) } else { self.reads.submit(read).err() };
        if let Some(read) = now {
            BUFFER.with_borrow_mut(|buffer| serve(&self.fs, read, buffer));
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Tells the kernel not to ask at every close.
        reply.error(Errno::ENOSYS);
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if self.negotiated.no_opendir {
            return reply.error(Errno::ENOSYS);
        }
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.fs.readdir(convert::ino(ino), offset, |entry| {
            let name = OsStr::from_bytes(entry.name);
            reply.add(INodeNo(entry.ino.0), entry.next, convert::kind(entry.kind), name)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn readdirplus(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectoryPlus) {
        let listed = self.fs.readdirplus(convert::ino(ino), offset, |entry, attr| {
            let name = OsStr::from_bytes(entry.name);
            let attr = convert::attr(attr);
            reply.add(attr.ino, entry.next, name, &FOREVER, &attr, GENERATION)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let totals = self.fs.statfs();
        let name_max = u32::try_from(NAME_MAX).unwrap_or(u32::MAX);
        reply.statfs(totals.blocks, 0, 0, totals.files, 0, BLOCK_SIZE, name_max, BLOCK_SIZE);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        if !self.xattrs {
            return reply.error(Errno::ENOSYS);
        }
        answer_xattr(self.fs.getxattr(convert::ino(ino), name.as_bytes(), size), reply);
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        if !self.xattrs {
            return reply.error(Errno::ENOSYS);
        }
        answer_xattr(self.fs.listxattr(convert::ino(ino), size), reply);
    }

    fn lseek(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: i64, whence: i32, reply: ReplyLseek) {
        let ino = convert::ino(ino);
        let found = match (u64::try_from(offset), whence) {
            (Ok(offset), libc::SEEK_DATA) => self.fs.seek_data(ino, offset),
            (Ok(offset), libc::SEEK_HOLE) => self.fs.seek_hole(ino, offset),
            _ => Err(FsError::Invalid(ino.0)),
        };
        match found.map(i64::try_from) {
            Ok(Ok(offset)) => reply.offset(offset),
            Ok(Err(_)) => reply.error(Errno::EOVERFLOW),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    refuse::changes!();
}
